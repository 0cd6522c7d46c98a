# shellcheck shell=bash
# Sourced after common.sh. choose_preset prints cuda or cpu, and on stderr why: cuda where an NVIDIA GPU and a compiler
# for it are there and as LibTorch 2.11.0, a CUDA 13 build, needs them.
choose_preset() {
  local gpu name driver capability nvcc
  take() {
    say "preset $1: $2" >&2
    echo "$1"
  }
  if ! command -v nvidia-smi >/dev/null; then
    take cpu "no NVIDIA GPU here (no nvidia-smi)"
    return
  fi
  if ! gpu=$(nvidia-smi --query-gpu=name,driver_version,compute_cap --format=csv,noheader 2>&1 | head -n 1) ||
    ! IFS=, read -r name driver capability <<<"$gpu" || [ -z "$capability" ]; then
    take cpu "nvidia-smi sees no GPU: $gpu"
    return
  fi
  if [ "${driver%%.*}" -lt 580 ]; then
    take cpu "the driver of the $name,$driver, is older than CUDA 13 needs (580)"
    return
  fi
  if [ "${capability%%.*}" -lt 8 ]; then
    take cpu "the $name has compute capability$capability, the kernels need 8.0"
    return
  fi
  if ! nvcc=$(command -v nvcc || command -v /usr/local/cuda/bin/nvcc); then
    take cpu "there is a $name, but no CUDA toolkit (no nvcc in PATH or /usr/local/cuda)"
    return
  fi
  if ! "$nvcc" --version | grep -q 'release 13\.'; then
    take cpu "there is a $name, but $nvcc is not of CUDA 13"
    return
  fi
  take cuda "$name, driver$driver, $nvcc"
}
