#!/usr/bin/env bash
# Adds what the cuda preset links to the LibTorch that scripts/bootstrap.sh unpacked: LibTorch's own CUDA libraries out of
# the same wheel, and NVIDIA's libraries, each as a link to an installed toolkit's file where its version fits, else out
# of a PyPI wheel (2.2 GB for all of them, 230 MB on a machine with the CUDA 13 toolkit, cuDNN and NCCL). Safe to
# interrupt and to run again: libraries appear one by one, those that are there are kept.
#
#   scripts/get_cuda_libtorch.sh      # into $TERN_DEPS/libtorch-2.11.0/lib, by default below ~/.cache/tern
set -euo pipefail

version=2.11.0
deps=${TERN_DEPS:-$HOME/.cache/tern}
lib=$deps/libtorch-$version/lib
if [[ ! -e $lib/libtorch_cpu.so ]]; then
  echo "no LibTorch in $lib: run scripts/bootstrap.sh first" >&2
  exit 1
fi

# The toolkit's folder of libraries and headers; empty without a toolkit of this major version.
toolkit_lib='' toolkit_include=''
find_toolkit() {
  local nvcc root folder
  nvcc=$(command -v nvcc || command -v /usr/local/cuda/bin/nvcc) || return 0
  "$nvcc" --version | grep -q 'release 13\.' || return 0
  root=$(dirname "$(dirname "$(readlink -f "$nvcc")")")
  for folder in "$root/lib64" "$root/lib"; do
    if [[ -e $folder/libcudart.so.13 ]]; then toolkit_lib=$folder toolkit_include=$root/include; fi
  done
}

# header_version FILE PREFIX NAME...: "9.19.0" out of #define lines; searches the toolkit's and the system's headers.
header_version() {
  local file prefix=$2 folder name number text=''
  for folder in "$toolkit_include" /usr/include /usr/include/x86_64-linux-gnu; do
    file=$folder/$1
    if [[ ! -e $file ]]; then continue; fi
    for name in "${@:3}"; do
      number=$(awk -v key="${prefix}_$name" '$1 == "#define" && $2 == key { print $3 }' "$file")
      text+=${text:+.}$number
    done
    echo "$text"
    return
  done
}

at_least() { [[ -n $1 && $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -1) == "$2" ]]; }

# Within a major version NVIDIA's libraries are compatible from the version on that LibTorch was built with; the toolkit's
# major version was looked at, cuDNN and NCCL have their own.
toolkit_serves() {
  case $1 in
    nvidia-cudnn-*) at_least "$(header_version cudnn_version.h CUDNN MAJOR MINOR PATCHLEVEL)" 9.19.0 ;;
    nvidia-nccl-*) at_least "$(header_version nccl.h NCCL MAJOR MINOR PATCH)" 2.28.9 ;;
    *) true ;;
  esac
}

# take_from_wheel REQUIREMENT FILE...: shared libraries out of a wheel into $lib, each by a rename. A wheel that lies in
# $TERN_DEPS/wheels is used, another one is downloaded and not kept.
part=$lib.part
take_from_wheel() {
  local name=${1%%==*} wheel file
  rm -rf "$part"
  mkdir -p "$part"
  if ! wheel=$(compgen -G "$deps/wheels/${name//-/_}-${1##*==}-*.whl"); then
    local platform platforms=()
    for platform in manylinux_2_{28,27,26,25,24,18,17,12} manylinux2014 manylinux2010; do
      platforms+=(--platform "${platform}_x86_64")
    done
    "${PYTHON:-python3}" -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: \
      --python-version 3.11 --implementation cp --abi cp311 --abi none "${platforms[@]}" --platform any --dest "$part" "$1"
    wheel=$(compgen -G "$part/*.whl")
  fi
  for file in "${@:2}"; do
    unzip -q -o -j "$wheel" "*/$file" -d "$part"
    mv "$part/$file" "$lib/$file"
  done
  rm -rf "$part"
}

# provide REQUIREMENT SONAME...: puts the libraries into $lib.
provide() {
  local requirement=$1 name missing=() in_toolkit=0
  shift
  for name in "$@"; do
    if [[ ! -e $lib/$name ]]; then missing+=("$name"); fi
    if [[ -n $toolkit_lib && -e $toolkit_lib/$name ]]; then in_toolkit=$((in_toolkit + 1)); fi
  done
  if [[ ${#missing[@]} -eq 0 ]]; then return; fi
  if [[ $in_toolkit -eq $# ]] && toolkit_serves "$requirement"; then
    echo "${requirement%%==*}: links to $toolkit_lib"
    for name in "${missing[@]}"; do ln -sfn "$toolkit_lib/$name" "$lib/$name"; done
  else
    echo "$requirement: from its wheel"
    take_from_wheel "$requirement" "${missing[@]}"
  fi
}

find_toolkit
# What libtorch_cuda.so loads at start. libcupti and libcudart came with bootstrap.sh.
provide torch==$version libtorch.so libtorch_cuda.so libc10_cuda.so libtorch_nvshmem.so libcaffe2_nvrtc.so
provide nvidia-cublas==13.1.0.3 libcublas.so.13 libcublasLt.so.13
provide nvidia-cudnn-cu13==9.19.0.56 libcudnn.so.9 libcudnn_adv.so.9 libcudnn_cnn.so.9 libcudnn_engines_precompiled.so.9 \
  libcudnn_engines_runtime_compiled.so.9 libcudnn_graph.so.9 libcudnn_heuristic.so.9 libcudnn_ops.so.9
provide nvidia-cufft==12.0.0.61 libcufft.so.12
provide nvidia-cufile==1.15.1.6 libcufile.so.0
provide nvidia-curand==10.4.0.35 libcurand.so.10
provide nvidia-cusparse==12.6.3.3 libcusparse.so.12
provide nvidia-cusparselt-cu13==0.8.0 libcusparseLt.so.0
provide nvidia-nccl-cu13==2.28.9 libnccl.so.2
provide nvidia-nvjitlink==13.0.88 libnvJitLink.so.13
provide nvidia-nvshmem-cu13==3.4.5 libnvshmem_host.so.3
# Loaded when a kernel is compiled at run time.
provide nvidia-cuda-nvrtc==13.0.88 libnvrtc.so.13 libnvrtc-builtins.so.13.0
echo "LibTorch with CUDA is in $lib"
