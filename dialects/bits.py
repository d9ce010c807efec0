"""Bit packing: values of any width up to 64 bits, one after the other, low bits first.

Constants in the IR and segments of a program file are packed the same way, so the
size that a user reads in either is the size on the chip.
"""

from __future__ import annotations

import numpy as np


def packed_size(count: int, width: int) -> int:
    """Bytes that `count` values of `width` bits take."""
    return (count * width + 7) // 8


def pack_bits(values: np.ndarray, width: int) -> bytes:
    """Pack unsigned integers (any shape, row-major) of `width` bits each.

    Raises:
        ValueError: a value does not fit `width` bits.
    """
    flat = np.ascontiguousarray(values).reshape(-1).astype(np.uint64)
    if width < 64 and flat.size and int(flat.max()) >> width:
        raise ValueError(f"value {int(flat.max())} does not fit {width} bits")
    if width in (8, 16, 32, 64):
        return flat.astype(f"<u{width // 8}").tobytes()
    octets = flat.astype("<u8").view(np.uint8).reshape(-1, 8)
    bits = np.unpackbits(octets, axis=1, bitorder="little", count=width)
    return np.packbits(bits.reshape(-1), bitorder="little").tobytes()


def unpack_bits(data: bytes, width: int, count: int) -> np.ndarray:
    """The inverse of `pack_bits`: `count` values as uint64, shape (count,).

    Raises:
        ValueError: `data` is not `packed_size(count, width)` bytes, or its padding is not zero.
    """
    if len(data) != packed_size(count, width):
        raise ValueError(
            f"{count} values of {width} bits take {packed_size(count, width)} bytes, "
            f"got {len(data)}"
        )
    if width in (8, 16, 32, 64):
        return np.frombuffer(data, dtype=f"<u{width // 8}").astype(np.uint64)
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8), bitorder="little")
    if bits[count * width :].any():
        raise ValueError("the padding bits after the last value are not zero")
    octets = np.zeros((count, 64), dtype=np.uint8)
    octets[:, :width] = bits[: count * width].reshape(count, width)
    return np.packbits(octets, axis=1, bitorder="little").view("<u8").reshape(count)
