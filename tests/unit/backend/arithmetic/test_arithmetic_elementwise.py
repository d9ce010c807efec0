"""Sums, differences, products and average pools: definition, gemm engine and oracle."""

import numpy as np
import pytest
import scalar_oracle as oracle
from hypothesis import given
from hypothesis import strategies as st
from lns_strategies import arithmetics, code_arrays, formats, output_formats, random_codes

from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.engine import ENGINES, get_engine
from recog.backend.arithmetic.reference import definition
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import PoolWindow, padding_of, pair_of

REFERENCE, GEMM = get_engine("reference"), get_engine("gemm")
F8 = LnsFormat(8, 4, 65)


@given(st.data(), arithmetics, st.booleans(), st.booleans())
def test_add_by_the_oracle_and_gemm(data, arithmetic: Arithmetic, relu: bool, subtract: bool):
    a_format = data.draw(formats())
    b_format = data.draw(formats())
    distance = data.draw(st.integers(-6, 6)) << b_format.frac
    near = (a_format.bias << b_format.frac >> a_format.frac) + distance
    b_format = b_format.with_bias(near + data.draw(st.integers(0, 3)))
    out_format = data.draw(output_formats((-(a_format.bias >> a_format.frac), 16)))
    a = data.draw(code_arrays((24,), a_format))
    b = data.draw(code_arrays((24,), b_format))
    operands = Codes(a, a_format), Codes(b, b_format), out_format, arithmetic
    how = {"subtract": subtract, "relu": relu}
    result = REFERENCE.add(*operands, **how)
    expected = [
        oracle.add((i, a_format), (j, b_format), out_format, arithmetic, **how)
        for i, j in zip(a.tolist(), b.tolist())
    ]
    assert result.tolist() == expected
    quick = GEMM.add(*operands, **how)
    assert quick.dtype == result.dtype
    np.testing.assert_array_equal(quick, result)


@st.composite
def products(draw) -> tuple:
    """Operands of any formats, and an output that their products fall into, or just miss."""
    a_format, b_format = draw(formats(widths=(3, 10))), draw(formats(widths=(3, 10)))
    shift = draw(st.integers(-6, 6))
    middle = shift - (a_format.bias >> a_format.frac) - (b_format.bias >> b_format.frac)
    out_format = draw(output_formats((middle, middle + 12)))
    a, b = draw(code_arrays((5, 4), a_format)), draw(code_arrays((5, 4), b_format))
    return Codes(a, a_format), Codes(b, b_format), out_format


@given(products(), st.booleans())
def test_mul_by_the_oracle_and_gemm(operands: tuple, relu: bool):
    (a, a_format), (b, b_format), out_format = operands
    result = REFERENCE.mul(*operands, relu=relu)
    assert result.dtype == out_format.dtype
    expected = [
        oracle.mul((i, a_format), (j, b_format), out_format, relu=relu)
        for i, j in zip(a.reshape(-1).tolist(), b.reshape(-1).tolist())
    ]
    assert result.reshape(-1).tolist() == expected
    quick = GEMM.mul(*operands, relu=relu)
    assert quick.dtype == result.dtype
    np.testing.assert_array_equal(quick, result)


def test_mul_of_one_frac_is_a_saturating_sum_of_codes():
    """m = m_a + m_b + B_out − B_a − B_b, as the chip adds."""
    a_format, b_format, out_format = LnsFormat(8, 4, 60), LnsFormat(8, 4, 90), LnsFormat(8, 4, 70)
    magnitudes = np.arange(1, 128, dtype=np.uint8)
    result = REFERENCE.mul(
        Codes(magnitudes[:, None], a_format), Codes(magnitudes[None], b_format), out_format
    )
    offset = magnitudes.astype(int)[:, None] + magnitudes[None] + 70 - 60 - 90
    low = np.where(offset >= 1 - 16, 1, 0)
    np.testing.assert_array_equal(result, np.where(offset >= 1, np.minimum(offset, 127), low))


def test_mul_rounds_halves_of_a_step_up():
    """At f = 1 and f = 0: 2^(1/2) lies in the middle between 1 and 2, on the logarithm."""
    fine, coarse = LnsFormat(8, 1, 64), LnsFormat(8, 0, 32)
    one, root = np.array([64], np.uint8), np.array([65], np.uint8)
    assert REFERENCE.mul(Codes(one, fine), Codes(one, fine), coarse).tolist() == [32]
    assert REFERENCE.mul(Codes(root, fine), Codes(one, fine), coarse).tolist() == [33]
    assert REFERENCE.mul(Codes(root, fine), Codes(root, fine), coarse).tolist() == [33]


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("shape", [(2, 3, 1, 1), (2, 1, 4, 5), (1, 3, 4, 1), (2, 3, 4, 5)])
def test_axes_of_size_one_broadcast(name: str, shape: tuple[int, ...]):
    engine = get_engine(name)
    a, b = random_codes((2, 3, 4, 5), F8, 0), random_codes(shape, F8, 1)
    whole = np.ascontiguousarray(np.broadcast_to(b, a.shape))
    expected = engine.mul(Codes(a, F8), Codes(whole, F8), F8)
    np.testing.assert_array_equal(engine.mul(Codes(a, F8), Codes(b, F8), F8), expected)
    np.testing.assert_array_equal(engine.mul(Codes(b, F8), Codes(a, F8), F8), expected)
    for subtract in (False, True):
        rest = Codes(a, F8), F8, Arithmetic()
        expected = engine.add(Codes(whole, F8), *rest, subtract=subtract)
        result = engine.add(Codes(b, F8), *rest, subtract=subtract)
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("name", ENGINES)
def test_mul_refuses(name: str):
    engine = get_engine(name)
    a, b = np.ones((2, 3), np.uint8), np.ones((2, 4), np.uint8)
    with pytest.raises(RecogError, match="do not broadcast"):
        engine.mul(Codes(a, F8), Codes(b, F8), F8)
    with pytest.raises(RecogError, match="do not broadcast"):
        engine.mul(Codes(a, F8), Codes(b[0], F8), F8)
    with pytest.raises(RecogError, match="b holds an illegal code"):
        engine.mul(Codes(a, F8), Codes(a * 0x80, F8), F8)
    with pytest.raises(RecogError, match="output's format has biases per channel"):
        engine.mul(Codes(a, F8), Codes(a, F8), F8.with_bias((1, 2, 3), 1))


