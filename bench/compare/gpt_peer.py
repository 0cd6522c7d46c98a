"""nanochat's half of the comparisons: its model and optimizer by tests/reference/gpt/record.py, and the folder that this
project's workers read (init.pt, tokens.npy, trace.json)."""
import argparse
import contextlib
import importlib.util
import json
import os
import pathlib
import sys

from alternate import ROOT


def add_size_options(parser):
    """Of nanochat's depth 4 on a CPU, where nothing else is said."""
    parser.add_argument("--upstream", required=True, help="nanochat checkout")
    parser.add_argument("--python", default=sys.executable, help="interpreter that can run it")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int, default=2, help="of 128 channels each (default: 2)")
    parser.add_argument("--vocab-size", type=int, default=32768)
    parser.add_argument("--sequence-len", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2, help="of each program (default: 2)")


class Peer:
    """Writes options.peer_folder. tokens: [steps, batch, sequence_len + 1]."""

    def __init__(self, options, steps, compiled):
        record = self._load_record(compiled)
        import numpy
        import torch

        torch.set_num_threads(options.threads)
        torch.manual_seed(0)
        sys.path.insert(0, options.upstream)
        arguments = argparse.Namespace(
            release="present", sequence_len=options.sequence_len, vocab_size=options.vocab_size,
            n_layer=options.layers, n_head=options.heads, n_kv_head=options.heads, n_embd=128 * options.heads,
            window_pattern="SSSL", weight_decay=0.1)
        with contextlib.redirect_stdout(sys.stderr):  # upstream's messages
            self.model, config = record.build(arguments)
            self.optimizer, = record.optimizers(self.model, arguments)
        folder = pathlib.Path(options.peer_folder)
        torch.save(self.model.state_dict(), folder / "init.pt")
        self.tokens = numpy.random.default_rng(0).integers(
            0, options.vocab_size, (steps, options.batch, options.sequence_len + 1), dtype=numpy.int32)
        numpy.save(folder / "tokens.npy", self.tokens)
        description = dict(config=config, rates=record.RATES, groups=record.describe_groups([self.optimizer]),
                           trace=[{}] * steps)
        (folder / "trace.json").write_text(json.dumps(description))

    @staticmethod
    def _load_record(compiled):
        """The module switches compilation off."""
        spec = importlib.util.spec_from_file_location("record", ROOT / "tests/reference/gpt/record.py")
        record = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(record)
        if compiled:
            os.environ.pop("TORCHDYNAMO_DISABLE")  # torch has not looked at it yet
        return record
