#!/usr/bin/env bash
# check_constants.sh HEADER TABLE: the table freezes every number of the header but the version's.
set -euo pipefail
header=$1 table=$2

defined=$(grep -oP '^#define \KLARS_\w+(?= +\(?-?\d)' "$header" | grep -v '^LARS_VERSION_' | sort)
if ! diff <(echo "$defined") <(cut -d' ' -f1 "$table" | sort); then
  echo "lars.h defines other constants (<) than capi/abi/constants.txt freezes (>); freeze the new ones." >&2
  exit 1
fi
echo "$(wc -l <"$table") constants, all frozen"