@given(st.data(), arithmetics, st.booleans(), st.booleans())
def test_avg_pool_by_the_oracle(data, arithmetic: Arithmetic, relu: bool, include_pad: bool):
    format = data.draw(formats())
    out_format = data.draw(output_formats((-(format.bias >> format.frac), 16)))
    x = data.draw(code_arrays((1, 2, 4, 5), format))
    kernel = (data.draw(st.integers(1, 4)), data.draw(st.integers(1, 5)))
    padding = padding_of([data.draw(st.integers(0, 3)) for _ in range(4)])
    strides = (data.draw(st.integers(1, 2)), data.draw(st.integers(1, 3)))
    window = PoolWindow(strides, padding, kernel=kernel, count_padding=include_pad)
    operands = Codes(x, format), window, out_format, arithmetic
    result = REFERENCE.avg_pool2d(*operands, relu=relu)
    top, left = padding[:2]
    for n, c, row, column in np.ndindex(result.shape):
        y, z = row * strides[0] - top, column * strides[1] - left
        rows, columns = (
            slice(max(y, 0), max(y + kernel[0], 0)),
            slice(max(z, 0), max(z + kernel[1], 0)),
        )
        inside = x[n, c, rows, columns]
        divisor = kernel[0] * kernel[1] if include_pad else inside.size
        codes = inside.reshape(-1).tolist()
        expected = 0
        if divisor:
            expected = oracle.average(codes, format, out_format, divisor, relu, arithmetic)
        assert result[n, c, row, column] == expected
    quick = GEMM.avg_pool2d(*operands, relu=relu)
    assert quick.dtype == result.dtype
    np.testing.assert_array_equal(quick, result)


@given(st.data(), arithmetics)
def test_means_in_steps_are_those_of_one(data, arithmetic: Arithmetic):
    """Sums along the rows by the oracle and all engines; then down, and encoded."""
    format = data.draw(formats())
    out_format = data.draw(output_formats((-(format.bias >> format.frac), 16)))
    x = Codes(data.draw(code_arrays((1, 2, 4, 5), format)), format)
    across, down = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4))
    stride, left = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 2))
    along = PoolWindow((1, stride), (0, left, 0, 1), kernel=(1, across))
    sums = REFERENCE.avg_pool2d(x, along, None, arithmetic)
    assert sums.dtype == np.int64
    for n, c, row, column in np.ndindex(sums.shape):
        first = column * stride - left
        codes = x.array[n, c, row, max(first, 0) : max(first + across, 0)].tolist()
        assert sums[n, c, row, column] == oracle.total(codes, format, arithmetic)
    for engine in (GEMM, get_engine("fast")):
        np.testing.assert_array_equal(engine.avg_pool2d(x, along, None, arithmetic), sums)
    below = PoolWindow((1, 1), (1, 0, 0, 0), kernel=(down, 1))
    whole = PoolWindow((1, stride), (1, left, 0, 1), kernel=(down, across))
    expected = REFERENCE.avg_pool2d(x, whole, out_format, arithmetic)
    count = down * across
    means = definition.mean_of_sums(
        definition.window_sums(sums, below), format, count, out_format, arithmetic
    )
    np.testing.assert_array_equal(means, expected)


@given(st.data(), formats(widths=(3, 9)), st.tuples(*[st.integers(0, 2)] * 4))
def test_max_pool_takes_the_largest(data, format: LnsFormat, padding: tuple):
    """Against a loop over real numbers; equal values have equal codes."""
    x = data.draw(code_arrays((1, 2, 4, 5), format))
    kernel = pair_of([data.draw(st.integers(max(1, p), 4)) for p in padding[:2]])
    if max(padding[2:]) > min(kernel) or padding[0] >= kernel[0] or padding[1] >= kernel[1]:
        return
    window = PoolWindow((2, 1), padding_of(padding), kernel=kernel)
    values = np.pad(
        definition.decode(x, format.with_bias(0)),
        ((0, 0), (0, 0), (padding[0], padding[2]), (padding[1], padding[3])),
        constant_values=-np.inf,
    )
    windows = np.lib.stride_tricks.sliding_window_view(values, kernel, (2, 3))[:, :, ::2]
    expected = windows.max((-2, -1))
    if np.isinf(expected).any():
        with pytest.raises(RecogError, match="nothing but padding"):
            definition.max_pool2d(Codes(x, format), window)
        return
    result = definition.max_pool2d(Codes(x, format), window)
    assert result.dtype == format.dtype
    np.testing.assert_array_equal(definition.decode(result, format.with_bias(0)), expected)
