#!/usr/bin/env bash
# check_readme.sh README PROGRAM_SOURCE PROGRAM: the README shows that program and what it prints.
set -euo pipefail
readme=$1 source=$2 program=$3
block() { awk -v fence="$1" '$0 == fence && !done { inside = 1; next } /^```$/ && inside { done = 1; inside = 0 } inside' "$readme"; }
diff <(block '```c') "$source" || { echo "README.md shows another program than tests/consumers/program.c" >&2; exit 1; }
printed=$(awk '/^It prints$/ { found = 1 } found && /^```$/ { ++fences; next } found && fences == 1' "$readme")
diff <(echo "$printed") <("$program") || { echo "README.md shows other output than the program's" >&2; exit 1; }
[ "$(wc -l < "$source")" -le 25 ]
