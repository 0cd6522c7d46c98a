#!/usr/bin/env bash
# The set-up scripts, with stand-ins for pip, unzip's input and nvidia-smi:  setup_test.sh SOURCE_DIR
set -euo pipefail
source_dir=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TERN_DEPS=$work/deps
mkdir -p "$work/bin"
failed=0
expect() { # expect WHAT EXPECTED GOT
  if [[ $3 != *"$2"* ]]; then
    echo "FAILED $1: expected '$2', got '$3'"
    failed=1
  fi
}

# pip: makes a small wheel, and leaves half a file and dies where KILL_IN_DOWNLOAD is set.
cat >"$work/bin/python3" <<'PIP'
#!/usr/bin/env bash
requirement=${*: -1}
while [ "$1" != --dest ]; do shift; done
file=$2/$(echo "${requirement%%==*}" | tr - _)-${requirement##*==}-py3-none-any.whl
echo "$requirement" >>"$TERN_DEPS/downloads"
if [ "${KILL_IN_DOWNLOAD:-}" ]; then
  echo half >"$file"
  kill -9 $PPID
  exit 1
fi
/usr/bin/env -i PATH=/usr/bin:/bin python3 -c '
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel: wheel.writestr("nvidia/cu13/bin/cuobjdump", "#!/bin/sh\n")' "$file"
PIP
chmod +x "$work/bin/python3"

get_tools() { PATH=$work/bin:$PATH "$source_dir/scripts/get_sass_tools.sh"; }
tools=$TERN_DEPS/sass-tools-13.5

# Killed in a download: nothing looks complete; the next run finishes.
(KILL_IN_DOWNLOAD=1 get_tools >/dev/null 2>&1) || true
expect "wheels after a kill in a download" "none" "$(compgen -G "$TERN_DEPS/wheels/*.whl" || echo none)"
expect "tools after a kill in a download" "none" "$(compgen -G "$tools/*" || echo none)"
get_tools >/dev/null
expect "the run after that" "/nvidia/cu13/bin/cuobjdump" "$(find "$tools" -name cuobjdump -perm -100)"

# Killed while unpacking: leftovers are replaced, downloads are kept.
downloads=$(wc -l <"$TERN_DEPS/downloads")
mv "$tools" "$tools.part"
echo junk >"$tools.part/junk"
get_tools >/dev/null
expect "leftovers" "none" "$(compgen -G "$tools/junk" || echo none)"
expect "the run over leftovers" "/nvidia/cu13/bin/cuobjdump" "$(find "$tools" -name cuobjdump -perm -100)"
expect "downloads after an interrupted unpacking" "$downloads" "$(wc -l <"$TERN_DEPS/downloads")"

# Complete: says so, does nothing.
expect "a third run" "[get_sass_tools] sass-tools-13.5 is in $tools" "$(get_tools)"

# The preset. GPU is what nvidia-smi prints.
# shellcheck disable=SC2016  # for the stand-ins to expand
printf '#!/bin/sh\necho "$GPU"\n' >"$work/bin/nvidia-smi"
# shellcheck disable=SC2016
printf '#!/bin/sh\necho "release $NVCC"\n' >"$work/bin/nvcc"
chmod +x "$work"/bin/nv*
choose() {
  PATH=$work/bin:$PATH bash -c 'set -euo pipefail; source "$0/scripts/lib/common.sh"; source "$0/scripts/lib/preset.sh"
    choose_preset 2>&1' "$source_dir"
}
export NVCC=13.0 GPU="NVIDIA H100, 580.65.06, 9.0"
expect "a good GPU" "preset cuda: NVIDIA H100" "$(choose)"
expect "a good GPU" $'\ncuda' "$(choose)"
expect "an old toolkit" "is not of CUDA 13" "$(NVCC=12.4 choose)"
expect "an old driver" "is older than CUDA 13 needs" "$(GPU='NVIDIA H100, 550.1, 9.0' choose)"
expect "an old GPU" "compute capability 7.0" "$(GPU='Tesla V100, 580.1, 7.0' choose)"
expect "no GPU" "nvidia-smi sees no GPU: No devices were found" "$(GPU='No devices were found' choose)"
expect "no GPU" $'\ncpu' "$(GPU='No devices were found' choose)"

# A LibTorch that the person names.
mkdir -p "$work/own/lib" "$work/own/include/ATen" "$work/own/share/cmake/Torch"
touch "$work/own/lib/libtorch_cpu.so" "$work/own/include/ATen/ATen.h"
for setting in "Torch_DIR=$work/own/share/cmake/Torch" "CMAKE_PREFIX_PATH=/none:$work/own" \
  "CMAKE_PREFIX_PATH=$work/own/share/cmake"; do
  expect "$setting" "LibTorch: $work/own, named by" "$(env "$setting" "$source_dir/scripts/get_libtorch.sh")"
done

# The Bible without root: its package is unpacked, its chapters are shuffled, always alike.
mkdir -p "$work/tools" "$work/package/DEBIAN" "$work/package/usr/bin"
for tool in awk basename bash cat dirname dpkg-deb flock grep mkdir mv realpath rm shuf tar tr yes; do
  ln -s "$(command -v $tool)" "$work/tools/"
done
printf '#!/bin/sh\nexit 1\n' >"$work/tools/id" && chmod +x "$work/tools/id"
printf 'Package: bible-kjv\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n' >"$work/package/DEBIAN/control"
cat >"$work/package/usr/bin/bible" <<'BIBLE'
#!/bin/sh
for chapter in 1 2 3 4 5 6; do printf 'Genesis %s\n\n  1 In the beginning.\n  2 And the earth.\n\n' $chapter; done
BIBLE
chmod +x "$work/package/usr/bin/bible"
dpkg-deb -b "$work/package" "$work/bible.deb" >/dev/null
# shellcheck disable=SC2016
printf '#!/bin/sh\ncat "%s" >bible-kjv.deb\n' "$work/bible.deb" >"$work/tools/apt-get" && chmod +x "$work/tools/apt-get"
get_bible() { PATH=$work/tools "$BASH" "$source_dir/scripts/get_bible.sh" "$work/$1" 2>&1; }
expect "the Bible without root" "unpacking the package bible-kjv to $TERN_DEPS/bible-kjv" "$(get_bible kjv.txt)"
expect "the Bible once more" "[get_bible] 6 chapters in $work/again.txt" "$(get_bible again.txt)"
expect "the same order" "same" "$(cmp "$work/kjv.txt" "$work/again.txt" && echo same)"
expect "the chapters" "Genesis 1 Genesis 2 Genesis 3 Genesis 4 Genesis 5 Genesis 6 " \
  "$(grep Genesis "$work/kjv.txt" | sort | tr '\n' ' ')"
expect "a chapter" $'\n1 In the beginning.\n2 And the earth.\n\n' "$(head -n 5 "$work/kjv.txt")x"
rm "$work/tools/apt-get" && rm -r "$TERN_DEPS/bible-kjv"
expect "no bible and no apt-get" "error: no command bible, and no apt-get" "$(get_bible none.txt || true)"

expect "an unknown stage" "no stage nothing, the stages are: format" "$("$source_dir/scripts/test.sh" nothing 2>&1 || true)"
expect "an unknown option" "error: unknown option" "$("$source_dir/scripts/bootstrap.sh" --nothing 2>&1 || true)"
exit $failed
