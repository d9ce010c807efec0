"""The interval of a loss: the paired bootstrap (Efron, 1979).

Frames are drawn with repetition, the same for what is compared, and the middle 95 % of the losses
on such draws are given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

RESAMPLES = 1000
CONFIDENCE = 0.95
SEED = 0


def draws(frames: int, resamples: int = RESAMPLES) -> Iterator[np.ndarray]:
    """Numbers of frames, as many as there are, drawn so many times; the same ones every time."""
    random = np.random.default_rng(SEED)
    for _ in range(resamples):
        yield random.integers(frames, size=frames)


def interval(losses: Sequence[float]) -> tuple[float | None, float | None]:
    """What the middle 95 % of the losses of all draws lie between; None without any."""
    if not losses:
        return None, None
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile(losses, [outside, 1 - outside])
    return float(low), float(high)
