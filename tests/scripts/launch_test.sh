#!/usr/bin/env bash
# What the launch files start, with stand-ins for the launcher and for SLURM:  launch_test.sh SOURCE_DIR BIN_DIR
set -euo pipefail
source_dir=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bin"
ln -s "$2/gpt_train" "$work/bin/gpt_train"
# tern_launch: writes down its own flags, and asks the program what its configuration is.
cat >"$work/bin/tern_launch" <<'LAUNCH'
#!/usr/bin/env bash
while [[ $1 == --* ]]; do
  echo "$1"
  shift
done
"$@" --cfg job
LAUNCH
# shellcheck disable=SC2016  # for the stand-ins to expand
printf '#!/bin/sh\nexec "$@"\n' >"$work/bin/srun"
# shellcheck disable=SC2016
printf '#!/bin/sh\necho "$3" | tr , "\\n"\n' >"$work/bin/scontrol"
chmod +x "$work"/bin/*
export TERN_BIN=$work/bin PATH=$work/bin:$PATH
failed=0
expect() { # expect WHAT LINES GOT: every line of LINES is a line of GOT
  while read -r line; do
    if ! grep -qxF -e "$line" <<<"$3"; then
      echo "FAILED $1: no line '$line' in"$'\n'"$3"
      failed=1
    fi
  done <<<"$2"
}
mission=$'depth: 20\nmax_seq_len: 2048\ndevice_batch_size: 32\ntotal_batch_size: 524288\nresume: auto'

got=$("$source_dir/scripts/launch/gpt_8xh100.sh" --run=first)
expect "8 x H100" $'--standalone\n--nproc-per-node=8\nrun: first\n'"$mission" "$got"

slurm() {
  (cd / && SLURM_SUBMIT_DIR=$source_dir SLURM_JOB_NODELIST=$2 SLURM_NNODES=$1 SLURM_NODEID=$3 \
    "$source_dir/scripts/launch/gpt_8xa100.slurm" --model-tag=x)
}
expect "SLURM, one machine" \
  $'--nnodes=1\n--node-rank=0\n--nproc-per-node=8\n--master-addr=n1\nmodel_tag: x\ntime_limit: 82800\n'"$mission" \
  "$(slurm 1 n1 0)"
expect "SLURM, two machines" $'--nnodes=2\n--node-rank=1\n--nproc-per-node=4\n--master-addr=n1\n'"$mission" \
  "$(slurm 2 n1,n2 1)"
exit $failed
