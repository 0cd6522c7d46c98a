"""Records what Python writes, for tests/engine/checkpoint; run with torch 2.11.0, safetensors 0.8.0:

    python record.py            writes the files beside this script (the same bytes every time, but for old_format.pt)
    python record.py --check    reads tern.pt and tern.safetensors, which the tests hold Tern's writers to
"""
import collections
import json
import os
import sys
import zipfile

import torch
from safetensors.torch import load_file, safe_open, save_file

HERE = os.path.dirname(os.path.abspath(__file__))
DTYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool",
          "uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2"]


def path(name):
    return os.path.join(HERE, name)


def counting(dtype, shape):
    """0, 1, 2, ... as dtype; the tests make the same."""
    count = torch.Size(shape).numel()
    return torch.arange(count, dtype=torch.float32).reshape(shape).to(getattr(torch, dtype))


def dtype_tensors():
    tensors = {f"{dtype}.matrix": counting(dtype, (2, 3)) for dtype in DTYPES}
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros((0, 4))
    tensors["名前"] = torch.tensor([1, 2])
    return tensors


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(2, 3)
        self.second = torch.nn.Linear(2, 3, bias=False)
        self.second.weight = self.first.weight
        self.register_buffer("steps", torch.tensor(7))


def module_state():
    torch.manual_seed(1)
    return collections.OrderedDict(("_orig_mod." + k, v) for k, v in Tied().state_dict().items())


def views():
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    return {"transposed": base.t(), "block": base[1:3, 2:5], "column": base[:, 4], "expanded": base[0, :1].expand(3),
            "parameter": torch.nn.Parameter(base[2]), "base": base}


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/tern_was_here",)


def rewrite_zip(source, target, change):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for entry in old.infolist():
            new.writestr(zipfile.ZipInfo(entry.filename), change(entry.filename, old.read(entry)))


def record():
    save_file(dtype_tensors(), path("python.safetensors"), metadata={"format": "pt", "note": "recorded"})
    torch.save(dtype_tensors(), path("dtypes.pt"))
    state = module_state()
    state._metadata = collections.OrderedDict([("", {"version": 1})])
    torch.save(state, path("module.pt"))
    torch.save(views(), path("views.pt"))
    torch.save({"epoch": 3, "lr": 1e-4, "big": 2**40, "negative": -5, "none": None, "flag": True, "device": torch.device("cpu"),
                "dtype": torch.bfloat16, "sizes": torch.Size([2, 3]), "history": [1, (2, "x"), {"y": []}],
                "state_dict": {"w": torch.ones(2), "note": "not a tensor"}}, path("nested.pt"))
    torch.save({"w": torch.ones(2), "evil": Evil()}, path("evil.pt"))
    torch.save({"w": torch.ones(2)}, path("old_format.pt"), _use_new_zipfile_serialization=False)
    torch.save([torch.ones(2)], path("list.pt"))
    rewrite_zip(path("views.pt"), path("big_endian.pt"), lambda n, b: b"big" if n.endswith("byteorder") else b)
    rewrite_zip(path("views.pt"), path("short_storage.pt"), lambda n, b: b[:-4] if n.endswith("data/0") else b)
    expected = {k: {"dtype": str(v.dtype).removeprefix("torch."), "shape": list(v.shape), "values": v.double().flatten().tolist()}
                for k, v in [*module_state().items(), *((k, v.detach()) for k, v in views().items())]}
    with open(path("expected.json"), "w") as f:
        json.dump(expected, f, indent=1)


def check():
    expected = dtype_tensors()
    loaded = {"tern.pt": torch.load(path("tern.pt"), weights_only=True), "tern.safetensors": load_file(path("tern.safetensors"))}
    for name, tensors in loaded.items():
        assert set(tensors) == set(expected), (name, set(tensors) ^ set(expected))
        for key, value in expected.items():
            assert tensors[key].dtype == value.dtype and tensors[key].shape == value.shape, (name, key)
            assert tensors[key].numpy(force=True).tobytes() == value.numpy().tobytes() if value.dtype not in (
                torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2) else torch.equal(
                    tensors[key].float(), value.float()), (name, key)
    with safe_open(path("tern.safetensors"), framework="pt") as f:
        assert f.metadata() == {"note": "from Tern"}
    print("Python reads what Tern wrote")


if __name__ == "__main__":
    check() if "--check" in sys.argv else record()
