# Sourced by the get_*.sh scripts that unpack whole wheels.
#
# unpack_wheels NAME WITNESS REQUIREMENT... downloads the wheels and unpacks them into $TERN_DEPS/NAME, making what lies
# in bin folders executable. WITNESS is a file whose presence means that this was done before. The folder appears by a
# rename at the end, so an interrupted run leaves nothing half done.
unpack_wheels() {
  local name=$1 witness=$2
  shift 2
  local deps=${TERN_DEPS:-$HOME/.cache/tern} python=${PYTHON:-python3}
  local target=$deps/$name
  if [[ -x $target/$witness ]]; then
    echo "$name is already in $target"
    return
  fi
  mkdir -p "$deps/wheels"
  local partial
  partial=$(mktemp -d "$deps/$name.partial.XXXXXX")
  # shellcheck disable=SC2064  # the path of now, not of exit
  trap "rm -rf '$partial'" EXIT
  "$python" -m pip download --no-deps --only-binary :all: --platform manylinux_2_28_x86_64 \
    --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --python-version 3.11 --implementation py --abi none \
    --dest "$partial/wheels" "$@"
  mkdir "$partial/unpacked"
  local wheel
  for wheel in "$partial"/wheels/*.whl; do "$python" -m zipfile -e "$wheel" "$partial/unpacked"; done
  find "$partial/unpacked" -path '*/bin/*' -type f -exec chmod +x {} +
  rm -rf "$target"
  mv "$partial/unpacked" "$target"
  echo "$name is in $target"
}

# wheel_libraries FOLDER REQUIREMENT FILE... takes shared libraries out of a wheel into FOLDER. A wheel that lies in
# $TERN_DEPS/wheels is used, another one is downloaded and not kept. Each library appears by a rename.
wheel_libraries() {
  local folder=$1 requirement=$2
  shift 2
  local deps=${TERN_DEPS:-$HOME/.cache/tern} python=${PYTHON:-python3}
  local name=${requirement%%==*} partial wheel
  partial=$(mktemp -d "$folder/partial.XXXXXX")
  # shellcheck disable=SC2064  # the path of now, not of exit
  trap "rm -rf '$partial'" EXIT
  wheel=$(compgen -G "$deps/wheels/${name//-/_}-${requirement##*==}-*.whl" | head -1) || true
  if [[ -z $wheel ]]; then
    "$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: --python-version 3.11 \
      --implementation cp --abi cp311 --abi none --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
      --platform manylinux_2_25_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
      --platform any --dest "$partial" "$requirement"
    wheel=$(compgen -G "$partial/*.whl")
  fi
  "$python" - "$wheel" "$partial" "$@" <<'PY'
import os, shutil, sys, zipfile

wheel, target, wanted = sys.argv[1], sys.argv[2], set(sys.argv[3:])
with zipfile.ZipFile(wheel) as archive:
    for entry in archive.namelist():
        name = os.path.basename(entry)
        if name in wanted:
            with archive.open(entry) as source, open(os.path.join(target, name), "wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 24)
            wanted.remove(name)
if wanted:
    sys.exit(f"{wheel} lacks {', '.join(sorted(wanted))}")
PY
  for name in "$@"; do mv "$partial/$name" "$folder/$name"; done
  rm -rf "$partial"
}
