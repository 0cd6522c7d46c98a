#!/usr/bin/env python3
"""Records a short training run of nanochat, for gpt_parity and the tests: init.pt, final.pt, tokens.npy, trace.json.

    python3 -O record.py --upstream NANOCHAT --out DIR [--release 2025_10] [--n-layer 2 ...]

NANOCHAT is a checkout of https://github.com/karpathy/nanochat: commit 92d63d4, or dfc8833 with --release 2025_10 (its
state in October 2025). Everything runs on the CPU in float32, uncompiled; the casts to bfloat16 of the old release are
taken out (-O turns off its assertion that they are there). Needs torch and numpy. Weights that start at zero get small
random values, so that every path of the model counts.
"""
import argparse
import json
import os
import sys

os.environ["TORCHDYNAMO_DISABLE"] = "1"
os.environ["NANOCHAT_DTYPE"] = "float32"

import numpy as np  # noqa: E402
import torch  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", required=True, help="checkout of nanochat")
    parser.add_argument("--out", required=True, help="folder to make")
    parser.add_argument("--release", choices=["2025_10", "present"], default="present")
    parser.add_argument("--sequence-len", type=int, default=256)
    parser.add_argument("--vocab-size", type=int, default=200)
    parser.add_argument("--n-layer", type=int, default=2)
    parser.add_argument("--n-head", type=int, default=2)
    parser.add_argument("--n-kv-head", type=int, default=2)
    parser.add_argument("--n-embd", type=int, default=32)
    parser.add_argument("--window-pattern", default="SSSL")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=160)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--weight-decay", type=float, default=0.1, help="Muon's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint-at", type=int, help="write a checkpoint as nanochat does after this many steps")
    parser.add_argument("--ranks", type=int, default=1, help="processes, all with the same batches (present release)")
    parser.add_argument("--no-final", action="store_true", help="leave final.pt out: norms only")
    return parser.parse_args()


def build(args):
    import nanochat.gpt as gpt

    config = dict(sequence_len=args.sequence_len, vocab_size=args.vocab_size, n_layer=args.n_layer,
                  n_head=args.n_head, n_kv_head=args.n_kv_head, n_embd=args.n_embd)
    if args.release == "present":
        config["window_pattern"] = args.window_pattern
    model = gpt.GPT(gpt.GPTConfig(**config))
    model.init_weights()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not parameter.any():
                parameter.normal_(0, 0.5 if parameter.numel() == 1 else 0.02)
    return model, config


RATES = dict(embedding_lr=0.2, unembedding_lr=0.004, matrix_lr=0.02, scalar_lr=0.5)


def optimizers(model, args):
    if args.release == "present":
        return [model.setup_optimizer(weight_decay=args.weight_decay, **RATES)]
    rates = {name: RATES[name] for name in ("embedding_lr", "unembedding_lr", "matrix_lr")}
    return model.setup_optimizers(weight_decay=0.0, **rates)


def describe_groups(optimizer_list):
    """The groups as gpt_parity reads them: kind, rates, n parameters."""
    groups = []
    for optimizer in optimizer_list:
        for group in optimizer.param_groups:
            if "kind" not in group:  # the old release has an optimizer per kind
                kind = "muon" if "momentum" in group else "adamw"
                group = dict(group, kind=kind)
                if kind == "muon":
                    group.update(beta2=0.9, weight_decay=0.0)  # beta2 is not used there
            keys = ("kind", "lr", "betas", "eps", "momentum", "ns_steps", "beta2", "weight_decay")
            groups.append({**{key: group[key] for key in keys if key in group}, "n": len(group["params"])})
    return groups


# What of the present model and optimizer the first release did not have.
OLD_PARTS = dict(window_pattern="L", rope_base=10000.0, qk_scale=1.0, pad_vocab_to=1, value_embeds=False,
                 resid_lambdas=False, x0_lambdas=False, smear=False, backout=False)
OLD_OPTIMIZER = dict(orthogonalization="newton_schulz", equilibrate=False, renormalize=False, reduce_variance=False,
                     unembedding_beta2=0.95, unembedding_weight_decay=0.0, embedding_beta2=0.95,
                     embedding_weight_decay=0.0)


