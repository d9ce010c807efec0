"""Peaks, boxes and suppression: definition against oracle, and against real numbers."""

from __future__ import annotations

import math

import boxes_oracle as oracle
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lns_strategies import code_arrays

from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.reference import boxes
from recog.backend.arithmetic.reference import fixed_point as fp
from recog.backend.arithmetic.reference.definition import decode, encode
from recog.dialects.box_geometry import CameraGeometry, ImageGeometry
from recog.dialects.errors import RecogError
from recog.dialects.number_format import LnsFormat

WIDE = LnsFormat(16, 11, 30000)
SCORES = LnsFormat(16, 12, 65535, unsigned=True)


@st.composite
def formats(draw) -> LnsFormat:
    """Formats from coarse to wide, around values from 2^-12 to 2^12, or far from them."""
    width, frac = draw(st.integers(3, 16)), draw(st.integers(0, 12))
    format = LnsFormat(width, frac, unsigned=draw(st.booleans()))
    octave = draw(st.one_of(st.integers(-12, 12), st.sampled_from([-60, 60])))
    return format.with_bias(format.max_magnitude - (octave << frac))


@st.composite
def maps(draw, channels: int, height: int, width: int, frames: int = 2) -> Codes:
    format = draw(formats())
    return Codes(draw(code_arrays((frames, channels, height, width), format)), format)


geometries = st.builds(ImageGeometry, st.integers(1, 1 << 26), st.integers(-(1 << 21), 1 << 21))


@st.composite
def cameras(draw, classes: int) -> CameraGeometry:
    length, logarithm = st.integers(-(2**31) + 1, 2**31 - 1), st.integers(-(2**21), 2**21)
    return CameraGeometry(
        draw(st.integers(1, 1 << 26)),
        (draw(length), draw(length)),
        draw(st.integers(1, 2**31 - 1)),
        draw(logarithm),
        draw(st.integers(-(1 << 20), 1 << 20)),
        tuple(draw(logarithm) for _ in range(3 * classes)),
    )


def seeded_indices(seed: int, rows: int, elements: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, elements, (2, rows))


@given(st.integers(-(1 << 24), 1 << 24), st.integers(0, 20))
def test_powers_of_two(logarithm: int, frac: int):
    found = int(fp.exp2(np.array([logarithm]), frac)[0])
    assert found == oracle.exp2(logarithm, frac)
    exact = 2.0 ** (logarithm / 65536 + frac)
    assert abs(found - min(exact, fp.LARGEST)) <= 0.5 + exact * 2**-29.5


def test_no_table_is_near_a_tie():
    """So libm's last bits, which differ between machines, cannot change the oracle's tables."""
    real = [2 ** (i / 2**8) * 2**30 for i in range(1, 256)]
    real += [2 ** (i / 2**16) * 2**30 for i in range(1, 256)]
    real += [math.log2(1 + 2 ** (-i / 32)) * 2**16 for i in range(1, 514)]
    real += [math.atan(i / 256) * 2**20 for i in range(1, 258)]
    real += [math.pi * 2**20, math.log2(math.log2(math.e)) * 2**16]
    assert min(abs(x - math.floor(x) - 0.5) for x in real) > 1e-5


@given(st.data(), st.booleans())
def test_peaks_of_rows_are_the_oracles(data: st.DataObject, sigmoid: bool):
    """Ranked a few rows at a time, then all that is found."""
    channels, height, width = (data.draw(st.integers(1, 5)) for _ in range(3))
    heat = data.draw(maps(channels, height, width))
    k = data.draw(st.integers(1, channels * height * width))
    out, count = SCORES if sigmoid else heat.format, min(k, channels * width)
    parts, first = [], 0
    while first < height:
        rows = range(first, data.draw(st.integers(first + 1, height)))
        above = data.draw(st.integers(min(1, first), first))
        stop = data.draw(st.integers(min(rows.stop + 1, height), height))
        part = Codes(heat.array[:, :, first - above : stop], heat.format)
        parts.append(boxes.row_peaks(part, count, rows, height, above=above, every=sigmoid))
        first = rows.stop
    codes, indices = (np.concatenate(each, 2) for each in zip(*parts))
    assert (codes.shape, codes.dtype) == ((2, count, height, 1), heat.array.dtype)
    found = boxes.best_peaks(Codes(codes, heat.format), indices, k, out, sigmoid=sigmoid)
    assert [each.dtype for each in found] == [out.dtype, np.int64]
    for frame in range(2):
        wanted = oracle.peaks(heat.array[frame].tolist(), heat.format, k, out, sigmoid)
        assert list(zip(*(each[frame].tolist() for each in found))) == wanted


