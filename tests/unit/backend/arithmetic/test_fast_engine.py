"""The fast engine against the definition, bit for bit, on every path this processor can show."""

import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lns_strategies import (
    WIDE,
    Layer,
    arithmetics,
    code_arrays,
    convolutions,
    extreme_codes,
    formats,
    layer_of,
    output_formats,
    random_codes,
    transposed_convolutions,
)

from recog.backend.arithmetic import encoding, tables
from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.engine import EngineOptions, get_engine
from recog.backend.arithmetic.fast import (
    cache,
    constants,
    convolution,
    intrinsics,
    narrow,
    paths,
    reencoding,
)
from recog.backend.arithmetic.fast.assembly import Kernels, assembly
from recog.backend.arithmetic.fast.assembly import kernels as kernels_of
from recog.backend.arithmetic.fast.emit import finish_name, kernel_names
from recog.backend.arithmetic.fast.engine import FastEngine
from recog.backend.arithmetic.fast.vector_ir import Form
from recog.backend.arithmetic.gemm import buckets
from recog.backend.arithmetic.reference import definition
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat

REFERENCE, GEMM = get_engine("reference"), get_engine("gemm")

SIXTEEN_LANES = Form(16, paths.FORMS["avx2"].shuffle, paths.FORMS["avx512"].positions)
"""The kernels of avx512, with its one instruction that AVX2 lacks, the byte shuffle, in halves."""


def compiled() -> dict[str, Kernels]:
    found = {path: kernels_of(path) for path in paths.available_paths()}
    if "avx2" in found and "avx512" not in found:
        found["avx512 in halves"] = Kernels("avx512 in halves", SIXTEEN_LANES)
    return found


FAST = {path: FastEngine(code=code) for path, code in compiled().items()}

SIZES = st.sampled_from([(1, 1, 1), (1 << 12, 3, 2000), (64 << 10, 512, 192 << 10)])
"""Bytes of a block's table, outputs at once, and bytes of a band."""


def sized(sizes: tuple[int, int, int]) -> tuple:
    table, outputs, band = sizes
    return (
        patch.multiple(
            convolution, TABLE_BYTES=table, REALS_BYTES=table // 4, OUTPUTS_AT_ONCE=outputs
        ),
        patch.object(narrow, "BAND_BYTES", band),
    )


@settings(max_examples=120)
@given(convolutions(largest_size=9, largest_channels=12), SIZES, st.sampled_from([0, 8]))
def test_conv2d(layer: Layer, sizes: tuple[int, int, int], few: int):
    _check(layer, sizes, few)


def _check(layer: Layer, sizes: tuple[int, int, int], few: int) -> None:
    expected = REFERENCE.conv2d(layer)
    dense, band = sized(sizes)
    for path, engine in FAST.items():
        with dense, band, patch.object(narrow, "FEW_OUTPUTS", few):
            result = engine.conv2d(layer)
        assert result.dtype == expected.dtype
        np.testing.assert_array_equal(result, expected, path)


@settings(max_examples=120)
@given(convolutions(9, 12, WIDE), SIZES, st.sampled_from([0, 8]))
def test_conv2d_of_wide_codes(layer: Layer, sizes: tuple[int, int, int], few: int):
    _check(layer, sizes, few)


@settings(max_examples=50)
@given(transposed_convolutions())
def test_conv_transpose2d(layer: Layer):
    expected = REFERENCE.conv_transpose2d(layer)
    for path, engine in FAST.items():
        result = engine.conv_transpose2d(layer)
        assert result.dtype == expected.dtype
        np.testing.assert_array_equal(result, expected, path)


@settings(max_examples=50)
@given(st.data(), arithmetics, st.booleans(), st.integers(1, 70), st.integers(1, 12))
def test_linear(data, arithmetic: Arithmetic, relu: bool, inputs: int, outputs: int):
    x_format, w_format = data.draw(formats(WIDE)), data.draw(formats(WIDE, channels=outputs))
    x = data.draw(code_arrays((data.draw(st.sampled_from([1, 2, 40])), 2, inputs), x_format))
    w = data.draw(code_arrays((outputs, inputs), w_format))
    init = data.draw(st.sampled_from([None, np.arange(outputs) * 1000 - 500]))
    out_format = data.draw(st.none() | output_formats((-(x_format.bias >> x_format.frac), 20)))
    tensors = x, x_format, w, w_format, init, out_format
    expected = REFERENCE.linear(layer_of(*tensors, relu=relu, arithmetic=arithmetic))
    for path, engine in FAST.items():
        result = engine.linear(layer_of(*tensors, relu=relu, arithmetic=arithmetic))
        assert result.dtype == expected.dtype
        np.testing.assert_array_equal(result, expected, path)


