"""What weights may be: codes of an LNS format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recog.dialects.number_format import LnsFormat

if TYPE_CHECKING:
    from torch import Tensor


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
