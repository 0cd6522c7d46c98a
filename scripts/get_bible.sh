#!/usr/bin/env bash
# The King James Bible (public domain) as a text file, out of Debian's package bible-kjv by its own command, bible:
#
#   scripts/get_bible.sh OUT.txt
#
# A chapter is a paragraph: its title, then a verse a line. The chapters are in a random order, always the same one, so
# that the last ones, which validate a model, are like the others. The package is installed where that is possible; else
# it is downloaded and unpacked to ${TERN_DEPS:-~/.cache/tern}, which takes no root.
set -euo pipefail
out=$(realpath -m "${1:?where to: scripts/get_bible.sh OUT.txt}")
cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR/..
source scripts/lib/common.sh
source scripts/lib/packages.sh

unpacked=$deps/bible-kjv

can_install() {
  command -v dpkg-query >/dev/null && { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }
}

# Package lists of our own where the machine has none: only root can fetch those.
download_package() {
  apt-get download -qq bible-kjv bible-kjv-text 2>/dev/null && return
  mkdir -p lists/partial cache/archives/partial
  local own=(-qq -o "Dir::State::lists=$PWD/lists" -o "Dir::Cache=$PWD/cache" -o Debug::NoLocking=1)
  apt-get "${own[@]}" update
  apt-get "${own[@]}" download bible-kjv bible-kjv-text
}

unpack_package() {
  command -v apt-get >/dev/null || fail "no command bible, and no apt-get to get it with: install bible-kjv"
  lock_deps
  say "unpacking the package bible-kjv to $unpacked"
  rm -rf "$unpacked.part"
  mkdir -p "$unpacked.part/download"
  (cd "$unpacked.part/download" && download_package)
  for package in "$unpacked.part"/download/*.deb; do dpkg-deb -x "$package" "$unpacked.part"; done
  rm -rf "$unpacked.part/download" "$unpacked"
  mv "$unpacked.part" "$unpacked"
}

if ! command -v bible >/dev/null && [ ! -d "$unpacked" ]; then
  if can_install; then install_packages bible-kjv; else unpack_package; fi
fi
bible=(bible)
if ! command -v bible >/dev/null; then bible=("$unpacked/usr/bin/bible" -p "$unpacked/usr/lib"); fi

mkdir -p "$(dirname "$out")"
# Every paragraph ends in a zero byte while they are shuffled.
"${bible[@]}" -l100000 Gen1:1-Rev22:21 </dev/null |
  awk '!NF {next} /^[^ ]/ && n++ {printf "%c", 0} {sub(/^ +/, ""); print} END {printf "%c", 0}' |
  shuf -z --random-source=<(yes) | tr '\0' '\n' >"$out.part"
mv "$out.part" "$out"
say "$(grep -c '^$' "$out") chapters in $out"
