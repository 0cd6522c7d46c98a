#!/usr/bin/env bash
# Formats every C++ and CUDA source of the clone, or with --check only says which are not formatted.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t sources < <(git ls-files --cached --others --exclude-standard '*.h' '*.cpp' '*.cuh' '*.cu')
if [ "${1:-}" = --check ]; then
  clang-format-14 --dry-run -Werror "${sources[@]}"
  echo "${#sources[@]} sources are formatted"
else
  clang-format-14 -i "${sources[@]}"
fi
