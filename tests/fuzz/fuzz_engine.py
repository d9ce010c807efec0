"""Random layers through the fast engine on every path, held to the definition bit for bit.

    make fuzz                       # a minute
    make fuzz FUZZ_SECONDS=3600     # an hour
    python tests/fuzz/fuzz_engine.py --seed 1234 --layers 1    # one layer again

Larger layers are held to the gemm engine, which the unit tests hold to the definition.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from recog.backend.arithmetic.engine import get_engine
from recog.backend.arithmetic.fast import paths
from recog.backend.arithmetic.fast.assembly import Kernels, kernels
from recog.backend.arithmetic.fast.emit import Form
from recog.backend.arithmetic.fast.engine import FastEngine
from recog.backend.arithmetic.reference import Engine
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat

LARGE = 1 << 20
"""Products of a layer from which on gemm stands in for the definition."""


def engines() -> dict[str, FastEngine]:
    """The fast engine on every path that this processor runs.

    Where it lacks AVX-512, the kernels of that path run with their byte shuffle in halves.
    """
    found: dict[str, Kernels] = {path: kernels(path) for path in paths.available_paths()}
    if "avx2" in found and "avx512" not in found:
        wide = paths.FORMS["avx512"]
        halves = Form(wide.lanes, paths.FORMS["avx2"].shuffle, wide.positions)
        found["avx512 in halves"] = Kernels("avx512 in halves", halves)
    return {name: FastEngine(code) for name, code in found.items()}


@dataclass
class Case:
    """One call of an engine."""

    operation: str
    tensors: tuple[Any, ...]
    options: dict[str, Any]

    def run(self, engine: Engine) -> np.ndarray:
        return getattr(engine, self.operation)(*self.tensors, **self.options)

    @property
    def products(self) -> int:
        x, _, w, *_ = self.tensors
        return x.size * w.size // max(1, w.shape[1])

    def __str__(self) -> str:
        x, x_format, w, w_format, _, out_format = self.tensors
        w_format = w_format.with_bias(w_format.biases[0])
        return (
            f"{self.operation} x{x.shape} {x_format} w{w.shape} {w_format} → {out_format} "
            f"{self.options}"
        )


def draw(seed: int) -> Case:
    """A random layer: its shape, formats, codes and window follow from the seed."""
    rng = np.random.default_rng(seed)
    operation = rng.choice(["conv2d", "conv2d", "conv2d", "conv_transpose2d", "linear"])
    groups = int(rng.choice([1, 1, 1, 2, 4, 16])) if operation != "linear" else 1
    most = int(rng.choice([3, 20, 80]))
    inputs, outputs = (int(rng.integers(1, most // groups + 2)) * groups for _ in range(2))
    x_format, w_format = _format(rng), _format(rng)
    if rng.random() < 0.5 and not w_format.unsigned:
        w_format = w_format.with_bias(tuple(rng.integers(-40, 200, outputs).tolist()), 0)
    limit = 1 << int(rng.integers(0, 40))
    init = None if rng.random() < 0.3 else rng.integers(-limit, limit, outputs)
    options: dict[str, Any] = {
        "relu": bool(rng.random() < 0.5),
        "arithmetic": Arithmetic(int(rng.integers(2, 13)), 64, bool(rng.random() < 0.2)),
    }
    out_format = None if rng.random() < 0.2 else _output(rng, x_format, w_format)
    if operation == "linear":
        x_shape, w_shape = (int(rng.integers(1, 60)), inputs), (outputs, inputs)
    else:
        kernel = rng.integers(1, 5, 2).tolist()
        x_shape = (int(rng.integers(1, 3)), inputs, *rng.integers(8, 30, 2).tolist())
        w_shape = (outputs, inputs // groups, *kernel)
        options |= {
            "strides": tuple(rng.integers(1, 4, 2).tolist()),
            "padding": tuple(rng.integers(0, 3, 4).tolist()),
            "dilation": tuple(rng.integers(1, 3, 2).tolist()),
            "groups": groups,
        }
    x, w = _codes(rng, x_shape, x_format), _codes(rng, w_shape, w_format)
    return Case(operation, (x, x_format, w, w_format, init, out_format), options)


def _format(rng: np.random.Generator) -> LnsFormat:
    """At most 16 octaves, so that sums of products fit 63 bits."""
    width, unsigned = int(rng.integers(4, 9)), bool(rng.random() < 0.5)
    lowest = max(0, width - (not unsigned) - 4)
    return LnsFormat(
        width, int(rng.integers(lowest, 7)), int(rng.integers(-40, 200)), None, unsigned
    )


def _output(rng: np.random.Generator, *factors: LnsFormat) -> LnsFormat:
    format = LnsFormat(
        int(rng.choice([4, 6, 8, 8, 8, 16])), int(rng.integers(0, 7)), unsigned=rng.random() < 0.5
    )
    octave = sum((each.max_magnitude - each.biases[0]) >> each.frac for each in factors)
    top = (octave + int(rng.integers(-4, 12))) << format.frac
    return format.with_bias(format.max_magnitude - top)


def _codes(rng: np.random.Generator, shape: tuple[int, ...], format: LnsFormat) -> np.ndarray:
    kind = rng.choice(["random", "random", "random", "largest", "alternating", "zero", "sparse"])
    codes = rng.integers(0, 1 << format.width, shape)
    if kind in ("largest", "alternating"):
        codes[...] = format.max_magnitude
    if kind == "alternating":
        codes.reshape(-1)[::2] |= format.sign_mask
    if kind == "zero":
        codes[...] = 0
    if kind == "sparse":
        codes *= rng.random(shape) < 0.1
    codes[format.illegal_codes(codes)] = 0
    return codes.astype(format.dtype)


def check(seed: int, fast: dict[str, FastEngine]) -> str | None:
    """What differs, or None."""
    case = draw(seed)
    judge = get_engine("gemm" if case.products > LARGE else "reference")
    try:
        expected = case.run(judge)
    except RecogError:
        return None  # beyond 63 bits, or larger than the input
    for path, engine in fast.items():
        found = case.run(engine)
        if found.dtype != expected.dtype or not np.array_equal(found, expected):
            differing = int((found != expected).sum())
            return f"seed {seed} on {path}: {differing} of {expected.size} differ\n  {case}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()) << 16)
    parser.add_argument("--layers", type=int, help="end after so many")
    arguments = parser.parse_args()
    fast, end = engines(), time.monotonic() + arguments.seconds
    done = 0
    for seed in itertools.count(arguments.seed):
        if done == arguments.layers or time.monotonic() > end:
            break
        message = check(seed, fast)
        done += 1
        if message is not None:
            print(message)
            return 1
    taken = {name: dict(engine.taken) for name, engine in fast.items()}
    print(f"{done} layers from seed {arguments.seed}: equal on {', '.join(fast)}\n{taken}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
