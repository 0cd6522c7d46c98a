#!/usr/bin/env bash
# Fetches Arrow C++ and Parquet (headers and two libraries, 67 MB) out of the pyarrow wheel (55 MB) into
# $TERN_DEPS/arrow-26.0.1, about ten seconds. Safe to run again: finished steps are kept, an interrupted one is redone.
#
#   scripts/get_arrow.sh              # into $TERN_DEPS, by default ~/.cache/tern
set -euo pipefail

version=26.0.1
soname=2600
deps=${TERN_DEPS:-$HOME/.cache/tern}
target=$deps/arrow-$version
wheels=$deps/wheels
python=${PYTHON:-python3}

if [[ -f $target/lib/libparquet.so.$soname && -f $target/include/parquet/arrow/reader.h ]]; then
  echo "Arrow $version is already in $target"
  exit 0
fi

mkdir -p "$wheels"
# The libraries inside are the same for every Python version, so one wheel is named whatever Python runs here.
wheel=$wheels/pyarrow-$version-cp311-cp311-manylinux_2_28_x86_64.whl
if ! "$python" -m zipfile -t "$wheel" >/dev/null 2>&1; then
  rm -f "$wheel"
  "$python" -m pip download --no-deps --only-binary :all: --python-version 3.11 --implementation cp \
    --platform manylinux_2_28_x86_64 --dest "$wheels" "pyarrow==$version"
fi

partial=$(mktemp -d "$deps/arrow-$version.partial.XXXXXX")
trap 'rm -rf "$partial"' EXIT
"$python" - "$wheel" "$partial" "$soname" <<'PY'
import pathlib, sys, zipfile

wheel, target, soname = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
libraries = {f"pyarrow/lib{name}.so.{soname}": f"lib/lib{name}.so.{soname}" for name in ("arrow", "parquet")}
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        inside = libraries.get(name) or (name[len("pyarrow/"):] if name.startswith("pyarrow/include/") else None)
        if inside and not name.endswith("/"):
            path = target / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(name))
PY
chmod 755 "$partial"
rm -rf "$target"
mv "$partial" "$target"
echo "Arrow $version is in $target"
