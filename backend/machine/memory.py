"""The memories of the reference machine: bytes, read and written through descriptors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recog.dialects.chip import TensorDescriptorOp
from recog.dialects.errors import RecogError


class FrameMemory:
    """A byte-addressed memory of which each of N frames has its own copy.

    Only the bytes that a program uses exist. Descriptors were verified against the size when
    the program was loaded; an access beyond it is refused here once more.
    """

    def __init__(self, frames: int, size: int):
        self._frames = frames
        # NumPy makes no views of memory without bytes.
        self._bytes = np.zeros((max(frames, 1), size), np.uint8)

    def read(self, op: TensorDescriptorOp) -> np.ndarray:
        """The elements of a tensor in every frame, (N, C, H, W).

        Raises:
            RecogError: a byte pattern is no code of the tensor's format.
        """
        values = np.require(self._elements(op), requirements=["C", "ALIGNED"])
        if op.integer is None and op.format.has_illegal(values):
            illegal = op.format.illegal_codes(values)
            frame, *place = (int(i) for i in np.argwhere(illegal)[0])
            raise RecogError(
                f"@{op.sym_name.data} holds {int(values[(frame, *place)]):#x} at {place}, "
                f"which is no code of {op.element_type}"
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

    def write(self, op: TensorDescriptorOp, values: np.ndarray) -> None:
        """Store elements (N, C, H, W) of the descriptor's shape, or (1, C, H, W) in all frames."""
        if values.shape[1:] != op.shape or len(values) not in (1, self._frames):
            raise ValueError(f"@{op.sym_name.data} has shape {op.shape}, got {values.shape}")
        self._elements(op)[...] = values

    def clear(self, op: TensorDescriptorOp) -> None:
        """Set all elements of a tensor to zero."""
        self._elements(op)[...] = 0

    def _elements(self, op: TensorDescriptorOp) -> np.ndarray:
        """The elements in every frame, (N, C, H, W), as a view."""
        frame_bytes, _ = self._bytes.strides
        start = op.address.value.data
        if start < 0 or start + op.extent > frame_bytes:
            raise RecogError(f"@{op.sym_name.data} ends beyond the memory")
        return np.ndarray(
            (self._frames, *op.shape), op.dtype, self._bytes, start, (frame_bytes, *op.strides)
        )
