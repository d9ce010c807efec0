"""Parameters of the logarithmic number system (docs/arithmetic.md), free of IR types.

A code is sign ‖ magnitude m. Value = (−1)^s · 2^((m − bias) / 2^frac) for m ≥ 1; m = 0 is
zero; s = 1 with m = 0 is illegal. There is no inf, NaN or subnormal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

MIN_WIDTH, MAX_WIDTH = 2, 16
MAX_FRAC = 12
MAX_BIAS = 1 << 20
"""Beyond the range of float64 at every frac: a larger bias is a mistake."""
MIN_ANTILOG_BITS, MAX_ANTILOG_BITS = 2, 12
MIN_ACCUMULATOR_WIDTH, MAX_ACCUMULATOR_WIDTH = 16, 64


@dataclass(frozen=True)
class LnsFormat:
    """One format of LNS codes.

    Attributes:
        width: bits of a code, 2–16; codes are held in uint8 up to 8 bits, else uint16.
        frac: fraction bits f of the logarithm, 0–12.
        bias: the B of the value formula, one for the tensor or one per channel along `axis`.
        axis: the axis that `bias` runs along, None where there is one bias for the tensor.
        unsigned: no sign bit; the magnitude takes all `width` bits.
    """

    width: int = 8
    frac: int = 4
    bias: int | tuple[int, ...] = 0
    axis: int | None = None
    unsigned: bool = False

    def __post_init__(self):
        if not MIN_WIDTH <= self.width <= MAX_WIDTH:
            raise ValueError(
                f"LNS width must be in [{MIN_WIDTH}, {MAX_WIDTH}] bits, got {self.width}"
            )
        if not 0 <= self.frac <= MAX_FRAC:
            raise ValueError(f"LNS frac must be in [0, {MAX_FRAC}] bits, got {self.frac}")
        if isinstance(self.bias, tuple) != (self.axis is not None):
            raise ValueError("LNS biases per channel need an axis, a single bias must have none")
        if self.axis is not None and self.axis < 0:
            raise ValueError(f"the axis of LNS biases must be at least 0, got {self.axis}")
        if not self.biases:
            raise ValueError("LNS biases per channel need at least one channel")
        for bias in self.biases:
            if abs(bias) > MAX_BIAS:
                raise ValueError(f"LNS bias must be in [-{MAX_BIAS}, {MAX_BIAS}], got {bias}")

    @property
    def magnitude_bits(self) -> int:
        return self.width if self.unsigned else self.width - 1

    @property
    def max_magnitude(self) -> int:
        return (1 << self.magnitude_bits) - 1

    @property
    def sign_mask(self) -> int:
        """The bit that holds the sign, 0 for unsigned formats."""
        return 0 if self.unsigned else 1 << (self.width - 1)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint8 if self.width <= 8 else np.uint16)

    @property
    def biases(self) -> tuple[int, ...]:
        """The biases as a tuple, of length 1 where there is one for the tensor."""
        return self.bias if isinstance(self.bias, tuple) else (self.bias,)

    @property
    def smallest(self) -> tuple[float, ...]:
        """The smallest number above zero, one for each bias."""
        return tuple(2.0 ** ((1 - bias) / 2**self.frac) for bias in self.biases)

    def with_bias(self, bias: int | tuple[int, ...], axis: int | None = None) -> LnsFormat:
        return replace(self, bias=bias, axis=axis)

    def without_sign(self) -> LnsFormat:
        """The format of the magnitudes, which may have more where a bit is too few."""
        if self.unsigned:
            return self
        return replace(self, width=max(self.width - 1, MIN_WIDTH), unsigned=True)

    def finer(self, bits: int) -> LnsFormat:
        """The same octaves in so many fraction bits more, or fewer, as far as there are formats.

        Biases that fewer bits cannot hold become the next lower.
        """
        bits = min(bits, MAX_FRAC - self.frac, MAX_WIDTH - self.width)
        bits = max(bits, -self.frac, MIN_WIDTH - self.width)
        biases = tuple(bias << bits if bits > 0 else bias >> -bits for bias in self.biases)
        bias = biases[0] if self.axis is None else biases
        return replace(self, width=self.width + bits, frac=self.frac + bits, bias=bias)

    def has_illegal(self, codes: np.ndarray) -> bool:
        """Whether any of `codes` is one that this format does not have."""
        if not codes.size or codes.dtype != self.dtype:
            return bool(self.illegal_codes(codes).any())
        if self.width == 8 * codes.itemsize:
            # As signed integers, a negative zero is the least of all: one pass finds it.
            least = -self.sign_mask
            return not self.unsigned and int(codes.view(f"i{codes.itemsize}").min()) == least
        beyond = int(codes.max()) >= 1 << self.width
        return beyond or (not self.unsigned and bool((codes == self.sign_mask).any()))

    def illegal_codes(self, codes: np.ndarray) -> np.ndarray:
        """A mask of the codes that this format does not have: too wide, or a negative zero."""
        illegal = (codes < 0) | (codes >= 1 << self.width)
        return illegal if self.unsigned else illegal | (codes == self.sign_mask)


@dataclass(frozen=True)
class Arithmetic:
    """Parameters of the multiply-accumulate datapath.

    Attributes:
        antilog_bits: P, fraction bits of the antilog table's entries, 2–12.
        fine_antilog_bits: what P grows to for values of more fraction bits, at most 12; 0, which
            anything up to P becomes, for the same P for all.
        accumulator_width: bits of the two's-complement accumulator, 16–64.
        mitchell: use Mitchell's antilog 2^r ≈ 1 + r (IRE Trans. EC-11, 1962) in place of the
            rounded table.
    """

    antilog_bits: int = 6
    accumulator_width: int = 32
    mitchell: bool = False
    fine_antilog_bits: int = 10

    def __post_init__(self):
        if not 0 <= self.fine_antilog_bits <= MAX_ANTILOG_BITS:
            raise ValueError(
                f"fine antilog bits must be in [0, {MAX_ANTILOG_BITS}], "
                f"got {self.fine_antilog_bits}"
            )
        low, high = MIN_ANTILOG_BITS, MAX_ANTILOG_BITS
        if not low <= self.antilog_bits <= high:
            raise ValueError(f"antilog bits must be in [{low}, {high}], got {self.antilog_bits}")
        if self.fine_antilog_bits <= self.antilog_bits:
            object.__setattr__(self, "fine_antilog_bits", 0)
        low, high = MIN_ACCUMULATOR_WIDTH, MAX_ACCUMULATOR_WIDTH
        if not low <= self.accumulator_width <= high:
            raise ValueError(
                f"accumulator width must be in [{low}, {high}] bits, got {self.accumulator_width}"
            )

    def precision(self, frac: int) -> int:
        """P for sums of values with `frac` fraction bits.

        Entries one bit finer than the codes round products less than the codes themselves are
        rounded; coarser ones would take away what wider codes give.
        """
        return max(self.antilog_bits, min(frac + 1, self.fine_antilog_bits))
