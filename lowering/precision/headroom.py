"""Whether the accumulators hold the sums of layers as codes of more fraction bits are multiplied.

Finer codes make finer products (P of docs/arithmetic.md), whose sums leave fewer octaves to the
weights.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from xdsl.dialects import func
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.dialects.number_format import LnsFormat
from recog.lowering.encode.constants import ConstantEncoder

SPARE = 0.5
"""Octaves that are left free: rounding weights with errors carried makes some sums larger."""


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
        for op in function.body.block.ops:
            if isinstance(op, nn.LayerOp):
                self._readers[op.input].append(op)

    def holds_finer(self, values: Sequence[SSAValue], bits: int) -> bool:
        """Whether the layers that read these values keep their weights' octaves with so many
        fraction bits more."""
        return all(
            self._holds(op, self._formats[value].finer(bits), self._encoder.format)
            for value in values
            for op in self._readers[value]
        )

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

    def _holds(self, op: nn.LayerOp, given: LnsFormat, format: LnsFormat) -> bool:
        most = self._encoder.largest_biases(op.weight, op.bias, given, format)
        return most is None or most.spare >= SPARE
