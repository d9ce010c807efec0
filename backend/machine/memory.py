"""The memories of the reference machine: bytes, read and written through descriptors."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np

from recog.backend.evaluation.values import Summed
from recog.dialects.chip import Box, InnerDescriptorOp, TensorDescriptorOp, TensorOp
from recog.dialects.errors import RecogError
from recog.dialects.number_format import LnsFormat
from recog.dialects.words import counted


class Place:
    """Where a tensor lies in a frame's memory, and of what: its descriptor, read once.

    A machine's program does not change, and reading descriptors anew for every instruction of
    every frame takes longer than small layers.
    """

    def __init__(self, op: TensorDescriptorOp):
        self.op, self.name = op, op.sym_name.data
        self.address, self.extent = op.address.value.data, op.extent
        self.shape, self.strides, self.dtype = op.shape, op.strides, op.dtype
        self.held_shape = op.held_shape
        self.first_column = op.held_columns.start if isinstance(op, TensorOp) else 0
        self.holds_codes = op.integer is None

    def seen_as(self, shape: tuple[int, int, int]) -> Place:
        """The same bytes, packed, as a tensor of another shape."""
        if shape == self.shape:
            return self
        place = copy(self)
        _, height, width = place.shape = place.held_shape = shape
        step = self.dtype.itemsize
        place.strides = (height * width * step, width * step, step)
        return place

    @cached_property
    def format(self) -> LnsFormat:
        """The format of its codes."""
        return self.op.format

    @cached_property
    def summed(self) -> Summed | None:
        """What its integers are sums of."""
        format = self.op.summed
        if format is None or not isinstance(self.op, InnerDescriptorOp):
            return None
        return Summed(self.op.sums.value.data, format, self.dtype)


class FrameMemory:
    """A byte-addressed memory of which each of N frames has its own copy.

    Only the bytes that a program uses exist. Descriptors were verified against the size when
    the program was loaded; an access beyond it is refused here once more.
    """

    def __init__(self, frames: int, size: int):
        self._frames = frames
        # NumPy makes no views of memory without bytes.
        self._bytes = np.zeros((max(frames, 1), size), np.uint8)
        self._legal = set[Place]()
        """Tensors whose codes are known to be ones of their formats, until others share bytes."""

    @property
    def frames(self) -> int:
        """How many frames have a copy."""
        return self._frames

    def read(self, tensor: TensorDescriptorOp | Place, box: Box | None = None) -> np.ndarray:
        """The elements of a tensor, or some rows and columns, in every frame (N, C, H, W).

        Raises:
            RecogError: a byte pattern is no code of the tensor's format.
        """
        place = _place(tensor)
        parts = [self._elements(place)] if box is None else self._parts(place, box)
        elements = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)
        flags = elements.flags
        usable = flags.c_contiguous and flags.aligned
        values = elements if usable else np.require(elements, requirements=["C", "ALIGNED"])
        known = not place.holds_codes or place in self._legal
        if not known and place.format.has_illegal(values):
            illegal = place.format.illegal_codes(values)
            frame, *at = (int(i) for i in np.argwhere(illegal)[0])
            raise RecogError(
                f"@{place.name} holds {int(values[(frame, *at)]):#x} at {at}, "
                f"which is no code of {place.op.element_type}"
            )
        if not known and box is None and place is tensor:
            self._legal.add(place)
        return values

    def read_at(
        self, address: int, shape: Sequence[int], strides: Sequence[int], dtype: np.dtype[Any]
    ) -> np.ndarray:
        """A copy of elements of any rank in every frame, (N, *shape); strides in bytes.

        Raises:
            RecogError: they do not lie within the memory.
        """
        frame_bytes, _ = self._bytes.strides
        steps = [(size - 1) * stride for size, stride in zip(shape, strides)]
        end = address + sum(steps) + dtype.itemsize
        if len(shape) != len(strides):
            raise RecogError(
                f"{counted(len(shape), 'size')} with {counted(len(strides), 'stride')}"
            )
        if address < 0 or min(steps, default=0) < 0 or end > frame_bytes:
            raise RecogError(f"bytes {address} to {end} are not within the memory")
        elements = np.ndarray(
            (self._frames, *shape), dtype, self._bytes, address, (frame_bytes, *strides)
        )
        return elements.copy()

    def write(
        self,
        tensor: TensorDescriptorOp | Place,
        values: np.ndarray,
        box: Box | None = None,
        *,
        legal: bool = False,
    ) -> None:
        """Store elements (N, C, H, W) of a tensor, or of some of its rows and columns.

        Elements (1, C, H, W) go into all frames.

        Args:
            legal: codes are known to be ones of the tensor's format.
        """
        place = _place(tensor)
        shape = place.shape if box is None else (place.shape[0], *map(len, box))
        if values.shape[1:] != shape or len(values) not in (1, self._frames):
            raise ValueError(f"@{place.name} has shape {shape}, got {values.shape}")
        self._forget(place, legal)
        if box is None:
            self._elements(place)[...] = values
            if legal and place.holds_codes:
                self._legal.add(place)
            return
        first = 0
        for part in self._parts(place, box):
            part[...] = values[:, :, first : first + part.shape[2]]
            first += part.shape[2]

    def _forget(self, written: Place, legal: bool) -> None:
        """No longer know what tensors hold that share bytes with one that is written."""
        end = written.address + written.extent
        changed = [
            each
            for each in self._legal
            if each.address < end and written.address < each.address + each.extent
        ]
        self._legal.difference_update(changed)
        if legal and written in changed:
            self._legal.add(written)

    def _parts(self, place: Place, box: Box) -> list[np.ndarray]:
        """Some rows and columns as views: two where the rows go on at the first place of a ring."""
        rows, columns = box
        places, first = place.held_shape[1], columns.start - place.first_column
        if not 0 <= first <= place.held_shape[2] - len(columns) or len(rows) > places:
            raise RecogError(
                f"memory does not hold {counted(len(rows), 'row')} and {columns} of @{place.name}"
            )
        elements = self._elements(place)[..., first : first + len(columns)]
        start = rows.start % places
        stop = start + len(rows)
        if stop <= places:
            return [elements[:, :, start:stop]]
        return [elements[:, :, start:], elements[:, :, : stop - places]]

    def _elements(self, place: Place) -> np.ndarray:
        """The elements in every frame, (N, C, H, W), as a view."""
        frame_bytes, _ = self._bytes.strides
        start = place.address
        if start < 0 or start + place.extent > frame_bytes:
            raise RecogError(f"@{place.name} ends beyond the memory")
        shape, strides = (self._frames, *place.held_shape), (frame_bytes, *place.strides)
        return np.ndarray(shape, place.dtype, self._bytes, start, strides)


def _place(tensor: TensorDescriptorOp | Place) -> Place:
    return tensor if isinstance(tensor, Place) else Place(tensor)
