#!/usr/bin/env python3
"""Records the batches of nanochat's first loader, which strings documents together: cases.json and NAME.u16.

    python3 record_stream.py --upstream NANOCHAT_OF_OCTOBER_2025 --out stream

NANOCHAT_OF_OCTOBER_2025 is a checkout of https://github.com/karpathy/nanochat at commit dfc8833. Its dataloader.py,
dataset.py and tokenizer.py run as they are, on the shards of ../packing and the tokens of ../tokenizer. Needs torch,
pyarrow, requests, tiktoken and rustbpe.

NAME.u16 holds the batches one after the other, 16 bits a token: a batch is its inputs, row by row, and the last target,
since every other target is the input that follows.
"""
import argparse
import base64
import json
import os
import pathlib
import sys
import tempfile

import tiktoken
import torch

REFERENCE = pathlib.Path(__file__).resolve().parent.parent
CASES = [
    {"name": "train", "split": "train", "rank": 0, "world_size": 1, "batch_size": 4, "seq_len": 128, "batches": 30},
    {"name": "validation", "split": "val", "rank": 0, "world_size": 1, "batch_size": 2, "seq_len": 96, "batches": 90},
    {"name": "rank_0_of_2", "split": "train", "rank": 0, "world_size": 2, "batch_size": 2, "seq_len": 256,
     "batches": 60},
    {"name": "rank_1_of_2", "split": "train", "rank": 1, "world_size": 2, "batch_size": 2, "seq_len": 256,
     "batches": 60},
]


def read_tokenizer(tokenizer_class):
    folder = REFERENCE / "tokenizer"
    lines = (folder / "ranks.tiktoken").read_text().split("\n")
    ranks = {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in lines if line}
    pattern = json.loads((folder / "meta.json").read_text())["pattern"]
    encoding = tiktoken.Encoding("kjv", pat_str=pattern, mergeable_ranks=ranks,
                                 special_tokens={"<|bos|>": len(ranks)})
    return tokenizer_class(encoding, "<|bos|>")


def record(loader, batches):
    tokens = []
    for _ in range(batches):
        inputs, targets = next(loader)
        tokens.append(torch.cat([inputs.flatten().long(), targets.flatten()[-1:]]))
        assert torch.equal(tokens[-1][1:], targets.flatten())
    return torch.cat(tokens).to(torch.uint16).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    args = parser.parse_args()
    sys.path.insert(0, args.upstream)
    args.out.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NANOCHAT_BASE_DIR"] = folder
        os.symlink(REFERENCE / "packing/shards", os.path.join(folder, "base_data"))
        from nanochat import dataloader, tokenizer

        dataloader.get_tokenizer = lambda: read_tokenizer(tokenizer.RustBPETokenizer)
        for case in CASES:
            rank, world_size = str(case["rank"]), str(case["world_size"])
            os.environ.update(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=world_size)
            loader = dataloader.tokenizing_distributed_data_loader(case["batch_size"], case["seq_len"], case["split"],
                                                                   device="cpu")
            record(loader, case["batches"]).tofile(args.out / f"{case['name']}.u16")
    lines = ",\n".join(json.dumps(case) for case in CASES)
    (args.out / "cases.json").write_text(f"[\n{lines}\n]\n")


main()
