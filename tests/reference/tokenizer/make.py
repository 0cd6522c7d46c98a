#!/usr/bin/env python3
"""Records what rustbpe 0.1.0 and tiktoken 0.14.0 make of text that is hard to split: every boundary of the character
classes, letters of Unicode 15 and 16, all kinds of white space, contractions, long runs, ties between merges.

    pip install rustbpe==0.1.0 tiktoken==0.14.0
    python3 tests/reference/tokenizer/make.py

Writes hard.jsonl.gz, and for each entry of hard.json the ranks of its vocabulary and the tokens of all documents (16
bits each, documents joined).
"""
import base64
import gzip
import json
import pathlib
import random

import rustbpe
import tiktoken

HERE = pathlib.Path(__file__).resolve().parent
PATTERN = json.loads((HERE / "meta.json").read_text())["pattern"]
FRAGMENTS = ["a", "B", "é", "ß", "中", "文", "٣", "½", "Ⅷ", "_", "-", "  ", "\n", "\r\n", "\r", "\t", "\u00a0", "\u2003",
             "\u200b", "\u0085", "\u2028", "'s", "'LL", "'ſ", "'ve", "'RE", "'d", "'M", "'t", "’s", "😀", "e\u0301",
             "123456", "0", "!", "?!", "...", "\x1c", "\x0b", "\x0c", "\x00", "İ", "K", "ʼ", "Ω", "\ufeff", "\u180e",
             "\u00ad", "니", "한국", " '", " ", "   ", "the ", " and", "'", "\U00031350", "\U0001e4d0", "\U000105c0",
             "\u1c89", "\U00016130"]


def class_boundaries():
    bytes_only = {bytes([i]): i for i in range(256)}
    codes = []
    for pattern in (r"\p{L}", r"\p{N}", r"\s"):
        encoding = tiktoken.Encoding("class", pat_str=pattern, mergeable_ranks=bytes_only, special_tokens={})
        member = [not 0xD800 <= c < 0xE000 and bool(encoding.encode_ordinary(chr(c))) for c in range(0x110000)]
        for code in range(1, 0x110000):
            if member[code] != member[code - 1]:
                codes += [code - 1, code]
    return [chr(code) for code in codes if not 0xD800 <= code < 0xE000]


def documents():
    generator = random.Random(11)
    edges = class_boundaries()
    result = ["", " ", "".join(edges), " ".join(edges), "1".join(edges)]
    for _ in range(60):
        length = generator.choice([3, 30, 300])
        kind = generator.choice(["fragments", "edges", "both", "two", "run"])
        if kind == "fragments":
            result.append("".join(generator.choices(FRAGMENTS, k=length)))
        elif kind == "edges":
            result.append("".join(generator.choices(edges, k=length)))
        elif kind == "both":
            result.append("".join(generator.choices(FRAGMENTS + generator.sample(edges, 40), k=length)))
        elif kind == "two":  # many equally frequent pairs
            result.append("".join(generator.choices(generator.sample("ab é中\n1!", 2), k=length * 5)))
        else:
            result.append(generator.choice(["a", "ab", "é", "!", "=-", " ", "\n", "\t ", "abc"]) * length * 10)
    return result


def main():
    texts = documents()
    with gzip.GzipFile(HERE / "hard.jsonl.gz", "wb", mtime=0) as out:
        out.write("".join(json.dumps({"text": text}) + "\n" for text in texts).encode())
    cases = []
    for ranks_count in (256, 300, 1000, 6000):
        trainer = rustbpe.Tokenizer()
        trainer.train_from_iterator(iter(texts), ranks_count, pattern=PATTERN)
        ranks = {bytes(token): rank for token, rank in trainer.get_mergeable_ranks()}
        encoding = tiktoken.Encoding("hard", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
        lines = "".join(f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in ranks.items())
        tokens = [token for text in texts for token in encoding.encode_ordinary(text)]
        cases.append({"ranks": ranks_count, "found": len(ranks), "file": f"hard_{ranks_count}"})
        (HERE / f"hard_{ranks_count}.tiktoken.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
        with gzip.GzipFile(HERE / f"hard_{ranks_count}.u16.gz", "wb", mtime=0) as out:
            out.write(b"".join(token.to_bytes(2, "little") for token in tokens))
    (HERE / "hard.json").write_text(json.dumps(cases, indent=1) + "\n")


main()
