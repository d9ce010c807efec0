"""What operations compute with: codes that know their format, and layers of them."""

from __future__ import annotations

from collections.abc import Hashable
from math import prod
from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.tables import AccumulatorScale, product_scale
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import Pair, Window


class Codes(NamedTuple):
    """An array of codes and the format that says what they stand for."""

    array: np.ndarray
    format: LnsFormat


class LegalCodes(Codes):
    """Codes that have been found to be legal, each of them."""

    __slots__ = ()


class Layer(NamedTuple):
    """A convolution, transposed or not, or a linear layer, whose window is then the default.

    Attributes:
        x: codes [N, C, H, W], of a linear layer [..., K]; one bias for the tensor.
        w: codes [O, C / groups, kh, kw], of a linear layer [O, K]; one bias, or one per output
            channel along axis 0.
        init: the accumulators' initial values, int64[O] (`encode_bias`); None for zeros.
        out: the result's format, with one bias; None for the accumulators themselves, int64.
        relu: whether negative results become zero.
        whole: the weights that w is a view of, where it is not they themselves.
        resident: what stands for the layer, where only the elements of x change from frame to
            frame: who gives it has checked all that engines check, x's codes every time.
    """

    x: Codes
    w: Codes
    init: np.ndarray | None
    out: LnsFormat | None
    arithmetic: Arithmetic
    window: Window = Window()
    relu: bool = False
    whole: np.ndarray | None = None
    resident: Hashable | None = None

    @property
    def initial(self) -> np.ndarray:
        """The accumulators' initial values, int64[O]."""
        return np.zeros(len(self.w.array), np.int64) if self.init is None else self.init

    @property
    def scale(self) -> AccumulatorScale:
        return product_scale(self.x.format, self.w.format)

    @property
    def out_dtype(self) -> np.dtype:
        return np.dtype(np.int64) if self.out is None else self.out.dtype

    @property
    def size(self) -> Pair:
        """Height and width of a convolution's result."""
        return self.window.output_size(self.x.array.shape[2:], self.w.array.shape[2:])

    @property
    def transposed_size(self) -> Pair:
        """Height and width of a transposed convolution's result."""
        return self.window.transposed_size(self.x.array.shape[2:], self.w.array.shape[2:])

    @property
    def padded_size(self) -> Pair:
        """Height and width of x with its padding."""
        top, left, bottom, right = self.window.padding
        height, width = self.x.array.shape[2:]
        return height + top + bottom, width + left + right

    @property
    def terms(self) -> int:
        """How many products each output sums."""
        return prod(self.w.array.shape[1:])

    @property
    def products(self) -> int:
        """How many products a convolution sums."""
        height, width = self.size
        return len(self.x.array) * height * width * self.w.array.size

    def as_convolution(self) -> Layer:
        """A linear layer as a convolution of one position: x [N, K, 1, 1], w [O, K, 1, 1]."""
        x, w = self.x.array, self.w.array
        rows = Codes(x.reshape(-1, x.shape[-1], 1, 1), self.x.format)
        return self._replace(x=rows, w=Codes(w[:, :, None, None], self.w.format), whole=w)


class Interpolation(NamedTuple):
    """A bilinear interpolation of images.

    Attributes:
        size: height and width of the result.
        steps: positions are multiples of 1 / steps of an input pixel.
        align_corners: whether the outermost elements stay the outermost.
        at: where the rows and the columns of the result lie, in units of 1 / steps of a pixel from
            the first of x on, int64, where x and the result are parts of larger images; None where
            they are whole and size says it.
    """

    size: Pair
    steps: Pair
    align_corners: bool = False
    at: tuple[np.ndarray, np.ndarray] | None = None
