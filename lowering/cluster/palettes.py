"""Weights that are palettized already: of few distinct values, in each channel times its scale.

Tools that compress networks leave such weights, as pointers into a table for a layer; batch norms
that were folded since have scaled its channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST = 64
"""Distinct values of a palette: with more, pointers are nearly as large as codes."""
REPEATED = 16
"""How often a value of a palette occurs, on average: less is chance."""
SAMPLE = 4096
DIGITS = 5
"""Decimal digits of the largest weight of a channel up to which weights are equal."""


@dataclass(frozen=True)
class Palette:
    """The number of distinct values, and whether they are those of channels that are scaled."""

    size: int
    scaled: bool


def palette_of(weight: np.ndarray) -> Palette | None:
    """The palette of a weight (O, ...), None where it has none.

    Values are exact unless channels are scaled, and then equal to `DIGITS` digits.
    """
    rows = weight.reshape(len(weight), -1)
    own, scaled = _distinct(rows), _distinct(_scaled(rows))
    if own is not None and (scaled is None or own <= 2 * scaled):
        return Palette(own, scaled=False)
    return None if scaled is None else Palette(scaled, scaled=True)


def _scaled(rows: np.ndarray) -> np.ndarray:
    largest = np.abs(rows).max(axis=1, keepdims=True).astype(np.float64)
    return np.round(rows / np.where(largest > 0, largest, 1.0), DIGITS)


def _distinct(values: np.ndarray) -> int | None:
    flat = values.reshape(-1)
    if len(np.unique(flat[:: max(1, flat.size // SAMPLE)])) > MOST:
        return None
    count = len(np.unique(flat))
    return count if count <= MOST and count * REPEATED <= flat.size else None
