"""The values of layers, read out of activation memory while a machine runs a program.

Observers of a machine (see `recog.backend.machine.machine.Observer`): one for programs whose memory
holds a layer whole after some instruction, one for those in stripes, which compute it part by part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from recog.backend.machine.memory import FrameMemory
from recog.dialects.chip import DmaInOp, ProgramOp, TensorOp, steps_of
from recog.dialects.chip.hardware import MAX_MEMORY
from recog.dialects.chip.held_values import (
    HOLDS,
    WHOLE,
    HeldValue,
    WholeTensor,
    held_values,
    whole_tensor,
)
from recog.dialects.chip.instructions import output_tensors
from recog.dialects.errors import fail
from recog.lowering.common.layer_names import label_of

Key = tuple[str, int]
"""A layer's label and the number of its result."""


class Found(NamedTuple):
    """A result of a layer in some frames.

    Attributes:
        codes: (N, ...) of what the layer gives; anything where it was not computed.
        computed: (...), which elements were.
        ambiguous: (...), which were computed more than once and not with the same bits.
    """

    codes: np.ndarray
    computed: np.ndarray
    ambiguous: np.ndarray


def concatenated(chunks: Sequence[Found]) -> Found:
    """All frames of a result; a program computes the same elements in each."""
    ambiguous = np.logical_or.reduce([each.ambiguous for each in chunks])
    return Found(np.concatenate([each.codes for each in chunks]), chunks[0].computed, ambiguous)


def _dtype(value: HeldValue, wanted: np.dtype[Any]) -> np.dtype[Any]:
    """The type of a value in memory: indices that are narrower there have no sign."""
    kind = "u" if value.element_bytes < wanted.itemsize else wanted.kind
    return np.dtype(f"<{kind}{value.element_bytes}")


class LayersAfterInstructions:
    """Reads each layer after the instruction that completes it.

    Args:
        program: that the machine runs, which says so.
        dtypes: of the layers to read.

    Attributes:
        found: what was read, a chunk of frames after the other.
    """

    def __init__(self, program: ProgramOp, dtypes: Mapping[Key, np.dtype[Any]]):
        self._held = {n: held_values(op) for n, op in enumerate(program.instructions)}
        self._dtypes = dtypes
        self.found: dict[Key, list[Found]] = {}

    def __call__(self, number: int, memory: FrameMemory) -> None:
        """After an instruction: read what is complete."""
        for value in self._held[number]:
            key = (value.layer, value.result)
            if key in self._dtypes:
                dtype = _dtype(value, self._dtypes[key])
                codes = memory.read_at(value.address, value.shape, value.strides, dtype)
                every = np.ones(value.shape, np.bool_)
                self.found.setdefault(key, []).append(Found(codes, every, ~every))


