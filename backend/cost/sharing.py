"""Products that equal kernels have in common: computed once, added wherever a pointer says so.

Outputs whose pointers at a place of the weight are equal need the same sum of products of the same
inputs: with K distinct kernels of n outputs there, K sums do and n additions of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from recog.dialects.chip import LayerOp, LdwOp, ProgramOp, WeightMemory


@dataclass(frozen=True)
class Sharing:
    """What is left of a layer's products, and what it costs instead.

    Attributes:
        products: the share of its products that are computed.
        additions: additions of their sums, as a share of its products.
    """

    products: float
    additions: float


def shared_products(program: ProgramOp) -> Mapping[LayerOp, Sharing]:
    """By layer, of those whose weights are pointers."""
    scope, memory = program.scope, WeightMemory()
    found: dict[LayerOp, Sharing] = {}
    for op in program.instructions:
        if isinstance(op, LdwOp):
            memory.load(op, scope)
        if isinstance(op, LayerOp):
            weights = scope.weights(op.weights)
            book = scope.codebook(weights.codebook)
            pointers = memory.pointers(weights, book)
            if pointers is not None:
                groups = op.groups(scope)
                found[op] = _sharing(pointers, prod(book.block[1:]), groups)
    return found


def _sharing(pointers: np.ndarray, terms: int, groups: int) -> Sharing:
    """Of pointers (O, I, kh, kw) to blocks of so many products an output."""
    outputs = len(pointers)
    groups = groups if outputs % groups == 0 else 1
    places = pointers.reshape(groups, outputs // groups, -1)
    ordered = np.sort(places, axis=1)
    distinct = (np.diff(ordered, axis=1) != 0).sum(axis=1) + 1
    return Sharing(float(distinct.sum() / pointers.size), 1 / terms)
