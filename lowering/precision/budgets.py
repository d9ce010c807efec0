"""What to spend bytes on: where they save most of the noise at the outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from xdsl.ir import SSAValue

ENOUGH_DB = 45.0
"""No more values or weights are widened once their noise is so far below the outputs."""
FAIR_DB = 30.0
"""Values of networks whose noise is less far below them may take twice the bytes."""
WORTH = 0.001
"""Nor are values that make less than this share of the noise that is left."""


@dataclass(frozen=True)
class Candidate:
    """Values that share a format and may become wider.

    Attributes:
        bits: fraction bits that they would have more.
        bytes: what that costs in activations.
        table_bytes: what it costs in tables that the values index.
        entry_bytes: what it costs in tables that give the values, whose entries become wider.
        noise: what it makes now, over the signal at the outputs.
    """

    values: tuple[SSAValue, ...]
    bits: int
    bytes: int
    table_bytes: int
    entry_bytes: int
    noise: float

    @property
    def saved(self) -> float:
        """The noise that goes: a bit more leaves a quarter."""
        return self.noise * (1 - 4.0**-self.bits)


def worth_widening(
    candidates: Sequence[Candidate],
    traffic: float,
    tables: float,
    fits: Callable[[Sequence[SSAValue], int], bool],
    entries: float = inf,
) -> list[Candidate]:
    """What saves most noise a byte, as far as the bytes of activations and of tables go; with
    twice those of activations, while the noise that is left is above `FAIR_DB`.

    Args:
        traffic: bytes of activations.
        tables: bytes of tables that values index.
        fits: makes values wider, or says that they cannot be.
        entries: bytes that entries of tables may grow by.
    """
    rest = sorted(candidates, key=_saved_a_byte, reverse=True)
    left = sum(each.noise for each in candidates)
    taken: list[Candidate] = []
    for enough_db, room in ((ENOUGH_DB, traffic), (FAIR_DB, 2 * traffic)):
        room -= sum(each.bytes for each in taken)
        skipped: list[Candidate] = []
        for each in rest:
            worth = left > _power(enough_db) and each.noise >= WORTH * left
            affordable = (
                each.bytes <= room and each.table_bytes <= tables and each.entry_bytes <= entries
            )
            if worth and affordable and fits(each.values, each.bits):
                room, tables = room - each.bytes, tables - each.table_bytes
                entries -= each.entry_bytes
                left -= each.saved
                taken.append(each)
            else:
                skipped.append(each)
        rest = skipped
    return taken


def _saved_a_byte(candidate: Candidate) -> float:
    return candidate.saved / max(1, candidate.bytes + candidate.table_bytes)


@dataclass(frozen=True)
class WeightBits:
    """The bits that a weight may have.

    Attributes:
        size: its elements.
        noise: what it makes now, over the signal at the outputs.
        bits: those to choose from, over what it has now, ascending.
    """

    size: int
    noise: float
    bits: range


def weight_bits(weights: Sequence[WeightBits], budget: float) -> list[int]:
    """How many bits more, or fewer, each weight gets, so that all together make the least noise.

    Each bit more leaves a quarter of the noise, so taking the bits in the order of what each saves
    a byte gives the least noise that there is for as many bytes (the reverse water-filling of
    rate-distortion theory, Cover and Thomas, 2006, section 10.3.3).

    Args:
        budget: bits that all weights together may have more than now.
    """
    chosen = [each.bits[0] for each in weights]
    left = sum(each.noise * 4.0**-least for each, least in zip(weights, chosen))
    budget -= sum(each.size * least for each, least in zip(weights, chosen))
    steps = [
        (0.75 * each.noise * 4.0**-bits / max(1, each.size), bits, i)
        for i, each in enumerate(weights)
        for bits in each.bits[:-1]
        if each.noise > 0 or bits < 0  # none has no use for more
    ]
    for saved, bits, i in sorted(steps, key=lambda step: (-step[0], step[1], step[2])):
        size = weights[i].size
        if chosen[i] != bits or size > budget or (bits >= 0 and left <= _power(ENOUGH_DB)):
            continue
        budget -= size
        left -= saved * size
        chosen[i] = bits + 1
    return chosen


def _power(decibels_below: float) -> float:
    return 10 ** (-decibels_below / 10)
