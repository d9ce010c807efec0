"""Sums and products of two tensors through the tables of `tabulated`, on threads."""

from __future__ import annotations

import numpy as np

from recog.backend.arithmetic.fast import kernels
from recog.backend.arithmetic.fast.threads import spread

BLOCK = 1 << 16
"""Elements of a unit of work."""


def look_up_pairs(a: np.ndarray, b: np.ndarray, bits: int, entries: np.ndarray) -> np.ndarray:
    """entries[a ‖ b] of two arrays of codes of one shape, b's of that many bits."""
    out = np.empty(a.shape, entries.dtype)
    flat_a, flat_b, flat = (np.ascontiguousarray(each).reshape(-1) for each in (a, b, out))

    def work(first: int, last: int) -> None:
        some = slice(first * BLOCK, last * BLOCK)
        kernels.look_up_pairs(flat_a[some], flat_b[some], bits, entries, flat[some])

    spread(work, -(-a.size // BLOCK))
    return out
