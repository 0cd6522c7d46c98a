# shellcheck shell=bash
# Sourced by every script here: where downloads live, how scripts talk, and one set-up at a time.
deps=${TERN_DEPS:-$HOME/.cache/tern}

# say TEXT: one line under the name of the program a person started.
say() { printf '[%s] %s\n' "$(basename "$0" .sh)" "$*"; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# lock_deps: from here on this process and its children are alone in $TERN_DEPS, until it ends.
lock_deps() {
  if [ "${TERN_DEPS_LOCKED:-}" = "$deps" ]; then return; fi
  mkdir -p "$deps"
  exec 9>"$deps/.lock"
  if ! flock -n 9; then
    say "waiting for another set-up that works in $deps"
    flock 9
  fi
  export TERN_DEPS_LOCKED=$deps
}
