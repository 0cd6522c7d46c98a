#!/usr/bin/env bash
# Builds what is needed and runs every test:
#
#   scripts/test.sh                  # all stages but the last, in this order
#   scripts/test.sh tests asan       # some
#
#   format   every source is formatted (scripts/format.sh formats)
#   tests    the cpu build and all its tests, the kernels' sanitizer builds among them
#   fuzz     every fuzz target looks for new inputs for 30 seconds
#   cuda     the cuda build of every program, linked for sm_80 and sm_90a, where a CUDA toolkit is installed
#   tsan     the unit tests of what runs in several threads, under ThreadSanitizer
#   tidy     clang-tidy on the sources that do without LibTorch
#   asan     the unit tests that do without LibTorch, under AddressSanitizer and UBSan; readers and kernels meet it before,
#            in the stages fuzz and tests
#
# The first time about an hour on two cores, after that a quarter (ccache).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR/..
source scripts/lib/common.sh

# run_ctest PRESET ARGUMENTS...
run_ctest() {
  local preset=$1
  shift
  # ThreadSanitizer of GCC 12 does not start where the kernel places memory too randomly.
  local fixed_addresses=()
  if setarch "$(uname -m)" -R true 2>/dev/null; then fixed_addresses=(setarch "$(uname -m)" -R); fi
  "${fixed_addresses[@]}" ctest --test-dir "build/$preset" --output-on-failure -j "$(nproc)" "$@"
}

# build PRESET [TARGET...]
build() {
  cmake --preset "$1"
  cmake --build --preset "$1" ${2:+--target "${@:2}"}
}

stage_format() { scripts/format.sh --check; }
stage_tests() {
  build cpu
  run_ctest cpu
}
stage_asan() {
  build asan plain_tests
  LSAN_OPTIONS=suppressions=$PWD/scripts/lib/leaks_of_others.txt run_ctest asan -L plain
}
stage_tsan() {
  build tsan threaded_tests
  # Arrow's own allocator hands memory from thread to thread unseen.
  ARROW_DEFAULT_MEMORY_POOL=system run_ctest tsan -L threads
}
stage_fuzz() {
  build fuzz fuzz_targets
  run_ctest fuzz -L fuzz
}
stage_tidy() {
  build cpu
  scripts/tidy.sh
}

stage_cuda() { scripts/test_cuda.sh; }

all_stages=(format tests fuzz cuda tsan tidy asan)
stages=("$@")
if [ $# -eq 0 ]; then stages=("${all_stages[@]::6}"); fi
for stage in "${stages[@]}"; do
  [[ " ${all_stages[*]} " == *" $stage "* ]] || fail "no stage $stage, the stages are: ${all_stages[*]}"
done

scripts/bootstrap.sh --tests
times=()
for stage in "${stages[@]}"; do
  say "stage $stage"
  started=$SECONDS
  "stage_$stage"
  times+=("$stage $((SECONDS - started)) s")
done
say "all passed: $(printf '%s, ' "${times[@]}" | sed 's/, $//')"