@pytest.mark.parametrize("rows", [2, 10, 34])
def test_last_rows_that_lie_7_apart(rows: int):
    """A tile of 2 rows of 7 inputs, the last repeated, spans as much as 8 neighbours do."""
    format = LnsFormat(8, 4, 100)
    x, w = random_codes((rows, 7), format, 0), random_codes((2, 7), format, 1)
    expected = REFERENCE.linear(layer_of(x, format, w, format, None, None, arithmetic=Arithmetic()))
    for path, engine in FAST.items():
        result = engine.linear(layer_of(x, format, w, format, None, None, arithmetic=Arithmetic()))
        np.testing.assert_array_equal(result, expected, path)


@pytest.mark.parametrize("path", FAST)
@pytest.mark.parametrize("unsigned", [False, True])
@pytest.mark.parametrize("kind", ["random", "largest", "alternating", "zero"])
def test_long_sums_spill(path: str, unsigned: bool, kind: str):
    """3000 products of the largest codes do not fit int32: they go through int64 in chunks."""
    x_format, w_format = LnsFormat(8, 4 + unsigned, 80, None, unsigned), LnsFormat(8, 4, 90)
    out_format = LnsFormat(8, 4, -120)
    if kind == "random":
        x, w = (
            random_codes((2, 3000, 3, 3), x_format, 0),
            random_codes((5, 3000, 1, 1), w_format, 1),
        )
    else:
        x = extreme_codes((2, 3000, 3, 3), x_format, "largest")
        w = extreme_codes((5, 3000, 1, 1), w_format, kind)
    init = np.array([0, 1 << 31, -(1 << 40), 5, -5])
    for out in (out_format, None):
        tensors = x, x_format, w, w_format, init, out
        result = FAST[path].conv2d(layer_of(*tensors, arithmetic=Arithmetic()))
        np.testing.assert_array_equal(
            result, GEMM.conv2d(layer_of(*tensors, arithmetic=Arithmetic()))
        )


@pytest.mark.parametrize("path", FAST)
def test_real_shapes(path: str):
    """Tiles that cross images, channels that end within a block, several splits and bands."""
    x_format, w_format = LnsFormat(8, 5, 80, None, True), LnsFormat(8, 4, 90)
    out_format = LnsFormat(8, 5, -40, None, True)
    for shape, weights, groups, stride in [
        ((3, 37, 11, 13), (530, 37, 3, 3), 1, 2),
        ((2, 40, 61, 35), (40, 1, 5, 3), 40, 2),
        ((1, 96, 30, 30), (192, 12, 3, 3), 8, 1),
        ((1, 3, 60, 60), (33, 3, 7, 7), 1, 2),
    ]:
        x, w = random_codes(shape, x_format, 1), random_codes(weights, w_format, 2)
        init = np.random.default_rng(3).integers(-(1 << 16), 1 << 16, len(w))
        tensors = x, x_format, w, w_format, init, out_format
        how = {"groups": groups, "strides": (stride, 1), "padding": (1, 2, 0, 1)}
        result = FAST[path].conv2d(layer_of(*tensors, **how, arithmetic=Arithmetic()))
        np.testing.assert_array_equal(
            result, GEMM.conv2d(layer_of(*tensors, **how, arithmetic=Arithmetic()))
        )


@given(st.integers(0, 6), st.data(), st.integers(2, 12), st.booleans())
def test_reencoding_around_every_threshold(frac: int, data, antilog_bits: int, relu: bool):
    """The scalar form for int64, and the kernels' form for int32, on and beside thresholds."""
    arithmetic = Arithmetic(antilog_bits, fine_antilog_bits=0)
    bias = data.draw(st.integers(-100, 200))
    octaves = (-antilog_bits - (bias >> frac), 40 - antilog_bits - (bias >> frac))
    out_format = data.draw(output_formats(octaves))
    thresholds = tables.reencode_thresholds(frac, bias, out_format, antilog_bits)
    near = np.concatenate([thresholds[thresholds < 1 << 62] + d for d in (-2, -1, 0, 1, 2)])
    acc = np.concatenate([near, -near, np.arange(-70, 70), [(1 << 31) - 2, 2 - (1 << 31)]])
    scale = tables.AccumulatorScale(frac, (bias,))
    expected = buckets.reencode(acc, scale, out_format, arithmetic, relu=relu)
    how = constants.reencoding(scale, 1, out_format, arithmetic, relu)
    scalar = [reencoding.reencode_one(int(value), 0, how) for value in acc]
    np.testing.assert_array_equal(scalar, expected)
    small = np.abs(acc) < (1 << 31) - 1
    _check_kernels(acc[small], expected[small], scale, out_format, arithmetic, how)


