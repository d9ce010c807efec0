"""Transposed convolution and resizing: definition, gemm engine and oracle, bit for bit."""

import itertools
import math
from fractions import Fraction
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import scalar_oracle as oracle
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from lns_strategies import (
    Layer,
    arithmetics,
    code_arrays,
    formats,
    layer_of,
    output_formats,
    transposed_convolutions,
)

from recog.backend.arithmetic import bounds
from recog.backend.arithmetic.codes import Codes, Interpolation
from recog.backend.arithmetic.engine import ENGINES, get_engine
from recog.backend.arithmetic.gemm import engine as gemm
from recog.backend.arithmetic.reference import sampling
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import Window, pair_of

REFERENCE, GEMM = get_engine("reference"), get_engine("gemm")
F8 = LnsFormat(8, 4, 65)


@given(transposed_convolutions(largest_size=3))
def test_conv_transpose2d_by_the_oracle(layer: Layer):
    result = REFERENCE.conv_transpose2d(layer)
    expected = oracle.conv_transpose2d(layer)
    np.testing.assert_array_equal(result, expected)


@settings(max_examples=200)
@given(transposed_convolutions(largest_size=7, largest_channels=4), st.sampled_from([0, 4]))
def test_gemm_conv_transpose2d_equals_the_definition(layer: Layer, few: int):
    expected = REFERENCE.conv_transpose2d(layer)
    with patch.multiple(gemm, FEW_OUTPUTS=few, FEW_POSITIONS=few):
        result = GEMM.conv_transpose2d(layer)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


def test_conv_transpose2d_is_the_gradient_of_conv2d():
    """Scattering and gathering are transposes: <conv(a), b> = <a, conv_transpose(b)>."""
    arithmetic = Arithmetic(6, 64)
    window: dict[str, Any] = {"strides": (2, 3), "padding": (1, 0, 2, 1)}
    window |= {"dilation": (1, 2), "groups": 2}
    unit = LnsFormat(8, 4, 0, unsigned=True)  # code 16 k stands for 2^k
    rng = np.random.default_rng(0)
    a, w = ((rng.integers(0, 4, s) * 16).astype(np.uint8) for s in ((1, 4, 9, 11), (6, 2, 3, 3)))
    forward = REFERENCE.conv2d(
        layer_of(a, unit, w, unit, None, None, **window, arithmetic=arithmetic)
    )
    b = (rng.integers(0, 4, forward.shape) * 16).astype(np.uint8)
    by_group = w.reshape(2, 3, 2, 3, 3).swapaxes(1, 2).reshape(4, 3, 3, 3)
    size = Window(**window).transposed_size(b.shape[2:], (3, 3))
    more = 9 - size[0], 11 - size[1]
    backward = REFERENCE.conv_transpose2d(
        layer_of(
            b,
            unit,
            by_group,
            unit,
            None,
            None,
            **window,
            output_padding=more,
            arithmetic=arithmetic,
        )
    )
    power = {0: 0} | {16 * k: 1 << k for k in range(1, 4)}
    values = np.vectorize(power.get)
    assert int((forward * values(b)).sum()) == int((values(a) * backward).sum())


@given(
    st.data(),
    arithmetics,
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.tuples(st.integers(1, 7), st.integers(1, 7)),
    st.booleans(),
)
def test_resize_bilinear_by_the_oracle_and_gemm(data, arithmetic, given, size, align_corners):
    format = data.draw(formats())
    out_format = data.draw(output_formats((-(format.bias >> format.frac), 16)))
    x = data.draw(code_arrays((1, 2, *given), format))
    steps = pair_of(
        [
            data.draw(st.sampled_from([sampling.exact_steps(a, b, align_corners), 1, 3, 256]))
            for a, b in zip(given, size)
        ]
    )
    operands = Codes(x, format), Interpolation(size, steps, align_corners), out_format, arithmetic
    result = REFERENCE.resize_bilinear(*operands)
    expected = oracle.resize_bilinear(*operands)
    np.testing.assert_array_equal(result, expected)
    quick = GEMM.resize_bilinear(*operands)
    assert quick.dtype == result.dtype
    np.testing.assert_array_equal(quick, result)


@given(st.integers(1, 60), st.integers(1, 60), st.booleans())
def test_exact_steps_are_the_fewest(size: int, wanted: int, align_corners: bool):
    """The least common denominator of all positions, before they are clipped."""
    steps = sampling.exact_steps(size, wanted, align_corners)
    if align_corners:
        exact = [Fraction(y * (size - 1), max(wanted - 1, 1)) for y in range(wanted)]
    else:
        exact = [Fraction((2 * y + 1) * size, 2 * wanted) - oracle.HALF for y in range(wanted)]
    assert steps == math.lcm(*(position.denominator for position in exact))
    for y, position in enumerate(exact):
        clipped = min(max(position, Fraction(0)), Fraction(size - 1))
        assert oracle.position(y, size, wanted, steps, align_corners) == clipped


