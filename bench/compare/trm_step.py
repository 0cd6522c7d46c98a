#!/usr/bin/env python3
"""TRM training step: upstream's Python against this engine, alternating on the same weights and batches.

Both stay loaded and take turns, a step each: forward and backward pass, AdamATan2 and the sparse SignSGD. The first
pair is a warm-up whose times are reported apart. Upstream's adam-atan2 package has no CPU build; its formula, tensor by
tensor, stands in for it (tests/reference/trm/record.py). Prints one JSON object: seconds, the ratio upstream / ours of
each pair (median and quartiles; also of processor time, which other programs on the machine disturb less), the peak of
resident memory, and the first step's time over the median of the later ones.

    python3 bench/compare/trm_step.py --upstream PATH --python EXE [--pairs 5]
    python3 bench/compare/trm_step.py ... --device cuda [--compile] --batch 96 --set forward_dtype=bfloat16

PATH is a TinyRecursiveModels clone (e7b6871); EXE has torch 2.11.0, numpy, einops and pydantic. On a GPU the peak is
that of its memory, and --compile compiles upstream's model, as its pretrain.py does.
"""
import argparse
import importlib.util
import json
import pathlib
import sys

from alternate import ROOT, add_turn_options, answer_steps, steps_report, take_turns, tell_seconds

FULL_SIZE = ("hidden_size=512", "L_layers=2", "H_cycles=3", "L_cycles=6", "num_heads=8", "expansion=4",
             "puzzle_emb_ndim=512", "puzzle_emb_len=16", "halt_max_steps=16")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", required=True, help="TinyRecursiveModels clone")
    parser.add_argument("--python", default=sys.executable, help="interpreter that can run it")
    add_turn_options(parser, "trm_step_worker", pairs=5)
    parser.add_argument("--threads", type=int, default=2, help="of each (default: 2)")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--side", type=int, default=30, help="grid side; seq_len is its square (default: 30)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--compile", action="store_true", help="upstream's model under torch.compile")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="other keys of the architecture")
    return parser.parse_args()


def run_peer(options):
    """Upstream's half: writes the folder with weights and batches, then does a step for every line of stdin."""
    import numpy
    import torch

    torch.set_num_threads(options.threads)
    torch.set_default_device(options.device)
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
    if options.compile:
        training.model = torch.compile(training.model, dynamic=False)
    batches = list(record.make_batches(arguments, numpy.random.default_rng(0)))
    record.write_batches(folder / "batches.npz", batches)
    (folder / "trace.json").write_text(json.dumps(training.description))

    def step(index):
        loss, _ = training.gradients(batches[index])
        training.update()
        result = {"loss": loss.item()}
        if options.device == "cuda":
            torch.cuda.synchronize()
            result["peak_mb"] = torch.cuda.max_memory_allocated() / 1e6
        return result

    answer_steps(step)


def main():
    options = parse_arguments()
    if options.peer_folder:
        return run_peer(options)
    pairs = take_turns(options, [options.device], on_pair=tell_seconds)
    print(json.dumps({
        "device": options.device, "upstream_compiled": options.compile, "threads": options.threads,
        "batch": options.batch, "seq_len": options.side ** 2, "pairs": options.pairs,
        **steps_report(pairs)}, indent=1))


if __name__ == "__main__":
    main()
