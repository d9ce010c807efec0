"""Compiled correlations, averages and interpolations against the definition, bit for bit."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lns_strategies import (
    arithmetics,
    code_arrays,
    correlations,
    extreme_codes,
    formats,
    output_formats,
    random_codes,
)

from recog.backend.arithmetic import tables
from recog.backend.arithmetic.codes import Codes, Interpolation
from recog.backend.arithmetic.engine import get_engine
from recog.backend.arithmetic.fast import constants, maps, paths, reencoding
from recog.backend.arithmetic.fast.assembly import kernels
from recog.backend.arithmetic.fast.engine import SMALL_PAIR, FastEngine
from recog.backend.arithmetic.gemm import buckets
from recog.backend.arithmetic.reference import definition, sampling
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import PoolWindow, padding_of, pair_of

REFERENCE, GEMM = get_engine("reference"), get_engine("gemm")
KERNELS = kernels(paths.chosen_path())
FAST = FastEngine(code=KERNELS)
OPERATIONS = ("correlation", "max_pool2d", "avg_pool2d", "resize_bilinear")
F8, OUT = LnsFormat(8, 4, 80), LnsFormat(8, 4, 30)


def check(operation: str, *operands, **how) -> None:
    expected = getattr(REFERENCE, operation)(*operands, **how)
    result = getattr(FAST, operation)(*operands, **how)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


@given(correlations(6), arithmetics)
def test_correlation(operands, arithmetic: Arithmetic):
    check("correlation", *operands, arithmetic)


@pytest.mark.parametrize("kind", ["largest", "alternating", "single"])
@pytest.mark.parametrize("octaves", [4, 16])
def test_correlation_of_extreme_codes(kind: str, octaves: int):
    """Sums of 90 of the largest products, of 4 octaves in int32, of 16 in int64."""
    format = LnsFormat(8, 7 - octaves.bit_length() + 1, 60)
    left, right = (
        Codes(extreme_codes((1, 90, 2, 9), format, each), format) for each in ("largest", kind)
    )
    check("correlation", left, right, 9, LnsFormat(8, 4, -60), Arithmetic(6, 64))


@given(st.data(), arithmetics, st.booleans(), st.booleans())
def test_avg_pool2d(data, arithmetic: Arithmetic, relu: bool, include_pad: bool):
    format = data.draw(formats())
    out_format = data.draw(output_formats((-(format.bias >> format.frac), 16)))
    x = data.draw(code_arrays((2, 2, 4, 5), format))
    window = PoolWindow(
        kernel=(data.draw(st.integers(1, 4)), data.draw(st.integers(1, 5))),
        strides=(data.draw(st.integers(1, 5)), data.draw(st.integers(1, 6))),
        padding=padding_of([data.draw(st.integers(0, 3)) for _ in range(4)]),
        count_padding=include_pad,
    )
    check("avg_pool2d", Codes(x, format), window, out_format, arithmetic, relu=relu)


@given(st.data(), formats(widths=(2, 16)))
def test_max_pool2d(data, format: LnsFormat):
    x = Codes(data.draw(code_arrays((2, 2, 4, 5), format)), format)
    pairs = (data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) for _ in range(3))
    padding = padding_of([data.draw(st.integers(0, 3)) for _ in range(4)])
    strides, dilation, kernel = pairs
    window = PoolWindow(strides, padding, dilation, kernel=kernel)
    if min(window.pooled_size((4, 5))) < 1:
        return
    try:
        expected = definition.max_pool2d(x, window)
    except RecogError as error:
        with pytest.raises(RecogError, match=str(error)):
            FAST.max_pool2d(x, window)
        return
    result = FAST.max_pool2d(x, window)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("engine", [FAST, REFERENCE])
def test_max_pool2d_refuses_illegal_codes(engine: FastEngine):
    x = Codes(np.full((1, 1, 4, 4), 0x80, np.uint8), F8)
    with pytest.raises(RecogError, match="0x80"):
        engine.max_pool2d(x, PoolWindow(kernel=(2, 2)))


@given(formats(widths=(2, 16)), st.integers(0, 9), st.sampled_from([np.float32, np.float64]))
@settings(max_examples=30)
def test_encode_around_its_thresholds(format: LnsFormat, seed: int, dtype):
    """Beside every threshold, of both signs, more numbers than NumPy takes alone."""
    thresholds = definition.encode_thresholds(format)
    some = thresholds[(thresholds > 1e-30) & (thresholds < 1e30)]
    near = np.concatenate([some, np.nextafter(some, 0), np.nextafter(some, np.inf)])
    ends = [0.0, -0.0, np.inf, -np.inf, 1e-45, -1e-45, 3e38, -3e38, 1.0]
    values = np.concatenate([near, -near, ends, np.zeros(SMALL_PAIR)])
    values = np.random.default_rng(seed).permutation(values)
    with np.errstate(over="ignore"):
        array = values.astype(dtype).reshape(1, -1, 1)
    result = FAST.encode(array, format)
    assert result.dtype == format.dtype
    np.testing.assert_array_equal(result, definition.encode(array, format))


def test_encode_refuses_nan():
    values = np.zeros(2 * SMALL_PAIR, np.float32)
    values[-1] = np.nan
    with pytest.raises(RecogError, match="NaN has no LNS code"):
        FAST.encode(values, F8)


@given(
    st.data(),
    arithmetics,
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.tuples(st.integers(1, 7), st.integers(1, 7)),
    st.booleans(),
)
def test_resize_bilinear(data, arithmetic: Arithmetic, given_size, size, align_corners: bool):
    format = data.draw(formats())
    out_format = data.draw(output_formats((-(format.bias >> format.frac), 16)))
    x = data.draw(code_arrays((1, 2, *given_size), format))
    steps = pair_of(
        [
            data.draw(st.sampled_from([sampling.exact_steps(a, b, align_corners), 1, 3, 256]))
            for a, b in zip(given_size, size)
        ]
    )
    to = Interpolation(size, steps, align_corners)
    check("resize_bilinear", Codes(x, format), to, out_format, arithmetic)


@given(st.integers(0, 6), st.data(), st.integers(2, 12), st.booleans(), st.integers(1, 1 << 16))
def test_averages_around_every_threshold(
    frac: int, data, antilog_bits: int, relu: bool, divisor: int
):
    """The scalar re-encoding of sums of `divisor` elements, on and beside thresholds."""
    arithmetic = Arithmetic(antilog_bits, fine_antilog_bits=0)
    bias = data.draw(st.integers(-100, 200))
    octaves = (-antilog_bits - (bias >> frac), 30 - antilog_bits - (bias >> frac))
    out_format = data.draw(output_formats(octaves))
    thresholds = tables.reencode_thresholds(frac, bias, out_format, antilog_bits, divisor)
    near = np.concatenate([thresholds[thresholds < 1 << 50] + d for d in (-2, -1, 0, 1, 2)])
    acc = np.concatenate([near, -near, np.arange(-70, 70), [(1 << 62) + 1, -(1 << 62)]])
    scale = tables.AccumulatorScale(frac, (bias,), divisor)
    expected = buckets.reencode(acc, scale, out_format, arithmetic, relu=relu)
    how = constants.reencoding(scale, 1, out_format, arithmetic, relu)
    found = [reencoding.reencode_one(int(value), 0, how) for value in acc]
    np.testing.assert_array_equal(found, expected)


def some(operation: str, engine, format: LnsFormat = F8) -> np.ndarray:
    """An operation on maps of 5 x 60 x 70 codes."""
    x, y = (Codes(random_codes((1, 5, 60, 70), format, seed), format) for seed in (0, 1))
    arithmetic = Arithmetic(6, 64)
    if operation == "correlation":
        return engine.correlation(x, y, 9, OUT, arithmetic)
    if operation == "max_pool2d":
        return engine.max_pool2d(x, PoolWindow((2, 1), (1, 0, 1, 2), (1, 3), kernel=(3, 2)))
    if operation == "avg_pool2d":
        window = PoolWindow(kernel=(3, 4), padding=(1, 0, 1, 2))
        return engine.avg_pool2d(x, window, format, arithmetic)
    return engine.resize_bilinear(x, Interpolation((90, 33), (4, 66)), format, arithmetic)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_give_the_same_bits(operation: str, threads: int):
    engine = FastEngine(threads=threads, code=KERNELS)
    np.testing.assert_array_equal(some(operation, engine), some(operation, GEMM))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "format, is_loaded, compiled",
    [(F8, True, 1), (F8, False, 0), (LnsFormat(16, 11, 20000), True, 1)],
)
def test_what_runs_compiled(operation: str, format: LnsFormat, is_loaded: bool, compiled: int):
    """Codes of any width, once the engine has its kernels, whatever others have."""
    engine = FastEngine(code=KERNELS) if is_loaded else FastEngine()
    with patch.object(maps, operation, wraps=getattr(maps, operation)) as spy:
        result = some(operation, engine, format)
    assert spy.call_count == compiled
    np.testing.assert_array_equal(result, some(operation, GEMM, format))
