#!/usr/bin/env bash
# Makes a Python environment with TensorBoard in $TERN_DEPS/venv: the tests let TensorBoard's own reader open the event
# files. Programs never need it. Safe to interrupt and to run again.
#
#   scripts/get_test_python.sh        # into $TERN_DEPS, by default ~/.cache/tern
set -euo pipefail
# shellcheck source=lib/common.sh
source "$(dirname "$0")/lib/common.sh"

venv=$deps/venv
if [ -e "$venv/.complete" ]; then
  say "TensorBoard is in $venv"
  exit
fi
lock_deps
say "installing TensorBoard in $venv"
rm -rf "$venv"
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python3" -m pip install -q --disable-pip-version-check --only-binary=:all: tensorboard==2.21.0
touch "$venv/.complete"
