"""Weights, codebooks and biases as codes and integers: the constant half of encode-lns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from xdsl.dialects.builtin import IntegerType
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter

from recog.backend.arithmetic.logarithms import Logarithms
from recog.backend.arithmetic.reference.definition import decode, encode
from recog.backend.arithmetic.tables import encode_bias
from recog.dialects import nn
from recog.dialects.cluster import LookupOp, lookup_index
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.errors import RecogError, fail
from recog.dialects.lns import NumberType, format_of, shape_of
from recog.dialects.number_format import MAX_BIAS, MAX_FRAC, Arithmetic, LnsFormat
from recog.dialects.refusals import OpenRefusal
from recog.dialects.words import counted
from recog.lowering.encode.accumulator_room import LargestBiases, fitting_hint, largest_biases
from recog.lowering.encode.calibrate import FORMAT
from recog.lowering.encode.samples import covering_bias, covering_biases

WEIGHT_FORMAT = "lns.weight_format"
"""On a layer: the format of its dense weights, whose biases are found where they are encoded."""


BIAS_OVERFLOW = OpenRefusal(
    "the bias of channel {channel}, {value}, overflows an accumulator of {width} bits: it is "
    "{integer} there",
    "a bias is so large, for the formats that fit the example inputs, that it leaves the "
    "accumulator",
    nn.LayerOp,
)


@dataclass(frozen=True)
class ConstantEncoder:
    """Encodes the constants of layers; those that layers share stay shared.

    Attributes:
        format: of weights and centroids, its bias to be chosen.
        arithmetic: the datapath that the biases are for.
    """

    format: LnsFormat
    arithmetic: Arithmetic
    _weights: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    _codebooks: dict[tuple[SSAValue, int], ConstantOp] = field(
        default_factory=dict[tuple[SSAValue, int], ConstantOp]
    )
    _biases: dict[tuple[SSAValue, bytes], SSAValue] = field(
        default_factory=dict[tuple[SSAValue, bytes], SSAValue]
    )
    _limits: dict[SSAValue, int] = field(default_factory=dict[SSAValue, int])

    def limit_codebooks(self, layers: Iterable[tuple[nn.LayerOp, LnsFormat]]) -> None:
        """Let codebooks have biases that are safe for all of these layers, each given with its
        input's format: those that share a codebook then share its codes."""
        for layer, given in layers:
            lookup = layer.weight.owner
            if isinstance(lookup, LookupOp):
                most = self.largest_biases(layer.weight, layer.bias, given, self.format)
                largest = _largest_codebook_bias(most, _scale_exponents(layer, lookup, self.format))
                known = self._limits.get(lookup.codebook, MAX_BIAS)
                self._limits[lookup.codebook] = min(largest, known)

    def encode_weight(
        self,
        layer: Operation,
        weight: SSAValue,
        rewriter: PatternRewriter,
        most: LargestBiases | None = None,
    ) -> SSAValue:
        """The codes of a weight: a dense constant, or a lookup in a codebook of codes.

        Layers that share a weight share its codes where those are safe for all of them.

        Args:
            most: the largest biases of its output channels, see `largest_biases`.
        """
        known = self._weights.get(weight)
        if known is not None and (most is None or (format_of(known).biases <= most.safe).all()):
            return known
        if isinstance(weight.owner, LookupOp):
            codes = _encode_lookup(self, layer, weight, rewriter, most)
        else:
            codes = _encode_dense(self, layer, weight, rewriter, most)
        self._weights[weight] = codes
        return codes

    def largest_biases(
        self, weight: SSAValue, bias: SSAValue | None, given: LnsFormat, format: LnsFormat
    ) -> LargestBiases | None:
        """What the accumulators leave to a layer's weights; None where a constant is none.

        Args:
            given: the format of the layer's input.
            format: of its weights.
        """
        values = _multiplied_with(weight)
        array = None if bias is None else constant_array(bias)
        if values is None or (bias is not None and array is None):
            return None
        if not np.isfinite(values).all() or (array is not None and not np.isfinite(array).all()):
            return None
        return largest_biases(values, array, given, format, self.arithmetic)

    def encode_codebook(
        self, layer: Operation, value: SSAValue, rewriter: PatternRewriter, most: int = MAX_BIAS
    ) -> ConstantOp:
        """The codes of a codebook, with one bias, of at most `most` and its limit."""
        centroids = _constant(layer, "codebook", value)
        bias = min(codebook_bias(centroids, self.format), most, self._limits.get(value, MAX_BIAS))
        if (value, bias) not in self._codebooks:
            chosen = self.format.with_bias(bias)
            codebook = ConstantOp.from_array(encode(centroids, chosen), NumberType(chosen))
            _insert(codebook, layer, value, rewriter)
            self._codebooks[value, bias] = codebook
        return self._codebooks[value, bias]

    def encode_activation(
        self, op: Operation, value: SSAValue, rewriter: PatternRewriter
    ) -> SSAValue:
        """The codes of a constant operand of an op, with as many axes as the op's result.

        Their format has a sign bit only if a value is negative.
        """
        values = _with_all_axes(op, value)
        format = self.format
        if not (values < 0).any():
            format = replace(format, frac=min(format.frac + 1, MAX_FRAC), unsigned=True)
        format = format.with_bias(_best_weight_bias(values, format))
        constant = ConstantOp.from_array(encode(values, format), NumberType(format))
        return _insert(constant, op, value, rewriter)

    def encode_operand(
        self, op: Operation, value: SSAValue, format: LnsFormat, rewriter: PatternRewriter
    ) -> SSAValue:
        """As `encode_activation`, in a format that is given."""
        codes = encode(_with_all_axes(op, value), format)
        return _insert(ConstantOp.from_array(codes, NumberType(format)), op, value, rewriter)

    def encode_bias(
        self,
        layer: Operation,
        bias: SSAValue | None,
        x: SSAValue,
        weight: SSAValue,
        rewriter: PatternRewriter,
    ) -> SSAValue | None:
        """The accumulators' initial values for a float bias, None where there is no bias."""
        if bias is None:
            return None
        values = _constant(layer, "bias", bias)
        try:
            integers = encode_bias(values, format_of(x), format_of(weight), self.arithmetic)
        except RecogError as error:
            fail(layer, error.message, hint=error.hint)
        width = self.arithmetic.accumulator_width
        channel = int(np.argmax(np.abs(integers)))
        value = abs(int(integers[channel]))
        if value >= 1 << (width - 1):
            fail(
                layer,
                BIAS_OVERFLOW.message(
                    channel=channel, value=f"{values[channel]:g}", width=width, integer=value
                ),
                hint=fitting_hint(value.bit_length() + 1),
            )
        key = bias, integers.tobytes()
        if key not in self._biases:
            constant = ConstantOp.from_array(integers, IntegerType(width))
            self._biases[key] = _insert(constant, layer, bias, rewriter)
        return self._biases[key]


