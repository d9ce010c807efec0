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
STEP, UP = 2.0, 1.2
"""Factors from a ratio to the next while it is open how far the loss is met: of trials tuned short,
and of those tuned in full."""
CLOSE, CLOSER = 1.12, 1.05
"""Ratios that are no further apart need no trial between them: of trials tuned short, and of those
that are as good as they get."""
SHORT_TRIALS, FULL_TRIALS, UNTUNED_TRIALS = 7, 4, 10
"""At most so many between two that the loss lies between: tuned short, in full, or not at all."""
ALIKE = 1e-9
"""0.99 less 0.97 is a little more than 0.02."""
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
        reached: the ratio that its program has; where none can be planned that is so small, about
            the largest that one can have.
        bytes: of the program's weights; 0 where there is no program.
        lost: what the float network has more of the metric; infinite where there is no program,
            or where the metric is none.
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
    def is_possible(self) -> bool:
        """Whether there is a program."""
        return self.bytes > 0

    @property
    def failing_ratio(self) -> float:
        """The ratio of a program that does not meet the loss, or that there cannot be."""
        return self.reached if self.is_possible else min(self.ratio, self.reached)

    @property
    def failing_ask(self) -> float:
        """The ratio to ask less than."""
        return self.ratio if self.is_possible else min(self.ratio, self.reached)


class LossSearch:
    """Says what to try after given trials; the same trials give the same answer.

    Args:
        most: what may be lost.
        epochs: of a tuning in full; 0 where nothing is tuned, and trials are as good as they get.
        least: the ratio of the largest program that there is room for.
    """

    def __init__(self, most: float, epochs: int, least: float = LEAST):
        self._most = most + ALIKE * (1 + most)
        self._epochs, self._least = epochs, max(least, LEAST)
        self._short = ceil(epochs / SHORT)

    def next(self, trials: Sequence[Trial]) -> Ask | None:
        """What to try; None where the answer stands."""
        short, full = self._by_length(trials)
        ratio = self._untried(self._bracketing(short), short)
        if ratio is not None:
            return Ask(ratio, self._short)
        if self._short == self._epochs:
            return None
        ratio = self._untried(self._settling(full, short), full)
        return None if ratio is None else Ask(ratio, self._epochs)

    def best(self, trials: Sequence[Trial]) -> Trial | None:
        """The smallest program that loses no more, of those tuned in full where one does; None
        where there is none."""
        short, full = self._by_length(trials)
        return self._span(full)[0] or self._span(short)[0]

    def _by_length(self, trials: Sequence[Trial]) -> tuple[list[Trial], list[Trial]]:
        """Those tuned short, and in full."""
        short = [each for each in trials if each.epochs == self._short]
        return short, [each for each in trials if each.epochs == self._epochs]

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
            return max(START, self._least)
        if low is None or high is None:
            return self._further(low, high, trials, STEP)
        tunes = self._epochs > self._short
        if len(trials) >= (SHORT_TRIALS if tunes else UNTUNED_TRIALS):
            return None
        return self._between(low, high, CLOSE if tunes else CLOSER)

    def _settling(self, trials: Sequence[Trial], short: Sequence[Trial]) -> float | None:
        low, high = self._span(trials)
        met, missed = self._span(short)
        if low is None and high is None:
            if missed is not None and isfinite(missed.lost):
                return missed.ratio  # longer tuning may meet it there
            return None if met is None else met.ratio
        if len(trials) >= FULL_TRIALS:
            return None
        if low is None and high is not None:
            # Where longer tuning loses more, the program of the shorter one is taken.
            return met.ratio if met is not None and met.reached < high.failing_ratio else None
        if low is not None and high is None:
            enough = low.lost > USED * self._most
            return None if enough else self._further(low, None, [*short, *trials], UP)
        return None if low is None or high is None else self._between(low, high, CLOSER)

    def _between(self, low: Trial, high: Trial, close: float) -> float | None:
        """What to ask for, between two ratios; None where their programs are so close, which may
        be smaller than was asked."""
        if high.failing_ratio <= low.reached * close:
            return None
        share = 0.5
        if isfinite(high.lost) and high.lost > low.lost:
            share = (self._most - low.lost) / (high.lost - low.lost)
        share = min(max(share, 0.25), 0.75)
        return exp((1 - share) * log(low.ratio) + share * log(high.failing_ask))

    def _further(
        self,
        low: Trial | None,
        high: Trial | None,
        trials: Sequence[Trial],
        factor: float,
    ) -> float | None:
        """Beyond what was tried, all of which met the loss (`low`) or missed it (`high`)."""
        if low is not None:
            possible = min((t.reached for t in trials if not t.is_possible), default=inf)
            return factor * low.ratio if low.reached * CLOSE < possible else None
        asked = self._least if high is None else high.failing_ask
        return max(self._least, asked / factor) if asked > self._least else None

    def _untried(self, ratio: float | None, trials: Sequence[Trial]) -> float | None:
        """The ratio to three digits, which people read and recipes hold; None where it was
        tried."""
        if ratio is None:
            return None
        rounded = max(float(f"{ratio:.3g}"), self._least)
        return None if any(each.ratio == rounded for each in trials) else rounded
