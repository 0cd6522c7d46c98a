#!/usr/bin/env bash
# Fetches Arrow C++ and Parquet (headers and two libraries, 67 MB) out of the pyarrow wheel (55 MB) into
# $TERN_DEPS/arrow-26.0.1. Safe to interrupt and to run again.
#
#   scripts/get_arrow.sh              # into $TERN_DEPS, by default ~/.cache/tern
set -euo pipefail
# shellcheck source=lib/common.sh
source "$(dirname "$0")/lib/common.sh"
# shellcheck source=lib/wheels.sh
source "$(dirname "$0")/lib/wheels.sh"

version=26.0.1
target=$deps/arrow-$version
libraries=(libarrow.so.2600 libparquet.so.2600)

if [ -e "$target/lib/${libraries[1]}" ]; then
  say "Arrow $version is in $target"
  exit
fi
lock_deps
download_wheels "pyarrow==$version"
say "unpacking Arrow $version to $target"
part=$target.part
rm -rf "$part"
unzip -q -o "$(wheel_file "pyarrow==$version")" 'pyarrow/include/*' "${libraries[@]/#/pyarrow/}" -d "$part"
mkdir "$part/lib"
mv "$part/pyarrow/include" "$part/include"
mv "${libraries[@]/#/$part/pyarrow/}" "$part/lib/"
rm -rf "$part/pyarrow" "$target"
mv "$part" "$target"