def _encode_dense(
    encoder: ConstantEncoder,
    layer: Operation,
    weight: SSAValue,
    rewriter: PatternRewriter,
    most: LargestBiases | None,
) -> SSAValue:
    values = _constant(layer, "weight", weight)
    chosen = chosen_weight_format(weight)
    if chosen is None:
        format = weight_format_of(layer, encoder.format)
        limit = None if most is None else most.wanted
        chosen = format.with_bias(channel_biases(values, format, limit), 0)
    codes = Logarithms(values, chosen.frac).codes(chosen)
    return _insert(ConstantOp.from_array(codes, NumberType(chosen)), layer, weight, rewriter)


def weight_format_of(layer: Operation, usual: LnsFormat) -> LnsFormat:
    """The format of a layer's dense weights, its biases still to be found."""
    chosen = layer.attributes.get(WEIGHT_FORMAT)
    if chosen is None:
        return usual
    if not isinstance(chosen, NumberType) or chosen.format.unsigned:
        fail(layer, f"the {WEIGHT_FORMAT} must be a signed !lns.number, got {chosen}")
    return chosen.format.with_bias(0)


def chosen_weight_format(weight: SSAValue) -> LnsFormat | None:
    """The format, biases and all, that round-weights has chosen for a dense weight."""
    if not isinstance(weight.owner, ConstantOp):
        return None
    chosen = weight.owner.attributes.get(FORMAT)
    if chosen is None:
        return None
    if not isinstance(chosen, NumberType) or chosen.format.unsigned:
        fail(weight.owner, f"the {FORMAT} of a weight must be a signed !lns.number, got {chosen}")
    format, outputs = chosen.format, shape_of(weight)[0]
    if format.axis not in (None, 0) or len(format.biases) not in (1, outputs):
        fail(
            weight.owner,
            f"the {FORMAT} of a weight has one bias, or one for each of "
            f"{counted(outputs, 'output')}",
        )
    return format


def _encode_lookup(
    encoder: ConstantEncoder,
    layer: Operation,
    weight: SSAValue,
    rewriter: PatternRewriter,
    most: LargestBiases | None,
) -> SSAValue:
    lookup = weight.owner
    if not isinstance(lookup, LookupOp):
        fail(layer, "the weight is no lookup")
    if constant_array(lookup.pointers) is None:
        fail(layer, "the pointers are computed, not constant")
    exponents = _scale_exponents(layer, lookup, encoder.format)
    largest = _largest_codebook_bias(most, exponents)
    codebook = encoder.encode_codebook(layer, lookup.codebook, rewriter, largest)
    given = chosen = format_of(codebook.output)
    if lookup.scales is not None:
        given = chosen.with_bias(tuple((chosen.biases[0] - exponents).tolist()), 0)
    block = lookup.block.get_values()
    encoded = LookupOp(lookup.pointers, codebook, None, block, NumberType(given))
    return _insert(encoded, layer, weight, rewriter)


