#!/usr/bin/env python3
"""Records nanochat's own base_train.py of October 2025 training a tiny model: start.pt, tokens.npy, trace.json.

    python3 -O record_recipe.py --upstream NANOCHAT_OF_OCTOBER_2025 --out DIR

NANOCHAT_OF_OCTOBER_2025 is a checkout of https://github.com/karpathy/nanochat at commit dfc8833. The script itself runs
from its first line to its last, with all its defaults but those in FLAGS; only what surrounds it is replaced: data,
tokenizer, evaluation, checkpoints and logging. Everything runs on the CPU in float32, uncompiled; the casts to bfloat16
are taken out (-O turns off the assertion that they are there). Needs torch and numpy.
"""
import argparse
import json
import os
import runpy
import sys
import types

os.environ["TORCHDYNAMO_DISABLE"] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402

VOCABULARY = 128
STEPS, ACCUMULATION, ROWS, TOKENS = 12, 2, 2, 16
FLAGS = ["--depth=1", f"--num_iterations={STEPS}", f"--max_seq_len={TOKENS}", f"--device_batch_size={ROWS}",
         f"--total_batch_size={ACCUMULATION * ROWS * TOKENS}", "--core_metric_every=-1", "--device_type=cpu"]


class Recorder:
    """What the stand-ins hand out and take down."""

    def __init__(self, out):
        self.out = out
        generator = np.random.Generator(np.random.PCG64(0))
        shape = (STEPS, ACCUMULATION, ROWS, TOKENS + 1)
        self.tokens = generator.integers(0, VOCABULARY, shape, dtype=np.int16)
        self.trace = []
        self.model = None
        self.losses = []
        self.optimizers = []

    def batches(self, *_, split, **__):
        for tokens in self.tokens.reshape(-1, ROWS, TOKENS + 1) if split == "train" else []:
            batch = torch.from_numpy(tokens.astype(np.int64))
            yield batch[:, :-1].contiguous(), batch[:, 1:].contiguous()
        while True:  # the script draws one batch more than it trains on
            yield None, None

    def watch_model(self, gpt):
        recorder, build, forward = self, gpt.GPT.setup_optimizers, gpt.GPT.forward

        def setup_optimizers(model, **rates):
            recorder.model = model
            torch.save(model.state_dict(), os.path.join(recorder.out, "start.pt"))
            recorder.optimizers = build(model, **rates)
            return recorder.optimizers

        def watched_forward(model, *arguments, **options):
            loss = forward(model, *arguments, **options)
            recorder.losses.append(loss.item())
            return loss

        gpt.GPT.setup_optimizers, gpt.GPT.forward = setup_optimizers, watched_forward

    def watch_clipping(self):
        clip = torch.nn.utils.clip_grad_norm_

        def clip_grad_norm_(parameters, max_norm):
            norm = clip(parameters, max_norm)
            self.trace.append(dict(losses=self.losses, grad_norm=norm.item(), max_norm=max_norm))
            self.losses = []
            return norm

        torch.nn.utils.clip_grad_norm_ = clip_grad_norm_

    def watch_rates(self):
        """Muon steps last."""
        from nanochat.muon import Muon

        step = Muon.step

        def watched_step(optimizer):
            adamw, muon = self.optimizers
            groups = [*adamw.param_groups, muon.param_groups[0]]
            self.trace[-1].update(lr=[group["lr"] for group in groups], momentum=groups[-1]["momentum"])
            step(optimizer)
            names = {name: p.detach().double().norm().item() for name, p in self.model.named_parameters()}
            self.trace[-1].update(weight_norm=names)

        Muon.step = watched_step


def module(name, **contents):
    sys.modules[name] = types.ModuleType(name)
    for key, value in contents.items():
        setattr(sys.modules[name], key, value)


def nothing(*_, **__):
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    out = os.path.abspath(args.out)
    os.makedirs(out, exist_ok=True)
    os.chdir(args.upstream)
    sys.path.insert(0, os.getcwd())

    torch.Tensor.bfloat16 = lambda self: self
    torch.set_num_threads(1)
    recorder = Recorder(out)
    sample = types.SimpleNamespace(generate_batch=lambda *_, **__: ([[]], []))
    tokenizer = type("Tokenizer", (), {"get_vocab_size": lambda self: VOCABULARY, "decode": lambda self, ids: "",
                                       "__call__": lambda self, *_, **__: []})()
    module("wandb", init=nothing)
    module("nanochat.dataloader", tokenizing_distributed_data_loader=recorder.batches)
    module("nanochat.tokenizer", get_tokenizer=lambda: tokenizer, get_token_bytes=nothing)
    module("nanochat.checkpoint_manager", save_checkpoint=nothing)
    module("nanochat.loss_eval", evaluate_bpb=lambda *_: 1.0)
    module("nanochat.engine", Engine=lambda *_: sample)
    module("nanochat.report", get_report=lambda: types.SimpleNamespace(log=nothing))
    module("scripts.base_eval", evaluate_model=nothing)
    import nanochat.gpt

    recorder.watch_model(nanochat.gpt)
    recorder.watch_clipping()
    recorder.watch_rates()
    sys.argv = ["base_train.py", *FLAGS]
    runpy.run_path("scripts/base_train.py", run_name="__main__")

    np.save(os.path.join(out, "tokens.npy"), recorder.tokens)
    with open(os.path.join(out, "trace.json"), "w", encoding="utf-8") as file:
        json.dump(dict(flags=FLAGS, vocab_size=VOCABULARY, trace=recorder.trace), file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
