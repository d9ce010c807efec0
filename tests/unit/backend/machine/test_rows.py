"""Instructions for some rows of tensors that memory holds in part: the same bits, or refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lns_networks import Network, networks
from typing_extensions import TypeIs
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Operation

from recog.backend.assembly import assemble, disassemble, find_program
from recog.backend.machine import Machine
from recog.dialects import chip
from recog.dialects.chip.spans import AxisMap
from recog.dialects.errors import RecogError
from recog.lowering.select.convert_lns_to_chip import ConvertLnsToChipPass
from recog.tools.context import make_context
from recog.tools.opt.ir_parser import parse_module

CASCADE = Path(__file__).parents[3] / "filecheck" / "dialects" / "chip" / "cascade.mlir"
FRAME = np.array([[[[4, 7], [4, 4], [5, 7], [0, 0], [6, 7], [0, 4]]]], np.uint8)


def by_rows(program: chip.ProgramOp, cuts: Callable[[int], Sequence[int]]) -> chip.ProgramOp:
    """The program with instructions for rows between cuts of the height, where they take rows."""
    scope = program.scope
    body: list[Operation] = []
    for op in program.body.block.ops:
        tensors = list(op.tensor_fields(scope).values()) if _is_instruction(op) else []
        if not tensors or not _is_instruction(op) or op.maps(scope) is None:
            body.append(op.clone())
            continue
        edges = [0, *cuts(tensors[0].shape[1]), tensors[0].shape[1]]
        for first, last in zip(edges, edges[1:]):
            part = op.clone()
            part.properties["first_row"] = IntegerAttr(first, i64)
            part.properties["rows"] = IntegerAttr(last - first, i64)
            body.append(part)
    return chip.ProgramOp("main", body, program.target.data)


def _is_instruction(op: Operation) -> TypeIs[chip.InstructionOp]:
    return isinstance(op, chip.InstructionOp)


@given(networks(), st.data())
@settings(max_examples=settings().max_examples // 2)
def test_rows_do_not_show(network: Network, data: st.DataObject):
    """Every op, of every shape: padding, strides, dilation, phases and weights of interpolation."""
    module = network.module.clone()
    ConvertLnsToChipPass().apply(Context(), module)
    whole = find_program(module)

    def cuts(height: int) -> list[int]:
        if height == 1:
            return []
        return sorted(data.draw(st.sets(st.integers(1, height - 1), max_size=4)))

    striped = by_rows(whole, cuts)
    file = assemble(striped)
    assert assemble(disassemble(file)) == file
    expected, outputs = (Machine(each).run(*network.inputs) for each in (whole, file))
    for wanted, output in zip(_tuple(expected), _tuple(outputs), strict=True):
        np.testing.assert_array_equal(output, wanted)


IN_PADDING = """
!n = !lns.number<4, 0, bias = 0>
func.func @main(%x: tensor<1x1x1x1x!n>) -> tensor<1x1x1x1x!n> {
  %w = data.constant dense<2> : tensor<1x1x1x1x!n>
  %y = lns.conv2d %x, %w {strides = array<i64: 2, 1>, padding = array<i64: 1, 0, 0, 0>}
    : (tensor<1x1x1x1x!n>, tensor<1x1x1x1x!n>) -> tensor<1x1x1x1x!n>
  func.return %y : tensor<1x1x1x1x!n>
}
"""


def test_rows_in_the_padding_alone_see_zeros():
    """Whatever the row holds that is read for them, which is as large as what they see."""
    module = parse_module(make_context(), IN_PADDING.encode(), "x.mlir")
    ConvertLnsToChipPass().apply(Context(), module)
    striped = by_rows(find_program(module), lambda _: [])
    (output,) = _tuple(Machine(striped).run(np.full((1, 1, 1, 1), 3, np.uint8)))
    assert output.tolist() == [[[[0]]]]


def _tuple(outputs) -> tuple[np.ndarray, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


@given(
    st.integers(1, 30),
    st.integers(0, 4),
    st.integers(1, 5),
    st.integers(-9, 9),
    st.integers(0, 9),
)
def test_what_rows_need_never_falls_and_lies_within_the_input(size, scale, divisor, first, more):
    each = AxisMap(size, scale, divisor, first, first + more)
    spans = [each.span(range(y, y + 1)) for y in range(20)]
    assert all(0 <= span.start < span.stop <= size for span in spans)
    for earlier, later in zip(spans, spans[1:]):
        assert earlier.start <= later.start
        assert earlier.stop <= later.stop
    together = each.span(range(3, 9))
    assert (together.start, together.stop) == (spans[3].start, spans[8].stop)
    vectors = np.arange(20)
    assert each.low(vectors).tolist() == [span.start for span in spans]
    assert each.high(vectors + 1).tolist() == [span.stop for span in spans]


@cache
def cascade() -> chip.ProgramOp:
    module = parse_module(make_context(), CASCADE.read_bytes(), CASCADE.name)
    return next(op for op in module.walk() if isinstance(op, chip.ProgramOp))


def changed(change: Callable[[list[Operation]], object]) -> chip.ProgramOp:
    ops = [op.clone() for op in cascade().body.block.ops]
    change(ops)
    return chip.ProgramOp("main", ops)


def refusal(program: chip.ProgramOp) -> str | None:
    try:
        Machine(program)
    except RecogError as error:
        return str(error)
    return None


def test_the_program_itself_runs():
    assert refusal(changed(lambda ops: None)) is None


@pytest.mark.parametrize("name", ["x", "y"])
def test_a_ring_one_row_short_is_refused(name: str):
    def shorten(ops: list[Operation]) -> None:
        ring = next(op for op in ops if isinstance(op, chip.TensorOp) and op.sym_name.data == name)
        ring.properties["ring_rows"] = IntegerAttr(2, i64)

    number = {"x": 1, "y": 2}[name]
    assert f"row 0 of ring {number} is not there: it holds row 2" in (
        refusal(changed(shorten)) or ""
    )


def instructions() -> list[int]:
    ops = list(cascade().body.block.ops)
    return [i for i, op in enumerate(ops) if isinstance(op, chip.InstructionOp)][:-1]


@pytest.mark.parametrize("place", instructions()[:-1:2])
def test_a_missing_instruction_is_refused_unless_none_needs_it(place: int):
    removed = changed(lambda ops: ops.pop(place))
    written = list(cascade().body.block.ops)[place]
    if isinstance(written, chip.DmaOutOp):
        assert refusal(removed) is None
    else:
        assert "is not there" in (refusal(removed) or "")


def test_exchanged_instructions_are_refused_or_give_the_same_bits():
    (expected,) = Machine(cascade()).run_codes(FRAME)
    refused = 0
    for place in instructions()[:-1]:

        def exchange(ops: list[Operation], place: int = place) -> None:
            ops[place], ops[place + 1] = ops[place + 1], ops[place]

        program = changed(exchange)
        if refusal(program) is not None:
            refused += 1
        else:
            np.testing.assert_array_equal(Machine(program).run_codes(FRAME)[0], expected)
    assert refused > len(instructions()) // 2


def tensor(name: str, **fields) -> chip.TensorOp:
    return chip.TensorOp(sym_name=name, channels=2, height=4, width=4, **{"address": 0, **fields})


def port(**fields) -> chip.InputOp:
    return chip.InputOp(sym_name="in", address=0, channels=2, height=4, width=4, **fields)


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        ([tensor("x", ring_rows=5, ring=1)], "ring_rows must be at most the height 4"),
        ([tensor("x", first_column=3, columns=2, ring=1)], "columns must lie within the width 4"),
        ([tensor("x", first_column=4, ring=1)], "columns must lie within the width 4"),
        ([tensor("x", ring_rows=3)], "@x is not whole in memory: it needs a ring"),
        (
            [tensor("x", ring=1), tensor("y", ring_rows=3, ring=1, address=64)],
            "differ in rows in memory: 3 and 4",
        ),
        (
            [tensor("x", ring=1), tensor("y", ring=1, address=7)],
            "@y begins 7 bytes after the first of ring 1, whose channels are 16 bytes",
        ),
        (
            [port(), tensor("x"), chip.DmaInOp(output="x", input="in", first_row=3, rows=2)],
            "rows 3 to 5 are not within the 4 of @x",
        ),
        (
            [port(), tensor("x"), chip.DmaInOp(output="x", input="in", first_row=4)],
            "rows 4 to 4 are not within the 4 of @x",
        ),
        (
            [port(), tensor("x", ring=1, ring_rows=2), chip.DmaInOp(output="x", input="in")],
            "4 rows are written at once, ring 1 holds 2",
        ),
        (
            [
                port(),
                tensor("x", ring=1, columns=2),
                tensor("y", address=64),
                chip.DmaInOp(output="x", input="in"),
                chip.CopyOp(output="y", input="x"),
            ],
            "input needs columns 0 to 4, memory holds 0 to 2 of @x",
        ),
        (
            [
                port(),
                tensor("x", ring=1),
                tensor("y", address=31),
                chip.DmaInOp(output="x", input="in"),
                chip.ZeroOp(output="y"),
                chip.CopyOp(output="y", input="x"),
            ],
            "row 0 of ring 1 is not there: it holds no row that is still there",
        ),
        (
            [
                tensor("x", ring=1),
                chip.BufferOp(sym_name="b", address=32, channels=2, height=4, width=4),
                chip.FillOp(output="x", input="b"),
            ],
            "row 0 of @b is not there",
        ),
        (
            [port(), chip.BufferOp(sym_name="b", address=31, channels=1)],
            "@b and @in overlap in DRAM",
        ),
        ([chip.MarkOp(number=1, rows=1)], "chip.mark takes no rows"),
    ],
)
def test_what_does_not_fit_is_refused(ops: list[Operation], message: str):
    clones = [op.clone() for op in ops]
    assert message in (refusal(chip.ProgramOp("main", [*clones, chip.HaltOp()])) or "")
