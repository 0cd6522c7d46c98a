#!/usr/bin/env python3
"""Greedy generation with a KV cache: nanochat's Engine against this engine, alternating on the same weights and prompts.

Both stay loaded and take turns, a text each, the prompt's pass included. The first pair is a warm-up. Prints one JSON
object: tokens per second, the ratio ours / upstream of each pair (median and quartiles), and the peak of resident
memory. In float32 the tokens must be the same; with another --decode-dtype of this engine, the part of the text is
reported that is.

    python3 bench/compare/gpt_decode.py --upstream PATH --python EXE [--decode-dtype float32|bf16|int8]

PATH is a nanochat checkout (92d63d4); EXE has torch 2.11.0 and numpy. Upstream is not compiled, as in its chat_cli.
"""
import argparse
import json
import sys
import types

import gpt_peer
from alternate import add_turn_options, answer_steps, spread, take_turns


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decode-dtype", default="float32", help="of this engine's matrices (default: float32)")
    add_turn_options(parser, "gpt_decode_worker", pairs=5)
    parser.add_argument("--prompt", type=int, default=32, help="tokens (default: 32)")
    parser.add_argument("--new", type=int, default=256, help="tokens generated (default: 256)")
    gpt_peer.add_size_options(parser)
    return parser.parse_args()


def run_peer(options):
    """Upstream's half: writes the folder with weights and prompts, then a text for every line of stdin."""
    # The engine asks its tokenizer for special tokens only, and imports a module that needs other packages.
    manager = types.ModuleType("nanochat.checkpoint_manager")
    manager.load_model = None
    peer = gpt_peer.Peer(options, steps=options.pairs + 1, compiled=False)
    sys.modules[manager.__name__] = manager
    from nanochat.engine import Engine

    no_token = -1  # random weights give special tokens no meaning: no text ends early
    tokenizer = types.SimpleNamespace(encode_special=lambda _: no_token, get_bos_token_id=lambda: no_token)
    peer.model.eval()
    engine = Engine(peer.model, tokenizer)

    def step(index):
        prompt = peer.tokens[index, 0, :options.prompt].tolist()
        columns = engine.generate(prompt, num_samples=1, max_tokens=options.new, temperature=0.0)
        return {"tokens": [column[0] for column, _ in columns]}

    answer_steps(step)


def same_part(a, b):
    """How much of a text comes before the first difference."""
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), len(a)) / len(a)


def main():
    options = parse_arguments()
    if options.peer_folder:
        return run_peer(options)
    pairs = take_turns(options, (options.prompt, options.new, options.decode_dtype))
    same = [same_part(p["tokens"], o["tokens"]) for p, o in pairs]
    if options.decode_dtype == "float32" and min(same) < 1:
        sys.exit(f"error: the texts part after {min(same):.0%}")
    later = pairs[1:]
    print(json.dumps({
        "decode_dtype": options.decode_dtype, "threads": options.threads, "prompt": options.prompt,
        "new": options.new, "pairs": options.pairs,
        "ratio": spread([p["seconds"] / o["seconds"] for p, o in later]),
        "upstream_tokens_per_s": spread([options.new / p["seconds"] for p, _ in later]),
        "our_tokens_per_s": spread([options.new / o["seconds"] for _, o in later]),
        "same_part_of_the_text": spread(same),
        "peak_mb": {"upstream": round(pairs[-1][0]["peak_mb"]), "ours": round(pairs[-1][1]["peak_mb"])}}, indent=1))


if __name__ == "__main__":
    main()
