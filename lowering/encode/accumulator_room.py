"""The room that an accumulator leaves to a layer's weights: how large their biases may be.

A larger bias resolves smaller weights, and makes every sum larger. The largest sums that a layer
can reach say which bias is just small enough for the proof of no overflow (prove-accumulators).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.bounds import accumulator_limit, add_bound
from recog.dialects.number_format import (
    MAX_ACCUMULATOR_WIDTH,
    MAX_BIAS,
    Arithmetic,
    LnsFormat,
)
from recog.lowering.encode.samples import covering_biases

NEGLIGIBLE = 12
"""Octaves below a bias at which a product is nothing beside it."""

KEPT = 4
"""Octaves below a channel's largest weight that its codes keep, whatever the accumulators."""

MARGIN = 0.25
"""Octaves that rounding may add to a sum of weights."""

BIAS_ROOM = 0.5
"""Octaves left to a layer's own bias where its sum is made to fit."""


class LargestBiases(NamedTuple):
    """The largest biases that the weights of each output channel may have, int64 (O)."""

    wanted: np.ndarray
    """Beyond them weights would be resolved that are nothing beside the layer's own bias."""
    safe: np.ndarray
    """Beyond them a sum could leave its accumulator. Where weights would not keep `KEPT` octaves
    below the largest any bias goes, and the proof says what is too large."""
    spare: float
    """Octaves that the sums of the fullest channel leave where its weights keep `KEPT` octaves;
    below 0 what is missing."""


def largest_biases(
    weights: np.ndarray,
    bias: np.ndarray | None,
    given: LnsFormat,
    format: LnsFormat,
    arithmetic: Arithmetic,
) -> LargestBiases:
    """What an accumulator leaves to the weights of a layer.

    Args:
        weights: (O, ...), finite, as the layer multiplies with them.
        bias: of the layer, finite (O).
        given: the format of the inputs.
        format: of the weights; its bias does not count.
    """
    rows = np.abs(weights.reshape(len(weights), -1).astype(np.float64))
    holding, least = _holding(weights, bias, given, format, arithmetic), _least(rows, format)
    holds = holding + MARGIN * 2**format.frac >= least
    safe = np.where(holds, np.maximum(holding, least), MAX_BIAS)
    beside = _beside_bias(bias, given, format, arithmetic)
    safe = np.clip(safe, -MAX_BIAS, MAX_BIAS)
    wanted = safe if beside is None else np.clip(np.minimum(safe, beside), -MAX_BIAS, MAX_BIAS)
    spare = float((holding - least).min(initial=MAX_BIAS)) / 2**format.frac
    return LargestBiases(wanted, safe, spare)


def missing_octaves(
    weights: np.ndarray, given: LnsFormat, format: LnsFormat, arithmetic: Arithmetic
) -> float:
    """How many octaves more a layer's accumulators would need, whatever its inputs are.

    For its weights to keep `KEPT` octaves; at most 0 where nothing is missing. See `largest_biases`
    for the arguments.
    """
    rows = np.abs(weights.reshape(len(weights), -1).astype(np.float64))
    holding = _holding(weights, None, given, format, arithmetic)
    lacking = (_least(rows, format) - holding)[rows.any(1)] / 2**format.frac
    return float(lacking.max(initial=-BIAS_ROOM)) + BIAS_ROOM


def coarser_term(small: LnsFormat, large: LnsFormat, arithmetic: Arithmetic) -> LnsFormat:
    """The format of a sum's small term, reaching higher where their sum would not fit.

    By octaves, up to the large term's, from which on nothing helps.
    """
    limit, format = accumulator_limit(arithmetic), small
    while (bound := add_bound(format, large, arithmetic)) > limit:
        octaves = max(1, bound.bit_length() - limit.bit_length())
        bias = format.biases[0] - octaves * 2**format.frac
        if (format.max_magnitude - bias) << large.frac > (
            large.max_magnitude - large.biases[0]
        ) << format.frac or bias < -MAX_BIAS:
            return small
        format = format.with_bias(bias)
    return format


def fitting_hint(width: int) -> str:
    """What makes a sum fit that takes accumulators of `width` bits."""
    others = "lower option antilog-bits, or give codes fewer octaves: more fraction bits"
    if width > MAX_ACCUMULATOR_WIDTH:
        return others
    wider = f"set option accumulator-width (a target's accumulator) to {width} (fewer may do)"
    return f"{wider}, {others}"


def _holding(
    weights: np.ndarray,
    bias: np.ndarray | None,
    given: LnsFormat,
    format: LnsFormat,
    arithmetic: Arithmetic,
) -> np.ndarray:
    """The biases with which every sum of a channel is in its accumulator (docs/arithmetic.md)."""
    rows = weights.reshape(len(weights), -1).astype(np.float64)
    positive, negative = np.maximum(rows, 0).sum(1), np.maximum(-rows, 0).sum(1)
    if not given.unsigned:
        positive = negative = positive + negative
    start = np.zeros(len(rows)) if bias is None else bias.astype(np.float64)
    with np.errstate(divide="ignore"):
        # In octaves: formats reach beyond what floats hold.
        largest = (given.max_magnitude - given.biases[0]) / 2**given.frac
        up = np.logaddexp2(np.log2(positive) + largest, np.log2(np.maximum(start, 0)))
        down = np.logaddexp2(np.log2(negative) + largest, np.log2(np.maximum(-start, 0)))
    precision = arithmetic.precision(max(given.frac, format.frac))
    free = arithmetic.accumulator_width - 1 - precision - MARGIN
    octaves = free - given.biases[0] / 2**given.frac - np.maximum(up, down)
    # Rounding to a code adds half a step at most.
    return _steps(octaves * 2**format.frac - 0.5)


def _least(rows: np.ndarray, format: LnsFormat) -> np.ndarray:
    """Biases below which weights are lost that count, of |weights| (O, n)."""
    highest = rows.max(1, initial=0.0)
    lowest = np.where(rows > 0, rows, np.inf).min(1, initial=np.inf)
    covering = covering_biases(format, rows)
    covering[highest == 0] = -MAX_BIAS
    with np.errstate(divide="ignore", invalid="ignore"):
        octaves = np.log2(highest) - np.log2(lowest)
    # Weights that are alike lose nothing with the smallest codes.
    kept = np.minimum(np.where(np.isfinite(octaves), octaves, 0.0), KEPT) * 2**format.frac
    unused = np.maximum(format.max_magnitude - 1 - np.ceil(kept), 0)
    return covering - unused.astype(np.int64)


def _beside_bias(
    bias: np.ndarray | None, given: LnsFormat, format: LnsFormat, arithmetic: Arithmetic
) -> np.ndarray | None:
    """The biases with which the layer's own takes half of an accumulator.

    What has no code then adds less than 2^-NEGLIGIBLE of it. None where inputs reach so far that it
    could be more.
    """
    free = arithmetic.accumulator_width - 2 - arithmetic.precision(max(given.frac, format.frac))
    if bias is None or given.max_magnitude / 2**given.frac > free - NEGLIGIBLE:
        return None
    octaves = free - np.log2(np.maximum(np.abs(bias.astype(np.float64)), 1e-300))
    return _steps((octaves - given.biases[0] / 2**given.frac) * 2**format.frac)


def _steps(biases: np.ndarray) -> np.ndarray:
    return np.floor(np.clip(biases, -2 * MAX_BIAS, 2 * MAX_BIAS)).astype(np.int64)
