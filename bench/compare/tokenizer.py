#!/usr/bin/env python3
"""Tokenizer speed: rustbpe and tiktoken against this project, alternating in one run, on the same documents.

Each repeat runs the peer and then this project's tokenizer_worker, both with the text already in memory, and the
results are compared: merges and token ids must be identical. Prints one JSON object: seconds, ratios (peer's seconds
divided by ours, of each alternation) with their median, lowest and highest.

    pip install rustbpe==0.1.0 tiktoken==0.14.0
    python3 bench/compare/tokenizer.py --worker build/cpu/bin/tokenizer_worker
"""
import argparse
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPECIAL_TOKENS = 9
PATTERN = json.loads((ROOT / "tests/reference/tokenizer/meta.json").read_text())["pattern"]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", default=ROOT / "build/cpu/bin/tokenizer_worker", help="this project's program")
    parser.add_argument("--text", default=ROOT / "tests/reference/tokenizer/kjv.jsonl.gz", type=pathlib.Path,
                        help="JSONL file with a text column, .gz or not (default: the King James Bible)")
    parser.add_argument("--vocab-size", type=int, default=8192, help="special tokens included (default: 8192)")
    parser.add_argument("--threads", type=int, default=1, help="for training and batch encoding (default: 1)")
    parser.add_argument("--repeats", type=int, default=5, help="alternations (default: 5)")
    return parser.parse_args()


def read_documents(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="\n") as lines:
        return [json.loads(line)["text"] for line in lines]


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def train_peer(rustbpe, documents, vocab_size):
    tokenizer = rustbpe.Tokenizer()
    tokenizer.train_from_iterator(iter(documents), vocab_size - SPECIAL_TOKENS, pattern=PATTERN)
    return tokenizer


def run_worker(worker, task, documents_file, argument, threads, out):
    command = [worker, task, documents_file, str(argument), str(threads), out]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def summary(peer, ours, megabytes):
    ratios = [p / o for p, o in zip(peer, ours)]
    return {
        "peer_seconds": [round(s, 4) for s in peer],
        "our_seconds": [round(s, 4) for s in ours],
        "peer_mb_per_s": round(megabytes / statistics.median(peer), 1),
        "our_mb_per_s": round(megabytes / statistics.median(ours), 1),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_lowest": round(min(ratios), 2),
        "ratio_highest": round(max(ratios), 2),
    }


def compare_training(options, rustbpe, documents, files):
    peer, ours = [], []
    for _ in range(options.repeats):
        seconds, tokenizer = timed(lambda: train_peer(rustbpe, documents, options.vocab_size))
        peer.append(seconds)
        ours.append(run_worker(options.worker, "train", files["documents"], options.vocab_size, options.threads,
                               files["ranks"]))
    import base64
    ranks = {bytes(token): rank for token, rank in tokenizer.get_mergeable_ranks()}
    expected = "".join(f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in ranks.items())
    if pathlib.Path(files["ranks"]).read_text() != expected:
        sys.exit("error: rustbpe and this project learned different merges")
    return ranks, peer, ours


def compare_encoding(options, encoding, documents, files, threads):
    import array
    peer, ours = [], []
    for _ in range(options.repeats):
        if threads == 1:
            seconds, rows = timed(lambda: [encoding.encode_ordinary(document) for document in documents])
        else:
            seconds, rows = timed(lambda: encoding.encode_ordinary_batch(documents, num_threads=threads))
        peer.append(seconds)
        ours.append(run_worker(options.worker, "encode", files["documents"], files["ranks"], threads, files["ids"]))
    ids = array.array("i", pathlib.Path(files["ids"]).read_bytes())
    if ids != array.array("i", [token for row in rows for token in row]):
        sys.exit("error: tiktoken and this project made different tokens")
    return peer, ours


def main():
    options = parse_arguments()
    os.environ["RAYON_NUM_THREADS"] = str(options.threads)  # before rustbpe starts its threads
    import rustbpe
    import tiktoken

    documents = read_documents(options.text)
    megabytes = sum(len(document.encode()) for document in documents) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        files = {name: os.path.join(folder, name) for name in ("documents", "ranks", "ids")}
        files["documents"] += ".jsonl"
        with open(files["documents"], "w", encoding="utf-8") as out:
            out.writelines(json.dumps({"text": document}, ensure_ascii=False) + "\n" for document in documents)
        ranks, *training = compare_training(options, rustbpe, documents, files)
        encoding = tiktoken.Encoding("compared", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
        report = {
            "text": options.text.name, "megabytes": round(megabytes, 2), "vocab_size": options.vocab_size,
            "threads": options.threads, "repeats": options.repeats, "identical_merges_and_tokens": True,
            f"train_{options.threads}_threads": summary(*training, megabytes),
            "encode_1_thread": summary(*compare_encoding(options, encoding, documents, files, 1), megabytes),
        }
        if options.threads > 1:
            batch = compare_encoding(options, encoding, documents, files, options.threads)
            report[f"encode_{options.threads}_threads"] = summary(*batch, megabytes)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
