#!/usr/bin/env bash
# Pretrains a GPT of depth 20 on one machine with eight H100:
#
#   TERN_BASE_DIR=/data/gpt scripts/launch/gpt_8xh100.sh [--flag=value ...]
#
# Needs shards and a tokenizer of 32768 tokens in TERN_BASE_DIR (gpt_data, tok_train). Started again, it goes on from the
# last checkpoint. The work is about 1.5e19 floating point operations: at 40 % of eight H100's 989 TFLOP/s 1.3 hours, at
# $3 per GPU and hour $32 (arithmetic, not measured).
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=${TERN_BIN:-build/cuda/bin}
exec "$bin/tern_launch" --standalone --nproc-per-node=8 "$bin/gpt_train" --config-name=gpt_train_8xh100 "$@"
