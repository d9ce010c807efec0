"""Sums and products of two tensors through the tables of `tabulated`, on threads."""

from __future__ import annotations

import numpy as np

from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.fast import map_kernels
from recog.backend.arithmetic.fast.threads import spread

BLOCK = 1 << 16
"""Elements of a unit of work."""


def look_up_pairs(a: Codes, b: Codes, entries: np.ndarray, threads: int) -> np.ndarray:
    """entries[a ‖ b] of two arrays of codes of one shape."""
    out, bits = np.empty(a.array.shape, entries.dtype), b.format.width
    arrays = a.array, b.array, out
    flat_a, flat_b, flat = (np.ascontiguousarray(each).reshape(-1) for each in arrays)

    def work(first: int, last: int) -> None:
        some = slice(first * BLOCK, last * BLOCK)
        map_kernels.look_up_pairs(flat_a[some], flat_b[some], bits, entries, flat[some])

    spread(work, -(-out.size // BLOCK), threads)
    return out