class LayersInStripes:
    """Puts together what a program in stripes computes, as if memory held every tensor whole.

    Takes as many bytes as all tensors of the network have, in all frames that run together, and
    two more for each. Arguments and attributes are those of `LayersAfterInstructions`.
    """

    def __init__(self, program: ProgramOp, dtypes: Mapping[Key, np.dtype[Any]]):
        self._program, self._scope = program, program.scope
        self._instructions = program.instructions
        self._steps, self._dtypes = steps_of(self._instructions, self._scope), dtypes
        self._values = [v for v in held_values(program) if (v.layer, v.result) in dtypes]
        tensors = [op for op in program.descriptors if isinstance(op, TensorOp)]
        self._wholes = {op: whole for op in tensors if (whole := whole_tensor(op)) is not None}
        ends = [_end(w.address, op.shape, w.strides) for op, w in self._wholes.items()]
        ends += [_end(v.address, v.shape, v.strides) for v in self._values]
        most = max((op.element_bytes for op in tensors), default=1)
        self._size = max(ends, default=0) + most
        if self._size > MAX_MEMORY or min(ends, default=0) < 0:
            fail(program, f"`{HOLDS}` names bytes that no program has")
        self._within: dict[TensorOp, bool] = {}
        self._made = self._layers_made()
        self._bytes = np.zeros((0, 0), np.uint8)
        self._computed = self._ambiguous = np.zeros(0, np.bool_)
        self.found: dict[Key, list[Found]] = {}

    def _layers_made(self) -> set[str | None]:
        """The layers that instructions make; RecogError where some parts of a step lie in a layer
        and others in none, which would go unseen."""
        layers, found = set[str | None](), dict[tuple[int, str], bool]()
        for op, step in zip(self._instructions, self._steps):
            if step is None:
                continue
            layers.add(label_of(op))
            for name, tensor in op.tensor_fields(self._scope).items():
                if name not in output_tensors(type(op)) or tensor not in self._wholes:
                    continue
                within = self._is_in_a_layer(tensor)
                if found.setdefault((step, name), within) != within:
                    fail(
                        op,
                        f"of the tensors that step {step} writes some lie in a layer that "
                        f"`{HOLDS}` names and some in none: see `{WHOLE}` of "
                        f"@{tensor.sym_name.data}",
                    )
        return layers

    def _is_in_a_layer(self, tensor: TensorOp) -> bool:
        if tensor not in self._within:
            whole = self._wholes[tensor]
            end = _end(whole.address, tensor.shape, whole.strides)
            self._within[tensor] = any(
                value.address <= whole.address
                and end <= _end(value.address, value.shape, value.strides)
                for value in self._values
            )
        return self._within[tensor]

    def __call__(self, number: int, memory: FrameMemory) -> None:
        """After an instruction: take what it computed; after the last, read the layers."""
        if number == 0:
            self._bytes = np.zeros((memory.frames, self._size), np.uint8)
            self._computed = np.zeros(self._size, np.bool_)
            self._ambiguous = np.zeros(self._size, np.bool_)
        op = self._instructions[number]
        if isinstance(op, DmaInOp) or self._steps[number] is not None:
            tensors, outputs = op.tensor_fields(self._scope), output_tensors(type(op))
            boxes = op.touched(self._scope)
            for name, tensor in tensors.items():
                if name in outputs and tensor in self._wholes:
                    box = None if tensor.is_whole and boxes[name] == tensor.whole else boxes[name]
                    codes = memory.read(tensor, box)
                    rows, columns = (each.start for each in boxes[name])
                    self._take(self._wholes[tensor], codes, rows, columns)
        if number == len(self._instructions) - 1:
            self._read()

    def _take(self, whole: WholeTensor, codes: np.ndarray, row: int, column: int) -> None:
        """Note elements (N, C, H, W) of a tensor from a row and column on."""
        _, row_stride, column_stride = whole.strides
        address = whole.address + row * row_stride + column * column_stride
        at = (address, codes.shape[1:], whole.strides)
        known, before = self._elements(*at, codes.dtype), _marks(self._computed, *at)
        other = before & (known != codes).any(axis=0)
        if other.any():
            _marks(self._ambiguous, *at)[other] = True
        known[...] = codes
        before[...] = True

    def _read(self) -> None:
        for value in self._values:
            key = (value.layer, value.result)
            at = (value.address, value.shape, value.strides)
            codes = self._elements(*at, _dtype(value, self._dtypes[key]))
            marks = [_marks(each, *at).copy() for each in (self._computed, self._ambiguous)]
            if value.layer in self._made and not marks[0].any():
                fail(
                    self._program,
                    f'`{HOLDS}` has layer "{value.layer}" where no instruction writes, but some '
                    "compute it",
                )
            self.found.setdefault(key, []).append(Found(codes.copy(), *marks))

    def _elements(
        self, address: int, shape: Sequence[int], strides: Sequence[int], dtype: np.dtype[Any]
    ) -> np.ndarray:
        frames, size = self._bytes.shape
        whole = (frames, *shape)
        return np.ndarray(whole, dtype, self._bytes, address, (size, *strides))


def _marks(
    marks: np.ndarray, address: int, shape: Sequence[int], strides: Sequence[int]
) -> np.ndarray:
    """What is noted of elements, at the first byte of each."""
    return np.ndarray(tuple(shape), np.bool_, marks, address, tuple(strides))


def _end(address: int, shape: Sequence[int], strides: Sequence[int]) -> int:
    """The first byte of the last element."""
    return address + sum((size - 1) * stride for size, stride in zip(shape, strides))
