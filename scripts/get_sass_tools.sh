#!/usr/bin/env bash
# Fetches cuobjdump and nvdisasm out of PyPI wheels (6 MB) into $TERN_DEPS/sass-tools-13.5. The kernel tests count
# instructions with them; they are never part of what Tern ships. Safe to interrupt and to run again.
#
#   scripts/get_sass_tools.sh         # into $TERN_DEPS, by default ~/.cache/tern
set -euo pipefail
# shellcheck source=lib/common.sh
source "$(dirname "$0")/lib/common.sh"
# shellcheck source=lib/wheels.sh
source "$(dirname "$0")/lib/wheels.sh"

unpack_wheels sass-tools-13.5 nvidia/cu13/bin/cuobjdump \
  nvidia-cuda-cuobjdump==13.5.37 nvidia-cuda-nvdisasm==13.5.37