def _check_kernels(acc, expected, scale, out_format, arithmetic, how) -> None:
    records, _ = constants.channel_records(scale, 1, out_format, arithmetic)
    for path, engine in FAST.items():
        code = engine._code
        assert code is not None
        positions = max(code.form.positions)
        rows = -(-len(acc) // positions)
        padded = np.zeros(rows * positions, np.int32)
        padded[: len(acc)] = acc
        codes = np.empty(padded.shape, out_format.dtype)
        name = finish_name(positions, codes.itemsize, how.sign_mask != 0)
        size = positions * codes.itemsize
        arguments = padded.ctypes.data, records.ctypes.data, 0, codes.ctypes.data, rows, size
        numbers = how.bits, how.largest, how.sign_mask
        intrinsics.invoke_all(code.address(name), (*arguments, *numbers))
        np.testing.assert_array_equal(codes[: len(acc)], expected, path)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_give_the_same_bits(threads: int):
    format = LnsFormat(8, 4, 80)
    x, w = random_codes((2, 16, 20, 20), format, 0), random_codes((24, 16, 3, 3), format, 1)
    each = random_codes((16, 1, 3, 3), format, 2)
    engine = FastEngine(threads=threads, code=kernels_of(paths.chosen_path()))
    for weights, groups in ((w, 1), (each, 16)):
        tensors = x, format, weights, format, None, LnsFormat(8, 4, -50)
        result = engine.conv2d(layer_of(*tensors, groups=groups, arithmetic=Arithmetic()))
        expected = GEMM.conv2d(layer_of(*tensors, groups=groups, arithmetic=Arithmetic()))
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("outputs", [1, 5, 40])
@pytest.mark.parametrize("x_shape", [(0, 8, 5, 6), (0, 8, 1, 1)])
def test_no_frames_on_kernels_that_are_loaded(outputs: int, x_shape: tuple[int, ...]):
    format = LnsFormat(8, 4, 80)
    x, w = random_codes(x_shape, format, 0), random_codes((outputs, 8, 1, 1), format, 1)
    given = x, format, w, format, None, LnsFormat(8, 4, -50)
    for engine in FAST.values():
        result = engine.conv2d(layer_of(*given, arithmetic=Arithmetic()))
        assert result.shape == (0, outputs, *x_shape[2:])
        assert result.dtype == np.uint8


@pytest.mark.parametrize("shape", [(3, 5, 70, 70), (0, 4), (2, 3)])
def test_pairs_by_tables(shape: tuple[int, ...]):
    formats = LnsFormat(8, 4, 80), LnsFormat(8, 5, 90, None, True), LnsFormat(8, 4, 70)
    a, b = (random_codes(shape, format, seed) for seed, format in enumerate(formats[:2]))
    pair = Codes(a, formats[0]), Codes(b, formats[1])
    for engine in FAST.values():
        for subtract in (False, True):
            operands, how = (*pair, formats[2], Arithmetic()), {"subtract": subtract, "relu": True}
            np.testing.assert_array_equal(engine.add(*operands, **how), GEMM.add(*operands, **how))
        np.testing.assert_array_equal(engine.mul(*pair, formats[2]), GEMM.mul(*pair, formats[2]))


@settings(max_examples=60)
@given(
    *(formats(WIDE), formats(WIDE), st.none() | output_formats((-10, 20)), st.integers(2, 12)),
    *(st.booleans(), st.booleans(), st.integers(0, 99)),
)
def test_add(
    a_format: LnsFormat,
    b_format: LnsFormat,
    out: LnsFormat | None,
    bits: int,
    subtract: bool,
    relu: bool,
    seed: int,
):
    a, b = (random_codes((3, 1500), each, seed) for each in (a_format, b_format))
    operands = Codes(a, a_format), Codes(b, b_format), out, Arithmetic(bits, 64)
    try:
        expected = REFERENCE.add(*operands, subtract=subtract, relu=relu)
    except RecogError:  # biases far apart: more than 63 bits
        return
    for path, engine in FAST.items():
        found = engine.add(*operands, subtract=subtract, relu=relu)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected, path)


