"""Options that several passes take, with one meaning and one default."""

from __future__ import annotations

from dataclasses import dataclass

from recog.dialects.number_format import MAX_FRAC, MAX_WIDTH, MIN_WIDTH, LnsFormat
from recog.lowering.common.options import Options


@dataclass(frozen=True, kw_only=True)
class WeightFormatOptions(Options):
    """The format of weights and centroids on the chip."""

    weight_width: int = 8
    """Bits of a weight or centroid."""
    weight_frac: int = 4
    """Fraction bits of weights and centroids."""

    RANGES = {"weight_width": (MIN_WIDTH, MAX_WIDTH), "weight_frac": (0, MAX_FRAC)}

    @property
    def weight_format(self) -> LnsFormat:
        """Of weights, their biases still to be found."""
        return LnsFormat(self.weight_width, self.weight_frac)


@dataclass(frozen=True, kw_only=True)
class SeedOptions(Options):
    """Where random choices begin."""

    seed: int = 0
    """Seed of k-means and of the order of the training inputs."""

    RANGES = {"seed": (0, 2**32 - 1)}


@dataclass(frozen=True, kw_only=True)
class EntryOptions(Options):
    """The function that a pass works on."""

    entry: str = "main"
    """The network's function."""
