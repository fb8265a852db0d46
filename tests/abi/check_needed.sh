#!/usr/bin/env bash
# check_needed.sh LIBRARY DOCUMENT: the shared library needs only libraries that docs/abi.md names.
set -euo pipefail
library=$1 document=$2

needed=$(readelf -d "$library" | grep -oP '\(NEEDED\).*\[\K[^]]+' | sed 's/\.so.*//' | sort -u)
for name in $needed; do
  case $name in ld-linux*) continue ;; esac
  grep '^|' "$document" | grep -qF "$name" || { echo "liblars.so needs $name, which docs/abi.md does not name" >&2; exit 1; }
done
echo "needs" $needed
