#!/usr/bin/env bash
# check_symbols.sh LIBRARY LIST HEADER: the library exports exactly the symbols on the committed list, with their
# version nodes, and the header declares exactly these.
set -euo pipefail
library=$1 list=$2 header=$3

if [[ $library = *.dll ]]; then # which have no version nodes
  exported=$("$OBJDUMP" --private-headers "$library" | awk '/^\[Ordinal\/Name Pointer\]/ { names = 1; next } NF == 0 { names = 0 } names { print $NF }' | sort)
  listed=$(cut -d' ' -f1 "$list" | sort)
else
  exported=$(nm -D --defined-only "$library" | awk '$2 != "A" { sub("@@", " ", $3); print $3 }' | sort)
  listed=$(sort "$list")
fi
if ! diff <(echo "$listed") <(echo "$exported"); then
  echo "$library exports other symbols (>) than capi/abi/symbols.txt lists (<)." >&2
  echo "An added function: add it to the list. A removed one breaks the ABI." >&2
  exit 1
fi
declared=$(grep -oE '\blars_[a-z0-9_]+\(' "$header" | tr -d '(' | sort -u)
if ! diff <(cut -d' ' -f1 "$list" | sort) <(echo "$declared"); then
  echo "lars.h declares other functions (>) than capi/abi/symbols.txt lists (<)." >&2
  exit 1
fi
echo "$(wc -l < "$list") symbols, as listed"
