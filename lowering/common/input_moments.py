"""What a layer's weights are multiplied with: its inputs, tap by tap, and their second moments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from recog.dialects import nn
from recog.lowering.common.error_carrying import damped
from recog.lowering.common.notes import Note

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
RIDGE = 1.0
"""Added to the diagonal of the second moments, as a share of its mean, to find what errors of
layers before can be told from the inputs: what is found must hold on other inputs too."""
FEW = 4
"""Inputs of a layer for each output seen, from which a note says that frames are few."""
LEAST_EXPONENT = -100
"""Inputs below 2^-100 are as good as 0."""
USUAL_EXPONENT = 32
"""Sums of squares of inputs up to 2^32 are far from the ends of float32."""


@dataclass(frozen=True)
class Moments:
    """Of the inputs of a layer's groups, in float64.

    Attributes:
        given: the inputs that the layer will have, some of them, (G, n, D), perhaps centered.
        missing: what the float network's differ from them by, (G, n, D); None where they do not.
        mean, coded_mean: of the float network's inputs and of those that it will have, (G, D).
    """

    given: Tensor
    missing: Tensor | None
    mean: Tensor
    coded_mean: Tensor

    @property
    def seen(self) -> int:
        """The outputs that were looked at."""
        return self.given.shape[1]

    @property
    def few(self) -> bool:
        """Whether hardly anything is known of the inputs, see `few_values_notes`."""
        return FEW * self.seen < self.given.shape[2]

    @property
    def finite(self) -> bool:
        """Whether all values seen are numbers."""
        import torch

        seen = (self.given,) if self.missing is None else (self.given, self.missing)
        return all(bool(torch.isfinite(each).all()) for each in seen)

    def spans(self, width: int = 1) -> Iterator[slice]:
        """The inputs in the spans whose moments are taken at once: one, except of wide layers.

        Args:
            width: how many stay together.
        """
        size = self.given.shape[2]
        step = size if size <= WHOLE else max(1, SPAN // width) * width
        return (slice(first, min(first + step, size)) for first in range(0, size, step))

    def of(self, span: slice) -> Moments:
        """Those of some of the inputs."""
        if span == slice(0, self.given.shape[2]):
            return self
        missing = None if self.missing is None else self.missing[:, :, span]
        given, mean, coded_mean = (
            self.given[:, :, span],
            self.mean[:, span],
            self.coded_mean[:, span],
        )
        return Moments(given, missing, mean, coded_mean)

    @cached_property
    def second(self) -> Tensor:
        """The second moments of the inputs that the layer will have, (G, D, D)."""
        return _mean_products(self.given, self.given)

    @property
    def shrunk(self) -> Tensor:
        """The second moments with those of pairs of inputs smaller, the more the fewer the outputs:
        what few outputs say of many pairs is mostly chance (Ledoit and Wolf, 2004)."""
        return self._shrunk(self.second)

    def _shrunk(self, products: Tensor) -> Tensor:
        import torch

        size = products.shape[2]
        share = size / (size + self.seen)
        diagonal = torch.diag_embed(products.diagonal(dim1=1, dim2=2))
        return (1 - share) * products + share * diagonal

    def toward_float(self, weights: Tensor) -> Tensor:
        """Weights (G, O, D) that come closest, on the inputs that the layer will have, to what
        these give on the float network's: they make up for errors of layers before, as far as
        those can be told from the inputs (Li et al., GPTAQ, 2025; here by ridge regression). Both
        sides of the regression are shrunk: one alone would make up for the same error by each of
        the inputs that go along with it."""
        import torch

        if self.missing is None:
            return weights
        factor = torch.linalg.cholesky(damped(self.shrunk, RIDGE))
        lost = weights @ self._shrunk(_mean_products(self.missing, self.given))
        return weights + torch.cholesky_solve(lost.mT, factor).mT

    def shift(self, weights: Tensor, replaced: Tensor) -> Tensor:
        """What a layer's bias makes up for when its weights (G, O, D) are replaced, (G * O)."""
        wanted = weights @ self.mean[:, :, None]
        return (wanted - replaced @ self.coded_mean[:, :, None]).reshape(-1)


def _mean_products(a: Tensor, b: Tensor) -> Tensor:
    """Of all pairs of two arrays' columns (G, n, D), in float64 (G, D, D)."""
    import torch

    peaks = [torch.frexp(x.abs().max()).exponent.clamp_min(LEAST_EXPONENT) for x in (a, b)]
    if all(abs(int(peak)) <= USUAL_EXPONENT for peak in peaks):
        return (a.mT @ b).to(torch.float64) / a.shape[1]
    # By powers of two, which round nothing: squares of the largest floats are none.
    scaled = [torch.ldexp(x, -peak) for x, peak in zip((a, b), peaks)]
    products = (scaled[0].mT @ scaled[1]).to(torch.float64) / a.shape[1]
    return torch.ldexp(products, peaks[0] + peaks[1])


def nothing_learned(weights: Tensor) -> bool:
    """Whether weights (G, O, D) are those of sums and means: no one is for another."""
    return bool((weights.abs() == weights.abs()[:, :, :1]).all())


def few_values_notes(layers: Sequence[str]) -> list[Note]:
    """A note on layers, by name, of whose inputs few values were seen."""
    if not layers:
        return []
    text = "fewer values seen than there are weights, which were rounded one by one for the most"
    return [Note("few-values", text, "give more frames", tuple(layers))]


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
    missing = None
    if exact is not coded:
        wanted = taps.of(exact)
        mean = wanted.mean(1, dtype=torch.float64)
        missing = wanted - given
        if centered:
            missing -= (mean - coded_mean).to(missing.dtype)[:, None]
    if centered:
        given = given - coded_mean.to(given.dtype)[:, None]
    return Moments(given, missing, mean, coded_mean)


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
