"""Operations on feature maps without weights: pools, resizing, the largest class."""

from __future__ import annotations

import numpy as np

from recog.backend.arithmetic.bounds import pool_bound, resize_bound, shown
from recog.backend.arithmetic.codes import Interpolation
from recog.backend.arithmetic.reference import definition, sampling
from recog.backend.evaluation.values import Summed, Values, evaluates
from recog.dialects import chip, lns
from recog.dialects.errors import RecogError
from recog.dialects.windows import Pair, pair_of
from recog.dialects.words import counted


@evaluates(lns.MaxPool2dOp)
def max_pool2d(op: lns.MaxPool2dOp | chip.PoolOp, values: Values) -> np.ndarray:
    return values.engine.max_pool2d(values.codes(op.input), values.window(op))


@evaluates(lns.AvgPool2dOp)
def avg_pool2d(op: lns.AvgPool2dOp | chip.PoolOp, values: Values) -> np.ndarray:
    x, window = values.codes(op.input), values.window(op)
    height, width = window.kernel
    values.check_sum(pool_bound(x.format, height * width, values.arithmetic))
    return values.engine.avg_pool2d(x, window, values.format(op.output), values.arithmetic)


@evaluates(chip.PoolOp)
def pool(op: chip.PoolOp, values: Values) -> np.ndarray:
    summed = values.summed(op.input)
    match op.mode.data:
        case "max":
            return max_pool2d(op, values)
        case "sum":
            return _sums(op, values, summed)
        case _ if summed is not None:
            return _mean_of_sums(op, values, summed)
        case _:
            return avg_pool2d(op, values)


def _sums(op: chip.PoolOp, values: Values, summed: Summed | None) -> np.ndarray:
    window, output = values.window(op), values.summed(op.output)
    if output is None:
        raise TypeError("a pool that sums gives sums")
    bound = pool_bound(output.format, output.terms, values.arithmetic)
    values.check_sum(bound)
    if bound > np.iinfo(output.dtype).max:
        raise RecogError(
            f"sums of {counted(output.terms, 'code')} may reach {shown(bound)}, more than "
            f"{8 * output.dtype.itemsize} bits hold",
            hint="describe them as wide",
        )
    if summed is None:
        sums = values.engine.avg_pool2d(values.codes(op.input), window, None, values.arithmetic)
    else:
        sums = definition.window_sums(_read_sums(op, values, summed), window)
    return sums.astype(output.dtype)


def _mean_of_sums(op: chip.PoolOp, values: Values, summed: Summed) -> np.ndarray:
    window = values.window(op)
    height, width = window.kernel
    values.check_sum(pool_bound(summed.format, summed.terms * height * width, values.arithmetic))
    # What was read is given up before means are encoded: both take many bytes an element.
    sums = definition.window_sums(_read_sums(op, values, summed), window)
    count, output = op.count.value.data, values.format(op.output)
    return definition.mean_of_sums(sums, summed.format, count, output, values.arithmetic)


def _read_sums(op: chip.PoolOp, values: Values, summed: Summed) -> np.ndarray:
    """The integers that a pool reads; RecogError where so many codes cannot give one."""
    sums = values.read(op.input).astype(np.int64, copy=False)
    bound = pool_bound(summed.format, summed.terms, values.arithmetic)
    least = 0 if summed.format.unsigned else -bound
    if sums.size and not (least <= int(sums.min()) and int(sums.max()) <= bound):
        beyond = next(int(each) for each in sums.flat if not least <= each <= bound)
        raise RecogError(
            f"{op.input} holds {beyond}, which no sum of "
            f"{counted(summed.terms, 'code')} of {summed.format} is"
        )
    return sums


@evaluates(lns.ResizeOp)
def resize(op: lns.ResizeOp, values: Values) -> np.ndarray:
    if op.steps is None:
        return _nearest(op, values)
    return _bilinear(op, values, pair_of(op.steps.get_values()))


@evaluates(chip.ResizeOp)
def resize_instruction(op: chip.ResizeOp, values: Values) -> np.ndarray:
    return _nearest(op, values) if op.mode.data == "nearest" else _bilinear(op, values, op.steps)


def _nearest(op: lns.ResizeOp | chip.ResizeOp, values: Values) -> np.ndarray:
    sizes = zip(values.shape(op.input)[1:], values.shape(op.output)[1:])
    rows, columns = (sampling.nearest_positions(given, wanted) for given, wanted in sizes)
    at = _within(values, op, (rows, columns), (1, 1))
    return sampling.picked(values.read(op.input), *at)


def _bilinear(op: lns.ResizeOp | chip.ResizeOp, values: Values, steps: Pair) -> np.ndarray:
    x, corners = values.codes(op.input), op.align_corners is not None
    values.check_sum(resize_bound(x.format, steps, values.arithmetic))
    sizes = zip(values.shape(op.input)[1:], values.shape(op.output)[1:], steps)
    rows, columns = (sampling.positions(*each, corners) for each in sizes)
    at = _within(values, op, (rows, columns), steps)
    to = Interpolation((len(at[0]), len(at[1])), steps, corners, at)
    return values.engine.resize_bilinear(x, to, values.format(op.output), values.arithmetic)


def _within(
    values: Values,
    op: lns.ResizeOp | chip.ResizeOp,
    at: tuple[np.ndarray, np.ndarray],
    steps: Pair,
) -> tuple[np.ndarray, np.ndarray]:
    """Of the positions of all, in units of 1 / steps, those computed, counted from what is read."""
    computed, read = values.computed(op.output), values.computed(op.input)
    if computed is None or read is None:
        return at
    rows, columns = (
        each[part.start : part.stop] - given.start * step
        for each, part, given, step in zip(at, computed, read, steps)
    )
    return rows, columns


@evaluates(lns.ArgmaxOp)
def argmax(op: lns.ArgmaxOp, values: Values) -> np.ndarray:
    axis = op.axis.value.data
    index = definition.argmax(values.codes(op.input), axis)
    if op.keepdims is not None:
        index = np.expand_dims(index, axis)
    return index.astype(f"i{op.output.type.element_type.width.data // 8}")


@evaluates(chip.ArgmaxOp)
def argmax_instruction(op: chip.ArgmaxOp, values: Values) -> np.ndarray:
    return definition.argmax(values.codes(op.input), 1)
