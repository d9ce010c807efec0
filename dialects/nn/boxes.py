"""Peaks of heat maps, boxes at them, and their suppression: the ends of detectors.

A flat index counts classes x H x W of a map: its cell is index mod (H · W), its class
index div (H · W). All of these pick elements by computed positions and have no gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite, prod
from typing import ClassVar

from xdsl.dialects.builtin import (
    ArrayAttr,
    Float64Type,
    FloatAttr,
    IntegerAttr,
    TensorType,
    UnitAttr,
    f64,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
)
from xdsl.utils.exceptions import VerifyException

from recog.dialects.facts import Kind, Sign
from recog.dialects.nn.base import INDEX_TYPE, TENSORS, NnOp, expect_elements, is_float, real
from recog.dialects.shapes import Shape
from recog.dialects.tensors import element_type_of, flag, integer, shape_of

__all__ = ["BoxOp", "DecodeBoxes2dOp", "DecodeBoxes3dOp", "PeaksOp", "SuppressOp"]

REALS = ArrayAttr[FloatAttr[Float64Type]]


def reals(values: Sequence[float]) -> ArrayAttr[FloatAttr[Float64Type]]:
    """An `[… : f64, …]` property."""
    return ArrayAttr([FloatAttr(value, f64) for value in values])


def numbers(attribute: ArrayAttr[FloatAttr[Float64Type]]) -> list[float]:
    """The numbers of a property that `reals` made."""
    return [each.value.data for each in attribute]


class BoxOp(NnOp):
    """What all of these have in common: float values but for indices."""

    KIND: ClassVar[Kind] = Kind.COMBINES
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    INDICES: ClassVar[tuple[str, ...]] = ()
    """Which operands and results are flat indices, i64."""

    @property
    def coded_values(self) -> list[SSAValue]:
        indices = {getattr(self, name) for name in self.INDICES}
        return [value for value in (*self.operands, *self.results) if value not in indices]

    def infer_element_type(self) -> Attribute:
        return element_type_of(self.coded_values[0])

    def verify_element_types(self) -> None:
        first = element_type_of(self.coded_values[0])
        if not is_float(first):
            raise VerifyException(f"expected a tensor of f32 or f64, got {first}")
        for value in self.coded_values:
            expect_elements(value, first, "every operand and result but indices")
        for name in self.INDICES:
            expect_elements(getattr(self, name), INDEX_TYPE, "the indices")

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return all(with_batch)


@irdl_op_definition
class PeaksOp(BoxOp):
    """The `k` highest local maxima of each image of (N, C, H, W), `recog.functional.peaks`.

    A local maximum is at least as large as its eight neighbours of the same channel. Scores
    (N, k), the highest first, and flat indices (N, k); equal scores by the lower index. With
    `sigmoid` the heat holds logits, and the scores are their sigmoids; else only positive
    maxima count. Where there are fewer than k, score and index are 0 (Zhou et al. 2019,
    "Objects as Points", section 4).
    """

    name = "nn.peaks"
    SIGN: ClassVar[Sign] = Sign.NEVER_NEGATIVE
    INDICES: ClassVar[tuple[str, ...]] = ("indices",)
    WIDE: ClassVar[tuple[str, ...]] = ("heat", "output")

    heat = operand_def(TENSORS)
    k = prop_def(IntegerAttr)
    sigmoid = opt_prop_def(UnitAttr)
    output = result_def(TENSORS)
    indices = result_def(TENSORS)

    def __init__(self, heat: SSAValue | Operation, k: int, *, sigmoid: bool = False):
        x = SSAValue.get(heat)
        shape = (shape_of(x)[0], k)
        IRDLOperation.__init__(
            self,
            operands=[x],
            properties={"k": integer(k), "sigmoid": flag(sigmoid)},
            result_types=[TensorType(element_type_of(x), shape), TensorType(INDEX_TYPE, shape)],
        )
        self.infer_shape()

    def infer_shape(self) -> Shape:
        heat, k = shape_of(self.heat), self.k.value.data
        if len(heat) != 4:
            raise ValueError(f"the heat must have 4 axes, got {list(heat)}")
        if not 1 <= k <= prod(heat[1:]):
            raise ValueError(f"k must be from 1 to {prod(heat[1:])}, the elements, got {k}")
        return (heat[0], k)

    def verify_(self) -> None:
        super().verify_()
        if shape_of(self.indices) != shape_of(self.output):
            raise VerifyException(
                f"the indices have shape {list(shape_of(self.indices))}, "
                f"the scores {list(shape_of(self.output))}"
            )


@irdl_op_definition
class DecodeBoxes2dOp(BoxOp):
    """Boxes (N, k, 4), x1, y1, x2, y2 in pixels, `recog.functional.decode_boxes_2d`.

    At each index, whose cell is (v, u): centre = (u + offset_x, v + offset_y) · stride, width
    and height = exp(size_x), exp(size_y) · stride; offset and size are (N, 2, H, W).
    """

    name = "nn.decode_boxes_2d"
    SIGN: ClassVar[Sign] = Sign.ANY
    INDICES: ClassVar[tuple[str, ...]] = ("indices",)
    WIDE: ClassVar[tuple[str, ...]] = ("offset", "size", "output")

    indices = operand_def(TENSORS)
    offset = operand_def(TENSORS)
    size = operand_def(TENSORS)
    stride = prop_def(FloatAttr[Float64Type])

    def __init__(
        self,
        indices: SSAValue | Operation,
        offset: SSAValue | Operation,
        size: SSAValue | Operation,
        stride: float,
    ):
        super().__init__([indices, offset, size], {"stride": real(stride)})

    def infer_shape(self) -> Shape:
        _check_positive(stride=self.stride.value.data)
        batch, k = _rows(self.indices)
        offset = shape_of(self.offset)
        if len(offset) != 4 or offset[:2] != (batch, 2) or offset != shape_of(self.size):
            raise ValueError(
                f"offset and size must be ({batch}, 2, H, W), got {list(offset)} and "
                f"{list(shape_of(self.size))}"
            )
        return (batch, k, 4)


@irdl_op_definition
class DecodeBoxes3dOp(BoxOp):
    """Boxes (N, k, 7) in camera coordinates, `recog.functional.decode_boxes_3d`.

    x, y, z of the centre, height, width, length in metres, yaw in (-π, π]. With d the
    disparity, (N, 1, H, W), at least 2^-10 pixels: z = focal · baseline / d,
    x = ((u + offset_x) · stride - cu) · z / focal, y likewise; sizes are the class's priors times
    exp of the box map's; yaw = atan2(sin, cos) + atan2(x, z). The box map, (N, 7, H, W), holds
    offset_x, offset_y, logarithms of h, w, l over the prior, sin and cos of the observation
    angle.
    """

    name = "nn.decode_boxes_3d"
    SIGN: ClassVar[Sign] = Sign.ANY
    INDICES: ClassVar[tuple[str, ...]] = ("indices",)
    WIDE: ClassVar[tuple[str, ...]] = ("disparity", "box", "output")

    indices = operand_def(TENSORS)
    disparity = operand_def(TENSORS)
    box = operand_def(TENSORS)
    stride = prop_def(FloatAttr[Float64Type])
    camera = prop_def(REALS)
    priors = prop_def(REALS)

    def __init__(
        self,
        indices: SSAValue | Operation,
        disparity: SSAValue | Operation,
        box: SSAValue | Operation,
        stride: float,
        camera: Sequence[float],
        priors: Sequence[float],
    ):
        properties = {"stride": real(stride), "camera": reals(camera), "priors": reals(priors)}
        super().__init__([indices, disparity, box], properties)

    def infer_shape(self) -> Shape:
        self._check_numbers()
        batch, k = _rows(self.indices)
        disparity, box = shape_of(self.disparity), shape_of(self.box)
        if len(box) != 4 or box[:2] != (batch, 7) or disparity != (batch, 1, *box[2:]):
            raise ValueError(
                f"disparity and box must be ({batch}, 1, H, W) and ({batch}, 7, H, W), got "
                f"{list(disparity)} and {list(box)}"
            )
        return (batch, k, 7)

    def _check_numbers(self) -> None:
        camera, priors = numbers(self.camera), numbers(self.priors)
        if len(camera) != 4 or not all(map(isfinite, camera)):
            raise ValueError(
                f"camera must be focal length, cu, cv and baseline, finite, got {camera}"
            )
        _check_positive(stride=self.stride.value.data, focal=camera[0], baseline=camera[3])
        if not priors or len(priors) % 3:
            raise ValueError(f"priors must be three for each class, got {len(priors)}")
        for prior in priors:
            _check_positive(priors=prior)


@irdl_op_definition
class SuppressOp(BoxOp):
    """Greedy non-maximum suppression in the order of the rows, `recog.functional.suppress`.

    A row whose intersection over union with a kept earlier row of its class exceeds `iou` gets
    score 0; rows of score 0 neither survive nor suppress. Boxes are (N, k, 4), scores and
    indices (N, k); `cells` is H · W of the map that the indices are of.
    """

    name = "nn.suppress"
    SIGN: ClassVar[Sign] = Sign.BY_RULE
    INDICES: ClassVar[tuple[str, ...]] = ("indices",)
    WIDE: ClassVar[tuple[str, ...]] = ("boxes", "scores", "output")

    boxes = operand_def(TENSORS)
    scores = operand_def(TENSORS)
    indices = operand_def(TENSORS)
    cells = prop_def(IntegerAttr)
    iou = prop_def(FloatAttr[Float64Type])

    def __init__(
        self,
        boxes: SSAValue | Operation,
        scores: SSAValue | Operation,
        indices: SSAValue | Operation,
        cells: int,
        iou: float,
    ):
        properties = {"cells": integer(cells), "iou": real(iou)}
        super().__init__([boxes, scores, indices], properties)

    def infer_shape(self) -> Shape:
        cells, iou = self.cells.value.data, self.iou.value.data
        if cells < 1:
            raise ValueError(f"cells must be at least 1, got {cells}")
        if not 0 <= iou <= 1:
            raise ValueError(f"iou must be in [0, 1], got {iou}")
        rows = _rows(self.indices)
        if shape_of(self.scores) != rows or shape_of(self.boxes) != (*rows, 4):
            raise ValueError(
                f"boxes and scores must be {[*rows, 4]} and {list(rows)} as the indices, got "
                f"{list(shape_of(self.boxes))} and {list(shape_of(self.scores))}"
            )
        return rows

    def never_negative(self, known: Callable[[SSAValue], bool]) -> bool:
        return known(self.scores)


def _rows(indices: SSAValue) -> tuple[int, int]:
    """(N, k) of flat indices."""
    shape = shape_of(indices)
    if len(shape) != 2:
        raise ValueError(f"indices must have 2 axes, got {list(shape)}")
    return (shape[0], shape[1])


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < float("inf"):
            raise ValueError(f"{name} must be positive and finite, got {value}")
