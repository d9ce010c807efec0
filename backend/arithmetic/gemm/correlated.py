"""Correlation volumes through a table of all pairs' products, plane by plane."""

from __future__ import annotations

import numpy as np

from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.gemm import buckets
from recog.backend.arithmetic.gemm.tabulated import product_table
from recog.backend.arithmetic.tables import product_scale
from recog.dialects.number_format import Arithmetic, LnsFormat

WORKING_BYTES = 1 << 20
"""What the products of one block of rows may take: the cache holds them until they are summed."""


def correlation(
    left: Codes, right: Codes, disparities: int, out: LnsFormat, arithmetic: Arithmetic
) -> np.ndarray:
    """As `stereo.correlation`, of formats whose pairs have a table."""
    batch, channels, height, width = left.array.shape
    formats = left.format.with_bias(0), right.format.with_bias(0)
    table = product_table(*formats, arithmetic)
    near, far = left.array.astype(np.uint16) << right.format.width, right.array
    acc = np.zeros((batch, disparities, height, width), np.int64)
    step = max(1, WORKING_BYTES // (8 * channels * width))
    for frame in range(batch):
        for top in range(0, height, step):
            rows = slice(top, top + step)
            for d in range(disparities):
                pairs = near[frame, :, rows, d:] | far[frame, :, rows, : width - d]
                acc[frame, d, rows, d:] = table.take(pairs).sum(axis=0)
    scale = product_scale(left.format, right.format)
    return buckets.reencode(acc, scale.over(channels), out, arithmetic)
