#!/usr/bin/env python3
"""Records the batches that nanochat's loader packs, with the shards it packs them from.

Runs nanochat's own nanochat/dataloader.py (commit 92d63d4) on small shards made of the Bible in ../tokenizer, with its
row groups, buffer and epochs small enough that the data is gone through several times. Needs torch, pyarrow, tiktoken,
requests, filelock.

    python3 tests/reference/packing/make.py PATH_TO_NANOCHAT

Writes shards/shard_0000{0,1,2,3}.parquet, cases.json, and for each case NAME.u16: the tokens of its batches, row by row,
seq_len + 1 a row, 16 bits each.
"""
import base64
import gzip
import json
import pathlib
import random
import shutil
import sys

import pyarrow
import pyarrow.parquet
import tiktoken
import torch

HERE = pathlib.Path(__file__).resolve().parent
TOKENIZER = HERE.parent / "tokenizer"

CASES = [
    {"name": "defaults", "split": "train", "batch_size": 4, "seq_len": 128, "buffer_size": 1000, "refill": 128},
    {"name": "small_buffer", "split": "train", "batch_size": 3, "seq_len": 200, "buffer_size": 40, "refill": 16},
    {"name": "validation", "split": "val", "batch_size": 2, "seq_len": 96, "buffer_size": 100, "refill": 128},
    {"name": "rank_0_of_3", "split": "train", "batch_size": 2, "seq_len": 100, "rank": 0, "world_size": 3,
     "buffer_size": 64, "refill": 32},
    {"name": "rank_2_of_3", "split": "train", "batch_size": 2, "seq_len": 100, "rank": 2, "world_size": 3,
     "buffer_size": 64, "refill": 32},
    {"name": "resumed", "split": "train", "batch_size": 2, "seq_len": 100, "rank": 1, "world_size": 2,
     "buffer_size": 64, "refill": 32, "resume": {"pq_idx": 1, "rg_idx": 3, "epoch": 2}},
    {"name": "resumed_at_end_of_file", "split": "train", "batch_size": 2, "seq_len": 100, "rank": 1, "world_size": 2,
     "buffer_size": 64, "refill": 32, "resume": {"pq_idx": 0, "rg_idx": 5, "epoch": 1}},
]
BATCHES = 30


class Tokenizer:
    """The two calls that the loader makes."""

    def __init__(self):
        lines = (TOKENIZER / "ranks.tiktoken").read_text().split("\n")
        ranks = {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in lines if line}
        pattern = json.loads((TOKENIZER / "meta.json").read_text())["pattern"]
        self.encoding = tiktoken.Encoding("kjv", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
        self.bos = len(ranks)

    def get_bos_token_id(self):
        return self.bos

    def encode(self, documents, prepend, num_threads):
        return [[prepend, *self.encoding.encode_ordinary(document)] for document in documents]


def documents():
    """Verses, one to six together, and a few empty ones."""
    generator = random.Random(7)
    with gzip.open(TOKENIZER / "kjv.jsonl.gz", "rt", encoding="utf-8") as lines:
        verses = [verse for line in lines for verse in json.loads(line)["text"].split("\n")]
    while True:
        count = generator.randint(1, 6) if generator.random() < 0.98 else 0
        start = generator.randrange(len(verses))
        yield "\n".join(verses[start : start + count])


def write_shards(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    source = documents()
    for index, (size, row_group_size) in enumerate([(330, 60), (201, 32), (90, 50), (70, 64)]):
        table = pyarrow.Table.from_pydict({"text": [next(source) for _ in range(size)]})
        pyarrow.parquet.write_table(table, folder / f"shard_{index:05d}.parquet", row_group_size=row_group_size,
                                    use_dictionary=False, compression="zstd", compression_level=3,
                                    write_statistics=False)
    return sorted(str(path) for path in folder.iterdir())


def main():
    sys.path.insert(0, sys.argv[1])
    from nanochat import dataloader

    shards = write_shards(HERE / "shards")
    dataloader.list_parquet_files = lambda **_: shards
    for case in CASES:
        rank, world_size = case.get("rank", 0), case.get("world_size", 1)
        dataloader.get_dist_info = lambda: (world_size > 1, rank, rank, world_size)
        loader = dataloader.tokenizing_distributed_data_loader_with_state_bos_bestfit(
            Tokenizer(), case["batch_size"], case["seq_len"], case["split"], device="cpu",
            tokenizer_batch_size=case["refill"], buffer_size=case["buffer_size"],
            resume_state_dict=case.get("resume"))
        rows = []
        for _ in range(BATCHES):
            inputs, targets, state = next(loader)
            rows.append(torch.cat([inputs, targets[:, -1:]], dim=1))
            assert torch.equal(rows[-1][:, 1:], targets)
        torch.cat(rows).to(torch.uint16).numpy().tofile(HERE / f"{case['name']}.u16")
        case["last_epoch"] = state["epoch"]
    lines = ",\n".join(json.dumps({"batches": BATCHES, **case}) for case in CASES)
    (HERE / "cases.json").write_text(f"[\n{lines}\n]\n")


main()
