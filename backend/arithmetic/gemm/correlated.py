"""Correlation volumes through a table of all pairs' products, plane by plane."""

from __future__ import annotations

import numpy as np

from recog.backend.arithmetic.gemm import buckets
from recog.backend.arithmetic.gemm.tabulated import product_table
from recog.backend.arithmetic.operands import Operands
from recog.backend.arithmetic.tables import product_scale
from recog.dialects.number_format import Arithmetic, LnsFormat

WORKING_BYTES = 1 << 20
"""What the products of one block of rows may take: the cache holds them until they are summed."""


def correlation(
    operands: Operands, out_format: LnsFormat, disparities: int, arithmetic: Arithmetic
) -> np.ndarray:
    """As `stereo.correlation`, of formats whose pairs have a table."""
    left, left_format, right, right_format = operands
    batch, channels, height, width = left.shape
    table = product_table(left_format.with_bias(0), right_format.with_bias(0), arithmetic)
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
