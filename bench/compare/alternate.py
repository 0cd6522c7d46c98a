"""What the comparisons of this folder share: two programs that stay loaded and take turns, and what is said of them."""
import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Worker:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"error: {self.process.args[0]} ended")
        return json.loads(line)

    def step(self, request):
        self.process.stdin.write(f"{request}\n")
        self.process.stdin.flush()
        return self.answer()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def add_turn_options(parser, worker, pairs):
    parser.add_argument("--worker", default=ROOT / "build/cpu/bin" / worker, help="this project's program")
    parser.add_argument("--pairs", type=int, default=pairs, help=f"alternations after the warm-up (default: {pairs})")
    parser.add_argument("--peer-folder", help=argparse.SUPPRESS)  # the script again, as upstream's half


def take_turns(options, arguments=(), on_pair=None):
    """Starts this script again as upstream's half and the worker with `arguments` behind folder and threads; returns
    the pairs of their answers, the warm-up first. on_pair(index, upstream, ours) is called after each."""
    if options.pairs < 2:
        sys.exit("error: --pairs must be 2 or more")
    with tempfile.TemporaryDirectory() as folder:
        peer = Worker([options.python, *sys.argv, "--peer-folder", folder])
        peer.answer()
        ours = Worker([str(options.worker), folder, str(options.threads), *map(str, arguments)])
        pairs = []
        for index in range(options.pairs + 1):
            pairs.append((peer.step(index), ours.step(index)))
            if on_pair:
                on_pair(index, *pairs[-1])
        peer.end()
        ours.end()
    return pairs


def tell_seconds(index, peer, ours):
    print(f"{index}: upstream {peer['seconds']:.2f} s, ours {ours['seconds']:.2f} s", file=sys.stderr)


def spread(values):
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": round(middle, 3), "quartiles": [round(low, 3), round(high, 3)]}


def processor_seconds(step):
    return step["user_s"] + step["system_s"]


def half_report(steps):
    warm_up, *later = steps
    normal = statistics.median(step["seconds"] for step in later)
    return {"seconds": [round(step["seconds"], 2) for step in later],
            "user_seconds": [round(step["user_s"], 2) for step in later],
            "system_seconds": [round(step["system_s"], 2) for step in later],
            "peak_mb": round(steps[-1]["peak_mb"]), "first_step_seconds": round(warm_up["seconds"], 2),
            "first_step_over_normal": round(warm_up["seconds"] / normal, 2)}


def loss_deviation(pairs):
    return max(abs(ours["loss"] / peer["loss"] - 1) for peer, ours in pairs)


def steps_report(pairs):
    """Of training steps: ratios without the warm-up, and each half by itself."""
    later = pairs[1:]
    return {"ratio": spread([p["seconds"] / o["seconds"] for p, o in later]),
            "ratio_processor_time": spread([processor_seconds(p) / processor_seconds(o) for p, o in later]),
            "memory_ratio": round(pairs[-1][0]["peak_mb"] / pairs[-1][1]["peak_mb"], 2),
            "largest_relative_loss_deviation": loss_deviation(pairs),
            "upstream": half_report([p for p, _ in pairs]), "ours": half_report([o for _, o in pairs])}


def answer_steps(step):
    """A peer's half: says that it is ready, then does step(index) for every line of stdin. step returns a dict."""
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        result = step(int(line))
        seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps({"seconds": seconds, "user_s": after.ru_utime - before.ru_utime,
                          "system_s": after.ru_stime - before.ru_stime, "peak_mb": after.ru_maxrss / 1024,
                          **result}), flush=True)
