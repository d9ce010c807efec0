"""Operations on feature maps without weights: pools, resizing, the largest class."""

from __future__ import annotations

import numpy as np

from recog.backend.arithmetic.bounds import pool_bound, resize_bound
from recog.backend.arithmetic.codes import Interpolation
from recog.backend.arithmetic.reference import definition, sampling
from recog.backend.evaluation.values import Values, evaluates
from recog.dialects import chip, lns
from recog.dialects.windows import Pair, pair_of


@evaluates(lns.MaxPool2dOp)
def max_pool2d(op: lns.MaxPool2dOp | chip.PoolOp, values: Values) -> np.ndarray:
    return definition.max_pool2d(values.codes(op.input), op.window)


@evaluates(lns.AvgPool2dOp)
def avg_pool2d(op: lns.AvgPool2dOp | chip.PoolOp, values: Values) -> np.ndarray:
    x, window = values.codes(op.input), op.window
    height, width = window.kernel
    values.check_sum(pool_bound(x.format, height * width, values.arithmetic))
    return values.engine.avg_pool2d(x, window, values.format(op.output), values.arithmetic)


@evaluates(chip.PoolOp)
def pool(op: chip.PoolOp, values: Values) -> np.ndarray:
    return (max_pool2d if op.mode.data == "max" else avg_pool2d)(op, values)


@evaluates(lns.ResizeOp)
def resize(op: lns.ResizeOp, values: Values) -> np.ndarray:
    if op.steps is None:
        return _nearest(op, values)
    return _bilinear(op, values, pair_of(op.steps.get_values()))


@evaluates(chip.ResizeOp)
def resize_instruction(op: chip.ResizeOp, values: Values) -> np.ndarray:
    return _nearest(op, values) if op.mode.data == "nearest" else _bilinear(op, values, op.steps)


def _nearest(op: lns.ResizeOp | chip.ResizeOp, values: Values) -> np.ndarray:
    return sampling.resize_nearest(values.read(op.input), pair_of(values.shape(op.output)[1:]))


def _bilinear(op: lns.ResizeOp | chip.ResizeOp, values: Values, steps: Pair) -> np.ndarray:
    x, size = values.codes(op.input), pair_of(values.shape(op.output)[1:])
    values.check_sum(resize_bound(x.format, steps, values.arithmetic))
    to = Interpolation(size, steps, op.align_corners is not None)
    return values.engine.resize_bilinear(x, to, values.format(op.output), values.arithmetic)


@evaluates(lns.ArgmaxOp)
def argmax(op: lns.ArgmaxOp, values: Values) -> np.ndarray:
    index = definition.argmax(values.codes(op.input), op.axis.value.data)
    return index.astype(f"i{op.output.type.element_type.width.data // 8}")


@evaluates(chip.ArgmaxOp)
def argmax_instruction(op: chip.ArgmaxOp, values: Values) -> np.ndarray:
    return definition.argmax(values.codes(op.input), 1)
