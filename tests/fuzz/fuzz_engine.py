"""Random layers and maps through the fast engine on every path, held to the definition's bits.

    make fuzz                       # a minute
    make fuzz FUZZ_SECONDS=3600     # an hour
    python tests/fuzz/fuzz_engine.py --seed 1234 --layers 1    # one layer again

Larger layers are held to the gemm engine, which the unit tests hold to the definition.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from children import Finding, arguments_of, fuzz
from guard_pages import Edge, guarded_kernels

from recog.backend.arithmetic.codes import Codes, Interpolation, Layer
from recog.backend.arithmetic.engine import get_engine
from recog.backend.arithmetic.fast import paths
from recog.backend.arithmetic.fast.assembly import Kernels, kernels
from recog.backend.arithmetic.fast.engine import FastEngine
from recog.backend.arithmetic.fast.vector_ir import Form
from recog.backend.arithmetic.reference.engine import Engine
from recog.dialects.errors import RecogError
from recog.dialects.number_format import MAX_FRAC, Arithmetic, LnsFormat
from recog.dialects.windows import PoolWindow, Window, padding_of, pair_of

LARGE = 1 << 20
"""Products of a layer from which on gemm stands in for the definition."""

WARM = 8
"""Seeds that run before the children begin: numba compiles what is common once."""


def engines(threads: int | None = None) -> dict[str, FastEngine]:
    """The fast engine on every path that this processor runs, its kernels loaded.

    Where it lacks AVX-512, the kernels of that path run with their byte shuffle in halves.
    """
    found: dict[str, Kernels] = {path: kernels(path) for path in paths.available_paths()}
    if "avx2" in found and "avx512" not in found:
        wide = paths.FORMS["avx512"]
        halves = Form(wide.lanes, paths.FORMS["avx2"].shuffle, wide.positions)
        found["avx512 in halves"] = Kernels("avx512 in halves", halves)
    return {name: FastEngine(threads=threads, code=code) for name, code in found.items()}


@dataclass
class Case:
    """One call of an engine: operands in its order, options by name."""

    operation: str
    operands: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)
    products: int = 0

    def run(self, engine: Engine) -> np.ndarray:
        return getattr(engine, self.operation)(*self.operands, **self.options)

    def __str__(self) -> str:
        shown = " ".join(_shown(each) for each in self.operands)
        return f"{self.operation} {shown} {self.options}"


def _shown(operand: Any) -> str:
    if isinstance(operand, Layer | Codes):
        return " ".join(_shown(each) for each in operand)
    if isinstance(operand, np.ndarray):
        return f"{operand.dtype}{list(operand.shape)}"
    if isinstance(operand, LnsFormat) and operand.axis is not None:
        return f"{operand.with_bias(operand.biases[0])} ..."
    return str(operand)


def draw(seed: int) -> Case:
    """A random case: its shape, formats, codes and window follow from the seed."""
    rng = np.random.default_rng(seed)
    return _draw_map(rng) if rng.random() < 0.2 else _draw_layer(rng)


def _draw_map(rng: np.random.Generator) -> Case:
    """A sum of two tensors, a correlation, a pool, encoded or not, or an interpolation."""
    operation = rng.choice(["add", "correlation", "avg_pool2d", "resize_bilinear", "max_pool2d"])
    format, shape = _format(rng), (int(rng.integers(1, 3)), *rng.integers(1, 24, 3).tolist())
    x, size = _codes(rng, shape, format), shape[2:]
    arithmetic = _arithmetic(rng)
    if operation == "add":
        other = _format(rng)
        operands = Codes(x, format), Codes(_codes(rng, shape, other), other)
        how = {name: bool(rng.random() < 0.5) for name in ("subtract", "relu")}
        return Case(operation, (*operands, _output(rng, format), arithmetic), how)
    if operation == "correlation":
        other = _format(rng)
        y, out_format = Codes(_codes(rng, shape, other), other), _output(rng, format, other)
        disparities = int(rng.integers(1, shape[3] + 1))
        return Case(operation, (Codes(x, format), y, disparities, out_format, arithmetic))
    options: dict[str, Any] = {}
    if operation == "max_pool2d":
        kernel = pair_of([int(rng.integers(1, n + 1)) for n in size])
        strides = pair_of(rng.integers(1, 5, 2).tolist())
        top, left = (int(rng.integers(0, n)) for n in kernel)
        return Case(
            operation, (Codes(x, format), PoolWindow(strides, (top, left, 0, 0), kernel=kernel))
        )
    if operation == "avg_pool2d":
        how = PoolWindow(
            kernel=pair_of([int(rng.integers(1, n + 1)) for n in size]),
            strides=pair_of(rng.integers(1, 5, 2).tolist()),
            padding=padding_of(rng.integers(0, 3, 4).tolist()),
            count_padding=bool(rng.random() < 0.7),
        )
        options["relu"] = bool(rng.random() < 0.5)
    else:
        how = Interpolation(
            size=pair_of(rng.integers(1, 50, 2).tolist()),
            steps=pair_of(rng.choice([1, 2, 3, 8, 256], 2).tolist()),
            align_corners=bool(rng.random() < 0.5),
        )
    sums = operation == "avg_pool2d" and rng.random() < 0.2
    out = None if sums else _output(rng, format)
    return Case(operation, (Codes(x, format), how, out, arithmetic), options)


def _draw_layer(rng: np.random.Generator) -> Case:
    """A convolution, transposed or not, or a linear layer."""
    operation = rng.choice(["conv2d", "conv2d", "conv2d", "conv_transpose2d", "linear"])
    groups = int(rng.choice([1, 1, 1, 2, 4, 16])) if operation != "linear" else 1
    most = int(rng.choice([3, 20, 80]))
    inputs, outputs = (int(rng.integers(1, most // groups + 2)) * groups for _ in range(2))
    x_format, w_format = _format(rng), _format(rng)
    if rng.random() < 0.5 and not w_format.unsigned:
        w_format = w_format.with_bias(tuple(rng.integers(-40, 200, outputs).tolist()), 0)
    limit = 1 << int(rng.integers(0, 40))
    init = None if rng.random() < 0.3 else rng.integers(-limit, limit, outputs)
    relu, arithmetic, window = bool(rng.random() < 0.5), _arithmetic(rng), Window()
    out_format = None if rng.random() < 0.2 else _output(rng, x_format, w_format)
    if operation == "linear":
        x_shape, w_shape = (int(rng.integers(1, 60)), inputs), (outputs, inputs)
    else:
        kernel = rng.integers(1, 5, 2).tolist()
        x_shape = (int(rng.integers(1, 3)), inputs, *rng.integers(8, 30, 2).tolist())
        w_shape = (outputs, inputs // groups, *kernel)
        window = Window(
            strides=pair_of(rng.integers(1, 4, 2).tolist()),
            padding=padding_of(rng.integers(0, 3, 4).tolist()),
            dilation=pair_of(rng.integers(1, 3, 2).tolist()),
            groups=groups,
        )
    x, w = _codes(rng, x_shape, x_format), _codes(rng, w_shape, w_format)
    products = x.size * w.size // max(1, w.shape[1])
    operands = Codes(x, x_format), Codes(w, w_format)
    layer = Layer(*operands, init, out_format, arithmetic, window, relu)
    return Case(operation, (layer,), products=products)


def _arithmetic(rng: np.random.Generator) -> Arithmetic:
    return Arithmetic(int(rng.integers(2, 13)), 64, bool(rng.random() < 0.2))


def _format(rng: np.random.Generator) -> LnsFormat:
    """At most 16 octaves, so that sums of products fit 63 bits."""
    width, unsigned = int(rng.integers(4, rng.choice([9, 17]))), bool(rng.random() < 0.5)
    lowest = max(0, width - (not unsigned) - 4)
    frac = int(rng.integers(lowest, min(max(7, lowest + 4), MAX_FRAC + 1)))
    return LnsFormat(width, frac, int(rng.integers(-40, 200)), None, unsigned)


def _output(rng: np.random.Generator, *factors: LnsFormat) -> LnsFormat:
    format = LnsFormat(
        int(rng.choice([4, 6, 8, 8, 8, 11, 16])),
        int(rng.integers(0, 7)),
        unsigned=rng.random() < 0.5,
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


def guard(seed: int) -> AbstractContextManager[None]:
    """Where the operands of a seed's kernels lie."""
    edges: tuple[Edge | None, ...] = (None, "end", "start")
    edge = edges[seed % 3]
    return nullcontext() if edge is None else guarded_kernels(edge)


