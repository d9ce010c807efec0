"""What a layer's weights are multiplied with: its inputs, tap by tap, and their second moments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from recog.dialects import nn

if TYPE_CHECKING:
    import torch
    from torch import Tensor

POSITIONS = 8192
"""Outputs whose inputs are looked at: so many, or a few times the inputs if that is more."""
ELEMENTS = 1 << 23
"""At most so many inputs in all, where those are enough."""
MOST_ELEMENTS = 1 << 27
"""At most so many inputs in all, whatever the layer."""
WHOLE = 4608
"""Inputs of a layer whose moments are taken as a whole: 512 channels of 3x3 taps."""
SPAN = 1024
"""Inputs at once of wider layers, of which a matrix of all pairs would not fit in memory."""
LEAST_EXPONENT = -100
"""Inputs below 2^-100 are as good as 0."""


@dataclass(frozen=True)
class Moments:
    """Of the inputs of a layer's groups, in float64.

    Attributes:
        given: the inputs on codes that were looked at, (G, n, D), perhaps centered.
        mean, coded_mean: of the float inputs and of those on codes, (G, D).
    """

    given: Tensor
    mean: Tensor
    coded_mean: Tensor

    @property
    def seen(self) -> int:
        """The outputs that were looked at."""
        return self.given.shape[1]

    def spans(self) -> Iterator[slice]:
        """The inputs in the spans whose moments are taken at once: one, except of wide layers."""
        size = self.given.shape[2]
        step = size if size <= WHOLE else SPAN
        return (slice(first, min(first + step, size)) for first in range(0, size, step))

    def of(self, span: slice) -> Moments:
        """Those of some of the inputs."""
        if span == slice(0, self.given.shape[2]):
            return self
        return Moments(self.given[:, :, span], self.mean[:, span], self.coded_mean[:, span])

    @cached_property
    def second(self) -> Tensor:
        """The second moments of the inputs on codes, (G, D, D)."""
        import torch

        # By a power of two, which rounds nothing: squares of the largest floats are none.
        peak = torch.frexp(self.given.abs().max()).exponent.clamp_min(LEAST_EXPONENT)
        given = torch.ldexp(self.given, -peak)
        products = (given.transpose(1, 2) @ given).to(torch.float64) / self.seen
        return torch.ldexp(products, 2 * peak)

    @property
    def shrunk(self) -> Tensor:
        """The second moments with those of pairs of inputs smaller, the more the fewer the outputs:
        what few outputs say of many pairs is mostly chance (Ledoit and Wolf, 2004)."""
        import torch

        size = self.second.shape[2]
        share = size / (size + self.seen)
        diagonal = torch.diag_embed(self.second.diagonal(dim1=1, dim2=2))
        return (1 - share) * self.second + share * diagonal


class Window(NamedTuple):
    """How a layer's taps lie over its input, for an output at 0."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    transposed: bool


def window_of(op: nn.LayerOp) -> Window:
    """A linear layer is a convolution of one tap."""
    if not isinstance(op, nn.Conv2dOp | nn.ConvTranspose2dOp):
        return Window((1, 1), (1, 1), (0, 0), (1, 1), 1, False)
    return Window(
        _two(nn.shape_of(op.weight)[2:]),
        _two(op.strides.get_values()),
        _two(op.padding.get_values()[:2]),
        _two(op.dilation.get_values()),
        op.groups.value.data,
        isinstance(op, nn.ConvTranspose2dOp),
    )


def _two(values: tuple[int, ...]) -> tuple[int, int]:
    return values[0], values[1]


def input_moments(
    op: nn.LayerOp, exact: Tensor, coded: Tensor, centered: bool, generator: torch.Generator
) -> Moments:
    """The moments of a layer's inputs (N, ...), from some of its outputs.

    Args:
        centered: leave out the means, where the layer's bias makes up for them.
    """
    import torch

    taps = _Taps(op, exact.shape, generator)
    given = taps.of(coded)
    mean = coded_mean = given.mean(1, dtype=torch.float64)
    if exact is not coded:
        mean = taps.of(exact).mean(1, dtype=torch.float64)
    if centered:
        given = given - coded_mean.to(given.dtype)[:, None]
    return Moments(given, mean, coded_mean)


class _Taps:
    """Gathers the inputs of some outputs of a layer, (G, n, D)."""

    def __init__(self, op: nn.LayerOp, shape: tuple[int, ...], generator: torch.Generator):
        import torch

        self.window = window_of(op)
        self._maps = isinstance(op, nn.Conv2dOp | nn.ConvTranspose2dOp)
        taps = self.window.kernel[0] * self.window.kernel[1]
        channels = shape[1] if self._maps else shape[-1]
        inputs = channels // self.window.groups * taps
        wanted = min(POSITIONS, max(ELEMENTS // (channels * taps), 4 * inputs))
        wanted = min(wanted, max(1, MOST_ELEMENTS // (channels * taps)))
        spatial = nn.shape_of(op.output)[2:] if self._maps else shape[1:-1]
        self._outputs = shape[0], *spatial
        total = prod(self._outputs)
        if total <= wanted:
            self._chosen = torch.arange(total)
        else:
            self._chosen = torch.randint(total, (wanted,), generator=generator)

    def of(self, x: Tensor) -> Tensor:
        import torch

        if not self._maps:
            return x.reshape(-1, x.shape[-1])[self._chosen][None]
        frame, row, column = torch.unravel_index(self._chosen, self._outputs)
        kernel, groups = self.window.kernel, self.window.groups
        columns = [self._along(1, column, k, x.shape[3]) for k in range(kernel[1])]
        taps: list[Tensor] = []
        for k in range(kernel[0]):
            y, row_valid = self._along(0, row, k, x.shape[2])
            for z, valid in columns:
                taken = x[frame, :, y, z]
                taps.append(taken * (row_valid & valid)[:, None])
        stacked = torch.stack(taps, 2)  # (n, C, taps)
        return stacked.reshape(len(stacked), groups, -1).transpose(0, 1).contiguous()

    def _along(self, axis: int, place: Tensor, tap: int, size: int) -> tuple[Tensor, Tensor]:
        """Where a tap is along an axis, and whether that is inside."""
        window = self.window
        stride, offset = window.strides[axis], tap * window.dilation[axis]
        if window.transposed:
            at = place + window.padding[axis] - offset
            valid, at = at % stride == 0, at.div(stride, rounding_mode="floor")
        else:
            at = place * stride + offset - window.padding[axis]
            valid = at == at
        return at.clamp(0, size - 1), valid & (at >= 0) & (at < size)
