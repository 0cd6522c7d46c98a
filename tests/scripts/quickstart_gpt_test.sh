#!/usr/bin/env bash
# The GPT's quick start without its downloads, and shortened:  quickstart_gpt_test.sh SOURCE_DIR BIN_DIR
set -euo pipefail
source_dir=$1
bin=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# shellcheck source-path=SCRIPTDIR/../..
source "$source_dir/scripts/lib/common.sh"
# shellcheck source=scripts/lib/quickstart_gpt.sh
source "$source_dir/scripts/lib/quickstart_gpt.sh"
mkdir -p runs/quickstart-gpt
"$bin/gpt_data" "$source_dir/tests/reference/tokenizer/kjv.jsonl.gz" --out shards 2>/dev/null >/dev/null
"$bin/gpt_data" export runs/quickstart-gpt/kjv.txt --data shards 2>/dev/null >/dev/null

short=(eval_tokens=2048 eval_every=4 threads=1)
first=$(quickstart "$bin" num_iterations=3 "${short[@]}" 2>&1)
second=$(quickstart "$bin" num_iterations=5 "${short[@]}" 2>&1)
failed=0
expect() { # expect WHAT EXPECTED GOT
  if [[ $3 != *"$2"* ]]; then
    echo "FAILED $1: expected '$2', got '$3'"
    failed=1
  fi
}
expect "shards" "turning it into shards in runs/quickstart-gpt/base_data" "$first"
expect "tokenizer" "vocabulary 2048 (9 special)" "$first"
expect "training" "finished at step 3 of 3" "$first"
expect "samples" $'what it writes\nIn the beginning' "$first"
expect "more samples" $'\nAnd Jesus said unto them,' "$first"
expect "the second run goes on" "/step_3 at step 3 of 5" "$second"
expect "the second run ends" "finished at step 5 of 5" "$second"
if [[ $second == *"turning it into shards"* || $second == *"training a tokenizer"* ]]; then
  echo "FAILED: the second run did finished steps again"
  failed=1
fi
expect "report" "## Base model training" "$(cat runs/quickstart-gpt/report/report.md)"
exit $failed