def save_checkpoint(args, rank, step, model, config, optimizer):
    """The files of nanochat's checkpoint_manager.save_checkpoint."""
    if rank == 0:
        torch.save(model.state_dict(), os.path.join(args.out, f"model_{step:06d}.pt"))
        meta = dict(step=step, val_bpb=1.5, model_config=config, total_batch_size=args.batch * args.tokens,
                    dataloader_state_dict=dict(pq_idx=0, rg_idx=0, epoch=1),
                    loop_state=dict(min_val_bpb=1.25, smooth_train_loss=2.0, total_training_time=0.0))
        with open(os.path.join(args.out, f"meta_{step:06d}.json"), "w", encoding="utf-8") as file:
            json.dump(meta, file, indent=2)
    torch.save(optimizer.state_dict(), os.path.join(args.out, f"optim_{step:06d}_rank{rank}.pt"))


def main():
    args = arguments()
    sys.path.insert(0, args.upstream)
    if args.ranks > 1:
        torch.multiprocessing.spawn(join_and_record, (args,), nprocs=args.ranks)
    else:
        record(0, args)


class Done:
    """A finished asynchronous operation, as nanochat's optimizer waits for it."""

    def get_future(self):
        return self

    def wait(self):
        return None


def use_plain_collectives():
    """gloo has neither averages nor futures: the same exchange by what it has."""
    dist = torch.distributed
    add_up = dist.all_reduce

    def all_reduce(tensor, **_):
        add_up(tensor)
        tensor /= dist.get_world_size()
        return Done()

    def reduce_scatter_tensor(output, tensor, **_):
        all_reduce(tensor)
        output.copy_(tensor.chunk(dist.get_world_size())[dist.get_rank()])
        return Done()

    def all_gather_into_tensor(output, tensor, **_):
        dist.all_gather(list(output.detach().chunk(dist.get_world_size())), tensor.detach().clone())
        return Done()

    dist.all_reduce, dist.reduce_scatter_tensor = all_reduce, reduce_scatter_tensor
    dist.all_gather_into_tensor = all_gather_into_tensor


def join_and_record(rank, args):
    sys.path.insert(0, args.upstream)
    use_plain_collectives()
    store = f"file://{os.path.abspath(args.out)}.store"
    torch.distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=args.ranks)
    record(rank, args)
    torch.distributed.destroy_process_group()


def record(rank, args):
    if args.release == "2025_10":
        torch.Tensor.bfloat16 = lambda self: self
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    model, config = build(args)
    optimizer_list = optimizers(model, args)
    os.makedirs(args.out, exist_ok=True)
    if rank == 0:
        torch.save(model.state_dict(), os.path.join(args.out, "init.pt"))

    generator = np.random.Generator(np.random.PCG64(args.seed))
    tokens = generator.integers(0, args.vocab_size, (args.steps, args.batch, args.tokens + 1), dtype=np.int16)
    if rank == 0:
        np.save(os.path.join(args.out, "tokens.npy"), tokens)

    groups = describe_groups(optimizer_list)
    trace = []
    for step in range(args.steps):
        batch = torch.from_numpy(tokens[step].astype(np.int64))
        loss = model(batch[:, :-1].contiguous(), batch[:, 1:].contiguous())
        loss.backward()
        norms = {name: p.grad.double().norm().item() for name, p in model.named_parameters()}
        trace.append(dict(step=step + 1, loss=loss.item(), grad_norm=norms))
        for optimizer in optimizer_list:
            optimizer.step()
        model.zero_grad(set_to_none=True)
        if step + 1 == args.checkpoint_at:
            save_checkpoint(args, rank, step + 1, model, config, optimizer_list[0])

    if rank != 0:
        return
    document = dict(config=config, rates=RATES, groups=groups, trace=trace,
                    final_norm={name: p.detach().double().norm().item() for name, p in model.named_parameters()})
    if args.release == "2025_10":
        document["config"] = {**config, **OLD_PARTS}
        document["optimizer"] = OLD_OPTIMIZER
    with open(os.path.join(args.out, "trace.json"), "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
    if not args.no_final:
        torch.save(model.state_dict(), os.path.join(args.out, "final.pt"))


if __name__ == "__main__":
    main()
