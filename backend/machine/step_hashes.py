"""Hashes of what each step of a program computes, the same for every schedule of it.

The hash of a step in a frame is the sum, modulo 2^64, of a hash of each element with its position
in the whole tensor. So parts may come in any order; what strips compute twice counts once. It finds
errors, not forgeries: the sum is no cryptographic hash.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from recog.backend.machine.memory import FrameMemory
from recog.dialects.chip import STEP, Box, InstructionOp, ProgramOp, TensorOp, steps_of
from recog.dialects.chip.instructions import output_tensors
from recog.dialects.errors import RecogError

ELEMENTS_AT_ONCE = 1 << 18
_FIRST, _SECOND, _THIRD = (
    np.uint64(each) for each in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)

Completed = Callable[[int, InstructionOp, int, np.ndarray], None]
"""Called with the number of a step, the instruction that completed it, the number of the first of
some frames, and the step's hash in each of these (uint64)."""


class _Coverage:
    """Which rows and columns of a result have been computed."""

    def __init__(self, height: int, width: int):
        self._missing: np.ndarray | None = np.ones((height, width), np.bool_)
        self._left = height * width

    @property
    def complete(self) -> bool:
        return self._missing is None

    def add(self, box: Box) -> np.ndarray:
        """Where in a box nothing had been computed before."""
        if self._missing is None:
            return np.zeros((len(box.rows), len(box.columns)), np.bool_)
        part = self._missing[box.rows.start : box.rows.stop, box.columns.start : box.columns.stop]
        new = part.copy()
        part[...] = False
        self._left -= int(new.sum())
        if not self._left:
            self._missing = None
        return new


class StepHashes:
    """Observes a machine that runs a program, see `Observer`.

    Args:
        program: that the machine runs.
        completed: called for each step and chunk of frames, in the order in which they end.

    Raises:
        RecogError: the program is in parts which do not say what they are parts of.
    """

    def __init__(self, program: ProgramOp, completed: Completed):
        self._scope, self._completed = program.scope, completed
        self._instructions = program.instructions
        self.steps = steps_of(self._instructions, self._scope)
        for op, step in zip(self._instructions, self.steps):
            if step is not None and step not in range(len(self.steps)):
                raise RecogError(f"says that it is a part of step {step}, which is none", op=op)
        if not any(STEP in op.attributes for op in self._instructions):
            self._check_whole()
        self._first = self._frames = 0
        """The number of the first frame that runs, and how many run with it."""
        self._sums: dict[int, np.ndarray] = {}
        self._computed: dict[int, list[_Coverage]] = {}

    @property
    def numbers(self) -> set[int]:
        """The steps that have results in activation memory."""
        found = zip(self._instructions, self.steps)
        return {step for op, step in found if step is not None and output_tensors(type(op))}

    @property
    def incomplete(self) -> dict[int, InstructionOp]:
        """The steps that no frame has completed, with an instruction of each: after a run those of
        which a schedule leaves out what no output needs."""
        done = {
            step for step, parts in self._computed.items() if all(part.complete for part in parts)
        }
        found = zip(self.steps, self._instructions)
        left = self.numbers - done
        return {step: op for step, op in found if step is not None and step in left}

    def _check_whole(self) -> None:
        for op in self._instructions:
            tensors = op.tensor_fields(self._scope).values()
            if op.rows.value.data or not all(each.is_whole for each in tensors):
                raise RecogError(
                    "the program is in parts that do not say which step they are parts of",
                    op=op,
                    hint="assemble it anew, with its symbols",
                )

    def __call__(self, number: int, memory: FrameMemory) -> None:
        """After an instruction: hash what it computed."""
        if number == 0:
            self._first, self._frames = self._first + self._frames, memory.frames
            self._sums, self._computed = {}, {}
        op, step = self._instructions[number], self.steps[number]
        tensors = op.tensor_fields(self._scope)
        results = {name: tensors[name] for name in output_tensors(type(op)) if name in tensors}
        if step is None or not results:
            return
        if step not in self._computed:
            self._sums[step] = np.zeros(memory.frames, np.uint64)
            self._computed[step] = [_Coverage(*each.shape[1:]) for each in results.values()]
        elif all(each.complete for each in self._computed[step]):
            return
        boxes = op.touched(self._scope)
        for place, (name, tensor) in enumerate(results.items()):
            new = self._computed[step][place].add(boxes[name])
            if new.any():
                self._sums[step] += _hashes(memory, tensor, boxes[name], new, place)
        if all(each.complete for each in self._computed[step]):
            self._completed(step, op, self._first, self._sums[step])


def _hashes(
    memory: FrameMemory, tensor: TensorOp, box: Box, new: np.ndarray, place: int
) -> np.ndarray:
    """The sum of the hashes of the new elements of a box, in each frame."""
    channels, height, width = tensor.shape
    rows, columns = np.nonzero(new)
    at = (rows + box.rows.start) * width + (columns + box.columns.start)
    values = memory.read(tensor, None if tensor.is_whole and box == tensor.whole else box)
    sums = np.zeros(memory.frames, np.uint64)
    step = max(1, ELEMENTS_AT_ONCE // max(1, len(at)))
    for first in range(0, channels, step):
        planes = np.arange(first, min(first + step, channels))
        positions = (planes[:, None] * (height * width) + at).astype(np.uint64)
        for frame in range(memory.frames):
            codes = values[frame, first : first + step][:, new]
            sums[frame : frame + 1] += _hash(codes, positions, place)  # a scalar would warn
    return sums


def _hash(codes: np.ndarray, positions: np.ndarray, place: int) -> np.uint64:
    """The sum of the hashes of elements: SplitMix64's finalizer (Steele et al., OOPSLA 2014) of
    position and code."""
    x = ((positions << np.uint64(3)) + np.uint64(place)) * _FIRST
    x ^= codes.astype(np.int64).view(np.uint64)
    x = (x ^ (x >> np.uint64(30))) * _SECOND
    x = (x ^ (x >> np.uint64(27))) * _THIRD
    return (x ^ (x >> np.uint64(31))).sum(dtype=np.uint64)
