"""How windows move over images: one value for layers, pools, the chip and the arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Pair = tuple[int, int]
"""Something along the height, and along the width."""

Padding = tuple[int, int, int, int]
"""Rows or columns added at the top, left, bottom and right."""


def pair_of(values: Sequence[int]) -> Pair:
    """Two values as a pair; raises ValueError where they are not two."""
    vertical, horizontal = values
    return vertical, horizontal


def padding_of(values: Sequence[int]) -> Padding:
    """Four values as padding; raises ValueError where they are not four."""
    top, left, bottom, right = values
    return top, left, bottom, right


@dataclass(frozen=True)
class Window:
    """How a kernel moves over its input; the kernel's own size is that of the weights.

    Attributes:
        strides: input rows and columns from one window to the next.
        padding: rows and columns of zeros around the input; of a transposed convolution, what
            is cropped of the result.
        dilation: rows and columns from one tap to the next.
        groups: parts of the channels that do not meet each other.
        output_padding: rows and columns more at a transposed convolution's bottom and right.
    """

    strides: Pair = (1, 1)
    padding: Padding = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    output_padding: Pair = (0, 0)

    def output_size(self, size: Sequence[int], kernel: Sequence[int]) -> Pair:
        """Height and width of a convolution's or a pool's result; not positive if none fits."""
        height, width = (
            (size[axis] + self.padding[axis] + self.padding[axis + 2] - reach) // stride + 1
            for axis, (reach, stride) in enumerate(zip(self._reach(kernel), self.strides))
        )
        return height, width

    def transposed_size(self, size: Sequence[int], kernel: Sequence[int]) -> Pair:
        """Height and width of a transposed convolution's result; not positive if none is left."""
        height, width = (
            (size[axis] - 1) * self.strides[axis]
            + reach
            + self.output_padding[axis]
            - self.padding[axis]
            - self.padding[axis + 2]
            for axis, reach in enumerate(self._reach(kernel))
        )
        return height, width

    def _reach(self, kernel: Sequence[int]) -> list[int]:
        """Rows and columns from a window's first tap to its last, both counted."""
        return [step * (taps - 1) + 1 for step, taps in zip(self.dilation, kernel)]


@dataclass(frozen=True)
class PoolWindow(Window):
    """The window of a pool, which has no weights to give its size.

    Attributes:
        kernel: rows and columns of the window.
        count_padding: whether a mean divides by the whole window, padding included.
    """

    kernel: Pair = (1, 1)
    count_padding: bool = True

    def pooled_size(self, size: Sequence[int]) -> Pair:
        """Height and width of the result; not positive if no window fits."""
        return self.output_size(size, self.kernel)
