"""What goes over a layer's weights once, compiled by numba: packing, and the proof of sums."""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportReturnType=false, reportArgumentType=false
from __future__ import annotations

import numpy as np

from recog.backend.arithmetic.fast.intrinsics import jit


@jit
def pack(w: np.ndarray, packed: np.ndarray) -> None:
    """w [G, O, K] as [G, blocks, O, depth], zeros behind the last; `packed` holds zeros."""
    groups, outputs, terms = w.shape
    depth = packed.shape[3]
    for g in range(groups):
        for block in range(packed.shape[1]):
            first = block * depth
            some = min(depth, terms - first)
            for o in range(outputs):
                source, target = w[g, o, first:], packed[g, block, o]
                for k in range(some):
                    target[k] = source[k]


@jit
def reach(
    w: np.ndarray, terms: np.ndarray, init: np.ndarray, one_sided: bool
) -> tuple[int, int, int]:
    """The largest |sum| of products of a row of w [O, K], the same with init, the largest product.

    Args:
        terms: by weight code, its product with the largest input.
        one_sided: whether inputs are never negative.
    """
    limit = 1 << 61
    sums = bound = largest = 0
    for o in range(w.shape[0]):
        above = below = 0
        for k in range(w.shape[1]):
            term = terms[w[o, k]]
            above = min(above + max(term, 0), limit)
            below = min(below + max(-term, 0), limit)
            largest = max(largest, abs(term))
        if not one_sided:
            above = below = min(above + below, limit)
        start = min(max(init[o], -limit), limit)
        sums = max(sums, above, below)
        bound = max(bound, above + max(start, 0), below + max(-start, 0))
    return sums, bound, largest
