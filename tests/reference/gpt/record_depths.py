#!/usr/bin/env python3
"""Records the width and the heads that nanochat's two base_train.py make of --depth 1 to 32: depths.json.

    python3 record_depths.py --upstream NANOCHAT --first NANOCHAT_OF_OCTOBER_2025 --out depths.json

Runs upstream's own assignments to base_dim, model_dim and num_heads (commits 92d63d4 and dfc8833), then its check that
the heads share the width. A row is depth, width, heads; heads is 0 where upstream's model refuses to be built.
"""
import argparse
import ast
import json
import pathlib

NAMES = {"base_dim", "model_dim", "num_heads"}


def assignments(checkout):
    tree = ast.parse((pathlib.Path(checkout) / "scripts/base_train.py").read_text())
    found = [node for node in ast.walk(tree)
             if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in NAMES]
    found.sort(key=lambda node: node.lineno)
    return compile(ast.Module(found, []), "base_train.py", "exec")


def rows(checkout):
    code = assignments(checkout)
    for depth in range(1, 33):
        values = {"depth": depth, "args": argparse.Namespace(aspect_ratio=64, head_dim=128)}
        exec(code, values)  # pylint: disable=exec-used
        heads = values["num_heads"] if values["model_dim"] % values["num_heads"] == 0 else 0
        yield [depth, values["model_dim"], heads]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--first", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    args = parser.parse_args()
    tables = {"nanochat": args.upstream, "nanochat_2025_10": args.first}
    text = ",\n".join(f' "{name}": {json.dumps(list(rows(checkout)))}' for name, checkout in tables.items())
    args.out.write_text("{\n" + text + "\n}\n")


main()
