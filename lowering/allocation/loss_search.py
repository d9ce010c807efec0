"""Which ratio to try next, so that the program loses at most so much of a metric.

What a network loses at a ratio is known when it is converted and measured. Trials that are tuned
short bracket the largest ratio that keeps within the loss (a bisection in its logarithm, by what is
lost at both ends); conversions tuned as long as asked then settle it, for these lose less.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, exp, inf, isfinite, log
from typing import NamedTuple

START, LEAST = 16.0, 1.0
"""The ratio that is tried first, and the least one, at which each weight has a code of its own."""
SHORT = 4
"""A short tuning has so many times fewer epochs."""
STEP, DOWN, UP = 2.0, 1.25, 1.2
"""Factors from a ratio to the next while it is open in which direction the loss is met: of trials
tuned short, and down and up of those tuned in full."""
CLOSE = 1.12
"""Ratios that are no further apart need no trial between them."""
SHORT_TRIALS, FULL_TRIALS = 7, 4
"""At most so many, but for those in full that nothing has met the loss before."""
USED = 0.7
"""A ratio that loses this share of what may be lost is large enough."""


class Ask(NamedTuple):
    """A conversion to measure."""

    ratio: float
    epochs: int


class Trial(NamedTuple):
    """A conversion that was measured.

    Attributes:
        ratio, epochs: as they were asked for.
        reached: the ratio that its program has; where no program is that small, the largest that
            one can have.
        bytes: of the program's weights; 0 where there is no program.
        lost: what the float network has more of the metric; infinite where there is no program.
        low, high: what 95 % of it lies between, None where that is not known.
    """

    ratio: float
    epochs: int
    reached: float
    bytes: int
    lost: float
    low: float | None = None
    high: float | None = None

    @property
    def failing_ratio(self) -> float:
        """The ratio at which the loss was not met."""
        return self.ratio if isfinite(self.lost) else min(self.ratio, self.reached)


class LossSearch:
    """Says what to try after given trials; the same trials give the same answer.

    Args:
        most: what may be lost.
        epochs: of a tuning in full; 0 where nothing is tuned, and trials are as good as they get.
    """

    def __init__(self, most: float, epochs: int):
        self._most, self._epochs = most, epochs
        self._short = ceil(epochs / SHORT)

    def next(self, trials: Sequence[Trial]) -> Ask | None:
        """What to try; None where the answer stands."""
        short, full = (
            [each for each in trials if each.epochs == epochs]
            for epochs in (self._short, self._epochs)
        )
        ratio = _untried(self._bracketing(short), short)
        if ratio is not None:
            return Ask(ratio, self._short)
        if self._short == self._epochs:
            return None
        ratio = _untried(self._settling(full, short), full)
        return None if ratio is None else Ask(ratio, self._epochs)

    def best(self, trials: Sequence[Trial]) -> Trial | None:
        """The smallest program, tuned in full, that loses no more; None where there is none."""
        full = [each for each in trials if each.epochs == self._epochs]
        return self._span(full)[0]

    def _span(self, trials: Sequence[Trial]) -> tuple[Trial | None, Trial | None]:
        """The largest ratio that meets the loss, and the least above it that does not."""
        met = [each for each in trials if each.lost <= self._most]
        low = max(met, key=lambda each: each.reached, default=None)
        missed = [each for each in trials if not each.lost <= self._most]
        if low is not None:
            missed = [each for each in missed if each.failing_ratio > low.reached]
        return low, min(missed, key=lambda each: each.failing_ratio, default=None)

    def _bracketing(self, trials: Sequence[Trial]) -> float | None:
        low, high = self._span(trials)
        if low is None and high is None:
            return START
        if low is None or high is None:
            return _further(low, high, STEP, STEP)
        if len(trials) >= SHORT_TRIALS:
            return None
        return self._between(low, high)

    def _settling(self, trials: Sequence[Trial], short: Sequence[Trial]) -> float | None:
        low, high = self._span(trials)
        if low is None and high is None:
            met, missed = self._span(short)
            if missed is not None and isfinite(missed.lost):
                return missed.ratio  # longer tuning may meet it there
            return None if met is None else met.ratio
        if low is None and high is not None:
            below = [each.ratio for each in short if each.lost <= self._most]
            below = [ratio for ratio in below if ratio * CLOSE < high.failing_ratio]
            return max(below) if below else _further(None, high, UP, DOWN)
        if len(trials) >= FULL_TRIALS or low is None:
            return None
        if high is None:
            enough = low.lost > USED * self._most or self._is_possible_most(short, low)
            return None if enough else _further(low, None, UP, DOWN)
        return self._between(low, high)

    def _is_possible_most(self, short: Sequence[Trial], low: Trial) -> bool:
        """Whether hardly a larger ratio is possible."""
        most = min((each.reached for each in short if not isfinite(each.lost)), default=inf)
        return low.reached * CLOSE >= most

    def _between(self, low: Trial, high: Trial) -> float | None:
        ends = low.reached, high.failing_ratio
        if ends[1] <= ends[0] * CLOSE:
            return None
        share = 0.5
        if isfinite(high.lost) and high.lost > low.lost:
            share = (self._most - low.lost) / (high.lost - low.lost)
        share = min(max(share, 0.25), 0.75)
        return exp((1 - share) * log(ends[0]) + share * log(ends[1]))


def _further(low: Trial | None, high: Trial | None, up: float, down: float) -> float | None:
    """Beyond what was tried, all of which met the loss (`low`) or missed it (`high`)."""
    if low is not None:
        return up * low.reached
    if high is None or high.failing_ratio <= LEAST:
        return None
    return max(LEAST, high.failing_ratio / down)


def _untried(ratio: float | None, trials: Sequence[Trial]) -> float | None:
    """The ratio to three digits, which people read and recipes hold; None where it was tried."""
    rounded = None if ratio is None else float(f"{ratio:.3g}")
    return None if any(each.ratio == rounded for each in trials) else rounded
