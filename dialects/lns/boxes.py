"""Peaks, boxes and suppression on codes; boxes are fixed point, all of it is integers.

A flat index, i64, counts classes x H x W: its cell is index mod (H · W), its class index
div (H · W). docs/arithmetic.md says how each number is computed.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from math import prod
from typing import ClassVar

from xdsl.dialects.builtin import I64, IntegerAttr, IntegerType, TensorType, UnitAttr, i64
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    base,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
)
from xdsl.utils.exceptions import VerifyException

from recog.dialects.box_geometry import CameraGeometry, ImageGeometry
from recog.dialects.facts import Kind
from recog.dialects.lns.base import CodesOp, LnsOp, elements_of
from recog.dialects.lns.fixed import FIXED, FixedFormat, FixedType
from recog.dialects.lns.types import NUMBERS, NumberType, format_of, verify_single_bias
from recog.dialects.number_format import LnsFormat
from recog.dialects.shapes import Shape
from recog.dialects.tensors import INTS, element_type_of, flag, integer, ints, shape_of

__all__ = ["DecodeBoxes2dOp", "DecodeBoxes3dOp", "PeaksOp", "SuppressOp"]

INDICES = TensorType.constr(base(IntegerType))
MAX_OVERLAP = 1 << 16
"""Of an intersection with a union, in 2^-16: all of it."""
IMAGE_FRAC = 8
"""Fraction bits of boxes in the image, unless an op says otherwise."""
SPACE_FRAC = 12
"""Fraction bits of boxes in space, unless an op says otherwise."""


@irdl_op_definition
class PeaksOp(CodesOp):
    """The `k` highest local maxima of (N, C, H, W): codes of scores and flat indices, (N, k).

    Codes are compared as integers; of equal ones the lower index comes first. With `sigmoid` the
    heat holds logits, of which any may be a peak, and the scores are the logits' sigmoids; else
    only positive codes are peaks, and are the scores. Where there are fewer, both are 0.
    """

    name = "lns.peaks"
    KIND: ClassVar[Kind] = Kind.COMBINES
    CONSTANTS: ClassVar[tuple[str, ...]] = ()

    heat = operand_def(NUMBERS)
    k = prop_def(IntegerAttr[I64])
    sigmoid = opt_prop_def(UnitAttr)
    output = result_def(NUMBERS)
    indices = result_def(INDICES)

    def __init__(self, heat: SSAValue | Operation, k: int, sigmoid: LnsFormat | None = None):
        """`sigmoid` is the format of the scores of logits, None where the heat is the scores."""
        scores = elements_of(heat) if sigmoid is None else NumberType(sigmoid)
        properties = {"k": integer(k), "sigmoid": flag(sigmoid is not None)}
        super().__init__([heat], properties, elements=[scores, i64])

    def verify_(self) -> None:
        super().verify_()
        verify_single_bias(heat=self.heat, output=self.output)
        _verify_indices(self.indices, shape_of(self.output))
        if self.sigmoid is None and format_of(self.output) != format_of(self.heat):
            raise VerifyException("without sigmoid the scores have the format of the heat")

    def infer_shape(self) -> Shape:
        heat, k = shape_of(self.heat), self.k.value.data
        if len(heat) != 4:
            raise ValueError(f"the heat must have 4 axes, got {list(heat)}")
        if not 1 <= k <= prod(heat[1:]):
            raise ValueError(f"k must be from 1 to {prod(heat[1:])}, the elements, got {k}")
        return (heat[0], k)


class _DecodeBoxesOp(LnsOp, ABC):
    """Boxes in fixed point at flat indices (N, k)."""

    KIND: ClassVar[Kind] = Kind.COMBINES
    CONSTANTS: ClassVar[tuple[str, ...]] = ()

    output = result_def(FIXED)


@irdl_op_definition
class DecodeBoxes2dOp(_DecodeBoxesOp):
    """x1, y1, x2, y2 in pixels at flat indices (N, k): fixed point (N, k, 4).

    Offset and size are (N, 2, H, W). `stride` counts 2^-16 pixels, `extent` is the logarithm to
    base 2 of half a stride, in 2^-16.
    """

    name = "lns.decode_boxes_2d"

    indices = operand_def(INDICES)
    offset = operand_def(NUMBERS)
    size = operand_def(NUMBERS)
    stride = prop_def(IntegerAttr[I64])
    extent = prop_def(IntegerAttr[I64])

    def __init__(
        self,
        indices: SSAValue | Operation,
        offset: SSAValue | Operation,
        size: SSAValue | Operation,
        geometry: ImageGeometry,
        frac: int = IMAGE_FRAC,
    ):
        properties = {
            "stride": integer(geometry.stride),
            "extent": integer(geometry.extent),
        }
        elements = [FixedType(FixedFormat(frac))]
        super().__init__([indices, offset, size], properties, elements=elements)

    @property
    def geometry(self) -> ImageGeometry:
        """Raises ValueError where a number is out of range."""
        return ImageGeometry(self.stride.value.data, self.extent.value.data)

    def verify_(self) -> None:
        super().verify_()
        verify_single_bias(offset=self.offset, size=self.size)
        _verify_indices(self.indices, shape_of(self.output)[:2])

    def infer_shape(self) -> Shape:
        _ = self.geometry
        rows, offset = _rows(self.indices), shape_of(self.offset)
        if len(offset) != 4 or offset[:2] != (rows[0], 2) or offset != shape_of(self.size):
            raise ValueError(
                f"offset and size must be ({rows[0]}, 2, H, W), got {list(offset)} and "
                f"{list(shape_of(self.size))}"
            )
        return (*rows, 4)


@irdl_op_definition
class DecodeBoxes3dOp(_DecodeBoxesOp):
    """x, y, z, h, w, l in metres, yaw in radians at flat indices: fixed point (N, k, 7).

    The disparity is (N, 1, H, W), the box map (N, 7, H, W), as of `nn.decode_boxes_3d`. `stride`,
    `centre` (cu, cv) and `focal` count 2^-16 pixels; `depth` is the logarithm to base 2 of the
    focal length in pixels times the baseline in metres, `baseline` that of the baseline, `priors`
    those of each class's height, width and length in metres, in 2^-16.
    """

    name = "lns.decode_boxes_3d"

    indices = operand_def(INDICES)
    disparity = operand_def(NUMBERS)
    box = operand_def(NUMBERS)
    stride = prop_def(IntegerAttr[I64])
    centre = prop_def(INTS)
    focal = prop_def(IntegerAttr[I64])
    depth = prop_def(IntegerAttr[I64])
    baseline = prop_def(IntegerAttr[I64])
    priors = prop_def(INTS)

    def __init__(
        self,
        indices: SSAValue | Operation,
        disparity: SSAValue | Operation,
        box: SSAValue | Operation,
        geometry: CameraGeometry,
        frac: int = SPACE_FRAC,
    ):
        properties = {
            "stride": integer(geometry.stride),
            "centre": ints(geometry.centre),
            "focal": integer(geometry.focal),
            "depth": integer(geometry.depth),
            "baseline": integer(geometry.baseline),
            "priors": ints(geometry.priors),
        }
        elements = [FixedType(FixedFormat(frac))]
        super().__init__([indices, disparity, box], properties, elements=elements)

    @property
    def geometry(self) -> CameraGeometry:
        """Raises ValueError where a number is out of range."""
        return CameraGeometry(
            self.stride.value.data,
            self.centre.get_values(),
            self.focal.value.data,
            self.depth.value.data,
            self.baseline.value.data,
            self.priors.get_values(),
        )

    def verify_(self) -> None:
        super().verify_()
        verify_single_bias(disparity=self.disparity, box=self.box)
        _verify_indices(self.indices, shape_of(self.output)[:2])

    def infer_shape(self) -> Shape:
        _ = self.geometry
        rows, box, disparity = _rows(self.indices), shape_of(self.box), shape_of(self.disparity)
        if len(box) != 4 or box[:2] != (rows[0], 7) or disparity != (rows[0], 1, *box[2:]):
            raise ValueError(
                f"disparity and box must be ({rows[0]}, 1, H, W) and ({rows[0]}, 7, H, W), got "
                f"{list(disparity)} and {list(box)}"
            )
        return (*rows, 7)


@irdl_op_definition
class SuppressOp(CodesOp):
    """Scores (N, k), 0 where a kept earlier row of the class overlaps by more than `overlap`.

    Rows are taken in their order; those of score 0 neither survive nor suppress. `overlap` is
    intersection over union in 2^-16, compared exactly. `cells` is H · W of the indices' map.
    """

    name = "lns.suppress"
    KIND: ClassVar[Kind] = Kind.COMBINES
    CONSTANTS: ClassVar[tuple[str, ...]] = ()

    boxes = operand_def(FIXED)
    scores = operand_def(NUMBERS)
    indices = operand_def(INDICES)
    cells = prop_def(IntegerAttr[I64])
    overlap = prop_def(IntegerAttr[I64])

    def __init__(
        self,
        boxes: SSAValue | Operation,
        scores: SSAValue | Operation,
        indices: SSAValue | Operation,
        cells: int,
        overlap: int,
    ):
        properties = {"cells": integer(cells), "overlap": integer(overlap)}
        operands = [boxes, scores, indices]
        super().__init__(operands, properties, elements=[elements_of(scores)])

    def verify_(self) -> None:
        super().verify_()
        verify_single_bias(scores=self.scores)
        _verify_indices(self.indices, shape_of(self.output))
        if self.output.type != self.scores.type:
            raise VerifyException(f"the result must be {self.scores.type}, got {self.output.type}")

    def infer_shape(self) -> Shape:
        cells, overlap = self.cells.value.data, self.overlap.value.data
        if not 1 <= cells < 1 << 32:
            raise ValueError(f"cells must be from 1 to {(1 << 32) - 1}, got {cells}")
        if not 0 <= overlap <= MAX_OVERLAP:
            raise ValueError(f"overlap must be in [0, {MAX_OVERLAP}], got {overlap}")
        rows = _rows(self.indices)
        if shape_of(self.scores) != rows or shape_of(self.boxes) != (*rows, 4):
            raise ValueError(
                f"boxes and scores must be {[*rows, 4]} and {list(rows)} as the indices, got "
                f"{list(shape_of(self.boxes))} and {list(shape_of(self.scores))}"
            )
        return rows


def _rows(indices: SSAValue) -> tuple[int, int]:
    """(N, k) of flat indices."""
    shape = shape_of(indices)
    if len(shape) != 2:
        raise ValueError(f"indices must have 2 axes, got {list(shape)}")
    return (shape[0], shape[1])


def _verify_indices(indices: SSAValue, shape: Sequence[int]) -> None:
    element = element_type_of(indices)
    if element != i64 or shape_of(indices) != tuple(shape):
        raise VerifyException(f"indices must be {list(shape)} of i64, got {indices.type}")
