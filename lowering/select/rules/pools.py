"""How pools become chip instructions: one, or several where a window is too large for one."""

from __future__ import annotations

from xdsl.ir import Attribute

from recog.dialects import chip, lns
from recog.dialects.lns.types import format_of, shape_of
from recog.dialects.tensors import element_type_of
from recog.lowering.common.pool_steps import (
    Step,
    encodable_steps,
    fields_of,
    lines_of,
    mean_count,
    sums_of,
)
from recog.lowering.select.layout import element_bytes
from recog.lowering.select.program_builder import ProgramBuilder, value_name
from recog.lowering.select.rules.layers_and_maps import lowers, prove
from recog.lowering.select.views import in_buffer


@lowers(lns.MaxPool2dOp)
def lower_max_pool2d(build: ProgramBuilder, op: lns.MaxPool2dOp) -> None:
    _pool(build, op, "max", count_padding=False)


@lowers(lns.AvgPool2dOp)
def lower_avg_pool2d(build: ProgramBuilder, op: lns.AvgPool2dOp) -> None:
    prove(build, op, op.arithmetic.data)
    _pool(build, op, "avg", count_padding=op.count_include_pad is not None)


def _pool(
    build: ProgramBuilder,
    op: lns.MaxPool2dOp | lns.AvgPool2dOp,
    mode: str,
    *,
    count_padding: bool,
) -> None:
    """One instruction, or where its window is too large for one, several."""
    step = lines_of(op.window, *shape_of(op.input)[2:])
    fields = {"count_padding": count_padding, **fields_of(step)}
    source = build.tensor(op, op.input)
    if not all(line.is_encodable for line in step):
        steps = _pool_steps(op, step, count_padding=count_padding)
        for part, element in steps[:-1]:
            source = _pool_part(build, op, source, part, element)
        if len(steps) > 1:
            count = mean_count(step, count_padding) if mode == "avg" else 0
            fields = {"count": count, **fields_of(steps[-1][0])}
    output = build.tensor(op, op.output)
    build.emit(op, chip.PoolOp(input=source, output=output, mode=mode, **fields))


def _pool_steps(
    op: lns.MaxPool2dOp | lns.AvgPool2dOp, step: Step, *, count_padding: bool
) -> list[tuple[Step, Attribute]]:
    """The steps of a pool whose window is too large for one, and what each gives; none where there
    are none."""
    steps, element = encodable_steps(step), element_type_of(op.input)
    if not isinstance(op, lns.AvgPool2dOp):
        return [(each, element) for each in steps or ()]
    if steps is None or mean_count(step, count_padding) is None:
        return []
    found, count = list[tuple[Step, Attribute]](), 1
    for rows, columns in steps:
        count *= rows.kernel * columns.kernel
        sums = sums_of(format_of(op.input), count, op.arithmetic.data)
        if sums is None:
            return []
        found.append(((rows, columns), sums))
    return found


def _pool_part(
    build: ProgramBuilder,
    op: lns.MaxPool2dOp | lns.AvgPool2dOp,
    source: str,
    step: Step,
    element: Attribute,
) -> str:
    """A step of a pool that is not its last; the descriptor of what it gives."""
    shape = (shape_of(op.input)[1], *(line.outputs for line in step))
    mode, size = "max", element_bytes(op.input)
    if isinstance(element, chip.SumsType):
        mode, size = "sum", element.width.data // 8
    name = f"{value_name(op.output)}.{mode}"
    output = build.view(op, in_buffer(shape, size), element, name)
    build.emit(op, chip.PoolOp(input=source, output=output, mode=mode, **fields_of(step)))
    return output
