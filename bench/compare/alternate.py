"""What the comparisons of this folder share: two programs that stay loaded and take turns, and what is said of them."""
import json
import pathlib
import resource
import statistics
import subprocess
import sys
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
