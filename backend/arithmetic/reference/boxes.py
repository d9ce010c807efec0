"""Peaks, boxes and their suppression, defined: plain NumPy on int64, beside docs/arithmetic.md.

Feature maps are codes (N, C, H, W). A flat index counts classes x H x W; its cell is index mod
(H · W), its class index div (H · W). Boxes are int32 fixed point.
"""

from __future__ import annotations

from math import prod

import numpy as np

from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.reference import fixed_point as fp
from recog.backend.arithmetic.reference.definition import encode_logarithm, signed
from recog.backend.arithmetic.tables import AccumulatorScale
from recog.dialects.box_geometry import CameraGeometry, ImageGeometry
from recog.dialects.errors import RecogError
from recog.dialects.number_format import LnsFormat
from recog.dialects.words import counted

Plane = tuple[int, ...]
"""Height and width of a map."""
NO_PEAK = -1 << 20
"""Below every code."""
SMALLEST_DISPARITY = -10 << fp.LOG_BITS
"""The logarithm of the disparity that smaller ones count as, 2^-10 pixels."""
MAX_SIDE = (1 << 23) - 1
"""Sides of boxes count as this one at most where they are compared."""
OVERLAP_BITS = 16
"""Fraction bits of the overlap that suppresses."""


def peaks(
    heat: Codes, k: int, out_format: LnsFormat, *, sigmoid: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The k highest local maxima: codes of their scores, and flat indices int64, (N, k) each.

    Codes are compared as integers. With `sigmoid` the heat holds logits: every local maximum
    counts, and scores are the logits' sigmoids in `out_format`; else only positive ones do, and
    scores are their codes, `out_format` that of the heat.
    """
    ranked = _ranked(heat, every=sigmoid)
    ranked = ranked.reshape(len(ranked), prod(ranked.shape[1:]))
    indices = np.argsort(-ranked, axis=1, kind="stable")[:, :k]
    found = np.take_along_axis(ranked, indices, 1) != NO_PEAK
    codes = np.take_along_axis(heat.array.reshape(ranked.shape), indices, 1)
    return _best(codes, indices, found, heat.format, out_format if sigmoid else None)


def row_peaks(
    heat: Codes, k: int, rows: range, height: int, *, above: int = 0, every: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The k highest local maxima of each row, as `peaks` orders them, from a part of a heat map.

    Args:
        heat: all columns of the rows, and of those beside them that there are.
        rows: the rows, counted from the first of the whole map.
        height: of the whole map.
        above: how many rows of `heat` come before them.
        every: codes of any sign count; else positive ones alone.

    Returns:
        Codes and indices int64 of the whole map, (N, k, rows, 1) each; 0 and -1 where a row has
        fewer.
    """
    frames, channels, _, width = heat.array.shape
    inner = slice(above, above + len(rows))
    row = (frames, len(rows), channels * width)
    ranked, codes = (
        each[:, :, inner].transpose(0, 2, 1, 3).reshape(row)
        for each in (_ranked(heat, every=every), heat.array)
    )
    places = np.argsort(-ranked, axis=2, kind="stable")[:, :, :k]
    found = np.take_along_axis(ranked, places, 2) != NO_PEAK
    channel, column = np.divmod(places, width)
    indices = (channel * height + np.arange(rows.start, rows.stop)[:, None]) * width + column
    codes = np.where(found, np.take_along_axis(codes, places, 2), 0).astype(heat.array.dtype)
    indices = np.where(found, indices, -1)
    return codes.transpose(0, 2, 1)[..., None], indices.transpose(0, 2, 1)[..., None]


def best_peaks(
    candidates: Codes, indices: np.ndarray, k: int, out_format: LnsFormat, *, sigmoid: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The k highest of what `row_peaks` gives for all rows, (N, k', H, 1), as `peaks` has them."""
    flat = indices.reshape(len(indices), prod(indices.shape[1:]))
    codes = candidates.array.reshape(flat.shape)
    order = signed(codes, candidates.format).astype(np.int64)
    places = np.lexsort((flat, np.where(flat < 0, -NO_PEAK, -order)), axis=1)[:, :k]
    codes, flat = (np.take_along_axis(each, places, 1) for each in (codes, flat))
    return _best(codes, flat, flat >= 0, candidates.format, out_format if sigmoid else None)


def _ranked(heat: Codes, *, every: bool) -> np.ndarray:
    """The codes of local maxima as integers, those of positive ones or of every one; elsewhere
    NO_PEAK."""
    order = signed(heat.array, heat.format).astype(np.int64)
    around = np.pad(order, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=NO_PEAK)
    around = np.maximum(np.maximum(around[:, :, :-2], around[:, :, 1:-1]), around[:, :, 2:])
    highest = np.maximum(np.maximum(around[..., :-2], around[..., 1:-1]), around[..., 2:])
    is_peak = order == highest
    if not every:
        is_peak &= order > 0
    return np.where(is_peak, order, NO_PEAK)


def _best(
    codes: np.ndarray,
    indices: np.ndarray,
    found: np.ndarray,
    format: LnsFormat,
    out_format: LnsFormat | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Scores and indices, 0 where nothing is found; sigmoids in `out_format` where there is one."""
    scores = codes if out_format is None else _scores(Codes(codes, format), out_format)
    found = found & (scores != 0)
    dtype = (out_format or format).dtype
    return np.where(found, scores, 0).astype(dtype), np.where(found, indices, 0)


def _scores(logits: Codes, out_format: LnsFormat) -> np.ndarray:
    logarithm = fp.log_sigmoid(logits.array, logits.format)
    one = np.ones(logarithm.shape, np.int64)
    return encode_logarithm(one, logarithm, AccumulatorScale(fp.LOG_BITS, (0,)), out_format)


def decode_boxes_2d(
    indices: np.ndarray,
    offset: Codes,
    size: Codes,
    geometry: ImageGeometry,
    frac: int,
    *,
    plane: Plane | None = None,
) -> np.ndarray:
    """x1, y1, x2, y2 in pixels with `frac` fraction bits, int32 (N, k, 4).

    Args:
        plane: of whole maps, where others hold the elements at the indices alone, (N, C, 1, k).
    """
    dx, dy = _at(indices, offset, plane).transpose(2, 0, 1)
    u, v = _cells(indices, plane or offset.array.shape[2:])
    centre = np.stack(
        [_pixels(u, dx, offset.format, geometry), _pixels(v, dy, offset.format, geometry)], -1
    )
    exponent = geometry.extent + fp.times_log2_e(_at(indices, size, plane), size.format)
    half = fp.exp2(exponent, fp.LOG_BITS)
    corners = np.concatenate([centre - half, centre + half], -1)
    return _output(corners, fp.LOG_BITS - frac)


def decode_boxes_3d(
    indices: np.ndarray,
    disparity: Codes,
    box: Codes,
    geometry: CameraGeometry,
    frac: int,
    *,
    plane: Plane | None = None,
) -> np.ndarray:
    """x, y, z, h, w, l in metres and yaw in radians with `frac` fraction bits, int32 (N, k, 7).

    Args:
        plane: of whole maps, where others hold the elements at the indices alone, (N, C, 1, k).

    Raises:
        RecogError: an index is beyond the classes that have priors.
    """
    found, near = (_at(indices, each, plane) for each in (box, disparity))
    plane = plane or box.array.shape[2:]
    u, v = _cells(indices, plane)
    sign, nearness = fp.logarithms(near[..., 0], disparity.format)
    nearness = np.maximum(np.where(sign > 0, nearness, SMALLEST_DISPARITY), SMALLEST_DISPARITY)
    ray = [
        np.clip(
            _pixels(cell, found[..., i], box.format, geometry) - geometry.centre[i],
            -fp.LARGEST,
            fp.LARGEST,
        )
        for i, cell in enumerate((u, v))
    ]
    x, y = (_scaled(each, geometry.baseline - nearness, frac) for each in ray)
    z = fp.exp2(geometry.depth - nearness, frac)
    prior = _priors(indices, plane, geometry)
    extent = fp.exp2(prior + fp.times_log2_e(found[..., 2:5], box.format), frac)
    alpha = fp.angle_of_codes(found[..., 5], box.format, found[..., 6], box.format)
    yaw = fp.wrapped(alpha + fp.angle_of_slope(ray[0], geometry.focal))
    yaw = fp.round_shift(yaw, fp.ANGLE_BITS - frac)
    columns = [x, y, z, *np.moveaxis(extent, -1, 0), yaw]
    return fp.saturate(np.stack(columns, -1)).astype(np.int32)


def suppress(
    boxes: np.ndarray,
    scores: np.ndarray,
    indices: np.ndarray,
    *,
    cells: int,
    overlap: int,
) -> np.ndarray:
    """Scores (N, k), 0 where a kept earlier row of the class overlaps by more than `overlap`.

    Args:
        boxes: fixed point (N, k, 4).
        scores: codes (N, k); 0 marks a row that neither survives nor suppresses.
        overlap: intersection over union, in 2^-16.
    """
    corners = boxes.astype(np.int64)
    area = np.prod(_sides(corners[..., 2:] - corners[..., :2]), -1)
    classes = indices // cells
    alive = scores != 0
    for row in range(scores.shape[1] - 1):
        one, later = corners[:, row, None], corners[:, row + 1 :]
        low = np.maximum(one[..., :2], later[..., :2])
        high = np.minimum(one[..., 2:], later[..., 2:])
        shared = np.prod(_sides(high - low), -1)
        union = area[:, row, None] + area[:, row + 1 :] - shared
        overlapping = (shared << OVERLAP_BITS) > union * overlap
        same = classes[:, row, None] == classes[:, row + 1 :]
        alive[:, row + 1 :] &= ~(alive[:, row, None] & same & overlapping)
    return np.where(alive, scores, 0).astype(scores.dtype)


def _sides(differences: np.ndarray) -> np.ndarray:
    return np.clip(differences, 0, MAX_SIDE)


def _cells(indices: np.ndarray, plane: Plane) -> tuple[np.ndarray, np.ndarray]:
    """Column u and row v of flat indices on a map."""
    height, width = plane
    cell = indices % (height * width)
    return cell % width, cell // width


def _at(indices: np.ndarray, values: Codes, plane: Plane | None) -> np.ndarray:
    """Codes (N, C, H, W) at the cells of flat indices (N, k): (N, k, C).

    Of a map that is not of the plane the codes are those already, (N, C, 1, k).
    """
    if plane not in (None, values.array.shape[2:]):
        return values.array[:, :, 0].transpose(0, 2, 1)
    frames, channels, height, width = values.array.shape
    flat = values.array.reshape(frames, channels, height * width)
    cell = indices % flat.shape[2]
    return np.take_along_axis(flat, cell[:, None], 2).transpose(0, 2, 1)


def _pixels(
    cell: np.ndarray,
    offset: np.ndarray,
    format: LnsFormat,
    geometry: ImageGeometry | CameraGeometry,
) -> np.ndarray:
    """(cell + offset) · stride, in 2^-16 pixels."""
    position = (cell << fp.LOG_BITS) + fp.linear(offset, format, fp.LOG_BITS)
    return fp.round_shift(position * geometry.stride, fp.LOG_BITS)


def _scaled(length: np.ndarray, logarithm: np.ndarray, frac: int) -> np.ndarray:
    """length (in 2^-16) · 2^logarithm with `frac` fraction bits: one product, rounded once."""
    shift = fp.LOG_BITS + fp.MANTISSA_BITS - frac - (logarithm >> fp.LOG_BITS)
    product = length * fp.mantissa(logarithm)
    return np.where(shift > 62, 0, fp.round_shift(product, np.clip(shift, 1, 62)))


def _priors(indices: np.ndarray, plane: Plane, geometry: CameraGeometry) -> np.ndarray:
    """The logarithms of height, width and length of each row's class, (N, k, 3)."""
    height, width = plane
    classes = indices // (height * width)
    beyond = (classes < 0) | (classes >= geometry.classes)
    if beyond.any():
        raise RecogError(
            f"index {int(indices[beyond][0])} is beyond the "
            f"{counted(geometry.classes, 'class')} with priors"
        )
    return np.array(geometry.priors, np.int64).reshape(-1, 3)[classes]


def _output(values: np.ndarray, shift: int) -> np.ndarray:
    return fp.saturate(fp.round_shift(values, shift)).astype(np.int32)


def decode_fixed(values: np.ndarray, frac: int) -> np.ndarray:
    """The float32 nearest to each fixed-point number."""
    return (values.astype(np.float64) / (1 << frac)).astype(np.float32)
