"""Real numbers encoded at many biases: the logarithm is rounded once, a bias only shifts it."""

from __future__ import annotations

import numpy as np

from recog.backend.arithmetic.reference.definition import join
from recog.backend.arithmetic.tables import least_floats, nearest_floats
from recog.dialects.errors import RecogError
from recog.dialects.number_format import LnsFormat
from recog.dialects.words import counted

BEYOND = 1 << 40
"""The logarithm of infinity: above the largest code of every format."""


class Logarithms:
    """Numbers with their logarithms to the base 2^(1 / 2^frac), rounded to nearest.

    To encode them in a format of that frac takes one addition a number, and gives the bits of
    `definition.encode`.
    """

    def __init__(self, values: np.ndarray, frac: int):
        """Raises RecogError for NaN."""
        self.values = np.asarray(values, np.float64)
        if np.isnan(self.values).any():
            raise RecogError("NaN has no LNS code")
        self._absolute = np.abs(self.values)
        finite = self._absolute[(self._absolute > 0) & np.isfinite(self._absolute)]
        low, high = (finite.min(), finite.max()) if finite.size else (1.0, 1.0)
        first = (int(np.frexp(low)[1]) - 2) << frac
        last = (int(np.frexp(high)[1]) + 1) << frac
        # From half a step below a number's logarithm upward, in steps of which there are 2^(f + 1)
        # to an octave.
        midpoints = least_floats(2 * np.arange(first, last + 1) - 1, frac + 1)
        reached = np.searchsorted(midpoints, self._absolute, side="right")
        self._logarithm = np.where(np.isinf(self._absolute), BEYOND, first - 1 + reached)
        self._frac = frac

    def codes(self, format: LnsFormat) -> np.ndarray:
        """The codes in a format of this frac, with one bias, or one per channel along axis 0."""
        return join(self._magnitudes(format), self.values < 0, format)

    def rounded(self, format: LnsFormat) -> np.ndarray:
        """The values of those codes, float64."""
        magnitude = self._magnitudes(format)
        if format.unsigned:
            magnitude = np.where(self.values < 0, 0, magnitude)
        logarithm = np.where(magnitude > 0, magnitude - self._biases(format), 0)
        low, high = int(logarithm.min(initial=0)), int(logarithm.max(initial=0))
        powers = nearest_floats(np.arange(low, high + 1), self._frac)
        return np.copysign(np.where(magnitude > 0, powers[logarithm - low], 0.0), self.values)

    def _biases(self, format: LnsFormat) -> np.ndarray:
        biases = np.array(format.biases)
        return biases.reshape(-1, *[1] * (self.values.ndim - 1)) if len(biases) > 1 else biases

    def _magnitudes(self, format: LnsFormat) -> np.ndarray:
        if format.frac != self._frac:
            raise ValueError(
                f"logarithms of {counted(self._frac, 'fraction bit')}, codes of {format.frac}"
            )
        biases = self._biases(format)
        halves = least_floats(2 - 2 * biases - (2 << self._frac), self._frac + 1)
        magnitude = np.clip(self._logarithm + biases, 1, format.max_magnitude)
        return np.where(self._absolute >= halves, magnitude, 0)
