#!/usr/bin/env bash
# check_constants.sh HEADER CONSTANTS: constants.c freezes every number of the header but the version's.
set -euo pipefail
header=$1 constants=$2

defined=$(grep -oP '^#define \KLARS_\w+(?= +\(?-?\d)' "$header" | grep -v '^LARS_VERSION_' | sort)
frozen=$(grep -oP 'EXPECT\(\KLARS_\w+(?=,)' "$constants" | sort)
if ! diff <(echo "$defined") <(echo "$frozen"); then
  echo "lars.h defines other constants (<) than tests/abi/constants.c freezes (>); freeze the new ones." >&2
  exit 1
fi
echo "$(wc -l <<<"$defined") constants, all frozen"