@given(st.integers(4, 16), st.integers(0, 12), st.integers(-2000, 2000), st.booleans())
def test_quick_encoding_around_every_threshold(width: int, frac: int, bias: int, unsigned: bool):
    format = LnsFormat(width, frac, bias, None, unsigned)
    with np.errstate(over="ignore"):
        at = tables.encode_thresholds(format)
    near = np.concatenate([at, np.nextafter(at, 0), np.nextafter(at, np.inf), at * 1.01])
    values = np.concatenate([near, -near, [0.0, -0.0, np.inf, -np.inf, 1e-320, 1.0]])
    np.testing.assert_array_equal(
        encoding.encode(values, format), definition.encode(values, format)
    )
    small = np.random.default_rng(0).standard_normal((3, 40)).astype(np.float32)
    np.testing.assert_array_equal(encoding.encode(small, format), definition.encode(small, format))


def test_weights_that_lie_column_by_column():
    """As those of a transposed convolution do; found by random networks."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 128, (2, 5, 9, 17), dtype=np.uint8)
    format = LnsFormat(8, 4)
    for outputs, kernel in ((3, 1), (3, 3), (40, 1), (40, 3)):
        w = rng.integers(0, 128, (outputs, 5, kernel, kernel), dtype=np.uint8)
        given = (x, format, np.asfortranarray(w), format, None, format)
        expected = REFERENCE.conv2d(layer_of(*given, arithmetic=Arithmetic()))
        for path, engine in FAST.items():
            found = engine.conv2d(layer_of(*given, arithmetic=Arithmetic()))
            np.testing.assert_array_equal(found, expected, path)


def test_nan_is_no_number():
    with pytest.raises(RecogError, match="NaN"):
        encoding.encode(np.array([1.0, np.nan]), LnsFormat(8, 4))


def test_avx512_kernels_use_its_vectors():
    """What a processor with AVX-512 would run: one load-and-multiply and one add a vector."""
    form, features = paths.FORMS["avx512"], "+avx512f,+avx512bw,+avx512vl"
    mac = assembly(form, "mac_32", "skylake-avx512", features)
    products = re.findall(r"vpmulld\s+\S*\(.*\), %zmm\d+, %zmm\d+", mac)
    assert len(products) == 8
    assert len(re.findall(r"vpaddd\s.*%zmm", mac)) == 8
    assert not re.search(r"%ymm|call", mac)
    table = assembly(form, "table_32_1x1_4_signed", "skylake-avx512", features)
    assert re.search(r"vpshufb\s.*%zmm", table)


@pytest.mark.parametrize("name", ["real_32_64_2", "row_32_4"])
def test_products_by_rounding_take_five_operations(name: str):
    """A vector of them: multiplied, rounded by two, made integers, and added."""
    features = "+avx512f,+avx512bw,+avx512vl"
    text = assembly(paths.FORMS["avx512"], name, "skylake-avx512", features)
    vectors = 16 if name.startswith("real") else 4
    assert len(re.findall(r"vmulps\s.*%zmm", text)) == vectors
    assert len(re.findall(r"vpandd\s.*%zmm", text)) == vectors
    assert len(re.findall(r"vcvttps2dq\s.*%zmm", text)) == vectors
    assert len(re.findall(r"vpaddd\s.*%zmm", text)) == 2 * vectors
    assert not re.search(r"%ymm|vpinsr|vpextr|call", text)


def test_avx2_kernels_multiply_from_memory():
    form = paths.FORMS["avx2"]
    mac = assembly(form, "mac_32", "haswell", "+avx2")
    assert len(re.findall(r"vpmulld\s+\S*\(.*\), %ymm\d+, %ymm\d+", mac)) == 16
    table = assembly(form, "table_32_2x1_4_unsigned", "haswell", "+avx2")
    assert re.search(r"vpshufb\s.*%ymm", table)


def test_portable_kernels_need_no_extension():
    form = paths.FORMS["portable"]
    for name in kernel_names(form):
        assert not re.search(r"%[yz]mm", assembly(form, name, "x86-64", ""))


S8, U8, S12, U16 = (
    *(LnsFormat(8, 4, 80), LnsFormat(8, 5, 80, None, True)),
    *(LnsFormat(12, 8, 1300), LnsFormat(16, 12, 20000, None, True)),
)


@pytest.mark.parametrize(
    "x_format, w_format, arithmetic, outputs, groups, taken",
    [
        (S8, S8, Arithmetic(), 64, 1, "dense"),
        (S8, S8, Arithmetic(), 32, 1, "real32"),
        (S8, S8, Arithmetic(), 64, 64, "row32"),
        (S8, S8, Arithmetic(mitchell=True), 64, 64, "dense"),
        (S8, S12, Arithmetic(), 64, 1, "real32"),
        (U8, S12, Arithmetic(), 64, 64, "row32"),
        (S12, S12, Arithmetic(), 64, 1, "real32"),
        (S12, S12, Arithmetic(), 64, 64, "row32"),
        (S12, S12, Arithmetic(12), 64, 1, "real64"),
        (S12, S12, Arithmetic(12), 64, 64, "row64"),
        (U16, S12, Arithmetic(), 64, 1, "real64"),
        (U16, S12, Arithmetic(), 64, 64, "row64"),
        (S12, S12, Arithmetic(mitchell=True), 64, 1, None),
    ],
)
def test_how_products_come_about(
    x_format: LnsFormat,
    w_format: LnsFormat,
    arithmetic: Arithmetic,
    outputs: int,
    groups: int,
    taken: str | None,
):
    """By tables where those are quicker, else by rounding in as many bits as are exact."""
    engine = FastEngine(code=kernels_of(paths.available_paths()[0]))
    x = random_codes((1, 64, 9, 9), x_format, 0)
    w = random_codes((outputs, 64 // groups, 3, 3), w_format, 1)
    layer = layer_of(x, x_format, w, w_format, None, S12, groups=groups, arithmetic=arithmetic)
    np.testing.assert_array_equal(engine.conv2d(layer), GEMM.conv2d(layer))
    name = f"{engine.path} {taken}" if taken else "gemm"
    assert engine.taken == {name: 1}


@settings(max_examples=60)
@given(formats(WIDE), formats(WIDE), st.integers(2, 12), st.integers(0, 99))
def test_products_by_rounding(x_format: LnsFormat, w_format: LnsFormat, bits: int, seed: int):
    """Pairs of codes, and all residues of one: where it is exact, it gives the definition's T."""
    arithmetic, frac = Arithmetic(bits, 64), max(x_format.frac, w_format.frac)
    x = np.concatenate([random_codes((5000,), x_format, seed), definition.all_codes(x_format)])
    x[x_format.illegal_codes(x)] = 0
    w = random_codes(x.shape, w_format, seed + 1)
    w[5000:] = w[5000]
    pair = Codes(x, x_format.with_bias(0)), Codes(w, w_format.with_bias(0))
    expected = definition.products(*pair, arithmetic)
    for real, integer in ((32, np.int32), (64, np.int64)):
        if not constants.rounds_exactly(frac, arithmetic, real):
            assert real == 32
            continue
        reals = constants.reals_of(pair[0].format, pair[1].format, arithmetic, real)
        rounded = (reals.x[x] * reals.w[w]).view(integer) + integer(reals.half)
        found = (rounded & integer(reals.mask)).view(reals.x.dtype)
        np.testing.assert_array_equal(found.astype(np.int64), expected)


