"""Bit packing: packed and unpacked values are equal, and the layout is as documented."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recog.dialects.bits import pack_bits, packed_size, unpack_bits

WIDTHS = st.integers(1, 64)


def packed_by_hand(values: list[int], width: int) -> bytes:
    """The same bytes by big-integer arithmetic."""
    whole = sum(value << (i * width) for i, value in enumerate(values))
    return whole.to_bytes(packed_size(len(values), width), "little")


@given(width=WIDTHS, data=st.data())
def test_pack_and_unpack(width: int, data: st.DataObject):
    element = st.integers(0, (1 << width) - 1) | st.sampled_from([0, (1 << width) - 1])
    values = data.draw(st.lists(element, max_size=40))
    packed = pack_bits(np.array(values, dtype=np.uint64), width)
    assert packed == packed_by_hand(values, width)
    unpacked = unpack_bits(packed, width, len(values))
    assert unpacked.dtype == np.uint64
    assert unpacked.tolist() == values


def test_layout():
    # 1, 2, 7 in 3 bits each: 0b111_010_001, low bits first.
    assert pack_bits(np.array([1, 2, 7]), 3) == bytes([0b11_010_001, 0b1])


@given(width=WIDTHS, count=st.integers(0, 20), extra=st.sampled_from([-1, 1, 5]))
def test_wrong_size(width: int, count: int, extra: int):
    size = packed_size(count, width) + extra
    if size < 0:
        return
    with pytest.raises(ValueError, match="take"):
        unpack_bits(bytes(size), width, count)


@given(width=st.integers(1, 63), count=st.integers(1, 20))
def test_padding_must_be_zero(width: int, count: int):
    if count * width % 8 == 0:
        return
    packed = bytearray(packed_size(count, width))
    packed[-1] |= 0x80
    with pytest.raises(ValueError, match="padding"):
        unpack_bits(bytes(packed), width, count)


@pytest.mark.parametrize("width", [1, 3, 8, 10, 16, 33, 63])
def test_values_too_wide(width: int):
    with pytest.raises(ValueError, match=f"does not fit {width} bits?$"):
        pack_bits(np.array([0, 1 << width], dtype=np.uint64), width)
    with pytest.raises(ValueError, match=f"does not fit {width} bits?$"):
        pack_bits(np.array([-1]), width)


def test_any_shape_and_order():
    values = np.arange(24, dtype=np.int64).reshape(2, 3, 4).transpose(2, 0, 1)
    assert unpack_bits(pack_bits(values, 5), 5, 24).tolist() == values.reshape(-1).tolist()
