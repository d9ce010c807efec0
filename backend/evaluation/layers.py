"""Layers with weights."""

from __future__ import annotations

import numpy as np

from recog.backend.evaluation.values import Values, evaluates
from recog.dialects import chip, lns


@evaluates(lns.Conv2dOp, chip.ConvOp, chip.DwconvOp)
def conv2d(op: lns.Conv2dOp | chip.ConvOp | chip.DwconvOp, values: Values) -> np.ndarray:
    return values.engine.conv2d(values.layer(op))


@evaluates(lns.ConvTranspose2dOp, chip.DeconvOp)
def conv_transpose2d(op: lns.ConvTranspose2dOp | chip.DeconvOp, values: Values) -> np.ndarray:
    return values.engine.conv_transpose2d(values.layer(op))


@evaluates(lns.LinearOp)
def linear(op: lns.LinearOp, values: Values) -> np.ndarray:
    return values.engine.linear(values.layer(op))