@given(st.data(), st.booleans())
def test_peaks_are_the_oracles(data: st.DataObject, sigmoid: bool):
    shape = [data.draw(st.integers(1, 4)) for _ in range(3)]
    heat = data.draw(maps(*shape))
    k = data.draw(st.integers(1, math.prod(shape)))
    out = SCORES if sigmoid else heat.format
    scores, indices = boxes.peaks(heat, k, out, sigmoid=sigmoid)
    assert (scores.dtype, indices.dtype) == (out.dtype, np.int64)
    for frame in range(2):
        wanted = oracle.peaks(heat.array[frame].tolist(), heat.format, k, out, sigmoid)
        assert list(zip(scores[frame].tolist(), indices[frame].tolist())) == wanted


@given(st.data(), geometries, st.integers(0, 12), st.integers(0, 2**32 - 1))
def test_boxes_in_the_image_are_the_oracles(
    data: st.DataObject, geometry: ImageGeometry, frac: int, seed: int
):
    height, width = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 5))
    offset, size = (data.draw(maps(2, height, width)) for _ in range(2))
    indices = seeded_indices(seed, 4, 3 * height * width)
    found = boxes.decode_boxes_2d(indices, offset, size, geometry, frac)
    assert found.dtype == np.int32
    for frame, row in np.ndindex(indices.shape):
        v, u = divmod(int(indices[frame, row]) % (height * width), width)
        at = [values.array[frame, :, v, u].tolist() for values in (offset, size)]
        wanted = oracle.box_2d(
            (u, v),
            at[0],
            offset.format,
            at[1],
            size.format,
            geometry.stride,
            geometry.extent,
            frac,
        )
        assert found[frame, row].tolist() == wanted


@given(st.data(), cameras(3), st.integers(0, 12), st.integers(0, 2**32 - 1))
def test_boxes_in_space_are_the_oracles(
    data: st.DataObject, geometry: CameraGeometry, frac: int, seed: int
):
    height, width = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 5))
    disparity, box = data.draw(maps(1, height, width)), data.draw(maps(7, height, width))
    indices = seeded_indices(seed, 4, 3 * height * width)
    found = boxes.decode_boxes_3d(indices, disparity, box, geometry, frac)
    assert found.dtype == np.int32
    for frame, row in np.ndindex(indices.shape):
        label, cell = divmod(int(indices[frame, row]), height * width)
        v, u = divmod(cell, width)
        wanted = oracle.box_3d(
            (u, v),
            int(disparity.array[frame, 0, v, u]),
            disparity.format,
            box.array[frame, :, v, u].tolist(),
            box.format,
            geometry,
            geometry.priors[3 * label : 3 * label + 3],
            frac,
        )
        assert found[frame, row].tolist() == wanted


