"""Correlation volumes through a table of all pairs' products, plane by plane."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from recog.backend.arithmetic import buckets, stereo
from recog.backend.arithmetic.definition import products
from recog.backend.arithmetic.tables import product_scale
from recog.backend.arithmetic.tabulated import PAIR_BITS, all_codes
from recog.dialects.number_format import Arithmetic, LnsFormat

WORKING_BYTES = 1 << 20
"""What the products of one block of rows may take: the cache holds them until they are summed."""


def correlation(
    left: np.ndarray,
    left_format: LnsFormat,
    right: np.ndarray,
    right_format: LnsFormat,
    out_format: LnsFormat,
    *,
    disparities: int,
    arithmetic: Arithmetic,
) -> np.ndarray:
    """As `stereo.correlation`."""
    if left_format.width + right_format.width > PAIR_BITS:
        return stereo.correlation(
            left,
            left_format,
            right,
            right_format,
            out_format,
            disparities=disparities,
            arithmetic=arithmetic,
        )
    batch, channels, height, width = left.shape
    table = _products(left_format.with_bias(0), right_format.with_bias(0), arithmetic)
    near = left.astype(np.uint16) << right_format.width
    acc = np.zeros((batch, disparities, height, width), np.int64)
    step = max(1, WORKING_BYTES // (8 * channels * width))
    for frame in range(batch):
        for top in range(0, height, step):
            rows = slice(top, top + step)
            for d in range(disparities):
                pairs = near[frame, :, rows, d:] | right[frame, :, rows, : width - d]
                acc[frame, d, rows, d:] = table.take(pairs).sum(axis=0)
    scale = product_scale(left_format, right_format)
    return buckets.reencode(acc, scale, out_format, arithmetic, divisor=channels)


@lru_cache(maxsize=8)
def _products(a: LnsFormat, b: LnsFormat, arithmetic: Arithmetic) -> np.ndarray:
    """The products of all pairs of codes, int64[2^(a.width + b.width)]."""
    pairs = products(all_codes(a)[:, None], a, all_codes(b)[None], b, arithmetic)
    return pairs.reshape(-1)
