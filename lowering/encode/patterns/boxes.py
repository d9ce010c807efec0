"""Patterns of encode-lns for the ends of detectors: peaks, boxes, suppression.

Indices stay indices, boxes become fixed-point numbers. Where an index or a box comes from an op
that is not on codes, so is what picks or compares by it.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from recog.backend.arithmetic.reference.fixed_point import (
    camera_geometry,
    image_geometry,
    linear_fixed,
)
from recog.dialects import lns, nn
from recog.dialects.errors import fail
from recog.dialects.lns.boxes import MAX_OVERLAP
from recog.dialects.nn.boxes import numbers
from recog.dialects.number_format import LnsFormat
from recog.lowering.common.layer_names import LAYER
from recog.lowering.common.rewriting import replace_op
from recog.lowering.encode.samples import covering_bias
from recog.lowering.encode.values import Encoding, output_format


@dataclass(frozen=True)
class EncodePeaksPattern(RewritePattern):
    """nn.peaks → lns.peaks; scores that are no sigmoids keep the format of the heat."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.PeaksOp, rewriter: PatternRewriter, /) -> None:
        heat = self.encoding.encoded(op.heat, rewriter, op)
        sigmoid = None if op.sigmoid is None else _up_to_one(output_format(op))
        peaks = lns.PeaksOp(heat, op.k.value.data, sigmoid)
        _keep_label(op, peaks)
        decode = lns.DecodeOp(peaks.output)
        replace_op(rewriter, op, [peaks, decode], [decode.output, peaks.indices])


@dataclass(frozen=True)
class EncodeDecodeBoxes2dPattern(RewritePattern):
    """nn.decode_boxes_2d → lns.decode_boxes_2d."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.DecodeBoxes2dOp, rewriter: PatternRewriter, /) -> None:
        if not _on_codes(op.indices):
            return
        offset = self.encoding.encoded(op.offset, rewriter, op)
        size = self.encoding.encoded(op.size, rewriter, op)
        try:
            geometry = image_geometry(op.stride.value.data)
        except ValueError as error:
            fail(op, str(error))
        _replace_with_fixed(rewriter, op, lns.DecodeBoxes2dOp(op.indices, offset, size, geometry))


@dataclass(frozen=True)
class EncodeDecodeBoxes3dPattern(RewritePattern):
    """nn.decode_boxes_3d → lns.decode_boxes_3d."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.DecodeBoxes3dOp, rewriter: PatternRewriter, /) -> None:
        if not _on_codes(op.indices):
            return
        disparity = self.encoding.encoded(op.disparity, rewriter, op)
        box = self.encoding.encoded(op.box, rewriter, op)
        try:
            geometry = camera_geometry(op.stride.value.data, numbers(op.camera), numbers(op.priors))
        except ValueError as error:
            fail(op, str(error))
        _replace_with_fixed(rewriter, op, lns.DecodeBoxes3dOp(op.indices, disparity, box, geometry))


@dataclass(frozen=True)
class EncodeSuppressPattern(RewritePattern):
    """nn.suppress of boxes that are fixed point → lns.suppress, in the format of the scores."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.SuppressOp, rewriter: PatternRewriter, /) -> None:
        boxes = op.boxes.owner
        if not isinstance(boxes, lns.DecodeFixedOp) or not _on_codes(op.indices):
            return
        scores = self.encoding.encoded(op.scores, rewriter, op)
        overlap = linear_fixed(op.iou.value.data, MAX_OVERLAP.bit_length() - 1)
        cells = op.cells.value.data
        suppress = lns.SuppressOp(boxes.input, scores, op.indices, cells, overlap)
        _keep_label(op, suppress)
        replace_op(rewriter, op, [suppress, lns.DecodeOp(suppress)])


def _up_to_one(format: LnsFormat) -> LnsFormat:
    """The format whose largest code is 1: what sigmoids need, whatever calibration saw."""
    return format.with_bias(covering_bias(format, 1.0))


def _on_codes(indices: SSAValue) -> bool:
    return isinstance(indices.owner, lns.PeaksOp)


def _replace_with_fixed(rewriter: PatternRewriter, op: nn.NnOp, new_op: Operation) -> None:
    _keep_label(op, new_op)
    replace_op(rewriter, op, [new_op, lns.DecodeFixedOp(new_op)])


def _keep_label(op: Operation, new_op: Operation) -> None:
    if LAYER in op.attributes:
        new_op.attributes[LAYER] = op.attributes[LAYER]


PATTERNS = (
    EncodePeaksPattern,
    EncodeDecodeBoxes2dPattern,
    EncodeDecodeBoxes3dPattern,
    EncodeSuppressPattern,
)
