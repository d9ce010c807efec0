"""What is known of the codes in memory never hides one that is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recog.backend.machine.memory import FrameMemory, Place
from recog.dialects import chip
from recog.dialects.chip import Box
from recog.dialects.errors import RecogError

SIZE, FRAMES = 24, 2


def place(address: int, width: int, unsigned: bool = False, **fields: int) -> Place:
    """A tensor of 2 x 3 x 1 codes."""
    more = {"unsigned": None} if unsigned else {}
    return Place(
        chip.TensorOp(
            sym_name=f"t{address}_{width}",
            address=address,
            channels=2,
            height=3,
            code_bits=width,
            frac=0,
            bias=0,
            **more,
            **fields,
        )
    )


PLACES = [
    place(0, 8),
    place(0, 3),
    place(3, 8, unsigned=True),
    place(4, 4),
    place(12, 8, row_stride=2),
    place(13, 5, row_stride=2),
    place(12, 12),
]
ROWS = [None, *(Box(rows, range(1)) for rows in (range(3), range(1), range(1, 3)))]


@given(st.data())
def test_reads_refuse_what_a_look_at_every_code_does(data: st.DataObject):
    memory, bytes_of = (
        FrameMemory(FRAMES, SIZE),
        np.random.default_rng(data.draw(st.integers(0, 9))),
    )
    for _ in range(data.draw(st.integers(1, 30))):
        at, box = data.draw(st.sampled_from(PLACES)), data.draw(st.sampled_from(ROWS))
        shape = (FRAMES, 2, 3 if box is None else len(box[0]), 1)
        if data.draw(st.booleans()):
            codes = bytes_of.integers(0, 1 << 8 * at.dtype.itemsize, shape).astype(at.dtype)
            legal = data.draw(st.booleans())
            if legal:
                codes[at.format.illegal_codes(codes)] = 0
            memory.write(at, codes, box, legal=legal)
            continue
        fresh = FrameMemory(FRAMES, SIZE)
        fresh._bytes[...] = memory._bytes
        try:
            expected = fresh.read(at, box)
        except RecogError as error:
            with pytest.raises(RecogError, match=str(error).replace("[", r"\[")):
                memory.read(at, box)
        else:
            np.testing.assert_array_equal(memory.read(at, box), expected)


def test_codes_that_an_instruction_wrote_are_not_looked_through(monkeypatch: pytest.MonkeyPatch):
    memory, at = FrameMemory(FRAMES, SIZE), PLACES[0]
    looked = list[int]()
    kind = type(at.format)
    has_illegal = kind.has_illegal
    monkeypatch.setattr(
        kind, "has_illegal", lambda self, codes: looked.append(1) or has_illegal(self, codes)
    )
    zeros = np.zeros((FRAMES, 2, 3, 1), np.uint8)
    memory.write(at, zeros, legal=True)
    memory.read(at)
    memory.write(at, zeros, legal=True)
    memory.read(at)
    assert not looked
    memory.write(at, zeros)  # from DRAM
    memory.read(at)
    memory.read(at)
    assert len(looked) == 1
