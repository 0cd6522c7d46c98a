#!/usr/bin/env bash
# Builds every program and the GPU tests of the cuda preset, links them with LibTorch's CUDA libraries, and runs what
# runs on this machine: the programs' start, and the tests in tests/cuda (most of them are skipped without a GPU).
# Without an installed CUDA 13 toolkit with cuDNN and NCCL it says so and does nothing.
#
#   scripts/test_cuda.sh              # for sm_80 and sm_90a; TERN_CUDA_ARCHITECTURES="80-real;120" for others
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  printf '[test_cuda] skipped, the programs were not linked for CUDA: %s\n' "$*"
  exit 0
}

nvcc=$(command -v nvcc || command -v /usr/local/cuda/bin/nvcc) || skip "no CUDA toolkit (no nvcc in PATH or /usr/local/cuda)"
"$nvcc" --version | grep -q 'release 13\.' || skip "$nvcc is not of CUDA 13"
include=$(dirname "$(dirname "$(readlink -f "$nvcc")")")/include
for header in cudnn.h nccl.h; do
  [ -e "$include/$header" ] || [ -e "/usr/include/$header" ] || skip "no $header beside $nvcc or in /usr/include"
done

scripts/get_cuda_libtorch.sh
cmake --preset cuda "-DCMAKE_CUDA_ARCHITECTURES=${TERN_CUDA_ARCHITECTURES:-80-real;90a-real}"
cmake --build --preset cuda --target tern_programs cuda_tests
ctest --test-dir build/cuda -L cuda --output-on-failure -j "$(nproc)"