def _multiplied_with(weight: SSAValue) -> np.ndarray | None:
    """The values of a constant weight, looked up and scaled where they are; None of others."""
    lookup = weight.owner
    if not isinstance(lookup, LookupOp):
        return constant_array(weight)
    codebook = constant_array(lookup.codebook)
    return None if codebook is None else looked_up(lookup, codebook)


def looked_up(lookup: LookupOp, codebook: np.ndarray) -> np.ndarray | None:
    """The scaled values of a lookup with this codebook; None where the pointers are computed."""
    pointers = constant_array(lookup.pointers)
    if pointers is None:
        return None
    values = codebook.reshape(-1)[lookup_index(pointers, lookup.block.get_values())]
    scales = None if lookup.scales is None else constant_array(lookup.scales)
    return values if scales is None else values * scales.reshape(-1, *[1] * (values.ndim - 1))


def codebook_bias(centroids: np.ndarray, format: LnsFormat) -> int:
    """The bias that a codebook's codes have."""
    return _best_weight_bias(centroids, format)


def rounded_codebook(
    centroids: np.ndarray, format: LnsFormat, dtype: type[np.floating] = np.float64
) -> np.ndarray:
    """Centroids as their codes have them: what tuning rounds to."""
    chosen = format.with_bias(codebook_bias(centroids, format))
    return decode(encode(centroids, chosen), chosen, dtype)


def _scale_exponents(layer: Operation, lookup: LookupOp, format: LnsFormat) -> np.ndarray:
    """Channel scales as offsets of a code: log2(scale) · 2^frac, which must be integers.

    Int64 (O), or a single 0 without scales.
    """
    if lookup.scales is None:
        return np.zeros(1, np.int64)
    scales = _constant(layer, "scales", lookup.scales)
    if not (scales > 0).all():
        fail(layer, "the scales of a lookup must be positive")
    exact = np.log2(scales.astype(np.float64)) * 2**format.frac
    rounded = np.rint(exact)
    wrong = np.flatnonzero(np.abs(exact - rounded) > 1e-3)
    if wrong.size:
        fail(
            layer,
            f"the scale of channel {wrong[0]}, {scales[wrong[0]]:g}, is no power of "
            f"2^(1/2^{format.frac})",
            hint="give both passes one weight-frac, or cluster-weights the lower",
        )
    return rounded.astype(np.int64)


def _largest_codebook_bias(most: LargestBiases | None, exponents: np.ndarray) -> int:
    """The largest bias of a codebook with which all that is looked up and scaled is safe."""
    return MAX_BIAS if most is None else int((most.safe + exponents).min())


def _best_weight_bias(values: np.ndarray, format: LnsFormat) -> int:
    """The bias with the least squared error, from covering the largest weight downward."""
    covering = covering_bias(format, float(np.abs(values).max(initial=0.0)))
    flat = values.reshape(-1).astype(np.float64)
    logarithms = Logarithms(flat, format.frac)

    def error(bias: int) -> float:
        return float(((logarithms.rounded(format.with_bias(bias)) - flat) ** 2).sum())

    # Half a step of clipping at most: the largest weights matter most.
    return min((covering, covering + 1), key=error)


def channel_biases(
    values: np.ndarray, format: LnsFormat, most: np.ndarray | None = None
) -> tuple[int, ...]:
    """`_best_weight_bias` of every output channel (axis 0), all at once.

    Args:
        most: as of `ConstantEncoder.encode_weight`.
    """
    rows = values.reshape(len(values), -1).astype(np.float64)
    covering = covering_biases(format, rows)
    logarithms = Logarithms(rows, format.frac)

    def errors(biases: np.ndarray) -> np.ndarray:
        candidate = format.with_bias(tuple(biases.tolist()), 0)
        return ((logarithms.rounded(candidate) - rows) ** 2).sum(axis=1)

    better = errors(covering + 1) < errors(covering)
    biases = covering + better
    return tuple((biases if most is None else np.minimum(biases, most)).tolist())


def _constant(layer: Operation, what: str, value: SSAValue) -> np.ndarray:
    array = constant_array(value)
    if array is None:
        fail(
            layer, f"the {what} is computed, not constant", hint="fold constants before encode-lns"
        )
    if not np.isfinite(array).all():
        fail(layer, f"the {what} holds NaN or infinity", hint="check the checkpoint")
    return array


def _with_all_axes(op: Operation, value: SSAValue) -> np.ndarray:
    """A constant operand with as many axes as the op's result."""
    values = _constant(op, "operand", value)
    rank = len(shape_of(op.results[0]))
    return values.reshape((1,) * (rank - values.ndim) + values.shape)


def _insert(
    op: ConstantOp | LookupOp, layer: Operation, old: SSAValue, rewriter: PatternRewriter
) -> SSAValue:
    op.location = layer.location
    op.results[0].name_hint = old.name_hint
    rewriter.insert(op)
    return op.results[0]
