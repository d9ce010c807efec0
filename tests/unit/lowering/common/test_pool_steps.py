"""Windows in steps meet the positions of the window that they stand for, each once."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import PoolWindow
from recog.lowering.common.pool_steps import (
    Line,
    encodable_steps,
    fields_of,
    lines_of,
    mean_count,
    sums_of,
)


def positions(line: Line) -> list[list[int]]:
    """The positions of the input that each window meets."""
    windows = [
        [each * line.stride - line.before + tap * line.dilation for tap in range(line.kernel)]
        for each in range(line.outputs)
    ]
    return [[at for at in window if 0 <= at < line.size] for window in windows]


@st.composite
def lines(draw, largest: int = 60) -> Line:
    size, kernel = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    stride = draw(st.sampled_from([1, 2, 6, 12, kernel, size]))
    sides = draw(st.integers(0, kernel - 1)), draw(st.integers(0, kernel - 1))
    line = Line(size, kernel, stride, *sides, draw(st.sampled_from([1, 1, 1, 2])))
    assume(line.outputs > 0)
    return line


@given(lines(), st.integers(2, 30))
def test_blocks_meet_every_position_once(line: Line, size: int):
    parts = line.blocks(size)
    if parts is None:
        return
    first, rest = parts
    assert first.outputs == rest.size
    blocks = positions(first)
    met = [[at for block in window for at in blocks[block]] for window in positions(rest)]
    assert met == positions(line)
    assert all(blocks), "a window of padding alone has no largest element"


@given(lines())
def test_divided_are_instructions(line: Line):
    for size, first, rest in line.divided():
        assert (size, size) == (first.kernel, first.stride)
        assert first.is_encodable
        assert rest.kernel < line.size + line.kernel


@given(lines(), lines(), st.booleans())
def test_the_count_of_means_is_that_of_all(rows: Line, columns: Line, padding: bool):
    assume(rows.dilation == columns.dilation == 1)
    counts = {len(a) * len(b) for a in positions(rows) for b in positions(columns)}
    expected = counts.pop() if len(counts) == 1 else 0
    if padding:
        expected = rows.kernel * columns.kernel
    assert (mean_count((rows, columns), padding) or 0) == expected


@given(st.integers(1, 65535), st.integers(1, 65535))
def test_windows_over_any_image_have_instructions(height: int, width: int):
    steps = encodable_steps((Line(height, height), Line(width, width)))
    assert steps is not None
    assert all(line.is_encodable for step in steps for line in step)
    for axis, size in enumerate((height, width)):
        for step in steps:
            assert step[axis].size == size
            size = step[axis].outputs
        assert size == 1


def test_windows_that_move_and_are_too_large():
    """Cells of 540 rows lie further apart than an instruction says; 541 has no divisors."""
    steps = encodable_steps((Line(1080, 540, 540), Line(960, 480, 240)))
    assert steps == [
        ((Line(1080, 15, 15)), Line(960)),
        ((Line(72, 36, 36)), Line(960, 480, 240)),
    ]
    assert encodable_steps((Line(1082, 541, 541), Line(10))) is None
    assert encodable_steps((Line(3000, 1500, 7), Line(10))) is None


def test_a_step_is_the_window_of_its_fields():
    window = PoolWindow((2, 3), (1, 2, 3, 4), (1, 1), kernel=(5, 6))
    fields = fields_of(lines_of(window, 20, 30))
    assert (fields["kernel_h"], fields["kernel_w"]) == (5, 6)
    assert [fields[f"pad_{side}"] for side in ("top", "left", "bottom", "right")] == [1, 2, 3, 4]


def test_sums_take_as_few_bytes_as_hold_them():
    format = LnsFormat(8, 4, 64)  # up to 15,744
    widths = [sums_of(format, count, Arithmetic()) for count in (1, 136_400, 136_401, 1 << 25)]
    assert [each and each.width.data for each in widths] == [32, 32, 64, None]
