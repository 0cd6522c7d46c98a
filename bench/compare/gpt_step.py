#!/usr/bin/env python3
"""GPT training step: nanochat's Python against this engine, alternating on the same weights and batches.

Both stay loaded and take turns, a step each: forward and backward pass and the whole optimizer, Muon and AdamW. The
size is that of nanochat's depth 4 on a CPU. The first pair is a warm-up, reported apart. Prints one JSON object:
seconds, the ratio upstream / ours of each pair (median and quartiles; also of processor time, which other programs on
the machine disturb less), and the peak of resident memory. Ends with an error when the losses part.

    python3 bench/compare/gpt_step.py --upstream PATH --python EXE [--compile] [--pairs 10]

PATH is a nanochat checkout (92d63d4); EXE has torch 2.11.0 and numpy. Without --compile nothing of upstream is
compiled; with it model and optimizer are, as in its base_train.
"""
import argparse
import json
import sys

import gpt_peer
from alternate import add_turn_options, answer_steps, loss_deviation, steps_report, take_turns, tell_seconds

LARGEST_LOSS_DEVIATION = 1e-4  # relative; both are float32 and part slowly, as the rounding errors add up


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compile", action="store_true", help="upstream under torch.compile")
    add_turn_options(parser, "gpt_step_worker", pairs=10)
    gpt_peer.add_size_options(parser)
    return parser.parse_args()


def run_peer(options):
    """Upstream's half: writes the folder with weights and batches, then does a step for every line of stdin."""
    peer = gpt_peer.Peer(options, steps=options.pairs + 1, compiled=options.compile)
    import torch  # not before the peer has settled what is compiled

    model, optimizer = peer.model, peer.optimizer
    forward = torch.compile(model, dynamic=False) if options.compile else model

    def step(index):
        batch = torch.from_numpy(peer.tokens[index].astype("int64"))
        loss = forward(batch[:, :-1].contiguous(), batch[:, 1:].contiguous())
        loss.backward()
        optimizer.step()
        model.zero_grad(set_to_none=True)
        return {"loss": loss.item()}

    answer_steps(step)


def main():
    options = parse_arguments()
    if options.peer_folder:
        return run_peer(options)
    pairs = take_turns(options, on_pair=tell_seconds)
    if not loss_deviation(pairs) <= LARGEST_LOSS_DEVIATION:
        sys.exit(f"error: the losses part by {loss_deviation(pairs):.1e}")
    print(json.dumps({
        "upstream_compiled": options.compile, "threads": options.threads, "batch": options.batch,
        "sequence_len": options.sequence_len, "pairs": options.pairs,
        "losses": [pairs[0][1]["loss"], pairs[-1][1]["loss"]], **steps_report(pairs)}, indent=1))


if __name__ == "__main__":
    main()
