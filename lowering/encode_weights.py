"""Weights, codebooks and biases as codes and integers: the constant half of encode-lns."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import IntegerType
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter

from recog.backend.arithmetic.definition import decode, encode
from recog.backend.arithmetic.tables import encode_bias
from recog.dialects.cluster import LookupOp
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.errors import RecogError, fail
from recog.dialects.lns import NumberType, format_of
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.lowering.calibrate import covering_bias


def encode_weight(
    layer: Operation, weight: SSAValue, format: LnsFormat, rewriter: PatternRewriter
) -> SSAValue:
    """The codes of a layer's weight: a dense constant, or a lookup in a codebook of codes."""
    owner = weight.owner
    if isinstance(owner, LookupOp):
        return _encode_lookup(layer, owner, format, rewriter)
    values = constant_array(weight)
    if values is None:
        fail(layer, "the weight is computed, not constant", hint="fold constants before encode-lns")
    _check_finite(layer, "weight", values)
    chosen = format.with_bias(tuple(_best_weight_bias(row, format) for row in values), 0)
    constant = ConstantOp.from_array(encode(values, chosen), NumberType(chosen))
    return _insert(constant, layer, weight, rewriter)


def _encode_lookup(
    layer: Operation, lookup: LookupOp, format: LnsFormat, rewriter: PatternRewriter
) -> SSAValue:
    centroids = constant_array(lookup.codebook)
    if centroids is None or constant_array(lookup.pointers) is None:
        fail(layer, "the codebook is computed, not constant")
    _check_finite(layer, "codebook", centroids)
    chosen = format.with_bias(codebook_bias(centroids, format))
    codebook = ConstantOp.from_array(encode(centroids, chosen), NumberType(chosen))
    _insert(codebook, layer, lookup.codebook, rewriter)
    given = chosen
    if lookup.scales is not None:
        scales = constant_array(lookup.scales)
        if scales is None or not (scales > 0).all():
            fail(layer, "the scales of a lookup must be positive constants")
        given = chosen.with_bias(
            tuple(chosen.biases[0] - e for e in scale_exponents(scales, chosen)), 0
        )
    block = lookup.block.get_values()
    encoded = LookupOp(lookup.pointers, codebook, None, block, NumberType(given))
    return _insert(encoded, layer, lookup.output, rewriter)


def codebook_bias(centroids: np.ndarray, format: LnsFormat) -> int:
    """The bias that a codebook's codes have: what encode-lns uses and tuning rounds to."""
    return _best_weight_bias(centroids, format)


def scale_exponents(scales: np.ndarray, format: LnsFormat) -> list[int]:
    """Channel scales as offsets of a code: log2(scale) · 2^frac, rounded."""
    return [int(e) for e in np.rint(np.log2(scales.astype(np.float64)) * 2**format.frac)]


def _best_weight_bias(values: np.ndarray, format: LnsFormat) -> int:
    """The bias with the least squared error, from covering the largest weight downward."""
    covering = covering_bias(format, float(np.abs(values).max(initial=0.0)))
    flat = values.reshape(-1).astype(np.float64)

    def error(bias: int) -> float:
        candidate = format.with_bias(bias)
        return float(((decode(encode(flat, candidate), candidate) - flat) ** 2).sum())

    # Half a step of clipping at most: the largest weights matter most.
    return min((covering, covering + 1), key=error)


def encode_layer_bias(
    layer: Operation,
    bias: SSAValue | None,
    x: SSAValue,
    weight: SSAValue,
    arithmetic: Arithmetic,
    rewriter: PatternRewriter,
) -> SSAValue | None:
    """The accumulators' initial values for a float bias, None where there is no bias."""
    if bias is None:
        return None
    values = constant_array(bias)
    if values is None:
        fail(layer, "the bias is computed, not constant")
    _check_finite(layer, "bias", values)
    try:
        integers = encode_bias(values, format_of(x), format_of(weight), arithmetic)
    except RecogError as error:
        fail(layer, error.message, hint=error.hint)
    limit = 1 << (arithmetic.accumulator_width - 1)
    over = np.flatnonzero(np.abs(integers) >= limit)
    if over.size:
        fail(
            layer,
            f"the bias of channel {over[0]}, {values[over[0]]:g}, overflows an accumulator of "
            f"{arithmetic.accumulator_width} bits ({abs(int(integers[over[0]]))} >= {limit})",
            hint="encode-lns{accumulator-width=48} or a lower antilog-bits",
        )
    constant = ConstantOp.from_array(integers, IntegerType(arithmetic.accumulator_width))
    return _insert(constant, layer, bias, rewriter)


def _check_finite(layer: Operation, what: str, values: np.ndarray) -> None:
    if not np.isfinite(values).all():
        fail(layer, f"the {what} holds NaN or infinity", hint="check the checkpoint")


def _insert(
    op: ConstantOp | LookupOp, layer: Operation, old: SSAValue, rewriter: PatternRewriter
) -> SSAValue:
    op.location = layer.location
    op.results[0].name_hint = old.name_hint
    rewriter.insert(op)
    return op.results[0]
