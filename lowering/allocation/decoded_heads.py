"""What errors count in the heads that a decoder takes boxes from.

Nearly all cells of a detector's heads show no object. Errors there change no box, so an error in a
heat counts what it does to its score (the variance of a Bernoulli variable is the Fisher
information of its logit), and one in what boxes are decoded from as much as the cell's score.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue

from recog.dialects import nn

if TYPE_CHECKING:
    from torch import Tensor


class DecodedHeads:
    """The heads of a function that returns them (see `returning_heads`)."""

    def __init__(self, function: FuncOp):
        end = function.body.block.last_op
        values = list(end.operands) if isinstance(end, ReturnOp) else []
        peaks = [_peaks_of(value) for value in values]
        self._scored = [peak is not None and peak.heat == v for v, peak in zip(values, peaks)]
        self._logits = [peak is not None and peak.sigmoid is not None for peak in peaks]
        self._heats = [
            values.index(peak.heat) if peak is not None and peak.heat in values else None
            for peak in peaks
        ]

    def counted(self, outputs: Sequence[Tensor]) -> list[Tensor]:
        """The heads, each element times the root of what its squared error counts."""
        return [each * count for each, count in zip(outputs, self.counts(outputs))]

    def counts(self, outputs: Sequence[Tensor]) -> list[Tensor | float]:
        """The root of what a squared error in each element of the heads counts."""
        return [self._count(i, outputs) for i in range(len(outputs))]

    def _count(self, number: int, outputs: Sequence[Tensor]) -> Tensor | float:
        heat = self._heats[number]
        if heat is None:
            return 1.0
        scores = outputs[heat].detach()
        scores = scores.sigmoid() if self._logits[number] else scores.clamp_min(0)
        if not self._scored[number]:
            return scores.amax(1, keepdim=True).sqrt()
        return (scores * (1 - scores)).sqrt() if self._logits[number] else 1.0


def _peaks_of(head: SSAValue) -> nn.PeaksOp | None:
    """What picks the cells of a head that count."""
    for use in head.uses:
        op = use.operation
        if isinstance(op, nn.BoxOp) and not isinstance(op, nn.PeaksOp):
            op = next((v.owner for v in op.operands if isinstance(v.owner, nn.PeaksOp)), None)
        if isinstance(op, nn.PeaksOp):
            return op
    return None
