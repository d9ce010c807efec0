"""What weights may be: codes of an LNS format, or rows of a codebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recog.dialects.number_format import LnsFormat

if TYPE_CHECKING:
    from torch import Tensor

ROWS_AT_ONCE = 1 << 14
"""Blocks whose distances to all rows of a codebook are in memory at once."""


class CodeGrid:
    """The values of a format's codes, its biases one for all or one an output channel."""

    width = 1

    def __init__(self, format: LnsFormat, groups: int, outputs: int):
        import torch

        self._steps = 2**format.frac
        biases = np.broadcast_to(np.array(format.biases, np.float64), (groups * outputs,))
        self._low = torch.from_numpy((1 - biases).reshape(groups, outputs, 1))
        self._high = self._low + (format.max_magnitude - 1)
        self._least = torch.exp2(self._low / self._steps)
        # Half way between neighbours, over the lower one.
        self._middle = (1 + 2 ** (1 / self._steps)) / 2

    def nearest(self, wanted: Tensor, metric: Tensor | None = None) -> Tensor:
        """As `Grid.nearest`: the metric of one column says nothing."""
        import torch

        absolute = wanted.abs()
        below = torch.floor(torch.log2(absolute.clamp_min(1e-300)) * self._steps)
        below += absolute > torch.exp2(below / self._steps) * self._middle
        exponent = below.maximum(self._low).minimum(self._high)
        value = torch.exp2(exponent / self._steps) * wanted.sign()
        return torch.where(2 * absolute < self._least, 0.0, value)


def _float32_bits(values: Tensor) -> Tensor:
    """As int64; the bits of -0.0 are those of 0.0."""
    import torch

    return (values.to(torch.float32) + 0.0).view(torch.int32).to(torch.int64)


class CodebookGrid:
    """Rows of a codebook (K, width), times a scale of each output channel (G, O)."""

    def __init__(self, codebook: Tensor, scales: Tensor):
        self.codebook, self._scales = codebook, scales[:, :, None]
        if self.width == 1:
            self._sorted, self._order = codebook[:, 0].sort(stable=True)
            self._middles = (self._sorted[1:] + self._sorted[:-1]) / 2

    @property
    def width(self) -> int:
        return self.codebook.shape[1]

    def nearest(self, wanted: Tensor, metric: Tensor) -> Tensor:
        """As `Grid.nearest`."""
        import torch

        scaled = wanted / self._scales
        if self.width == 1:
            return self._sorted[torch.bucketize(scaled, self._middles)] * self._scales
        # (c - w)' M (c - w) but for what the row has no part in.
        weighted = self.codebook @ metric
        squares = (weighted * self.codebook).sum(2)[:, None, :]
        costs = torch.baddbmm(squares, scaled, weighted.transpose(1, 2), alpha=-2)
        return self.codebook[costs.argmin(2)] * self._scales

    def pointers(self, values: Tensor) -> Tensor:
        """Which rows the blocks of weights (G, O, D) are, (G, O, D / width)."""
        import torch

        rows = (values / self._scales).reshape(-1, self.width)
        if self.width == 1:
            found = self._order[torch.bucketize(rows[:, 0], self._middles)]
        else:
            found = self._equal_rows(rows)
            found = self._nearest_rows(rows) if found is None else found
        return found.reshape(*values.shape[:2], -1)

    def _nearest_rows(self, rows: Tensor) -> Tensor:
        import torch

        squares = (self.codebook**2).sum(1)
        parts = rows.split(ROWS_AT_ONCE)
        costs = (torch.addmm(squares, part, self.codebook.T, alpha=-2) for part in parts)
        return torch.cat([each.argmin(1) for each in costs])

    def _equal_rows(self, rows: Tensor) -> Tensor | None:
        """The rows of the codebook that are these but for the last bits, which a scale has
        changed; None where float32, which has none of those bits, does not tell which.

        By keys of the rows' bits, since products with all rows take a fifth of a large layer's
        time.
        """
        import torch

        wanted, known = (_float32_bits(each) for each in (rows, self.codebook))
        generator = torch.Generator().manual_seed(0)
        factors = torch.randint(-(2**63), 2**63 - 1, (self.width, 1), generator=generator)
        keys, order = (known * factors.T).sum(1).sort(stable=True)
        ordered = self.codebook[order]
        different = (ordered[1:] != ordered[:-1]).any(1)
        if bool((different & (keys[1:] == keys[:-1])).any()):
            return None
        place = torch.searchsorted(keys, (wanted * factors.T).sum(1)).clamp_max(len(keys) - 1)
        found = order[place]
        return found if torch.equal(known[found], wanted) else None
