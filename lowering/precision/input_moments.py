"""What a layer's weights are multiplied with: its inputs, tap by tap, and their second moments."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

from recog.dialects import nn

if TYPE_CHECKING:
    import torch
    from torch import Tensor

POSITIONS = 8192
"""Outputs whose inputs are looked at: so many, or a few times the inputs if that is more."""
ELEMENTS = 1 << 23
"""At most so many inputs in all."""


class Moments(NamedTuple):
    """Of the inputs of a layer's groups, in float64.

    Attributes:
        second: the second moments of the inputs on codes, (G, D, D).
        mean, coded_mean: of the float inputs and of those on codes, (G, D).
        seen: the outputs that were looked at.
    """

    second: Tensor
    mean: Tensor
    coded_mean: Tensor
    seen: int

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
    second = (given.transpose(1, 2) @ given).to(torch.float64) / given.shape[1]
    return Moments(second, mean, coded_mean, given.shape[1])


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
