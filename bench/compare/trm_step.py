#!/usr/bin/env python3
"""TRM training step: upstream's Python, eager, against this engine, alternating on the same weights and batches.

Both stay loaded and take turns, a step each: forward and backward pass, AdamATan2 and the sparse SignSGD. The first
pair is a warm-up whose times are reported apart. Upstream's adam-atan2 package has no CPU build; its formula, tensor by
tensor, stands in for it (tests/reference/trm/record.py). Prints one JSON object: seconds, the ratio upstream / ours of
each pair (median and quartiles; also of processor time, which other programs on the machine disturb less), the peak of
resident memory, and the first step's time over the median of the later ones.

    python3 bench/compare/trm_step.py --upstream PATH --python EXE [--pairs 5]

PATH is a TinyRecursiveModels clone (e7b6871); EXE has torch 2.11.0, numpy, einops and pydantic.
"""
import argparse
import importlib.util
import json
import pathlib
import sys
import tempfile

from alternate import ROOT, Worker, answer_steps, half_report, processor_seconds, spread

FULL_SIZE = ("hidden_size=512", "L_layers=2", "H_cycles=3", "L_cycles=6", "num_heads=8", "expansion=4",
             "puzzle_emb_ndim=512", "puzzle_emb_len=16", "halt_max_steps=16")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", required=True, help="TinyRecursiveModels clone")
    parser.add_argument("--python", default=sys.executable, help="interpreter that can run it")
    parser.add_argument("--worker", default=ROOT / "build/cpu/bin/trm_step_worker", help="this project's program")
    parser.add_argument("--pairs", type=int, default=5, help="alternations after the warm-up (default: 5)")
    parser.add_argument("--threads", type=int, default=2, help="of each (default: 2)")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--side", type=int, default=30, help="grid side; seq_len is its square (default: 30)")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="other keys of the architecture")
    parser.add_argument("--peer-folder", help=argparse.SUPPRESS)  # this script again, as upstream's half
    return parser.parse_args()


def run_peer(options):
    """Upstream's half: writes the folder with weights and batches, then does a step for every line of stdin."""
    import numpy
    import torch

    torch.set_num_threads(options.threads)
    spec = importlib.util.spec_from_file_location("record", ROOT / "tests/reference/trm/record.py")
    record = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(record)
    folder = pathlib.Path(options.peer_folder)
    arguments = record.make_parser().parse_args([
        "--upstream", options.upstream, "--out", str(folder), "--data", "arc", "--side", str(options.side), "--batch",
        str(options.batch), "--steps", str(options.pairs + 1), "--puzzles", "1000", "--lr", "1e-4", "--set", *FULL_SIZE,
        *options.set])
    training = record.Training(arguments)
    torch.save(training.state(), folder / "init.pt")
    batches = list(record.make_batches(arguments, numpy.random.default_rng(0)))
    record.write_batches(folder / "batches.npz", batches)
    (folder / "trace.json").write_text(json.dumps(training.description))

    def step(index):
        loss, _ = training.gradients(batches[index])
        training.update()
        return {"loss": loss.item()}

    answer_steps(step)


def main():
    options = parse_arguments()
    if options.pairs < 2:
        sys.exit("error: --pairs must be 2 or more")
    if options.peer_folder:
        return run_peer(options)
    with tempfile.TemporaryDirectory() as folder:
        peer = Worker([options.python, __file__, *sys.argv[1:], "--peer-folder", folder])
        peer.answer()
        ours = Worker([str(options.worker), folder, str(options.threads)])
        pairs = []
        for index in range(options.pairs + 1):
            pairs.append((peer.step(index), ours.step(index)))
            print(f"{index}: upstream {pairs[-1][0]['seconds']:.2f} s, ours {pairs[-1][1]['seconds']:.2f} s",
                  file=sys.stderr)
        peer.end()
        ours.end()
    later = pairs[1:]
    print(json.dumps({
        "threads": options.threads, "batch": options.batch, "seq_len": options.side ** 2, "pairs": options.pairs,
        "ratio": spread([p["seconds"] / o["seconds"] for p, o in later]),
        "ratio_processor_time": spread([processor_seconds(p) / processor_seconds(o) for p, o in later]),
        "memory_ratio": round(pairs[-1][0]["peak_mb"] / pairs[-1][1]["peak_mb"], 2),
        "largest_relative_loss_deviation": max(abs(o["loss"] / p["loss"] - 1) for p, o in pairs),
        "upstream": half_report([p for p, _ in pairs]), "ours": half_report([o for _, o in pairs])}, indent=1))


if __name__ == "__main__":
    main()
