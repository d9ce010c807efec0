"""Tensors of one ring, of any strides, whose channels or columns share bytes: refused.

Otherwise the rows of one tensor would count as there after another was written over them.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from xdsl.utils.exceptions import VerifyException

from recog.backend.machine import Machine
from recog.dialects import chip


def loads(first: dict[str, int], second: dict[str, int]) -> chip.ProgramOp:
    """A program that loads two tensors of ring 1 and gives the first."""
    sizes = [{k: f[k] for k in ("channels", "height", "width")} for f in (first, second)]
    ops = [
        chip.InputOp(sym_name="in", address=0, **sizes[0]),
        chip.InputOp(sym_name="other", address=1 << 26, **sizes[1]),
        chip.OutputOp(sym_name="out", address=1 << 27, **sizes[0]),
        chip.TensorOp(sym_name="x", **{"address": 0, "ring": 1, **first}),
        chip.TensorOp(sym_name="y", **{"address": 0, "ring": 1, **second}),
        chip.DmaInOp(output="x", input="in"),
        chip.DmaInOp(output="y", input="other"),
        chip.DmaOutOp(output="out", input="x"),
        chip.HaltOp(),
    ]
    return chip.ProgramOp("main", ops)


def image(channels: int, height: int, width: int, **fields: int) -> dict[str, int]:
    return {"channels": channels, "height": height, "width": width, **fields}


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        pytest.param(
            image(4, 1, 9, row_stride=1, channel_stride=9),
            image(1, 1, 9, row_stride=1, channel_stride=9, address=3),
            "@y begins 3 bytes after the first of ring 1, whose channels are 9 bytes",
            id="one row, with a stride that says nothing",
        ),
        pytest.param(
            image(2, 4, 9, row_stride=1, column_stride=4, channel_stride=36),
            image(1, 4, 9, row_stride=1, column_stride=4, channel_stride=36, address=4),
            "@y begins 4 bytes after the first of ring 1, whose channels are 36 bytes",
            id="column after column",
        ),
        pytest.param(
            image(3, 4, 9, row_stride=45, column_stride=5, channel_stride=1),
            image(2, 4, 9, row_stride=45, column_stride=5, channel_stride=1, address=4),
            "of all tensors of ring 1 together columns of 6 bytes overlap at a column_stride of 5",
            id="channels of a column side by side",
        ),
        pytest.param(
            image(1, 4, 9, channel_stride=9),
            image(1, 4, 9, channel_stride=9, address=9),
            "of all tensors of ring 1 together rows of 18 bytes overlap at a row_stride of 9",
            id="one channel each",
        ),
        pytest.param(
            image(1, 4, 18, row_stride=9, channel_stride=36, columns=9),
            image(1, 4, 18, row_stride=9, channel_stride=36, first_column=9, address=9),
            "of all tensors of ring 1 together rows of 18 bytes overlap at a row_stride of 9",
            id="columns beyond a row",
        ),
    ],
)
def test_tensors_of_a_ring_share_no_byte(
    first: dict[str, int], second: dict[str, int], message: str
):
    with pytest.raises(VerifyException, match=message):
        loads(first, second).verify()


def test_channels_between_another_tensors_are_taken():
    """Every second channel of one tensor, and one between them."""
    first = image(2, 4, 9, channel_stride=72)
    program = loads(first, image(1, 4, 9, channel_stride=72, address=36))
    frame = np.random.default_rng(0).integers(0, 128, (1, 2, 4, 9), np.uint8)
    (found,) = Machine(program).run_codes(frame, np.ones((1, 1, 4, 9), np.uint8))
    np.testing.assert_array_equal(found, frame)


def test_rings_from_the_same_byte_on_with_other_columns_are_apart():
    """One ring's first tensor holds columns from 5 on, so that its other channel lies across two
    places of the other ring."""
    size = image(2, 4, 10)
    strides = {"row_stride": 10, "channel_stride": 40, "ring": 1}
    part = image(1, 4, 10)
    ops = [
        chip.InputOp(sym_name="in", address=0, **size),
        chip.InputOp(sym_name="other", address=80, **part),
        chip.OutputOp(sym_name="out", address=120, **size),
        chip.TensorOp(sym_name="x", address=5, ring=2, **size),
        chip.TensorOp(sym_name="a", address=5, first_column=5, columns=5, **part, **strides),
        chip.TensorOp(sym_name="b", address=40, **part, **strides),
        chip.DmaInOp(output="b", input="other"),
        chip.DmaInOp(output="x", input="in"),
        chip.DmaInOp(output="b", input="other", rows=1),
        chip.DmaOutOp(output="out", input="x", first_row=1, rows=3),
        chip.HaltOp(),
    ]
    with pytest.raises(VerifyException, match="row 1 of ring 2 is not there"):
        chip.ProgramOp("main", ops).verify()


def test_many_channels_apart_are_followed_together_or_refused():
    """A ring of which all tensors leave out the same channels takes no longer than another."""
    every, alone = image(1 << 20, 1, 1, channel_stride=2), image(1, 1, 1, channel_stride=2)
    start = time.perf_counter()
    loads(every, {**alone, "address": 2}).verify()
    with pytest.raises(VerifyException, match="1048576 channels that lie apart .* 262144 are the"):
        loads(every, {**alone, "address": 1}).verify()
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("first", [0, 3, 5])
def test_some_columns_of_a_tensor_are_followed_too(first: int):
    """Of those that began in the midst of what memory holds none was looked for."""

    def program(*loads: chip.InstructionOp) -> chip.ProgramOp:
        ops = [
            chip.InputOp(sym_name="in", address=0, **image(1, 4, 8)),
            chip.OutputOp(sym_name="out", address=1 << 10, **image(1, 4, 8)),
            chip.TensorOp(sym_name="x", address=0, ring=1, **image(1, 4, 8)),
            chip.TensorOp(sym_name="over", address=0, ring=2, **image(1, 4, 2)),
            chip.TensorOp(
                sym_name="y", address=64, ring=3, **image(1, 4, 8, first_column=first, columns=2)
            ),
            *loads,
            chip.CopyOp(output="y", input="x"),
            chip.DmaOutOp(output="out", input="y"),
            chip.HaltOp(),
        ]
        return chip.ProgramOp("main", ops)

    load = chip.DmaInOp(output="x", input="in")
    program(load.clone()).verify()
    with pytest.raises(VerifyException, match="row 0 of ring 1 is not there"):
        program().verify()
    with pytest.raises(VerifyException, match="row 0 of ring 1 is not there"):
        program(load.clone(), chip.ZeroOp(output="over")).verify()
