"""Times upstream's PuzzleDataset and this project's loader on the same dataset, turn by turn.

    python bench/compare/loader.py --upstream PATH --bench build/cpu/bin/loader_bench DATASET

PATH is a TinyRecursiveModels clone; python needs its torch, numpy, pydantic and argdantic. Both read training batches
of 768 from a warm npy folder. Upstream is timed as pretrain.py reads its data, through a DataLoader with one worker
process, and as the bare iterator inside that worker; this project's loader bare, and behind its prefetch thread as
training uses it. Prints one JSON object with the median, lowest and highest examples per second of each, the ratios of
the medians, and the bare iterators once more by processor time, which other programs disturb less.
"""
import argparse
import json
import statistics
import subprocess
import sys
import time


def upstream_rates(loader, seconds):
    examples, start, cpu_start = 0, time.perf_counter(), time.thread_time()
    while True:
        for _name, batch, _size in loader:
            examples += batch["inputs"].shape[0]
            elapsed = time.perf_counter() - start
            if elapsed > seconds:
                return examples / elapsed, examples / (time.thread_time() - cpu_start)


def summary(rates):
    return {"median": statistics.median(rates), "lowest": min(rates), "highest": max(rates)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    args = parser.parse_args()

    sys.path.insert(0, args.upstream)
    import torch
    from puzzle_dataset import PuzzleDataset, PuzzleDatasetConfig
    from torch.utils.data import DataLoader

    config = PuzzleDatasetConfig(seed=0, dataset_paths=[args.dataset], global_batch_size=768, test_set_mode=False,
                                 epochs_per_iter=10, rank=0, num_replicas=1)
    bare = PuzzleDataset(config, "train")
    # The arguments of pretrain.py's create_dataloader.
    worker = DataLoader(PuzzleDataset(config, "train"), batch_size=None, num_workers=1, prefetch_factor=8,
                        pin_memory=torch.cuda.is_available(), persistent_workers=True)
    for warmed in (bare, worker):
        upstream_rates(warmed, 1.0)
    rates = {"upstream": [], "upstream_bare": [], "loader": [], "prefetcher": [], "upstream_bare_cpu": [], "loader_cpu": []}
    for _ in range(args.turns):
        rates["upstream"].append(upstream_rates(worker, args.seconds)[0])
        by_clock, by_cpu = upstream_rates(bare, args.seconds)
        rates["upstream_bare"].append(by_clock)
        rates["upstream_bare_cpu"].append(by_cpu)
        out = json.loads(subprocess.check_output([args.bench, args.dataset, "768", str(args.seconds)]))
        rates["loader"].append(out["loader_examples_per_s"])
        rates["loader_cpu"].append(out["loader_examples_per_cpu_s"])
        rates["prefetcher"].append(out["prefetcher_examples_per_s"])
    result = {name: summary(values) for name, values in rates.items()}
    for ours, theirs in (("prefetcher", "upstream"), ("loader", "upstream_bare"), ("loader_cpu", "upstream_bare_cpu")):
        result[f"{ours}_over_{theirs}"] = result[ours]["median"] / result[theirs]["median"]
    print(json.dumps(result))


if __name__ == "__main__":
    main()
