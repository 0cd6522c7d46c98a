#!/usr/bin/env bash
# Puts the CPU part of LibTorch 2.11.0 (torch_cpu, c10, headers: 0.5 GB) into $TERN_DEPS/libtorch-2.11.0: copied from a
# pip-installed torch 2.11.0 if this machine has one, else out of the PyPI wheel (530 MB). Does nothing where Torch_DIR
# or CMAKE_PREFIX_PATH names a LibTorch. Safe to interrupt and to run again.
#
#   scripts/get_libtorch.sh           # into $TERN_DEPS, by default ~/.cache/tern
set -euo pipefail
# shellcheck source=lib/common.sh
source "$(dirname "$0")/lib/common.sh"
# shellcheck source=lib/wheels.sh
source "$(dirname "$0")/lib/wheels.sh"

version=2.11.0
target=$deps/libtorch-$version
# torch_cpu of the PyPI wheel needs these two to start, also where there is no GPU.
cupti=nvidia-cuda-cupti==13.0.85
cudart=nvidia-cuda-runtime==13.0.96

# A LibTorch that the person named: the folder itself, or its share/cmake as PyTorch's own CMake files take it.
named_libtorch() {
  local prefixes prefix folder
  IFS=':;' read -ra prefixes <<<"${CMAKE_PREFIX_PATH:-}"
  if [ -n "${Torch_DIR:-}" ]; then prefixes=("$Torch_DIR/.." "${prefixes[@]}"); fi
  for prefix in "${prefixes[@]}"; do
    for folder in "$prefix" "$prefix/../.."; do
      folder=$(realpath -m "$folder")
      if [ -e "$folder/lib/libtorch_cpu.so" ] && [ -e "$folder/include/ATen/ATen.h" ]; then
        echo "$folder"
        return
      fi
    done
  done
  return 1
}

# The folder of a pip-installed torch of the right version, built for CUDA 13 or for no GPU.
installed_torch() {
  "${PYTHON:-python3}" - "$version" 2>/dev/null <<'PY'
import importlib.metadata, re, sys
torch = importlib.metadata.distribution("torch")
folder = torch.locate_file("torch")
cuda = re.search(r"^cuda\b.*= *(.*)$", (folder / "version.py").read_text(), re.M).group(1).strip("'\"")
if torch.version.split("+")[0] != sys.argv[1] or not (cuda == "None" or cuda.startswith("13.")):
    sys.exit(1)
print(folder)
PY
}

if named=$(named_libtorch); then
  say "LibTorch: $named, named by Torch_DIR or CMAKE_PREFIX_PATH"
  exit
fi
if [ -e "$target/lib/libcudart.so.13" ]; then
  say "LibTorch $version is in $target"
  exit
fi
lock_deps
part=$target.part
rm -rf "$part"
mkdir -p "$part/lib"
if installed=$(installed_torch); then
  say "copying LibTorch from $installed to $target"
  cp -r "$installed/include" "$part/include"
  cp "$installed"/lib/{libtorch_cpu.so,libc10.so} "$installed"/lib/libgomp*.so* "$part/lib/"
else
  download_wheels "torch==$version"
  say "unpacking LibTorch to $target"
  unzip -q -o "$(wheel_file "torch==$version")" 'torch/lib/libtorch_cpu.so' 'torch/lib/libc10.so' 'torch/lib/libgomp*.so*' \
    'torch/include/*' -d "$part"
  mv "$part/torch/include" "$part/include"
  mv "$part"/torch/lib/* "$part/lib/"
  rm -rf "$part/torch"
fi
download_wheels $cupti $cudart
unzip -q -o -j "$(wheel_file $cupti)" '*/libcupti.so.13' -d "$part/lib"
unzip -q -o -j "$(wheel_file $cudart)" '*/libcudart.so.13' -d "$part/lib"
rm -rf "$target"
mv "$part" "$target"
