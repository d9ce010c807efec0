"""The expected value of a distribution over bins, as stereo heads compute disparities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_operand_def

from recog.dialects.facts import Kind, Sign
from recog.dialects.nn.base import TENSORS, NnOp
from recog.dialects.shapes import Shape
from recog.dialects.tensors import shape_of
from recog.dialects.words import counted

__all__ = ["ExpectationOp"]


@irdl_op_definition
class ExpectationOp(NnOp):
    """Σ_d softmax(logits)_d · bins_d [+ residual], (N, D, H, W) → (N, 1, H, W).

    The soft argmin of Kendall et al. 2017, section 3.4, of logits that grow with likelihood;
    `bins` (D,) are the values of the channels, and the residual is (N, 1, H, W).
    """

    name = "nn.expectation"
    KIND: ClassVar[Kind] = Kind.COMBINES
    SIGN: ClassVar[Sign] = Sign.BY_RULE
    ABSORBS_ACTIVATION: ClassVar[bool] = False
    WIDE: ClassVar[tuple[str, ...]] = ("logits", "residual", "output")

    logits = operand_def(TENSORS)
    bins = operand_def(TENSORS)
    residual = opt_operand_def(TENSORS)

    def __init__(
        self,
        logits: SSAValue | Operation,
        bins: SSAValue | Operation,
        residual: SSAValue | Operation | None = None,
    ):
        super().__init__([logits, bins, residual])

    def infer_shape(self) -> Shape:
        logits, bins = shape_of(self.logits), shape_of(self.bins)
        if len(logits) != 4:
            raise ValueError(f"logits must have 4 axes, got {list(logits)}")
        if bins != logits[1:2]:
            raise ValueError(
                f"bins must be one for each of {counted(logits[1], 'channel')}, got {list(bins)}"
            )
        shape = (logits[0], 1, *logits[2:])
        if self.residual is not None and shape_of(self.residual) != shape:
            raise ValueError(
                f"the residual must have shape {list(shape)}, got {list(shape_of(self.residual))}"
            )
        return shape

    def never_negative(self, known: Callable[[SSAValue], bool]) -> bool:
        return known(self.bins) and (self.residual is None or known(self.residual))

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return with_batch[0] and not with_batch[1] and all(with_batch[2:])
