"""Converters of the heads' own operators, `recog.frontend.functional`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.torch.converters import ConverterContext, Registry

OPS = Registry()


@OPS.add("recog.peaks.default")
def peaks(c: ConverterContext, heat: Any, k: int) -> tuple[SSAValue, SSAValue]:
    op = nn.PeaksOp(c.value(heat), k)
    c.emit(op)
    return op.output, op.indices


@OPS.add("recog.decode_boxes_2d.default")
def decode_boxes_2d(
    c: ConverterContext, indices: Any, offset: Any, size: Any, stride: float
) -> SSAValue:
    positions = c.typed(indices, torch.int64)
    return c.emit(nn.DecodeBoxes2dOp(positions, c.value(offset), c.value(size), stride))


@OPS.add("recog.decode_boxes_3d.default")
def decode_boxes_3d(
    c: ConverterContext,
    indices: Any,
    disparity: Any,
    box: Any,
    stride: float,
    camera: Sequence[float],
    priors: Sequence[float],
) -> SSAValue:
    positions = c.typed(indices, torch.int64)
    maps = c.value(disparity), c.value(box)
    return c.emit(nn.DecodeBoxes3dOp(positions, *maps, stride, camera, priors))


@OPS.add("recog.suppress.default")
def suppress(
    c: ConverterContext, boxes: Any, scores: Any, indices: Any, cells: int, iou: float
) -> SSAValue:
    positions = c.typed(indices, torch.int64)
    return c.emit(nn.SuppressOp(c.value(boxes), c.value(scores), positions, cells, iou))
