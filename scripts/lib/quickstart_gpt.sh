# shellcheck shell=bash
# Sourced by quickstart.sh after common.sh: a small GPT on the King James Bible, a few minutes on two cores.
# shellcheck disable=SC2034  # for quickstart.sh
targets=(gpt_data tok_train gpt_train gpt_chat)
base=runs/quickstart-gpt

# quickstart BIN [key=value ...]
quickstart() {
  local bin=$1 prompt
  shift
  export TERN_BASE_DIR=$PWD/$base
  if [ ! -e $base/kjv.txt ]; then
    say "writing the King James Bible to $base/kjv.txt"
    scripts/get_bible.sh $base/kjv.txt
  fi
  if [ ! -e $base/base_data ]; then
    say "turning it into shards in $base/base_data"
    "$bin/gpt_data" $base/kjv.txt
  fi
  if [ ! -e $base/tokenizer/ranks.tiktoken ]; then
    say "training a tokenizer, $base/tokenizer/ranks.tiktoken"
    "$bin/tok_train" --vocab-size=2048
  fi
  say "training a small GPT in $base/models/kjv (Ctrl-C stops it with a checkpoint; running this again goes on)"
  "$bin/gpt_train" --config-name=gpt_train_quickstart "$@"
  say "what it writes"
  for prompt in "In the beginning" "And Jesus said unto them," "Blessed is the man that"; do
    "$bin/gpt_chat" --raw --model-tag=kjv --prompt="$prompt" --max-tokens=80 --seed=1 2>/dev/null
    echo
  done
  say "done"
  printf '  %-12s%s\n' "model" "$base/models/kjv" "report" "$base/models/kjv/report.html" \
    "more" "TERN_BASE_DIR=$base $bin/gpt_chat --raw --model-tag=kjv"
}
