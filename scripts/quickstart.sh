#!/usr/bin/env bash
# From a fresh clone to a trained model on real data:
#
#   scripts/quickstart.sh [trm] [key=value ...]   # a TRM and a submission for ARC-AGI-1's evaluation puzzles
#   scripts/quickstart.sh gpt [key=value ...]     # a GPT that writes like the King James Bible
#
# key=value: overrides for trm_train, e.g. epochs=10, or gpt_train, e.g. num_iterations=2000.
#
# Installs what is missing, builds, fetches the data, trains for a few minutes on two cores and shows what came of it.
# Safe to interrupt and to run again: finished steps are skipped, training goes on from its last checkpoint.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR/..
source scripts/lib/common.sh
source scripts/lib/preset.sh
source scripts/lib/wheels.sh
family=trm
case "${1:-}" in
  trm | gpt)
    family=$1
    shift
    ;;
esac
# shellcheck source=scripts/lib/quickstart_trm.sh
source "scripts/lib/quickstart_$family.sh"

scripts/bootstrap.sh
preset=$(choose_preset)
if [ "$preset" = cuda ]; then scripts/get_cuda_libtorch.sh; fi

say "building (preset $preset)"
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" --target "${targets[@]}"
quickstart "build/$preset/bin" "$@"
