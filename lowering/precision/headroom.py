"""Whether the accumulators hold the sums of layers as codes of more fraction bits are multiplied.

Finer codes make finer products (P of docs/arithmetic.md), whose sums leave fewer octaves to the
weights.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from xdsl.dialects import func
from xdsl.ir import SSAValue

from recog.backend.arithmetic.bounds import accumulator_limit
from recog.backend.arithmetic.logarithms import Logarithms
from recog.backend.arithmetic.reference.stereo import correlation_bound
from recog.dialects import nn
from recog.dialects.data import constant_array
from recog.dialects.number_format import LnsFormat
from recog.lowering.encode.constants import ConstantEncoder
from recog.lowering.encode.samples import covering_biases

SPARE = 0.5
"""Octaves that are left free: rounding weights with errors carried makes some sums larger."""
CODEBOOK_SPARE = 3.0
"""Of centroids, which have one bias: octaves that they have more than weights keep at least."""
LOSS = 1.25
"""How many times the squared error of a layer's weights may grow as they lose octaves."""


class Headroom:
    """What the sums of each layer leave of its accumulators."""

    def __init__(
        self, function: func.FuncOp, formats: Mapping[SSAValue, LnsFormat], encoder: ConstantEncoder
    ):
        """
        Args:
            formats: of the values that are codes.
            encoder: of weights of the usual format.
        """
        self._formats, self._encoder = dict(formats), encoder
        self._readers: dict[SSAValue, list[nn.LayerOp]] = defaultdict(list)
        self._correlations: dict[SSAValue, list[nn.CorrelationOp]] = defaultdict(list)
        for op in function.body.block.ops:
            if isinstance(op, nn.LayerOp):
                self._readers[op.input].append(op)
            elif isinstance(op, nn.CorrelationOp):
                for value in (op.left, op.right):
                    self._correlations[value].append(op)

    def holds_finer(self, values: Sequence[SSAValue], bits: int) -> bool:
        """Whether the layers that read these values keep their weights' octaves, and correlations
        their accumulators, with so many fraction bits more."""
        finer = {value: self._formats[value].finer(bits) for value in values}
        layers = [(op, finer[value]) for value in values for op in self._readers[value]]
        return all(
            self._holds_correlation(op, finer)
            for value in values
            for op in self._correlations[value]
        ) and all(self._holds(*each, self._encoder.format) for each in layers)

    def widen(self, values: Sequence[SSAValue], bits: int) -> None:
        """Take these values for finer from now on."""
        for value in values:
            self._formats[value] = self._formats[value].finer(bits)

    def finest(self, layers: Sequence[nn.LayerOp], usual: LnsFormat, most: int) -> int:
        """How many fraction bits more the weight of all these layers may have, at most `most`."""
        for bits in range(most, 0, -1):
            if all(
                op.input not in self._formats
                or self._holds(op, self._formats[op.input], usual.finer(bits))
                for op in layers
            ):
                return bits
        return 0

    def _holds_correlation(self, op: nn.CorrelationOp, finer: Mapping[SSAValue, LnsFormat]) -> bool:
        """Whether a sum of products of two values fits, some of whose formats are others."""
        left, right = (finer.get(value, self._formats.get(value)) for value in (op.left, op.right))
        if left is None or right is None:
            return True
        channels, arithmetic = nn.shape_of(op.left)[1], self._encoder.arithmetic
        bound = correlation_bound(left, right, channels, arithmetic)
        return bound <= accumulator_limit(arithmetic)

    def coarsest(self, layers: Sequence[nn.LayerOp], usual: LnsFormat, most: int) -> int:
        """How many fraction bits fewer the weight of all these layers may have, at most `most`:
        its least code is then larger, of which sums of many alike weights are made."""
        for bits in range(most, 0, -1):
            if all(self._leaves_as_much(op, usual, usual.finer(-bits)) for op in layers):
                return bits
        return 0

    def _leaves_as_much(self, op: nn.LayerOp, usual: LnsFormat, other: LnsFormat) -> bool:
        """Whether sums fit their accumulators with other weights as with the usual ones."""
        given = self._formats.get(op.input)
        if given is None:
            return True
        both = [
            self._encoder.largest_biases(op.weight, op.bias, given, each) for each in (usual, other)
        ]
        before, after = both
        if before is None or after is None:
            return True
        return after.spare >= min(SPARE, before.spare)

    def _holds(self, op: nn.LayerOp, given: LnsFormat, format: LnsFormat) -> bool:
        most = self._encoder.largest_biases(op.weight, op.bias, given, format)
        if most is None:
            return True
        if most.spare < SPARE:
            return False
        weight = constant_array(op.weight)
        if weight is None:
            return most.spare >= CODEBOOK_SPARE
        rows = weight.reshape(len(weight), -1).astype(np.float64)
        wanted = covering_biases(format, rows)
        short = wanted > most.safe
        if not short.any():
            return True
        logarithms = Logarithms(rows[short], format.frac)

        def error(biases: np.ndarray) -> float:
            values = logarithms.rounded(format.with_bias(tuple(biases[short].tolist()), 0))
            return float(np.square(values - rows[short]).sum())

        return error(most.safe) <= LOSS * error(wanted)
