"""The memories of the reference machine: bytes, read and written through descriptors."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from recog.dialects.chip import TensorDescriptorOp
from recog.dialects.errors import RecogError


class FrameMemory:
    """A byte-addressed memory of which each of N frames has its own copy.

    Only the bytes that a program uses exist. Descriptors were verified against the size when
    the program was loaded; an access beyond it is refused here once more.
    """

    def __init__(self, frames: int, size: int):
        self._bytes = np.zeros((frames, size), np.uint8)

    def read(self, op: TensorDescriptorOp) -> np.ndarray:
        """The elements of a tensor in every frame, (N, C, H, W).

        Raises:
            RecogError: a byte pattern is no code of the tensor's format.
        """
        values = np.ascontiguousarray(self._elements(op)).view(op.dtype)[..., 0]
        if op.integer is None:
            illegal = op.format.illegal_codes(values)
            if illegal.any():
                frame, *place = (int(i) for i in np.argwhere(illegal)[0])
                raise RecogError(
                    f"@{op.sym_name.data} holds {int(values[(frame, *place)]):#x} at {place}, "
                    f"which is no code of {op.element_type}"
                )
        return values

    def write(self, op: TensorDescriptorOp, values: np.ndarray) -> None:
        """Store elements (N, C, H, W) of the descriptor's shape."""
        frames = len(self._bytes)
        if values.shape != (frames, *op.shape):
            raise ValueError(f"@{op.sym_name.data} has shape {op.shape}, got {values.shape}")
        raw = np.ascontiguousarray(values, op.dtype)
        self._elements(op)[...] = raw.view(np.uint8).reshape(*values.shape, op.element_bytes)

    def _elements(self, op: TensorDescriptorOp) -> np.ndarray:
        """The bytes of every element, (N, C, H, W, bytes of an element), as a view."""
        frames, size = self._bytes.shape
        start = op.address.value.data
        if start < 0 or start + op.extent > size:
            raise RecogError(f"@{op.sym_name.data} ends beyond the memory")
        return as_strided(
            self._bytes[:, start:],
            (frames, *op.shape, op.element_bytes),
            (self._bytes.strides[0], *op.strides, 1),
        )
