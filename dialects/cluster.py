"""The cluster dialect: weights as pointers into a small table of centroids.

A weight tensor is cut into blocks (a whole 3x3 kernel, eight input channels of a 1x1
layer, a scalar); each block is one of K centroids, kept in a codebook, and the tensor
becomes one pointer a block (product quantization: Jégou et al., PAMI 2011; for networks:
Stock et al., ICLR 2020; Martinez et al., CVPR 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.dialects.builtin import Float32Type, IntegerType, Signedness, TensorType
from xdsl.ir import Data, Dialect, Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    base,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from recog.dialects.data import MaterializeConstant, constant_array
from recog.dialects.facts import Parameter
from recog.dialects.lns.types import NumberType, verify_tensors
from recog.dialects.tensors import INTS, element_type_of, ints, shape_of
from recog.dialects.words import counted


def pointers_shape(weight: Sequence[int], block: Sequence[int]) -> tuple[int, ...]:
    """Blocks along each axis of the weight; raises ValueError unless they tile it."""
    if len(weight) != len(block):
        raise ValueError(
            f"a block of {counted(len(block), 'axis', 'axes')} cannot tile a weight of "
            f"{len(weight)}"
        )
    if any(extent < 1 or size % extent for size, extent in zip(weight, block)):
        raise ValueError(f"blocks of {list(block)} do not tile a weight of {list(weight)}")
    return tuple(size // extent for size, extent in zip(weight, block))


def pointer_bits(entries: int) -> int:
    """Bits of a pointer into a table of so many entries."""
    return max(1, (entries - 1).bit_length())


def block_index(shape: Sequence[int], block: Sequence[int]) -> np.ndarray:
    """For each weight, (block number, position in the block): two int64 arrays, stacked."""
    grid = np.indices(shape, dtype=np.int64)
    outer = np.ravel_multi_index(
        tuple(axis // extent for axis, extent in zip(grid, block)), pointers_shape(shape, block)
    )
    inner = np.ravel_multi_index(
        tuple(axis % extent for axis, extent in zip(grid, block)), tuple(block)
    )
    return np.stack([outer, inner])


def split_blocks(weight: np.ndarray, block: Sequence[int]) -> np.ndarray:
    """The blocks of a weight as rows: (blocks, elements of a block), both row-major."""
    grid = pointers_shape(weight.shape, block)
    parts = weight.reshape([size for pair in zip(grid, block) for size in pair])
    axes = (*range(0, 2 * len(grid), 2), *range(1, 2 * len(grid), 2))
    return np.ascontiguousarray(parts.transpose(axes)).reshape(prod(grid), prod(block))


def lookup_index(pointers: np.ndarray, block: Sequence[int]) -> np.ndarray:
    """For each weight, its index in the flattened codebook (int64, the weight's shape).

    `codebook.reshape(-1)[lookup_index(...)]` is the weight, in NumPy as in torch.
    """
    shape = tuple(size * extent for size, extent in zip(pointers.shape, block))
    outer, inner = block_index(shape, block)
    return pointers.reshape(-1).astype(np.int64)[outer] * prod(block) + inner


MAX_CENTROIDS = 1 << 16
"""What a pointer of 16 bits, the widest of the chip, tells apart."""


@dataclass(frozen=True)
class Layout:
    """How a layer's weights are to be stored.

    Attributes:
        block: extents of a block along the weight's axes; () for a dense layer, one code a weight.
        centroids: at most so many, 0 for a dense layer.
        table: layers that give the same name here share their centroids; None for centroids of the
            layer's own.

    Raises:
        ValueError: extents or numbers of centroids that no layout has.
    """

    block: tuple[int, ...] = ()
    centroids: int = 0
    table: str | None = None

    def __post_init__(self) -> None:
        if not self.block:
            if self.centroids or self.table is not None:
                raise ValueError("a dense layer has no centroids")
            return
        if min(self.block) < 1:
            raise ValueError(f"the extents of a block are at least 1, got {list(self.block)}")
        if not 2 <= self.centroids <= MAX_CENTROIDS:
            raise ValueError(f"centroids must be in [2, {MAX_CENTROIDS}], got {self.centroids}")

    def check_fits(self, shape: Sequence[int]) -> None:
        """Raise ValueError unless a weight of this shape can be stored so."""
        if not self.block:
            return
        blocks = prod(pointers_shape(shape, self.block))
        if self.table is None and self.centroids > blocks:
            raise ValueError(
                f"{self.centroids} centroids are more than the weight's {counted(blocks, 'block')}"
            )


@irdl_attr_definition
class LayoutAttr(Data[Layout]):
    """How a layer's weights are to be stored: `#cluster.layout<dense>`, or
    `#cluster.layout<block = [1, 1, 3, 3], centroids = 256>`, with `, table = "NAME"` where it
    shares its centroids with the other layers of that name.
    """

    name = "cluster.layout"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Layout:
        start = parser.pos
        with parser.in_angle_brackets():
            if parser.parse_optional_keyword("dense"):
                return Layout()
            parser.parse_keyword("block")
            parser.parse_punctuation("=")
            block = parser.parse_comma_separated_list(
                parser.Delimiter.SQUARE, lambda: parser.parse_integer(allow_boolean=False)
            )
            parser.parse_punctuation(",")
            parser.parse_keyword("centroids")
            parser.parse_punctuation("=")
            centroids, table = parser.parse_integer(allow_boolean=False), None
            if parser.parse_optional_punctuation(","):
                parser.parse_keyword("table")
                parser.parse_punctuation("=")
                table = parser.parse_str_literal()
        try:
            return Layout(tuple(block), centroids, table)
        except ValueError as error:
            parser.raise_error(str(error), start, parser.pos)

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            layout = self.data
            if not layout.block:
                printer.print_string("dense")
                return
            printer.print_string(f"block = {list(layout.block)}, centroids = {layout.centroids}")
            if layout.table is not None:
                printer.print_string(", table = ")
                printer.print_string_literal(layout.table)


@irdl_op_definition
class LookupOp(IRDLOperation):
    """The weight whose block at grid position p is row `pointers[p]` of the codebook.

    pointers: (O / b0, I / b1, ...) unsigned integers; codebook: (K, b0 · b1 · ...), float
    or LNS codes; block: the extents b of a block along the weight's axes.

    Each output channel may be scaled. Before encoding, `scales` holds one float a channel.
    Codes need none: a power of 2^(1/2^f) is an offset of the channel's bias, so the result
    type carries one bias a channel where the codebook has one for all.
    """

    name = "cluster.lookup"

    pointers = operand_def(TensorType.constr(base(IntegerType)))
    codebook = operand_def(TensorType.constr(base(Float32Type) | base(NumberType)))
    scales = opt_operand_def(TensorType.constr(base(Float32Type)))
    block = prop_def(INTS)
    output = result_def(TensorType.constr(base(Float32Type) | base(NumberType)))

    traits = traits_def(Pure(), Parameter())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$pointers `,` $codebook (`scaled` `by` $scales^)? attr-dict "
        "`:` functional-type(operands, results)"
    )

    def __init__(
        self,
        pointers: SSAValue | Operation,
        codebook: SSAValue | Operation,
        scales: SSAValue | Operation | None,
        block: Sequence[int],
        element_type: Float32Type | NumberType,
    ):
        grid = shape_of(SSAValue.get(pointers))
        shape = tuple(size * extent for size, extent in zip(grid, block))
        super().__init__(
            operands=[pointers, codebook, scales],
            properties={"block": ints(block)},
            result_types=[TensorType(element_type, shape)],
        )

    def verify_(self) -> None:
        verify_tensors(self)
        block = self.block.get_values()
        if not block:
            raise VerifyException("a weight needs an axis of output channels")
        try:
            grid = pointers_shape(shape_of(self.output), block)
        except ValueError as error:
            raise VerifyException(str(error)) from None
        if shape_of(self.pointers) != grid:
            raise VerifyException(
                f"the weight has {list(grid)} blocks, pointers has {list(shape_of(self.pointers))}"
            )
        self._verify_codebook(prod(block))
        self._verify_element_types()

    def _verify_codebook(self, elements: int) -> None:
        codebook = shape_of(self.codebook)
        if len(codebook) != 2 or codebook[1] != elements or codebook[0] < 1:
            raise VerifyException(
                f"the codebook must be K x {elements} (elements of a block), got {list(codebook)}"
            )
        index = element_type_of(self.pointers)
        unsigned = isinstance(index, IntegerType) and index.signedness.data == Signedness.UNSIGNED
        if not unsigned:
            raise VerifyException(f"pointers must be unsigned integers, got {index}")
        pointers = constant_array(self.pointers)
        if pointers is not None and pointers.size and int(pointers.max()) >= codebook[0]:
            raise VerifyException(
                f"pointer {int(pointers.max())} is beyond the {counted(codebook[0], 'centroid')}"
            )

    def _verify_element_types(self) -> None:
        stored = element_type_of(self.codebook)
        given = self.output.type.element_type
        if self.scales is not None:
            if not isinstance(stored, Float32Type):
                raise VerifyException("codes are scaled by the biases of the result, not by scales")
            if shape_of(self.scales) != shape_of(self.output)[:1]:
                raise VerifyException("scales must hold one number an output channel")
        if not isinstance(stored, NumberType) or not isinstance(given, NumberType):
            if stored != given:
                raise VerifyException(f"the codebook holds {stored}, the result {given}")
            return
        if stored.format.axis is not None:
            raise VerifyException("the codebook must have one bias")
        if stored.format.with_bias(0) != given.format.with_bias(0):
            raise VerifyException("codebook and result may differ in their biases only")
        if given.format.axis not in (None, 0):
            raise VerifyException("the result needs one bias, or one per channel along axis 0")


Cluster = Dialect("cluster", [LookupOp], [LayoutAttr], [MaterializeConstant()])
