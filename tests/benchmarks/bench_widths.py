"""Layers of wide codes beside the same layers of 8 bits, on the fast engine.

    make bench-widths
    python tests/benchmarks/bench_widths.py --path avx2 --turns 30

Shapes are those of MobileNetV2 and ResNet-50: depthwise layers, stems, 1x1 and 3x3 convolutions.
Codes are of normally distributed numbers in formats of 8 octaves, as conversions choose them, so
int32 holds the sums; a last format has sums that take float64. All formats of a shape run in turns,
in processor time of this thread, and the least of each counts.

`build/bench/widths.json` holds `rows`: `layer`, `weights` and `activations` (bits), `path`,
`kernel`, `ms`, and `ratio`, the time over that of 8 bits.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from recog.backend.arithmetic import encoding
from recog.backend.arithmetic.codes import Codes, Layer
from recog.backend.arithmetic.engine import EngineOptions, get_engine
from recog.backend.arithmetic.fast.engine import FastEngine
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import Window
from recog.tools.console import print_table

ROOT = Path(__file__).resolve().parent.parent.parent

SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, ...], Window]] = {
    "depthwise 3x3, 144 x 56²": (
        (1, 144, 56, 56),
        (144, 1, 3, 3),
        Window((1, 1), (1, 1, 1, 1), (1, 1), 144),
    ),
    "depthwise 3x3 / 2, 96 x 112²": (
        (1, 96, 112, 112),
        (96, 1, 3, 3),
        Window((2, 2), (1, 1, 1, 1), (1, 1), 96),
    ),
    "depthwise 5x5, 240 x 28²": (
        (1, 240, 28, 28),
        (240, 1, 5, 5),
        Window((1, 1), (2, 2, 2, 2), (1, 1), 240),
    ),
    "depthwise 3x3, 960 x 7²": (
        (1, 960, 7, 7),
        (960, 1, 3, 3),
        Window((1, 1), (1, 1, 1, 1), (1, 1), 960),
    ),
    "stem 3x3 / 2, 3 to 32 x 112²": (
        (1, 3, 224, 224),
        (32, 3, 3, 3),
        Window((2, 2), (0, 0, 1, 1)),
    ),
    "stem 7x7 / 2, 3 to 64 x 112²": (
        (1, 3, 224, 224),
        (64, 3, 7, 7),
        Window((2, 2), (3, 3, 3, 3)),
    ),
    "1x1, 24 to 144 x 56²": ((1, 24, 56, 56), (144, 24, 1, 1), Window()),
    "1x1, 256 to 64 x 56²": ((1, 256, 56, 56), (64, 256, 1, 1), Window()),
    "1x1, 96 to 576 x 14²": ((1, 96, 14, 14), (576, 96, 1, 1), Window()),
    "3x3, 256 to 256 x 14²": (
        (1, 256, 14, 14),
        (256, 256, 3, 3),
        Window((1, 1), (1, 1, 1, 1)),
    ),
}

FORMATS = {
    "8 x 8": (LnsFormat(8, 4, 95), LnsFormat(8, 4, 95)),
    "12 x 8": (LnsFormat(12, 8, 1520), LnsFormat(8, 4, 95)),
    "8 x 10": (LnsFormat(8, 4, 95), LnsFormat(10, 6, 380)),
    "12 x 12": (LnsFormat(12, 8, 1520), LnsFormat(12, 8, 1520)),
    "16 x 16": (LnsFormat(16, 12, 24320), LnsFormat(16, 12, 24320)),
    "12 x 16, 16 octaves": (LnsFormat(12, 8, 1520), LnsFormat(16, 12, 57000, None, True)),
}
"""Of weights and activations, the first those that the others are compared with."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--path", help="kernels: avx512, avx2 or portable (default: the best)")
    parser.add_argument("--turns", type=int, default=20, help="runs of each (default: 20)")
    parser.add_argument("--out", default=str(ROOT / "build/bench/widths.json"))
    arguments = parser.parse_args()
    engine = get_engine(EngineOptions(path=arguments.path, threads=1))
    if not isinstance(engine, FastEngine):
        raise TypeError(f"the default engine is {type(engine).__name__}")
    engine.conv2d(_layer(list(SHAPES)[-1], "8 x 8"))  # large enough to load the kernels
    rows = [row for name in SHAPES for row in _measured(engine, name, arguments.turns)]
    out = Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    keys = ["layer", "weights", "activations", "kernel", "ms", "ratio"]
    headers = ["layer", "weight bits", "activation bits", "kernel", "ms", "time / 8 bits'"]
    cells = [[row[key] for key in keys] for row in rows]
    print_table(f"Wide codes on {engine.path}", headers, cells, left=["layer", "kernel"])
    print(f"rows: {out}")
    return 0


def _measured(engine: FastEngine, name: str, turns: int) -> list[dict[str, Any]]:
    layers = {formats: _layer(name, formats) for formats in FORMATS}
    kernels: dict[str, str] = {}
    for formats, layer in layers.items():
        engine.taken.clear()
        engine.conv2d(layer)
        (kernels[formats],) = engine.taken
    least = dict.fromkeys(layers, float("inf"))
    for _ in range(turns):
        for formats, layer in layers.items():
            start = time.thread_time()
            engine.conv2d(layer)
            least[formats] = min(least[formats], time.thread_time() - start)
    return [
        {
            "layer": name,
            "weights": FORMATS[formats][0].width,
            "activations": FORMATS[formats][1].width,
            "path": engine.path,
            "kernel": kernels[formats],
            "ms": round(1e3 * seconds, 3),
            "ratio": round(seconds / least["8 x 8"], 2),
        }
        for formats, seconds in least.items()
    ]


def _layer(name: str, formats: str) -> Layer:
    (x_shape, w_shape, window), (w_format, x_format) = SHAPES[name], FORMATS[formats]
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(shape).astype(np.float32) for shape in (x_shape, w_shape))
    codes = encoding.encode(w, w_format)
    codes.flags.writeable = False  # as a machine's weights, so the engine prepares them once
    gain = int(np.log2(np.prod(w_shape[1:])) / 2 * (1 << x_format.frac))
    out = x_format.with_bias(x_format.bias - gain) if isinstance(x_format.bias, int) else x_format
    operands = Codes(encoding.encode(x, x_format), x_format), Codes(codes, w_format)
    return Layer(*operands, None, out, Arithmetic(), window)


if __name__ == "__main__":
    sys.exit(main())
