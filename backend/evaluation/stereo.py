"""Stereo matching: correlation volumes, expected disparities, depths."""

from __future__ import annotations

import numpy as np

from recog.backend.arithmetic.reference import stereo
from recog.backend.evaluation.values import Values, evaluates
from recog.dialects import chip, lns


@evaluates(lns.CorrelationOp, chip.CorrOp)
def correlation(op: lns.CorrelationOp | chip.CorrOp, values: Values) -> np.ndarray:
    left, right = values.codes(op.left), values.codes(op.right)
    channels, disparities = values.shape(op.left)[0], values.shape(op.output)[0]
    bound = stereo.correlation_bound(left.format, right.format, channels, values.arithmetic)
    values.check_sum(bound)
    out, computed = values.format(op.output), values.computed(op.output)
    volume = values.engine.correlation(left, right, disparities, out, values.arithmetic)
    # Columns before those that are computed are read because the right image is shifted over them.
    return volume if computed is None else volume[..., -len(computed.columns) :]


@evaluates(lns.ExpectationOp, chip.ExpectAddOp, chip.ExpectOp)
def expectation(
    op: lns.ExpectationOp | chip.ExpectAddOp | chip.ExpectOp, values: Values
) -> np.ndarray:
    reference = None if isinstance(op, chip.ExpectOp) else op.residual
    residual = None if reference is None else values.codes(reference)
    logits, out = values.codes(op.logits), values.format(op.output)
    return stereo.expectation(logits, values.bins(op), residual, out, frac=op.frac.value.data)


@evaluates(lns.ReciprocalOp, chip.Disp2depthOp)
def reciprocal(op: lns.ReciprocalOp | chip.Disp2depthOp, values: Values) -> np.ndarray:
    return stereo.reciprocal(
        values.codes(op.input),
        values.format(op.output),
        log_numerator=op.log_numerator.value.data,
        negative=op.negative is not None,
    )
