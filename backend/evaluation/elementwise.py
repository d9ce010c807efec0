"""Operations element by element: sums, products, functions of one operand."""

from __future__ import annotations

import numpy as np

from recog.backend.arithmetic.bounds import add_bound
from recog.backend.arithmetic.reference import definition
from recog.backend.evaluation.values import Values, evaluates
from recog.dialects import chip, lns

_Binary = lns.AddOp | lns.SubOp | lns.MulOp | chip.EltOp


@evaluates(lns.AddOp)
def add(op: lns.AddOp | chip.EltOp, values: Values) -> np.ndarray:
    return _sum(op, values, subtract=False)


@evaluates(lns.SubOp)
def sub(op: lns.SubOp | chip.EltOp, values: Values) -> np.ndarray:
    return _sum(op, values, subtract=True)


def _sum(op: _Binary, values: Values, *, subtract: bool) -> np.ndarray:
    a, b = values.codes(op.lhs), values.codes(op.rhs)
    values.check_sum(add_bound(a.format, b.format, values.arithmetic))
    out, relu = values.format(op.output), op.relu is not None
    return values.engine.add(a, b, out, values.arithmetic, subtract=subtract, relu=relu)


@evaluates(lns.MulOp)
def mul(op: lns.MulOp | chip.EltOp, values: Values) -> np.ndarray:
    a, b = values.codes(op.lhs), values.codes(op.rhs)
    return values.engine.mul(a, b, values.format(op.output), relu=op.relu is not None)


@evaluates(chip.EltOp)
def elt(op: chip.EltOp, values: Values) -> np.ndarray:
    return {"add": add, "sub": sub, "mul": mul}[op.mode.data](op, values)


@evaluates(lns.ReluOp)
def relu(op: lns.ReluOp, values: Values) -> np.ndarray:
    return definition.relu(values.codes(op.input)).astype(values.format(op.output).dtype)


@evaluates(lns.ConvertOp)
def convert(op: lns.ConvertOp, values: Values) -> np.ndarray:
    return definition.convert(values.codes(op.input), values.format(op.output))


@evaluates(lns.TableOp)
def table(op: lns.TableOp, values: Values) -> np.ndarray:
    x, entries = values.read(op.input), values.table(op)
    if op.axis is None:
        return definition.table(x, entries)
    axis = op.axis.value.data
    rows = zip(np.moveaxis(x, axis, 0), entries, strict=True)
    return np.stack([definition.table(each, row) for each, row in rows], axis)


@evaluates(chip.TableOp)
def table_instruction(op: chip.TableOp, values: Values) -> np.ndarray:
    return definition.table(values.read(op.input), values.table(op))
