"""Patterns of encode-lns for layers with weights, and for scales and shifts per channel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from recog.dialects import lns, nn
from recog.dialects.cluster import LookupOp
from recog.dialects.data import ConstantOp
from recog.dialects.lns import format_of
from recog.dialects.number_format import LnsFormat
from recog.lowering.encode.constants import weight_format_of
from recog.lowering.encode.elementwise_fusion import ChannelAffine
from recog.lowering.encode.legality import absorbed_activation
from recog.lowering.encode.values import (
    Encoding,
    calibrated_format,
    inserted,
    replace_chain,
    replace_with_codes,
)


@dataclass(frozen=True)
class EncodeConv2dPattern(RewritePattern):
    """nn.conv2d [+ nn.relu or clamp] → lns.conv2d."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.Conv2dOp, rewriter: PatternRewriter, /) -> None:
        operands, how = _layer(self.encoding, op, rewriter)
        conv = lns.Conv2dOp(*operands, **how, **_window(op))
        replace_with_codes(rewriter, op, conv, absorbed_activation(op))


@dataclass(frozen=True)
class EncodeConvTranspose2dPattern(RewritePattern):
    """nn.conv_transpose2d [+ nn.relu or clamp] → lns.conv_transpose2d."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ConvTranspose2dOp, rewriter: PatternRewriter, /) -> None:
        operands, how = _layer(self.encoding, op, rewriter)
        more = op.output_padding.get_values()
        conv = lns.ConvTranspose2dOp(*operands, **how, **_window(op), output_padding=more)
        replace_with_codes(rewriter, op, conv, absorbed_activation(op))


@dataclass(frozen=True)
class EncodeLinearPattern(RewritePattern):
    """nn.linear [+ nn.relu or clamp] → lns.linear."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.LinearOp, rewriter: PatternRewriter, /) -> None:
        operands, how = _layer(self.encoding, op, rewriter)
        replace_with_codes(rewriter, op, lns.LinearOp(*operands, **how), absorbed_activation(op))


def _layer(
    encoding: Encoding, op: nn.LayerOp, rewriter: PatternRewriter
) -> tuple[tuple[SSAValue, SSAValue, SSAValue | None, LnsFormat], dict[str, Any]]:
    """What the lns op of a layer takes: operands and output format, ReLU and arithmetic."""
    activation = absorbed_activation(op)
    x = encoding.encoded(op.input, rewriter, op)
    constants = encoding.constants
    format = constants.format
    if not isinstance(op.weight.owner, LookupOp):
        format = weight_format_of(op, format)
    most = constants.largest_biases(op.weight, op.bias, format_of(x), format)
    weight = constants.encode_weight(op, op.weight, rewriter, most)
    bias = constants.encode_bias(op, op.bias, x, weight, rewriter)
    output = calibrated_format((activation or op).output)
    # What calibrate knows to be never negative has no sign; its weights do.
    relu = activation is not None or output.unsigned
    return (x, weight, bias, output), {"relu": relu, "arithmetic": encoding.arithmetic}


def _window(op: nn.Conv2dOp | nn.ConvTranspose2dOp) -> dict[str, Any]:
    return {
        "strides": op.strides.get_values(),
        "padding": op.padding.get_values(),
        "dilation": op.dilation.get_values(),
        "groups": op.groups.value.data,
    }


@dataclass(frozen=True)
class EncodeAffinePattern(RewritePattern):
    """Scales and shifts per channel, such as a batch norm, [+ nn.relu or clamp] → lns.conv2d.

    It is depthwise with 1x1 kernels, whose codes are as fine as the input's where those are the
    finer: products are at the finer fraction anyway.
    """

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.NnOp, rewriter: PatternRewriter, /) -> None:
        chain = self.encoding.chains.get(op)
        if chain is None or chain.affine is None or chain.last is not op:
            return
        activation = absorbed_activation(op)
        shape = nn.shape_of(op.output)
        channels = shape[1]
        x = self.encoding.encoded(chain.source, rewriter, op)
        if len(shape) == 2:
            x = inserted(rewriter, lns.ReshapeOp(x, (*shape, 1, 1)), op)
        weight, bias = self._constants(op, chain.affine, x, rewriter)
        output = calibrated_format((activation or op).results[0])
        conv = lns.Conv2dOp(
            x,
            weight,
            bias,
            output,
            groups=channels,
            # What calibrate knows to be never negative has no sign; its scales do.
            relu=activation is not None or output.unsigned,
            arithmetic=self.encoding.arithmetic,
        )
        if len(shape) == 2:
            conv = lns.ReshapeOp(inserted(rewriter, conv, op), shape)
        replace_chain(rewriter, chain, conv, activation)

    def _constants(
        self, op: nn.NnOp, affine: ChannelAffine, x: SSAValue, rewriter: PatternRewriter
    ) -> tuple[SSAValue, SSAValue | None]:
        constants = self.encoding.constants
        frac = max(constants.format.frac, format_of(x).frac)
        fine = replace(constants, format=replace(constants.format, frac=frac))
        scale = ConstantOp.from_array(affine.scale.astype(np.float32).reshape(-1, 1, 1, 1), f32)
        scales, shifts = inserted(rewriter, scale, op), None
        if affine.shift.any():
            shift = ConstantOp.from_array(affine.shift.astype(np.float32), f32)
            shifts = inserted(rewriter, shift, op)
        most = fine.largest_biases(scales, shifts, format_of(x), fine.format)
        weight = fine.encode_weight(op, scales, rewriter, most)
        return weight, constants.encode_bias(op, shifts, x, weight, rewriter)


PATTERNS = (
    EncodeConv2dPattern,
    EncodeConvTranspose2dPattern,
    EncodeLinearPattern,
    EncodeAffinePattern,
)
