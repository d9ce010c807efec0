"""What is kept of an activation's values, and the format that fits them best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import floor, log2

import numpy as np

from recog.backend.arithmetic.logarithms import Logarithms
from recog.dialects.number_format import LnsFormat

SAMPLE = 65536
"""Values of one activation that the search for its bias looks at."""


@dataclass
class Samples:
    """A bounded, seeded sample of the values of one activation, and its exact extremes."""

    low: float = 0.0
    high: float = 0.0
    finite: bool = True
    parts: list[np.ndarray] = field(default_factory=list)

    def add(self, values: np.ndarray, limit: int, random: np.random.Generator) -> None:
        flat = values.reshape(-1)
        self.finite &= bool(np.isfinite(flat).all())
        self.low, self.high = min(self.low, float(flat.min())), max(self.high, float(flat.max()))
        self.parts.append(random.choice(flat, limit, replace=False) if flat.size > limit else flat)

    @classmethod
    def merged(cls, samples: Sequence[Samples]) -> Samples:
        """The samples of several activations as those of one."""
        return cls(
            min(each.low for each in samples),
            max(each.high for each in samples),
            all(each.finite for each in samples),
            [part for each in samples for part in each.parts],
        )

    @property
    def largest(self) -> float:
        return max(-self.low, self.high)

    @property
    def values(self) -> np.ndarray:
        return np.concatenate([*self.parts, [self.low, self.high]]).astype(np.float64)


def covering_bias(format: LnsFormat, largest: float) -> int:
    """The bias at which `largest` is just within the codes; 0 for an activation of zeros."""
    if largest <= 0 or not np.isfinite(largest):
        return 0
    return format.max_magnitude - floor(log2(largest) * 2**format.frac + 0.5)


def covering_biases(format: LnsFormat, values: np.ndarray) -> np.ndarray:
    """`covering_bias` of the largest value of every output channel of weights, int64 (O)."""
    largest = np.abs(values.reshape(len(values), -1)).max(axis=1, initial=0.0)
    return np.array([covering_bias(format, float(each)) for each in largest], np.int64)


def best_bias(format: LnsFormat, samples: Samples) -> int:
    """The bias with the least mean squared error, up to two octaves of clipping."""
    covering = covering_bias(format, samples.largest)
    values = samples.values
    if values.size > SAMPLE:
        values = values[:: values.size // SAMPLE + 1]
    step = max(1, 2**format.frac // 4)
    logarithms = Logarithms(values, format.frac)

    def error(bias: int) -> float:
        return float(((logarithms.rounded(format.with_bias(bias)) - values) ** 2).mean())

    return min((covering + step * i for i in range(9)), key=error)