def test_which_products_rounding_gives():
    """All with the default antilog; finer ones and finer codes come too near to a tie."""
    coarse = partial(Arithmetic, fine_antilog_bits=0)
    exact = {
        bits: max(f for f in range(13) if constants.rounds_exactly(f, coarse(bits), 32))
        for bits in (6, 8, 10, 12)
    }
    assert exact == {6: 12, 8: 12, 10: 9, 12: 6}
    assert all(constants.rounds_exactly(12, coarse(bits), 64) for bits in range(2, 13))
    assert not constants.rounds_exactly(4, Arithmetic(6, mitchell=True), 64)


@pytest.mark.parametrize(
    "variable, value, message",
    [
        (paths.PATH_VARIABLE, "sse9", "RECOG_ENGINE_PATH is 'sse9'"),
        (paths.THREADS_VARIABLE, "0", "RECOG_THREADS is '0'"),
        (paths.THREADS_VARIABLE, "two", "RECOG_THREADS is 'two'"),
    ],
)
def test_wrong_settings(variable: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(variable, value)
    with pytest.raises(RecogError, match=message):
        get_engine("fast")


@pytest.mark.parametrize(
    "options, message",
    [
        (EngineOptions(path="sse9"), "the engine's path is 'sse9'"),
        (EngineOptions(threads=0), "the engine's number of threads is '0'"),
        (EngineOptions(threads=1025), "give a number from 1 to 1024"),
    ],
)
def test_wrong_options(options: EngineOptions, message: str):
    with pytest.raises(RecogError, match=message):
        get_engine(options)


def test_options_stand_before_the_environment_which_is_read_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(paths.PATH_VARIABLE, "portable")
    monkeypatch.setenv(paths.THREADS_VARIABLE, "3")
    by_environment = get_engine("fast")
    best = paths.available_paths()[0]
    by_options = get_engine(EngineOptions(path=best, threads=2))
    monkeypatch.setenv(paths.PATH_VARIABLE, "sse9")
    monkeypatch.setenv(paths.THREADS_VARIABLE, "none")
    format = LnsFormat(8, 4, 80)
    x, w = random_codes((1, 64, 32, 32), format, 0), random_codes((80, 64, 1, 1), format, 1)
    layer = layer_of(x, format, w, format, None, LnsFormat(8, 4, -50))
    expected = GEMM.conv2d(layer)
    for engine, path, threads in ((by_environment, "portable", 3), (by_options, best, 2)):
        assert isinstance(engine, FastEngine)
        np.testing.assert_array_equal(engine.conv2d(layer), expected)
        assert (engine.path, engine.threads) == (path, threads)
        (taken,) = engine.taken
        assert taken.startswith(f"{path} ")


def test_what_other_engines_loaded_decides_nothing():
    """A small layer runs on kernels where its own engine has loaded them, else it does not."""
    format = LnsFormat(8, 4, 80)
    x, w = random_codes((1, 8, 8, 8), format, 0), random_codes((16, 8, 1, 1), format, 1)
    layer = layer_of(x, format, w, format, None, format)
    next(iter(FAST.values())).conv2d(layer)
    engine = FastEngine()
    engine.conv2d(layer)
    assert engine.taken == {"gemm": 1}


def test_a_path_that_the_processor_lacks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(paths.PATH_VARIABLE, raising=False)
    monkeypatch.setattr(paths, "host", lambda: ("old", {"avx2": True}))
    assert paths.available_paths() == ["avx2", "portable"]
    assert paths.chosen_path() == "avx2"
    monkeypatch.setenv(paths.PATH_VARIABLE, "avx512")
    with pytest.raises(RecogError, match="lacks avx512f, avx512bw, avx512vl"):
        paths.chosen_path()
    monkeypatch.setenv(paths.PATH_VARIABLE, "portable")
    assert paths.chosen_path() == "portable"


def test_no_place_for_a_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Compiled code is then made anew: kernels here, what numba compiles in a process."""
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(cache.CACHE_VARIABLE, str(tmp_path / "file"))
    cache.cache_folder.cache_clear()
    try:
        assert cache.cache_folder() is None
        assert Kernels("portable").address("mac_8")
        cache.keep("x", b"1")
        assert cache.load("x") is None
    finally:
        cache.cache_folder.cache_clear()


def test_compiled_code_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv(cache.CACHE_VARIABLE, str(tmp_path))
    cache.cache_folder.cache_clear()
    try:
        for _ in range(2):
            Kernels("portable").address("mac_8")
            assert [path.suffix for path in tmp_path.glob("kernels-*/*")] == [".o"]
    finally:
        cache.cache_folder.cache_clear()


def test_fuzzing():
    """A second of `make fuzz`, which runs longer."""
    program = Path(__file__).parents[3] / "fuzz/fuzz_engine.py"
    command = [sys.executable, str(program), "--layers", "12", "--seed", "77", "--seconds", "60"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "12 layers from seed 77: 0 findings on" in run.stdout


@pytest.mark.parametrize("setting", ["NUMBA_DISABLE_JIT=1", "NUMBA_NUM_THREADS=0"])
def test_settings_that_keep_numba_from_compiling_are_named(setting: str):
    code = (
        "import numpy as np\n"
        "from recog.backend.arithmetic.fast.engine import _load\n"
        "from recog.dialects.errors import RecogError\n"
        "try: _load('portable')\n"
        "except RecogError as error: print(error)\n"
    )
    name, _, value = setting.partition("=")
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, name: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "NUMBA_" in run.stdout, run.stderr
    assert "hint: unset it" in run.stdout
