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
