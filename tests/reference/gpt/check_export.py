#!/usr/bin/env python3
"""Loads a checkpoint that Tern exported with nanochat's own loader, and takes one optimizer step with it.

    python3 check_export.py --upstream NANOCHAT FOLDER STEP     (nanochat commit 92d63d4, on a CPU)
"""
import argparse
import os
import sys
import types

os.environ["TORCHDYNAMO_DISABLE"] = "1"
os.environ["NANOCHAT_DTYPE"] = "float32"

import torch  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--upstream", required=True)
parser.add_argument("folder")
parser.add_argument("step", type=int)
args = parser.parse_args()
sys.path.insert(0, args.upstream)

# The loader asks the tokenizer for its vocabulary only; nanochat's own needs packages that have no part in this.
tokenizer = types.ModuleType("nanochat.tokenizer")
tokenizer.get_tokenizer = lambda: types.SimpleNamespace(get_vocab_size=lambda: vocabulary)
sys.modules["nanochat.tokenizer"] = tokenizer

import nanochat.checkpoint_manager as manager  # noqa: E402

device = torch.device("cpu")
_, optimizer_data, meta = manager.load_checkpoint(args.folder, args.step, device, load_optimizer=True)
vocabulary = meta["model_config"]["vocab_size"]
model, _, _ = manager.build_model(args.folder, args.step, device, phase="train")
optimizer = model.setup_optimizer()
optimizer.load_state_dict(optimizer_data)
tokens = torch.arange(2 * 33).view(2, 33) % vocabulary
loss = model(tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous())
loss.backward()
optimizer.step()
steps = {state["step"] for state in optimizer.state.values() if "step" in state}
print(f"loss {loss.item():.6f}, optimizer after step {steps}")