def check(seed: int, fast: dict[str, FastEngine]) -> str | None:
    """What differs, or None.

    One seed in three has what the kernels read and write end at a page without access, and one in
    three has it begin there.
    """
    case = draw(seed)
    judge = get_engine("gemm" if case.products > LARGE else "reference")
    try:
        expected = case.run(judge)
    except RecogError:
        return None  # beyond 63 bits, or larger than the input
    for path, engine in fast.items():
        with guard(seed):
            found = case.run(engine)
        if found.dtype != expected.dtype or not np.array_equal(found, expected):
            differing = int((found != expected).sum())
            return f"seed {seed} on {path}: {differing} of {expected.size} differ\n  {case}"
    return None


def report(finding: Finding) -> None:
    """Print a finding, and its layer or map."""
    print(f"seed {finding.seed}: {finding.what}\n  {draw(finding.seed)}", flush=True)


def main() -> int:
    arguments = arguments_of(__doc__, "layers", "so many, maps included")
    fast = engines(threads=1)
    for seed in range(WARM):  # what they compile, each child has
        check(seed, fast)

    def tried(seed: int) -> tuple[str, str | None]:
        return draw(seed).operation, check(seed, fast)

    return fuzz(arguments, tried, "layers", report, fast)


if __name__ == "__main__":
    sys.exit(main())
