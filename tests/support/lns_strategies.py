"""Hypothesis strategies for formats, codes and layers, adversarial ones included."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from hypothesis import strategies as st

from recog.backend.arithmetic.codes import Codes, Layer
from recog.dialects.number_format import MAX_FRAC, Arithmetic, LnsFormat
from recog.dialects.windows import Window, padding_of

arithmetics = st.builds(
    Arithmetic,
    antilog_bits=st.integers(2, 12),
    accumulator_width=st.just(64),
    mitchell=st.booleans(),
    fine_antilog_bits=st.integers(0, 12),
)


NARROW, WIDE = (4, 8), (4, 16)
"""Bits of codes: those that have tables of their products, and all."""


@st.composite
def formats(draw, widths=NARROW, channels: int | None = None) -> LnsFormat:
    """Formats of at most 16 octaves, so that sums of products fit 63 bits."""
    width = draw(st.integers(*widths))
    unsigned = draw(st.booleans()) if channels is None else False
    least = max(0, width - (not unsigned) - 4)
    frac = draw(st.integers(least, min(max(6, least + 4), MAX_FRAC)))
    bias = st.integers(-40, 200)
    if channels is None or draw(st.booleans()):
        return LnsFormat(width, frac, draw(bias), None, unsigned)
    biases = tuple(draw(bias) for _ in range(channels))
    return LnsFormat(width, frac, biases, 0, unsigned)


@st.composite
def output_formats(draw, octaves: tuple[int, int]) -> LnsFormat:
    """Formats of 4 to 8, 11 or 16 bits around values of these octaves, a little off at times."""
    width = draw(st.sampled_from([4, 5, 6, 7, 8, 11, 16]))
    frac = draw(st.integers(0, 6 if width <= 8 else 9))
    format = LnsFormat(width, frac, unsigned=draw(st.booleans()))
    middle = draw(st.integers(min(octaves), max(octaves)))
    at = draw(st.integers(-2, format.max_magnitude + 2))
    return format.with_bias(at - (middle << frac))


def code_arrays(shape: tuple[int, ...], format: LnsFormat) -> st.SearchStrategy[np.ndarray]:
    """Random codes, all largest, all zero, alternating largest, and a single smallest."""
    return st.one_of(
        st.integers(0, 2**32 - 1).map(lambda seed: random_codes(shape, format, seed)),
        st.sampled_from(["largest", "zero", "alternating", "single"]).map(
            lambda kind: extreme_codes(shape, format, kind)
        ),
    )


def random_codes(shape: tuple[int, ...], format: LnsFormat, seed: int) -> np.ndarray:
    codes = np.random.default_rng(seed).integers(0, 1 << format.width, shape).astype(format.dtype)
    codes[format.illegal_codes(codes)] = 0
    return codes


def extreme_codes(shape: tuple[int, ...], format: LnsFormat, kind: str) -> np.ndarray:
    codes = np.zeros(shape, format.dtype)
    if kind in ("largest", "alternating"):
        codes[...] = format.max_magnitude
    if kind == "alternating":
        codes.reshape(-1)[::2] |= format.dtype.type(format.sign_mask)
    if kind == "single":
        codes.reshape(-1)[-1] = 1
    return codes


def layer_of(
    x: np.ndarray,
    x_format: LnsFormat,
    w: np.ndarray,
    w_format: LnsFormat,
    init: np.ndarray | None = None,
    out_format: LnsFormat | None = None,
    **rest,
) -> Layer:
    """A layer of these tensors; the rest are its arithmetic, relu, and fields of its window."""
    arithmetic, relu = rest.pop("arithmetic", Arithmetic()), rest.pop("relu", False)
    x_codes, w_codes = Codes(x, x_format), Codes(w, w_format)
    return Layer(x_codes, w_codes, init, out_format, arithmetic, Window(**rest), relu)


@st.composite
def convolutions(
    draw, largest_size: int = 5, largest_channels: int = 3, widths: tuple[int, int] = NARROW
) -> Layer:
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    inputs, outputs = (draw(st.integers(1, largest_channels)) for _ in range(2))
    kernel, strides, dilation = (
        (draw(st.integers(1, n)), draw(st.integers(1, n))) for n in (3, 3, 2)
    )
    padding = padding_of([draw(st.integers(0, 3)) for _ in range(4)])
    size = [
        draw(st.integers(max(1, d * (k - 1) + 1 - before - after), largest_size + d * (k - 1)))
        for d, k, before, after in zip(dilation, kernel, padding[:2], padding[2:])
    ]
    window = Window(strides, padding, dilation, groups)
    x_shape = draw(st.integers(1, 2)), inputs * groups, *size
    return draw(_layers(x_shape, (outputs * groups, inputs, *kernel), window, widths))


@st.composite
def _layers(
    draw,
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    window: Window,
    widths: tuple[int, int] = NARROW,
) -> Layer:
    """Layers of these shapes and that window, with all else."""
    x_format, w_format = draw(formats(widths)), draw(formats(widths, channels=w_shape[0]))
    x, w = draw(code_arrays(x_shape, x_format)), draw(code_arrays(w_shape, w_format))
    limit = 1 << draw(st.integers(0, 40))
    init = np.random.default_rng(draw(st.integers(0, 99))).integers(-limit, limit, len(w))
    init = draw(st.sampled_from([None, init]))
    out_format = draw(st.none() | output_formats(_octaves(x_format, w_format)))
    relu, arithmetic = draw(st.booleans()), draw(arithmetics)
    return Layer(Codes(x, x_format), Codes(w, w_format), init, out_format, arithmetic, window, relu)


def _octaves(*factors: LnsFormat) -> tuple[int, int]:
    low = sum((1 - format.biases[0]) >> format.frac for format in factors)
    high = sum((format.max_magnitude - format.biases[0]) >> format.frac for format in factors)
    return low, high + 3


@st.composite
def transposed_convolutions(draw, largest_size: int = 4, largest_channels: int = 2) -> Layer:
    """As `convolutions`, with strides up to 4 and cropping that may leave one row."""
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    inputs, outputs = (draw(st.integers(1, largest_channels)) for _ in range(2))
    kernel, strides, dilation = (
        (draw(st.integers(1, n)), draw(st.integers(1, n))) for n in (4, 4, 3)
    )
    size = [draw(st.integers(1, largest_size)) for _ in range(2)]
    output_padding = (draw(st.integers(0, 3)), draw(st.integers(0, 3)))
    padding = [0] * 4
    for axis in (0, 1):
        reach = dilation[axis] * (kernel[axis] - 1) + 1 + output_padding[axis]
        for side in (axis, axis + 2):
            left = (size[axis] - 1) * strides[axis] + reach - padding[axis] - 1
            padding[side] = draw(st.integers(0, min(4, left)))
    window = Window(strides, padding_of(padding), dilation, groups, output_padding)
    x_shape = draw(st.integers(1, 2)), inputs * groups, *size
    return draw(_layers(x_shape, (outputs * groups, inputs, *kernel), window))


Correlation: TypeAlias = tuple[Codes, Codes, int, LnsFormat]


@st.composite
def correlations(draw, largest: int) -> Correlation:
    """Two feature maps of one shape, disparities, an output's format."""
    shape = tuple(draw(st.integers(1, n)) for n in (2, largest, largest, largest + 1))
    left_format, right_format = draw(formats()), draw(formats())
    low, high = (
        sum((m - format.biases[0]) >> format.frac for m, format in each)
        for each in (
            [(1, left_format), (1, right_format)],
            [(f.max_magnitude, f) for f in (left_format, right_format)],
        )
    )
    left = Codes(draw(code_arrays(shape, left_format)), left_format)
    right = Codes(draw(code_arrays(shape, right_format)), right_format)
    out_format = draw(output_formats((low, high)))
    return left, right, draw(st.integers(1, shape[3])), out_format
