"""Bit packing: values of any width up to 64 bits, one after the other, low bits first.

Constants in the IR and segments of a program file are packed the same way, so the
size that a user reads in either is the size on the chip.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from recog.dialects.words import counted


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
        raise ValueError(f"value {int(flat.max())} does not fit {counted(width, 'bit')}")
    if width in (8, 16, 32, 64):
        return flat.astype(f"<u{width // 8}").tobytes()
    # Eight values fill `width` bytes exactly; an array of single bits would take 64 times the room.
    lanes = np.zeros((-(-flat.size // 8), 8), dtype=np.uint64)
    lanes.reshape(-1)[: flat.size] = flat
    octets = np.zeros((len(lanes), width), dtype=np.uint8)
    for lane, octet, shift in _overlaps(width):
        octets[:, octet] |= _shifted(lanes[:, lane], -shift).astype(np.uint8)
    return octets.tobytes()[: packed_size(flat.size, width)]


def unpack_bits(data: bytes, width: int, count: int) -> np.ndarray:
    """The inverse of `pack_bits`: `count` values as uint64, shape (count,).

    Raises:
        ValueError: `data` is not `packed_size(count, width)` bytes, or its padding is not zero.
    """
    if len(data) != packed_size(count, width):
        raise ValueError(
            f"{counted(count, 'value')} of {counted(width, 'bit')} must take "
            f"{counted(packed_size(count, width), 'byte')}, got {len(data)}"
        )
    if width in (8, 16, 32, 64):
        return np.frombuffer(data, dtype=f"<u{width // 8}").astype(np.uint64)
    groups = -(-count // 8)
    octets = np.zeros((groups, width), dtype=np.uint8)
    octets.reshape(-1)[: len(data)] = np.frombuffer(data, dtype=np.uint8)
    lanes = np.zeros((groups, 8), dtype=np.uint64)
    for lane, octet, shift in _overlaps(width):
        lanes[:, lane] |= _shifted(octets[:, octet].astype(np.uint64), shift)
    if count * width % 8 and data[-1] >> (count * width % 8):
        raise ValueError("the padding bits after the last value are not zero")
    return lanes.reshape(-1)[:count] & np.uint64((1 << width) - 1)


def signed_bits(values: np.ndarray | None) -> int:
    """The least bits of two's complement that hold all values; 0 where all are zero."""
    if values is None or not values.any():
        return 0
    return max(int(values.max()), -1 - int(values.min())).bit_length() + 1


def pack_signed(values: np.ndarray, bits: int) -> bytes:
    """Two's-complement integers of `bits` bits, one after the other."""
    return pack_bits(values.view(np.uint64) & np.uint64((1 << bits) - 1), bits)


def unpack_signed(data: bytes, bits: int, count: int) -> np.ndarray:
    """The inverse of `pack_signed`, int64 (count,); raises ValueError as `unpack_bits` does."""
    shift = 64 - bits
    raw = unpack_bits(data, bits, count)
    return (raw << np.uint64(shift)).view(np.int64) >> np.int64(shift)


def _overlaps(width: int) -> Iterator[tuple[int, int, int]]:
    """For eight values of `width` bits in `width` bytes: each value, byte, and the bits from the
    value's lowest to the byte's lowest, where the two overlap."""
    for lane in range(8):
        start = lane * width
        for octet in range(start // 8, (start + width + 7) // 8):
            yield lane, octet, 8 * octet - start


def _shifted(values: np.ndarray, left: int) -> np.ndarray:
    return values << np.uint64(left) if left >= 0 else values >> np.uint64(-left)
