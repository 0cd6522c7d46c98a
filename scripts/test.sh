#!/usr/bin/env bash
# Builds what is needed and runs every test:  scripts/test.sh [ctest arguments]
# About 15 minutes on 2 cores the first time, little after that (ccache).
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/bootstrap.sh
echo "[test] configuring and building (preset cpu)"
cmake --preset cpu
cmake --build --preset cpu
echo "[test] running the tests"
ctest --test-dir build/cpu --output-on-failure -j "$(nproc)" "$@"
