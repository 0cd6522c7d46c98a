"""Records a training trace of upstream's TRM for trm_parity.

    python tests/reference/trm/record.py --upstream PATH --out DIR [--data sudoku|arc] [--batch N] [--steps N]
        [--puzzles N] [--seed N] [--set KEY=VALUE ...] [--loss-type NAME] [--lr X] [--final]

PATH is a TinyRecursiveModels clone (e7b6871); python needs torch 2.11.0, numpy, einops and pydantic. DIR receives

    init.pt       torch.save of the state dict, keys prefixed with `_orig_mod.` as a compiled model has them
    batches.npz   inputs_i, labels_i (-100 where ignored) and puzzle_identifiers_i of step i
    trace.json    architecture, optimizer settings, and per step loss, metrics, halted flags, step counters and gradient
                  norms; at the end the norm of every tensor
    final.pt      with --final, the tensors after the last step

The data are made up: Sudoku grids of one shared puzzle id, or ARC-like grids (padding 0, end of sequence 1, colours from
2) of many. Exploration is off, so no random number enters. The optimizers are upstream's sparse SignSGD and AdamATan2
written out: p *= 1 - lr wd;  m = lerp(m, g, 1 - b1);  v = lerp(v, g g, 1 - b2);
p -= lr / (1 - b1^t) atan2(m, sqrt(v) / sqrt(1 - b2^t)).

Two of upstream's options cannot run there as they are, and are mended here without changing their meaning:
no_ACT_continue=False unpacks five values from a model that returns three, and softmax_cross_entropy does not take the
valid_mask that it is given, nor the logits of a model with a puzzle embedding, which are a view.
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch

DEFAULTS = dict(halt_exploration_prob=0.0, halt_max_steps=4, H_cycles=2, L_cycles=2, H_layers=0, L_layers=2,
                hidden_size=64, num_heads=2, expansion=4, puzzle_emb_ndim=64, pos_encodings="rope",
                forward_dtype="float32", mlp_t=False, puzzle_emb_len=4, no_ACT_continue=True)


def sudoku_batch(rng, batch, side=9):
    """A pattern grid with its digits, rows and columns permuted; tokens 1 (empty) to side + 1, as upstream's builder."""
    box = int(side ** 0.5)
    base = (np.arange(side)[:, None] * box + np.arange(side)[:, None] // box + np.arange(side)[None, :]) % side
    inputs, labels = [], []
    for _ in range(batch):
        grid = rng.permutation(side)[base][rng.permutation(side)][:, rng.permutation(side)] + 2
        inputs.append(np.where(rng.random((side, side)) < 0.4, grid, 1).ravel())
        labels.append(grid.ravel())
    return np.stack(inputs), np.stack(labels)


def arc_batch(rng, batch, side):
    """Rectangles of random colours in a side x side frame; the answer is the mirrored rectangle, padding is ignored."""
    inputs, labels = np.zeros((batch, side, side), int), np.zeros((batch, side, side), int)
    for i in range(batch):
        height, width = rng.integers(2, side, 2)
        grid = rng.integers(0, 4, (height, width)) * (rng.random((height, width)) < 0.5) + 2
        for target, content in ((inputs, grid), (labels, grid[:, ::-1])):
            target[i, :height, :width] = content
            target[i, height, :width] = 1
            target[i, :height, width] = 1
    labels[labels == 0] = -100
    return inputs.reshape(batch, -1), labels.reshape(batch, -1)


def make_batches(args, rng):
    for _ in range(args.steps):
        inputs, labels = (sudoku_batch(rng, args.batch, args.side) if args.data == "sudoku" else
                          arc_batch(rng, args.batch, args.side))
        ids = rng.integers(0 if args.puzzles == 1 else 1, args.puzzles, args.batch)
        yield {"inputs": inputs.astype(np.int32), "labels": labels.astype(np.int32),
               "puzzle_identifiers": ids.astype(np.int32)}


def mend(model):
    """Lets the two options run that upstream's code trips over."""
    head, act = model, model.model
    if head.loss_fn.__name__ == "softmax_cross_entropy":
        plain = head.loss_fn
        head.loss_fn = lambda logits, labels, ignore_index, valid_mask: plain(logits.contiguous(), labels, ignore_index)
    if not act.config.no_ACT_continue:
        forward = act.inner.forward
        # The second call, for the target of the continue head, is the one without gradient.
        act.inner.forward = lambda *a: forward(*a) if torch.is_grad_enabled() else forward(*a) + (None, None)


class AdamATan2:
    def __init__(self, parameters, lr, betas, weight_decay):
        self.lr, self.betas, self.weight_decay, self.step_count = lr, betas, weight_decay, 0
        self.state = [(p, torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]

    @torch.no_grad()
    def step(self):
        self.step_count += 1
        correction1, correction2 = (1 - beta ** self.step_count for beta in self.betas)
        for p, m, v in self.state:
            p.mul_(1 - self.lr * self.weight_decay)
            m.lerp_(p.grad, 1 - self.betas[0])
            v.lerp_(p.grad * p.grad, 1 - self.betas[1])
            p.add_(torch.atan2(m, v.sqrt() / correction2 ** 0.5), alpha=-self.lr / correction1)
            p.grad = None


def parse_value(text):
    try:
        return json.loads(text.lower() if text in ("True", "False") else text)
    except json.JSONDecodeError:
        return text


def norm(tensor):
    return tensor.detach().double().norm().item()


def make_parser():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--data", choices=("sudoku", "arc"), default="sudoku")
    parser.add_argument("--side", type=int, default=9, help="grid side (sudoku: a square number)")
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--puzzles", type=int, default=1, help="number of puzzle identifiers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="keys of the architecture")
    parser.add_argument("--loss-type", default="stablemax_cross_entropy")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--puzzle-emb-lr", type=float, default=1e-2)
    parser.add_argument("--weight-decay", type=float, default=0.1)
    parser.add_argument("--final", action="store_true")
    return parser


class Training:
    """Upstream's model and optimizers, and what trace.json says of them."""

    def __init__(self, args):
        sys.path.insert(0, args.upstream)
        from models.losses import ACTLossHead
        from models.recursive_reasoning.trm import TinyRecursiveReasoningModel_ACTV1
        from models.sparse_embedding import CastedSparseEmbeddingSignSGD_Distributed

        config = dict(DEFAULTS, **{key: parse_value(value) for key, value in (item.split("=", 1) for item in args.set)})
        shape = dict(seq_len=args.side ** 2, vocab_size=args.side + 2 if args.data == "sudoku" else 12,
                     num_puzzle_identifiers=args.puzzles)
        betas = [0.9, 0.95]
        self.description = {
            "arch": "trm", "config": config, "loss": {"loss_type": args.loss_type}, "batch": args.batch, "lr": args.lr,
            "puzzle_emb_lr": args.puzzle_emb_lr, "weight_decay": args.weight_decay, "betas": betas, **shape,
            "recorded_with": {"torch": torch.__version__, "threads": torch.get_num_threads(),
                              "cpu_capability": torch.backends.cpu.get_cpu_capability()}}
        torch.manual_seed(args.seed)
        self.model = ACTLossHead(TinyRecursiveReasoningModel_ACTV1(dict(config, batch_size=args.batch, **shape)),
                                 args.loss_type)
        mend(self.model)
        self.model.train()
        self.optimizers = [AdamATan2(list(self.model.parameters()), args.lr, betas, args.weight_decay)]
        if config["puzzle_emb_ndim"] > 0:
            self.optimizers.append(CastedSparseEmbeddingSignSGD_Distributed(
                self.model.model.puzzle_emb.buffers(), lr=args.puzzle_emb_lr, weight_decay=args.weight_decay,
                world_size=1))
        self.batch_size, self.carry = args.batch, None

    def state(self):
        return {f"_orig_mod.{name}": tensor.clone() for name, tensor in self.model.state_dict().items()}

    def gradients(self, batch):
        """Runs the model forward and backward; returns loss and metrics."""
        batch = {name: torch.from_numpy(values).to(torch.get_default_device()) for name, values in batch.items()}
        if self.carry is None:
            self.carry = self.model.initial_carry(batch)
        self.carry, loss, metrics, _, _ = self.model(carry=self.carry, batch=batch, return_keys=[])
        (loss / self.batch_size).backward()
        return loss, metrics

    def update(self):
        for optimizer in self.optimizers:
            optimizer.step()
        if len(self.optimizers) > 1:
            self.model.model.puzzle_emb.local_weights.grad = None


def write_batches(path, batches):
    np.savez_compressed(path, **{f"{name}_{index}": values for index, batch in enumerate(batches)
                                 for name, values in batch.items()})


def main():
    args = make_parser().parse_args()
    training = Training(args)
    args.out.mkdir(parents=True, exist_ok=True)
    torch.save(training.state(), args.out / "init.pt")
    batches = list(make_batches(args, np.random.default_rng(args.seed)))
    trace = []
    for index, batch in enumerate(batches):
        loss, metrics = training.gradients(batch)
        trace.append({"step": index + 1, "loss": loss.item(),
                      "metrics": {name: float(value) for name, value in metrics.items()},
                      "halted": training.carry.halted.tolist(), "steps": training.carry.steps.tolist(),
                      "grad_norm": {name: norm(p.grad) for name, p in training.model.named_parameters()}})
        training.update()
    if args.final:
        torch.save(training.state(), args.out / "final.pt")
    write_batches(args.out / "batches.npz", batches)
    (args.out / "trace.json").write_text(json.dumps({
        **training.description, "trace": trace,
        "final_norm": {name: norm(tensor) for name, tensor in training.model.state_dict().items()}}, indent=1))


if __name__ == "__main__":
    main()
