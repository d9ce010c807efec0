"""The steps of a network that instructions are parts of, in a segment of a program file."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from xdsl.ir import Operation

from recog.backend.assembly.strings import Reader
from recog.dialects.chip import number_step
from recog.dialects.errors import RecogError

MAX_STEP = (1 << 32) - 2


def pack_steps(numbers: Sequence[int | None]) -> bytes:
    """The segment for instructions of these steps."""
    if any(number is not None and number > MAX_STEP for number in numbers):
        raise RecogError(f"a `step` is above {MAX_STEP}, which a program file cannot hold")
    counted = [0 if number is None else number + 1 for number in numbers]
    return struct.pack(f"<{len(counted)}I", *counted)


def unpack_steps(content: bytes, instructions: Sequence[Operation]) -> None:
    """Write on instructions which steps they are parts of; raises RecogError on a misformed
    segment."""
    reader = Reader(content, "steps")
    counted = [reader.number(4) for _ in instructions]
    reader.finish()
    if not any(counted):
        raise RecogError("the steps segment says nothing of any instruction")
    for op, number in zip(instructions, counted):
        if number:
            number_step(op, number - 1)
