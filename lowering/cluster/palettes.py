"""Weights that are palettized already: of few distinct values, in each channel times its scale.

Tools that compress networks leave such weights, as pointers into a table for a layer; batch norms
that were folded since have scaled its channels.
"""

from __future__ import annotations

import numpy as np

MOST = 64
"""Distinct values of a palette: with more, pointers are nearly as large as codes."""
REPEATED = 4
"""How often a value of a palette occurs, on average: less is chance."""
SAMPLE = 4096
DIGITS = 5
"""Decimal digits of the largest weight of a channel up to which weights are equal."""


def palette_size(weight: np.ndarray) -> int | None:
    """The number of distinct values of a weight (O, ...); None where it has no palette.

    Of weights whose channels are scaled, of those of the scaled channels, to `DIGITS` digits.
    """
    rows = weight.reshape(len(weight), -1)
    return _distinct(rows) or _distinct(_scaled(rows))


def has_scaled_palette(weight: np.ndarray) -> bool:
    """Whether it is the scaled channels that have few values, not the weight itself."""
    return _distinct(weight.reshape(len(weight), -1)) is None


def _scaled(rows: np.ndarray) -> np.ndarray:
    largest = np.abs(rows).max(axis=1, keepdims=True).astype(np.float64)
    return np.round(rows / np.where(largest > 0, largest, 1.0), DIGITS)


def _distinct(values: np.ndarray) -> int | None:
    flat = values.reshape(-1)
    if len(np.unique(flat[:: max(1, flat.size // SAMPLE)])) > MOST:
        return None
    count = len(np.unique(flat))
    return count if count <= MOST and count * REPEATED <= flat.size else None
