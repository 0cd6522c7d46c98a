#!/usr/bin/env bash
# Runs clang-tidy on the sources that do without LibTorch, whose headers would take most of an hour. Needs a configured
# and built build/cpu.
set -euo pipefail
cd "$(dirname "$0")/.."
run-clang-tidy-14 -quiet -p build/cpu -j "$(nproc)" "^$PWD/(base|data|engine/config|engine/monitor)/.*" |
  sed '/^clang-tidy-14 /d'
