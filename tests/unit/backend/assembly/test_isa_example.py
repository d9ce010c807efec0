"""The program in docs/isa.md that goes down an image row by row: its bits, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
from chip_programs import dense_weights, program_of

from recog.backend.assembly import assemble
from recog.backend.assembly.isa_document import isa_document
from recog.backend.machine import Machine
from recog.dialects.errors import RecogError

HEIGHT, WIDTH = 7, 5
(EXAMPLE,) = re.findall(r"^Two layers of 3x3(.*?)^Here row 3", isa_document(), re.DOTALL | re.M)
LINES = re.findall(r"^    (chip\..*)$", EXAMPLE, re.MULTILINE)
TENSORS, FIRST_ROW, NEXT_ROW = LINES[:3], LINES[3:7], LINES[7:]


def filled(line: str, number: int) -> str:
    """A line whose `…` says the rest of a tensor, the n-th, or of a convolution."""
    rest = "pad_left = 1, pad_right = 1"
    if line.startswith("chip.tensor"):
        rest = f"address = {number * HEIGHT * WIDTH}, channels = 1, width = {WIDTH}, bias = 96"
    return line.replace("…", rest).replace("height = 2160", f"height = {HEIGHT}")


def further(line: str, rows: int) -> list[str]:
    """An instruction so many rows further down, where there are any."""
    (first,) = re.findall(r"first_row = (\d+)", line)
    row = int(first) + rows
    return [line.replace(f"first_row = {first}", f"first_row = {row}")] if row < HEIGHT else []


def program(tensors: list[str], instructions: list[str]) -> bytes:
    load = "chip.ldw @tables {size = 9, address = 0}"
    lines = [filled(line, n) for n, line in enumerate([*tensors, load, *instructions])]
    port = f"channels = 1, height = {HEIGHT}, width = {WIDTH}, bias = 96"
    weights = "".join(dense_weights(name, 0, (1, 1, 3, 3)) + "\n" for name in "vw")
    return assemble(
        program_of(f"""
chip.segment @tables tables dense<[60, 172, 54, 36, 76, 162, 52, 48, 152]> : tensor<9xui8>
chip.input @in {{address = 0, {port}}}
chip.output @out {{address = {HEIGHT * WIDTH}, {port}}}
{weights.replace("kernel_w = 3", "kernel_w = 3, bias = 96")}
{chr(10).join(lines)}
chip.halt
""")
    )


def by_rows(tensors: list[str]) -> bytes:
    later = [each for rows in range(HEIGHT) for line in NEXT_ROW for each in further(line, rows)]
    return program(tensors, [*FIRST_ROW, *later])


def test_rows_that_come_and_go_give_the_bits_of_whole_tensors():
    whole_tensors = [re.sub(r", ring_rows.*}", "}", line) for line in TENSORS]
    whole = program(whole_tensors, [re.sub(r",? ?rows = \d", "", line) for line in FIRST_ROW])
    frame = np.random.default_rng(0).integers(0, 128, (1, 1, HEIGHT, WIDTH), np.uint8)
    rows = Machine(by_rows(TENSORS)).run(frame)
    np.testing.assert_array_equal(rows, Machine(whole).run(frame))
    assert len(np.unique(np.asarray(rows)[0, 0], axis=0)) == HEIGHT


def test_two_rows_are_too_few():
    few = [line.replace("ring_rows = 3, ring = 1", "ring_rows = 2, ring = 1") for line in TENSORS]
    with pytest.raises(RecogError, match="3 rows are written at once, ring 1 holds 2"):
        by_rows(few)
    load = FIRST_ROW[0].replace("rows = 3", "first_row = 0, rows = 1")
    loads = [each for rows in (0, 1, 2) for each in further(load, rows)]
    with pytest.raises(RecogError, match="row 0 of ring 1 is not there: it holds row 2"):
        program(few, [*loads, *FIRST_ROW[1:]])