@given(st.integers(1, 40), st.integers(1, 40), st.booleans())
def test_positions_are_those_of_torch(given: int, wanted: int, align_corners: bool):
    """Interpolating a ramp shows where torch looks."""
    ramp = torch.arange(given, dtype=torch.float64).reshape(1, 1, given, 1)
    found = F.interpolate(ramp, (wanted, 1), mode="bilinear", align_corners=align_corners)
    steps = sampling.exact_steps(given, wanted, align_corners)
    at = sampling.positions(given, wanted, steps, align_corners)
    np.testing.assert_allclose(at / steps, found.reshape(-1).numpy(), atol=1e-9)


def test_nearest_is_that_of_torch_wherever_torch_is_exact():
    """torch multiplies by a rounded float32 size / wanted, which may fall below a whole number."""
    for size, wanted in itertools.product(range(1, 33), range(1, 65)):
        ramp = np.arange(size).reshape(1, 1, size, 1)
        found = sampling.resize_nearest(ramp, (wanted, 1)).reshape(-1)
        theirs = F.interpolate(torch.from_numpy(ramp).double(), (wanted, 1)).reshape(-1)
        differs = found != theirs.numpy()
        assert not (differs & (np.arange(wanted) * size % wanted != 0)).any()
        if wanted % size == 0 or size % wanted == 0:
            assert not differs.any()


def test_bilinear_twice_by_hand():
    """Doubled, the inner outputs are 3/4 and 1/4 of their neighbours: weights 3 and 1 of 4."""
    assert sampling.exact_steps(4, 8, False) == 4
    at = sampling.positions(4, 8, 4, False)
    assert at.tolist() == [0, 1, 3, 5, 7, 9, 11, 12]
    values = np.array([[0, 16, 32, 80]])
    result = sampling.interpolate(values, 1, at, 4)
    assert result.tolist() == [[0, 16, 48, 80, 112, 176, 272, 320]]


@given(st.tuples(*[st.integers(-4, 4)] * 4))
def test_crop_pads_and_crops(padding):
    x = np.arange(1, 31).reshape(1, 1, 5, 6)
    top, left, bottom, right = padding
    if 5 + top + bottom < 1 or 6 + left + right < 1:
        return
    result = sampling.crop(x, padding)
    for row, column in np.ndindex(result.shape[2:]):
        y, z = row - top, column - left
        inside = 0 <= y < 5 and 0 <= z < 6
        assert result[0, 0, row, column] == (x[0, 0, y, z] if inside else 0)


def test_resize_bound_is_reached():
    x = np.full((1, 1, 2, 2), F8.max_magnitude, np.uint8)
    scale = sampling.code_scale(F8)
    acc = sampling.linearize(Codes(x, F8), scale, Arithmetic())
    for axis in (2, 3):
        acc = sampling.interpolate(acc, axis, sampling.positions(2, 6, 6, False), 6)
    assert acc.max() == bounds.resize_bound(F8, (6, 6), Arithmetic())


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    "change, message",
    [
        ({"w": np.ones((2, 3, 3, 3), np.uint8)}, "do not fit 1 group"),
        ({"groups": 3}, "3 groups"),
        ({"strides": (0, 1)}, r"strides \(0, 1\)"),
        ({"output_padding": (0, -1)}, r"output padding \(0, -1\)"),
        ({"padding": (2, 0, 1, 0)}, r"padding \(2, 0, 1, 0\) leaves nothing"),
        ({"x": np.full((1, 4, 1, 1), 0x80, np.uint8)}, "x holds an illegal code"),
    ],
)
def test_conv_transpose2d_refuses(name: str, change: dict, message: str):
    arguments: dict[str, Any] = {"x": np.ones((1, 4, 1, 1), np.uint8), "x_format": F8}
    arguments |= {"w": np.ones((2, 4, 3, 3), np.uint8), "w_format": F8, "init": None}
    arguments |= {"out_format": F8, "arithmetic": Arithmetic()}
    assert get_engine(name).conv_transpose2d(layer_of(**arguments)).shape == (1, 2, 3, 3)
    with pytest.raises(RecogError, match=message):
        get_engine(name).conv_transpose2d(layer_of(**arguments | change))


@pytest.mark.parametrize("name", ENGINES)
def test_resize_bilinear_refuses(name: str):
    engine, x = get_engine(name), np.ones((1, 1, 2, 2), np.uint8)
    size, rest = (2, 2), (F8, Arithmetic())
    with pytest.raises(RecogError, match=r"steps \(0, 1\) must be at least 1"):
        engine.resize_bilinear(Codes(x, F8), Interpolation(size, (0, 1)), *rest)
    with pytest.raises(RecogError, match="more than 63 bits"):
        engine.resize_bilinear(Codes(x, F8), Interpolation(size, (1 << 25, 1 << 25)), *rest)
    with pytest.raises(RecogError, match="rank 4"):
        engine.resize_bilinear(Codes(x[0], F8), Interpolation(size, (1, 1)), *rest)
