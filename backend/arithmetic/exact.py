"""Exact rounding of n · 2^(e / 2^k), in Python integers and never through libm.

Every constant of the number system is such a number rounded once: up, down or to nearest. For
e / 2^k not an integer it is irrational, so it never lies on a rounding boundary, and an interval
that is narrow enough always decides; the precision grows until it does.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt


def _ceil_sqrt(n: int) -> int:
    root = isqrt(n)
    return root if root * root == n else root + 1


@lru_cache(maxsize=64)
def _root_bounds(k: int, precision: int) -> tuple[int, int]:
    """Integers low ≤ 2^(1 / 2^k) · 2^precision ≤ high, by k square roots of 2."""
    low = high = 2 << precision
    for _ in range(k):
        low, high = isqrt(low << precision), _ceil_sqrt(high << precision)
    return low, high


@lru_cache(maxsize=1 << 14)
def _power_bounds(e: int, k: int, precision: int) -> tuple[int, int]:
    """Integers low ≤ 2^(e / 2^k) · 2^precision ≤ high, for 0 ≤ e < 2^k."""
    low = high = 1 << precision
    for bit in range(k):
        if e >> bit & 1:
            root_low, root_high = _root_bounds(k - bit, precision)
            low = low * root_low >> precision
            high = -(-high * root_high >> precision)
    return low, high


def _shift_left(n: int, shift: int) -> int:
    """⌊n · 2^shift⌋ for a shift of either sign."""
    return n << shift if shift >= 0 else n >> -shift


def floor_scaled_power(n: int, e: int, k: int) -> tuple[int, bool]:
    """⌊n · 2^(e / 2^k)⌋ for n ≥ 0, and whether that is exact."""
    whole, fraction = e >> k, e & ((1 << k) - 1)
    if n == 0 or fraction == 0:
        floor = _shift_left(n, whole)
        return floor, whole >= 0 or floor << -whole == n
    precision = 64 + max(0, n.bit_length() + whole)
    while True:
        low, high = _power_bounds(fraction, k, precision)
        floor = _shift_left(n * low, whole - precision)
        if floor == _shift_left(n * high, whole - precision):
            return floor, False
        precision *= 2


def ceil_scaled_power(n: int, e: int, k: int) -> int:
    """⌈n · 2^(e / 2^k)⌉ for n ≥ 0."""
    floor, exact = floor_scaled_power(n, e, k)
    return floor if exact else floor + 1


def round_scaled_power(n: int, e: int, k: int) -> int:
    """n · 2^(e / 2^k) to the nearest integer, ties to even, for n of either sign."""
    if n < 0:
        return -round_scaled_power(-n, e, k)
    doubled, exact = floor_scaled_power(2 * n, e, k)
    tie = exact and doubled & 1
    return doubled + (doubled >> 1 & 1) >> 1 if tie else doubled + 1 >> 1
