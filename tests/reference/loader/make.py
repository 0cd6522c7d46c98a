"""Two tiny datasets and the batches that upstream's PuzzleDataset makes of them.

Run in this folder: python make.py PATH_TO_TINYRECURSIVEMODELS (made with its commit e7b6871, numpy 2.4.6, torch 2.11.0).
An example's first two tokens are its row number (base 50), so that a test can tell which rows a batch holds.
Of training batches only what the group and puzzle streams decide is recorded: the order inside a puzzle comes from
numpy's process-wide generator upstream.
"""
import json
import os
import sys

import numpy as np

sys.path.insert(0, sys.argv[1])
from puzzle_dataset import PuzzleDataset, PuzzleDatasetConfig  # noqa: E402

SEQ_LEN, VOCAB, IDENTIFIERS = 6, 60, 40


def write(folder, seed, num_groups, split):
    rng = np.random.RandomState(seed)
    os.makedirs(f"{folder}/{split}", exist_ok=True)
    puzzles_per_group = rng.randint(1, 4, num_groups)
    examples_per_puzzle = rng.randint(1, 6, puzzles_per_group.sum())
    n = examples_per_puzzle.sum()
    inputs = rng.randint(0, VOCAB, (n, SEQ_LEN)).astype(np.uint8)
    inputs[:, 0], inputs[:, 1] = np.arange(n) // 50, np.arange(n) % 50
    labels = rng.randint(0, 5, (n, SEQ_LEN)).astype(np.uint8)
    arrays = {
        "inputs": inputs, "labels": labels,
        "puzzle_identifiers": rng.randint(1, IDENTIFIERS, len(examples_per_puzzle)).astype(np.int32),
        "puzzle_indices": np.concatenate([[0], np.cumsum(examples_per_puzzle)]).astype(np.int32),
        "group_indices": np.concatenate([[0], np.cumsum(puzzles_per_group)]).astype(np.int32),
    }
    for name, array in arrays.items():
        np.save(f"{folder}/{split}/all__{name}.npy", array)
    json.dump({"pad_id": 0, "ignore_label_id": 0, "blank_identifier_id": 0, "vocab_size": VOCAB, "seq_len": SEQ_LEN,
               "num_puzzle_identifiers": IDENTIFIERS, "total_groups": num_groups,
               "mean_puzzle_examples": float(n / len(examples_per_puzzle)), "total_puzzles": len(examples_per_puzzle),
               "sets": ["all"]}, open(f"{folder}/{split}/dataset.json", "w"))


def record(batch, test_set_mode):
    set_name, tensors, global_size = batch
    inputs = tensors["inputs"].numpy()
    identifiers = tensors["puzzle_identifiers"].tolist()
    rows = (inputs[:, 0] * 50 + inputs[:, 1]).tolist()
    out = {"set": set_name, "global_size": global_size, "identifiers": identifiers}
    if test_set_mode:
        out |= {"inputs": inputs.tolist(), "labels": tensors["labels"].tolist()}
    else:
        out["rows"] = rows
    return out


for folder, seed, train_groups, test_groups in (("a", 1, 23, 9), ("b", 2, 17, 4)):
    write(folder, seed, train_groups, "train")
    write(folder, seed + 10, test_groups, "test")

cases = []
for paths, split, test, batch, epochs, seed, rank, world, iterations in [
        (["a"], "train", False, 8, 3, 0, 0, 1, 3),
        (["a"], "train", False, 12, 5, 7, 1, 3, 2),
        (["a", "b"], "train", False, 6, 2, 3, 0, 1, 3),
        (["b", "a"], "train", False, 10, 1, 2**33, 1, 2, 2),
        (["a"], "test", True, 8, 1, 0, 0, 1, 2),
        (["a", "b"], "test", True, 12, 1, 0, 0, 3, 1),
        (["a", "b"], "test", True, 12, 1, 0, 2, 3, 1)]:
    loader = PuzzleDataset(PuzzleDatasetConfig(seed=seed, dataset_paths=paths, global_batch_size=batch, test_set_mode=test,
                                               epochs_per_iter=epochs, rank=rank, num_replicas=world), split)
    np.random.seed(0)
    runs = [[record(b, test) for b in loader] for _ in range(iterations)]
    m = loader.metadata
    cases.append({"paths": paths, "split": split, "test": test, "global_batch_size": batch, "epochs_per_iter": epochs,
                  "seed": seed, "rank": rank, "world": world, "iterations": runs,
                  "metadata": {"num_puzzle_identifiers": m.num_puzzle_identifiers, "total_groups": m.total_groups,
                               "total_puzzles": m.total_puzzles, "mean_puzzle_examples": m.mean_puzzle_examples}})
json.dump(cases, open("expected.json", "w"))
