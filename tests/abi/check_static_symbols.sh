#!/usr/bin/env bash
# check_static_symbols.sh ARCHIVE: what liblars.a defines for the linker is lars_*, in the namespace lars, or weak (inline
# functions of C++ libraries, of which a program keeps one), so that it clashes with nothing.
set -euo pipefail
archive=$1

foreign=$(nm -g --defined-only "$archive" | awk '$2 ~ /[TDBRG]/ { print $3 }' | c++filt |
  grep -vE '^(lars_[a-z0-9_]+$|lars::|(vtable|typeinfo|typeinfo name|guard variable) for lars::|.*[ (]lars::)' || true)
if [ -n "$foreign" ]; then
  echo "liblars.a defines symbols that are not its own:" >&2
  echo "$foreign" >&2
  exit 1
fi
echo "no symbol of liblars.a is foreign"
