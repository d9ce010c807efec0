"""The operands of operations as records, which engines check and their implementations take."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.reference.definition import Padding, Pair, output_size
from recog.backend.arithmetic.reference.sampling import transposed_size
from recog.backend.arithmetic.tables import AccumulatorScale, product_scale
from recog.dialects.number_format import Arithmetic, LnsFormat


class Window(NamedTuple):
    """How a kernel moves over its input.

    Attributes:
        output_padding: rows and columns more at a transposed convolution's bottom and right.
    """

    strides: Pair = (1, 1)
    padding: Padding = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    output_padding: Pair = (0, 0)


class Layer(NamedTuple):
    """A convolution, transposed or not, or a linear layer, whose window is then the default.

    Attributes:
        x: codes [N, C, H, W], of a linear layer [..., K].
        w: codes [O, C / groups, kh, kw], of a linear layer [O, K].
        init: the accumulators' initial values, int64[O]; None for zeros.
        out_format: None for the accumulators themselves.
        relu: whether negative results become zero.
        whole: the weights that w is a view of, where it is not they themselves.
    """

    x: np.ndarray
    x_format: LnsFormat
    w: np.ndarray
    w_format: LnsFormat
    init: np.ndarray | None
    out_format: LnsFormat | None
    window: Window
    relu: bool
    arithmetic: Arithmetic
    whole: np.ndarray | None = None

    @property
    def tensors(
        self,
    ) -> tuple[np.ndarray, LnsFormat, np.ndarray, LnsFormat, np.ndarray | None, LnsFormat | None]:
        """x to out_format, in the order in which the definition takes them."""
        return self[:6]

    @property
    def initial(self) -> np.ndarray:
        """The accumulators' initial values, int64[O]."""
        return np.zeros(len(self.w), np.int64) if self.init is None else self.init

    @property
    def scale(self) -> AccumulatorScale:
        return product_scale(self.x_format, self.w_format)

    @property
    def out_dtype(self) -> np.dtype:
        return np.dtype(np.int64) if self.out_format is None else self.out_format.dtype

    @property
    def size(self) -> Pair:
        """Height and width of a convolution's result."""
        strides, padding, dilation, *_ = self.window
        return output_size(self.x.shape[2:], self.w.shape[2:], strides, padding, dilation)

    @property
    def transposed_size(self) -> Pair:
        """Height and width of a transposed convolution's result."""
        strides, padding, dilation, _, more = self.window
        return transposed_size(self.x.shape[2:], self.w.shape[2:], strides, padding, more, dilation)

    @property
    def padded_size(self) -> Pair:
        """Height and width of x with its padding."""
        top, left, bottom, right = self.window.padding
        height, width = self.x.shape[2:]
        return height + top + bottom, width + left + right

    @property
    def terms(self) -> int:
        """How many products each output sums."""
        return prod(self.w.shape[1:])

    @property
    def products(self) -> int:
        """How many products a convolution sums."""
        height, width = self.size
        return len(self.x) * height * width * self.w.size

    def as_convolution(self) -> Layer:
        """A linear layer as a convolution of one position: x [N, K, 1, 1], w [O, K, 1, 1]."""
        rows = self.x.reshape(-1, self.x.shape[-1], 1, 1)
        return self._replace(x=rows, w=self.w[:, :, None, None], whole=self.w)


class Operands(NamedTuple):
    """The two tensors of codes that an operation brings together, each with its format."""

    a: np.ndarray
    a_format: LnsFormat
    b: np.ndarray
    b_format: LnsFormat