@given(st.data(), st.integers(0, 1 << 16), st.integers(0, 2**32 - 1))
def test_suppression_is_the_oracles(data: st.DataObject, overlap: int, seed: int):
    random = np.random.default_rng(seed)
    rows, cells = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 40))
    reach = data.draw(st.sampled_from([4, 100, 1 << 22, 1 << 31]))
    corners = random.integers(-reach, reach, (2, rows, 4)).astype(np.int32)
    if data.draw(st.booleans()):
        corners = np.sort(corners.reshape(2, rows, 2, 2), axis=2).reshape(2, rows, 4)
    scores = random.integers(0, 4, (2, rows)).astype(np.uint16)
    indices = random.integers(0, 80, (2, rows))
    found = boxes.suppress(corners, scores, indices, cells=cells, overlap=overlap)
    for frame in range(2):
        classes = (indices[frame] // cells).tolist()
        wanted = oracle.suppress(corners[frame].tolist(), scores[frame].tolist(), classes, overlap)
        assert found[frame].tolist() == wanted


def test_an_overlap_that_is_exactly_the_limit_does_not_suppress():
    corners = np.array([[[0, 0, 4, 4], [0, 0, 4, 2], [0, 0, 4, 3]]], np.int32)
    scores, indices = np.array([[3, 2, 1]], np.uint8), np.zeros((1, 3), np.int64)
    kept = boxes.suppress(corners, scores, indices, cells=9, overlap=1 << 15)
    assert kept.tolist() == [[3, 2, 0]]


def test_an_index_beyond_the_priors_is_an_error():
    geometry = CameraGeometry(1, (0, 0), 1, 0, 0, (0, 0, 0))
    codes = Codes(np.zeros((1, 7, 2, 2), np.uint16), WIDE)
    with pytest.raises(RecogError, match="index 4 is beyond the 1 class with priors"):
        boxes.decode_boxes_3d(np.array([[4]]), Codes(codes.array[:, :1], WIDE), codes, geometry, 8)


# Against real numbers: what the integers cost, with operands rounded to codes of 16 bits.


def encoded(values: np.ndarray, format: LnsFormat) -> Codes:
    return Codes(encode(values, format), format)


def test_sigmoids_are_off_by_little_more_than_their_codes():
    logits = np.random.default_rng(0).uniform(-9, 9, (1, 1, 1, 4000))
    logits.sort()
    heat = encoded(logits[..., ::-1], LnsFormat(16, 11, 32767 - (4 << 11)))
    scores, _ = boxes.peaks(heat, 1, SCORES, sigmoid=True)
    assert decode(scores, SCORES)[0, 0] == pytest.approx(1 / (1 + math.exp(-9)), rel=2e-4)
    codes = np.unique(heat.array)
    for sign in (0, heat.format.sign_mask):
        each = Codes((codes[codes < 1 << 15] | sign).astype(np.uint16), heat.format)
        exact = 1 / (1 + np.exp(-decode(each.array, each.format)))
        logarithm = fp.log_sigmoid(each.array, each.format)
        assert np.abs(logarithm / 65536 - np.log2(exact)).max() < 6e-5


def test_boxes_in_the_image_are_within_a_sixteenth_of_a_pixel():
    """Boxes of up to 160 pixels, offsets from 0 to 1 cell, stride 4."""
    random = np.random.default_rng(1)
    offset = random.uniform(0, 1, (1, 2, 40, 50))
    size = random.uniform(-2, math.log(40), (1, 2, 40, 50))
    indices = np.arange(2000)[None]
    geometry = fp.image_geometry(4.0)
    formats = [LnsFormat(16, 11, 32767 - (octave << 11)) for octave in (1, 3)]
    found = boxes.decode_boxes_2d(
        indices, encoded(offset, formats[0]), encoded(size, formats[1]), geometry, 8
    )
    v, u = np.divmod(np.arange(2000), 50)
    centre = 4 * (np.stack([u, v]) + offset.reshape(2, -1))
    half = 2 * np.exp(size.reshape(2, -1))
    wanted = np.concatenate([centre - half, centre + half]).T
    assert np.abs(found[0] / 256 - wanted).max() < 1 / 16


def test_boxes_in_space_are_within_a_twentieth_of_a_percent():
    """Depths from 4 to 190 m: 0.05 % of depth and size, 0.04 degrees of yaw."""
    random = np.random.default_rng(2)
    camera, prior = [700.0, 320.0, 90.0, 0.54], [1.5, 1.6, 3.9]
    disparity = random.uniform(2, 95, (1, 1, 40, 50))
    box = random.uniform(-0.5, 0.5, (1, 7, 40, 50))
    geometry = fp.camera_geometry(4.0, camera, prior)
    formats = LnsFormat(16, 12, 65535 - (7 << 12), unsigned=True), WIDE
    found = (
        boxes.decode_boxes_3d(
            np.arange(2000)[None],
            encoded(disparity, formats[0]),
            encoded(box, formats[1]),
            geometry,
            12,
        )[0]
        / 4096
    )
    v, u = np.divmod(np.arange(2000), 50)
    d, flat = disparity.reshape(-1), box.reshape(7, -1)
    z = 700 * 0.54 / d
    x = ((u + flat[0]) * 4 - 320) * z / 700
    y = ((v + flat[1]) * 4 - 90) * z / 700
    yaw = np.arctan2(flat[5], flat[6]) + np.arctan2(x, z)
    yaw = np.pi - np.remainder(np.pi - yaw, 2 * np.pi)
    depth_error = np.abs(found[:, 2] - z) / z
    assert depth_error.max() < 0.0005
    assert (np.abs(found[:, 0] - x) / z).max() < 0.0005
    assert (np.abs(found[:, 1] - y) / z).max() < 0.0005
    extent = np.array(prior)[:, None] * np.exp(flat[2:5])
    assert (np.abs(found[:, 3:6].T - extent) / extent).max() < 0.0005
    turned = np.abs(found[:, 6] - yaw)
    assert np.minimum(turned, 2 * np.pi - turned).max() < 0.0007


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_numbers_that_no_camera_has(value: float):
    with pytest.raises(ValueError, match="stride must be positive and finite"):
        fp.image_geometry(value)
    with pytest.raises(ValueError, match="focal must be positive and finite"):
        fp.camera_geometry(4.0, [value, 0, 0, 1], [1, 1, 1])
    with pytest.raises(ValueError, match="priors must be positive and finite"):
        fp.camera_geometry(4.0, [700, 0, 0, 1], [1, value, 1])


def test_strides_that_no_chip_holds():
    with pytest.raises(ValueError, match=r"stride must be in \[1, 67108864\], got 134217728"):
        fp.image_geometry(2048.0)
