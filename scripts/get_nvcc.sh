#!/usr/bin/env bash
# Fetches the CUDA 13.0 compiler (nvcc, ptxas, headers) out of PyPI wheels (104 MB) into $TERN_DEPS/nvcc-13.0, for
# machines without a CUDA toolkit: enough to compile every kernel and to run all kernel proofs, not to link LibTorch's
# CUDA libraries. Safe to interrupt and to run again.
#
#   scripts/get_nvcc.sh               # into $TERN_DEPS, by default ~/.cache/tern
set -euo pipefail
# shellcheck source=lib/common.sh
source "$(dirname "$0")/lib/common.sh"
# shellcheck source=lib/wheels.sh
source "$(dirname "$0")/lib/wheels.sh"

unpack_wheels nvcc-13.0 nvidia/cu13/bin/nvcc \
  nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88 \
  nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85
