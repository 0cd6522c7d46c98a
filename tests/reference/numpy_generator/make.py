"""Draws from numpy.random.Generator(numpy.random.Philox(seed)): run `python make.py` here (made with numpy 2.4.6).

Every case is one generator and a list of calls in order; big results are kept as their first values and a CRC-32.
"""
import json
import zlib

import numpy as np

SEEDS = [0, 1, 2, 3, 42, 1337, 2**31, 2**32 - 1, 2**32, 2**40 + 7, 2**63, 2**64 - 1]
BOUNDS = [(0, 1), (0, 2), (5, 8), (0, 10), (0, 1001), (-5, 5), (0, 2**31), (0, 2**32 - 1), (0, 2**32), (0, 2**32 + 1),
          (0, 2**33), (0, 3 * 2**61), (-2**63, 2**63 - 1), (7, 8), (0, 3 * 2**30)]


def permutation(rng, n):
    values = rng.permutation(n).astype(np.int32)
    return {"call": "permutation", "n": n, "first": values[:8].tolist(), "crc": zlib.crc32(values.tobytes())}


def integers(rng, low, high, count):
    values = np.array([rng.integers(low, high) for _ in range(count)], dtype=np.int64)
    return {"call": "integers", "low": low, "high": high, "n": count, "first": values[:8].tolist(),
            "crc": zlib.crc32(values.tobytes())}


def int32_bounds(rng, count):
    """Bounds of the type that upstream's index arrays have."""
    values = np.array([rng.integers(np.int32(i), np.int32(2 * i + 1)) for i in range(count)], dtype=np.int64)
    return {"call": "growing", "n": count, "first": values[:8].tolist(), "crc": zlib.crc32(values.tobytes())}


def raw(rng, count):
    values = rng.bit_generator.random_raw(count)
    return {"call": "raw", "n": count, "first": values[:8].tolist(), "crc": zlib.crc32(values.tobytes())}


cases = []
for seed in SEEDS:
    rng = np.random.Generator(np.random.Philox(seed=seed))
    calls = [permutation(rng, n) for n in (0, 1, 2, 3, 20, 960, 10001)]
    calls += [integers(rng, low, high, 1000) for low, high in BOUNDS]
    calls += [int32_bounds(rng, 3000), permutation(rng, 7), raw(rng, 9), integers(rng, 0, 5, 3), permutation(rng, 70000)]
    cases.append({"seed": seed, "calls": calls})
json.dump(cases, open("philox.json", "w"), indent=0)
