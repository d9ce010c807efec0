"""A layer as the kernels take it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.definition import Padding, Pair, output_size
from recog.dialects.number_format import Arithmetic, LnsFormat


class Window(NamedTuple):
    strides: Pair = (1, 1)
    padding: Padding = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1


class Layer(NamedTuple):
    """What a layer computes, checked: x [N, C, H, W], w [O, C / groups, kh, kw]."""

    x: np.ndarray
    x_format: LnsFormat
    w: np.ndarray
    w_format: LnsFormat
    init: np.ndarray | None
    out_format: LnsFormat | None
    window: Window
    relu: bool
    arithmetic: Arithmetic

    @property
    def size(self) -> Pair:
        window = self.window
        return output_size(
            self.x.shape[2:], self.w.shape[2:], window.strides, window.padding, window.dilation
        )

    @property
    def padded_size(self) -> Pair:
        """Height and width of x with its padding."""
        top, left, bottom, right = self.window.padding
        height, width = self.x.shape[2:]
        return height + top + bottom, width + left + right

    @property
    def out_dtype(self) -> np.dtype:
        return np.dtype(np.int64) if self.out_format is None else self.out_format.dtype

    @property
    def products(self) -> int:
        """How many products it sums."""
        height, width = self.size
        return len(self.x) * height * width * self.w.size
