#!/usr/bin/env bash
# check_symbol_versions.sh LIBRARY CEILINGS: the library asks for no newer GLIBC, GLIBCXX or CXXABI than the committed ones,
# so that it starts on every system that has these.
set -euo pipefail
library=$1 ceilings=$2

problems=0
while read -r name ceiling; do
  newest=$(objdump -T "$library" | grep -oP "\b${name}_\K[0-9.]+" | sort -V | tail -1)
  if [ "$(printf '%s\n' "$newest" "$ceiling" | sort -V | tail -1)" != "$ceiling" ]; then
    echo "$library asks for ${name}_$newest, beyond ${name}_$ceiling of capi/abi/ceilings.txt:" >&2
    objdump -T "$library" | grep -F "${name}_$newest" >&2
    problems=1
  fi
  echo "$name $newest, at most $ceiling"
done <"$ceilings"
exit $problems
