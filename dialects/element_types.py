"""What the elements of a constant can be, and how they are packed into bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from xdsl.dialects.builtin import Float32Type, Float64Type, IntegerType, Signedness
from xdsl.ir import Attribute

from recog.dialects.bits import pack_bits, unpack_bits


class StorableType(ABC):
    """An element type of other dialects that `#data.dense` can hold."""

    @property
    @abstractmethod
    def storage_width(self) -> int:
        """Bits of an element."""

    @property
    @abstractmethod
    def storage_dtype(self) -> np.dtype:
        """The NumPy type that elements are handed out in; signed ones fill it."""

    @abstractmethod
    def to_literal(self, element: int) -> int | None:
        """The number that stands for an element in text, None if only hex can show it."""

    @abstractmethod
    def from_literal(self, literal: int) -> int:
        """The inverse of `to_literal`; raises ValueError if there is no such element."""

    @abstractmethod
    def verify_elements(self, elements: np.ndarray) -> None:
        """Raise VerifyException if an element is not a legal value of this type."""


def integer_dtype(width: int, signed: bool) -> np.dtype:
    octets = next(size for size in (1, 2, 4, 8) if 8 * size >= width)
    return np.dtype(f"{'i' if signed else 'u'}{octets}")


def is_signed(element_type: IntegerType) -> bool:
    """Signless integers are read as signed, but for i1, which is 0 or 1."""
    if element_type.signedness.data == Signedness.SIGNLESS:
        return element_type.width.data > 1
    return element_type.signedness.data == Signedness.SIGNED


def integer_range(element_type: IntegerType) -> tuple[int, int]:
    width = element_type.width.data
    if is_signed(element_type):
        return -(1 << (width - 1)), (1 << (width - 1)) - 1
    return 0, (1 << width) - 1


def element_width(element_type: Attribute) -> int | None:
    """Bits of an element in storage, None for types that constants cannot hold."""
    match element_type:
        case Float32Type():
            return 32
        case Float64Type():
            return 64
        case IntegerType() if 1 <= element_type.width.data <= 64:
            return element_type.width.data
        case _ if isinstance(element_type, StorableType):
            return element_type.storage_width
        case _:
            return None


def to_bytes(values: np.ndarray, element_type: Attribute) -> bytes:
    """Pack an array (any shape) of `element_type`, integers and codes bit by bit."""
    match element_type:
        case Float32Type():
            return np.ascontiguousarray(values, dtype="<f4").tobytes()
        case Float64Type():
            return np.ascontiguousarray(values, dtype="<f8").tobytes()
        case IntegerType():
            width = element_type.width.data
            low, high = integer_range(element_type)
            for extreme in (int(values.min()), int(values.max())) if values.size else ():
                if not low <= extreme <= high:
                    raise ValueError(f"{extreme} does not fit {element_type}, [{low}, {high}]")
            if values.dtype.kind in "iu" and values.dtype.itemsize * 8 == width:
                return values.astype(values.dtype.newbyteorder("<")).tobytes()
            wide = values.astype(np.int64 if is_signed(element_type) else np.uint64)
            return pack_bits(wide.view(np.uint64) & np.uint64((1 << width) - 1), width)
        case _ if isinstance(element_type, StorableType):
            dtype = element_type.storage_dtype
            if dtype.kind == "i":
                values = values.astype(dtype).view(f"u{dtype.itemsize}")
            return pack_bits(values, element_type.storage_width)
        case _:
            raise ValueError(f"constants cannot hold elements of type {element_type}")


def from_bytes(content: bytes, element_type: Attribute, count: int) -> np.ndarray:
    """The inverse of `to_bytes`, shape (count,)."""
    match element_type:
        case Float32Type():
            return np.frombuffer(content, dtype="<f4")
        case Float64Type():
            return np.frombuffer(content, dtype="<f8")
        case IntegerType():
            width, signed = element_type.width.data, is_signed(element_type)
            dtype = integer_dtype(width, signed)
            if width == 8 * dtype.itemsize:
                return np.frombuffer(content, dtype=dtype.newbyteorder("<"))
            raw = unpack_bits(content, width, count)
            if signed:
                shift = np.uint64(64 - width)
                raw = (raw << shift).view(np.int64) >> np.int64(64 - width)
            return raw.astype(dtype)
        case _ if isinstance(element_type, StorableType):
            width, dtype = element_type.storage_width, element_type.storage_dtype
            if width == 8 * dtype.itemsize:
                return np.frombuffer(content, dtype=dtype.newbyteorder("<"))
            return unpack_bits(content, width, count).astype(dtype)
        case _:
            raise ValueError(f"constants cannot hold elements of type {element_type}")
