"""Layers' weights as the bytes of weight memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from xdsl.ir import Operation, SSAValue

from recog.dialects import lns
from recog.dialects.cluster import LookupOp, lookup_index, pointer_bits, pointers_shape
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.errors import fail
from recog.dialects.lns import format_of
from recog.dialects.lns.types import shape_of
from recog.dialects.number_format import LnsFormat


@dataclass(frozen=True, eq=False)
class LayerTables:
    """A layer's weights as they are stored.

    Attributes:
        shape: (O, I / groups, kh, kw).
        format: one bias, or one per output channel.
        codes: the codebook, row by row, or all weights of a dense layer.
        block: the extents of a codebook entry along the axes of `shape`.
        pointers: the entry of each block, None for dense layers.
        initial: the accumulators' initial values, int64 (O,), or None.
    """

    shape: tuple[int, int, int, int]
    format: LnsFormat
    codes: np.ndarray
    block: tuple[int, int, int, int]
    pointers: np.ndarray | None
    initial: np.ndarray | None
    key: tuple[object, ...] = field(init=False)

    def __post_init__(self):
        parts = (self.codes, self.pointers, self.initial)
        contents = tuple(None if part is None else part.tobytes() for part in parts)
        object.__setattr__(self, "key", (self.shape, self.format, self.block, contents))

    @property
    def entries(self) -> int:
        return self.codes.size // int(np.prod(self.block))

    @property
    def pointer_bits(self) -> int:
        return 0 if self.pointers is None else pointer_bits(self.entries)

    @property
    def bias_offsets(self) -> np.ndarray:
        """Each channel's bias over the least one."""
        return np.array(self.format.biases, np.int64) - min(self.format.biases)

    @property
    def expanded(self) -> np.ndarray:
        """The weight codes, (O, ...)."""
        if self.pointers is None:
            return self.codes.reshape(self.shape)
        return self.codes.reshape(-1)[lookup_index(self.pointers, self.block)]


def check_constant_operands(op: Operation) -> None:
    """Fail at `op` if it is a layer or a table whose weights, bias or entries are computed."""
    operands = op.constant_operands if isinstance(op, lns.LnsOp) else {}
    for name, value in operands.items():
        stored = [value]
        if name == "weight" and isinstance(value.owner, LookupOp):
            stored = [value.owner.pointers, value.owner.codebook]
        if not all(isinstance(each.owner, ConstantOp) for each in stored):
            fail(op, f"the {name} must be a constant")


def map_operands(op: Operation) -> list[SSAValue]:
    """The operands that are feature maps, not weights or the entries of a table."""
    return op.map_operands if isinstance(op, lns.LnsOp) else list(op.operands)


def constant_operand(source: Operation, value: SSAValue) -> np.ndarray:
    """The elements of an operand that `check_constant_operands` has seen."""
    array = constant_array(value)
    if array is None:
        fail(source, "an operand must be a constant")
    return array


def read_layer(op: lns.MultiplyAccumulateOp) -> LayerTables:
    """The tables of a layer's constant operands."""
    owner = op.weight.owner
    shape = _rank_4(shape_of(op.weight))
    initial = None if op.bias is None else constant_operand(op, op.bias).astype(np.int64)
    format = format_of(op.weight)
    if not isinstance(owner, LookupOp):
        codes = constant_operand(op, op.weight)
        return LayerTables(shape, format, codes, (1, 1, 1, 1), None, initial)
    block = _rank_4(owner.block.get_values())
    pointers, codes = (constant_operand(op, each) for each in (owner.pointers, owner.codebook))
    pointers = pointers.reshape(pointers_shape(shape, block))
    return LayerTables(shape, format, codes, block, pointers, initial)


def _rank_4(sizes: Sequence[int]) -> tuple[int, int, int, int]:
    out, in_, height, width = (*sizes, 1, 1)[:4]
    return (out, in_, height, width)
