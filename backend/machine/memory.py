"""The memories of the reference machine: bytes, read and written through descriptors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from recog.dialects.chip import TensorDescriptorOp
from recog.dialects.errors import RecogError
from recog.dialects.number_format import LnsFormat


class Place:
    """Where a tensor lies in a frame's memory, and of what: its descriptor, read once.

    A machine's program does not change, and reading descriptors anew for every instruction of
    every frame takes longer than small layers.
    """

    def __init__(self, op: TensorDescriptorOp):
        self.op, self.name = op, op.sym_name.data
        self.address, self.extent = op.address.value.data, op.extent
        self.shape, self.strides, self.dtype = op.shape, op.strides, op.dtype
        self.holds_codes = op.integer is None

    @cached_property
    def format(self) -> LnsFormat:
        """The format of its codes."""
        return self.op.format


class FrameMemory:
    """A byte-addressed memory of which each of N frames has its own copy.

    Only the bytes that a program uses exist. Descriptors were verified against the size when
    the program was loaded; an access beyond it is refused here once more.
    """

    def __init__(self, frames: int, size: int):
        self._frames = frames
        # NumPy makes no views of memory without bytes.
        self._bytes = np.zeros((max(frames, 1), size), np.uint8)

    def read(self, tensor: TensorDescriptorOp | Place) -> np.ndarray:
        """The elements of a tensor in every frame, (N, C, H, W).

        Raises:
            RecogError: a byte pattern is no code of the tensor's format.
        """
        place = _place(tensor)
        values = np.require(self._elements(place), requirements=["C", "ALIGNED"])
        if place.holds_codes and place.format.has_illegal(values):
            illegal = place.format.illegal_codes(values)
            frame, *at = (int(i) for i in np.argwhere(illegal)[0])
            raise RecogError(
                f"@{place.name} holds {int(values[(frame, *at)]):#x} at {at}, "
                f"which is no code of {place.op.element_type}"
            )
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
            raise RecogError(f"{len(shape)} sizes have {len(strides)} strides")
        if address < 0 or min(steps, default=0) < 0 or end > frame_bytes:
            raise RecogError(f"bytes {address} to {end} are not within the memory")
        elements = np.ndarray(
            (self._frames, *shape), dtype, self._bytes, address, (frame_bytes, *strides)
        )
        return elements.copy()

    def write(self, tensor: TensorDescriptorOp | Place, values: np.ndarray) -> None:
        """Store elements (N, C, H, W) of the descriptor's shape, or (1, C, H, W) in all frames."""
        place = _place(tensor)
        if values.shape[1:] != place.shape or len(values) not in (1, self._frames):
            raise ValueError(f"@{place.name} has shape {place.shape}, got {values.shape}")
        self._elements(place)[...] = values

    def clear(self, tensor: TensorDescriptorOp | Place) -> None:
        """Set all elements of a tensor to zero."""
        self._elements(_place(tensor))[...] = 0

    def _elements(self, place: Place) -> np.ndarray:
        """The elements in every frame, (N, C, H, W), as a view."""
        frame_bytes, _ = self._bytes.strides
        start = place.address
        if start < 0 or start + place.extent > frame_bytes:
            raise RecogError(f"@{place.name} ends beyond the memory")
        shape, strides = (self._frames, *place.shape), (frame_bytes, *place.strides)
        return np.ndarray(shape, place.dtype, self._bytes, start, strides)


def _place(tensor: TensorDescriptorOp | Place) -> Place:
    return tensor if isinstance(tensor, Place) else Place(tensor)
