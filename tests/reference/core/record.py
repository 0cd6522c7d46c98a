#!/usr/bin/env python3
"""Records what nanochat makes of a small CORE bundle: bundle/ and expected.json.

    python3 record.py --upstream NANOCHAT --model ../gpt/gpt_small

The model is gpt_small's final.pt with the rows of lm_head that aren't lower-case letters set to zero, so that it can
answer at all; every second completion is what it would write. The tokenizer has one token per byte and nanochat's special tokens after them. Needs
torch and jinja2. nanochat: https://github.com/karpathy/nanochat, commit 92d63d4.
"""
import argparse
import json
import os
import random
import sys

os.environ["TORCHDYNAMO_DISABLE"] = "1"
os.environ["NANOCHAT_DTYPE"] = "float32"

import torch  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


class ByteTokenizer:
    def get_bos_token_id(self):
        return 256

    def __call__(self, texts, prepend):
        return [[prepend] + list(text.encode("utf-8")) for text in texts]


def make_examples(model):
    rng = random.Random(7)
    words = ["ash", "bay", "cod", "dew", "elm", "fig", "gnu", "hay", "über", "日本"]

    def pick(count):
        return " ".join(rng.choice(words) for _ in range(count))

    choice = [dict(query=pick(3) + "?", choices=[pick(1), pick(2), pick(1) + "!"], gold=rng.randrange(3))
              for _ in range(14)]
    schema = [dict(context_options=[pick(2), pick(3)], continuation=pick(2), gold=rng.randrange(2)) for _ in range(12)]
    spaces = ["", " ", "\n", "\u00a0", "\u2003\t", "\x1c"]
    completion = [dict(context=rng.choice(spaces) + pick(3) + rng.choice(spaces), continuation=pick(1)[:1])
                  for _ in range(40)]
    for example in completion[::2]:
        tokens = torch.tensor(ByteTokenizer()([example["context"].strip()], prepend=256))
        example["continuation"] = chr(model(tokens)[0, -1].argmax().item())
    return dict(choice=choice, schema=schema, completion=completion)


TASKS = [
    dict(label="choice", icl_task_type="multiple_choice", dataset_uri="sub/choice.jsonl", num_fewshot=[3],
         continuation_delimiter="\nAnswer: "),
    dict(label="choice_alone", icl_task_type="multiple_choice", dataset_uri="sub/choice.jsonl", num_fewshot=[0]),
    dict(label="schema", icl_task_type="schema", dataset_uri="schema.jsonl", num_fewshot=[2]),
    dict(label="completion", icl_task_type="language_modeling", dataset_uri="completion.jsonl", num_fewshot=[10]),
    dict(label="completion_alone", icl_task_type="language_modeling", dataset_uri="completion.jsonl", num_fewshot=[0],
         continuation_delimiter=""),
]
BASELINES = dict(choice="33.3", choice_alone="33.3", schema="50", completion="0", completion_alone="0.5")


def write_bundle(folder, model):
    for name, examples in make_examples(model).items():
        path = os.path.join(folder, "eval_data", "sub" if name == "choice" else "", name + ".jsonl")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            for example in examples:
                file.write(json.dumps(example, ensure_ascii=False) + "\n")
    with open(os.path.join(folder, "core.yaml"), "w", encoding="utf-8") as file:
        file.write("icl_tasks:\n")
        for task in TASKS:  # JSON is YAML
            file.write("- " + json.dumps(task) + "\n")
    with open(os.path.join(folder, "eval_meta_data.csv"), "w", encoding="utf-8") as file:
        file.write('Eval Task,"Task, Category",Random baseline\n')
        for label, baseline in BASELINES.items():
            file.write(f'{label},"reading, ""small""",{baseline}\n')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--model", required=True)
    args = parser.parse_args()
    sys.path.insert(0, args.upstream)
    import nanochat.core_eval as core
    import nanochat.gpt as gpt

    with open(os.path.join(args.model, "trace.json"), encoding="utf-8") as file:
        model = gpt.GPT(gpt.GPTConfig(**json.load(file)["config"]))
    model.init_weights()
    model.load_state_dict(torch.load(os.path.join(args.model, "final.pt")))
    with torch.no_grad():
        head = model.lm_head.weight
        letters = head[97:123].clone()
        head.zero_()
        head[97:123] = letters
    bundle = os.path.join(HERE, "bundle")
    write_bundle(bundle, model)

    results = {}
    rendered = {"multiple_choice": core.render_prompts_mc, "schema": core.render_prompts_schema,
                "language_modeling": core.render_prompts_lm}
    for task in TASKS:
        with open(os.path.join(bundle, "eval_data", task["dataset_uri"]), encoding="utf-8") as file:
            data = [json.loads(line.strip()) for line in file]
        random.Random(1337).shuffle(data)
        meta = dict(task_type=task["icl_task_type"], num_fewshot=task["num_fewshot"][0],
                    continuation_delimiter=task.get("continuation_delimiter", " "))
        right = [core.evaluate_example(i, model, ByteTokenizer(), data, "cpu", meta) for i in range(len(data))]
        few = []
        if meta["num_fewshot"]:
            others = [i for i in range(len(data)) if i != 1]
            few = [data[i] for i in random.Random(1234 + 1).sample(others, meta["num_fewshot"])]
        prompts = rendered[meta["task_type"]](data[1], meta["continuation_delimiter"], few)
        results[task["label"]] = dict(right=[bool(r) for r in right], prompts_of_1=prompts)
    with open(os.path.join(HERE, "expected.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    main()
