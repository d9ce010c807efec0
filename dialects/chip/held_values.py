"""Which layers' values stand in activation memory after an instruction, and where.

Selection writes two attributes on instructions, which only the IR holds, never the program
file: `layer`, the label of the op that an instruction does (a part of), and `holds`, the values
that are complete once it has ended. The second finds a layer that several instructions make,
piece by piece, and one that none makes because it is but other addresses of the same bytes.

In a program in stripes no instruction completes a layer: memory never holds all of it. There the
program itself `holds` the values, at the addresses that they had when every tensor had bytes of its
own, and each tensor says where the `whole` tensor was of which it shows rows and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    IntegerAttr,
    StringAttr,
    i64,
)
from xdsl.ir import Attribute, Operation

from recog.dialects.chip.hardware import MAX_MEMORY
from recog.dialects.errors import fail

AXES = 3
"""Of a tensor in activation memory: channels, rows, columns."""
HOLDS = "holds"
"""The attribute that lists the values which are complete after an instruction."""
WHOLE = "whole"
"""The attribute that says where a tensor was before it became a ring of rows."""


@dataclass(frozen=True)
class HeldValue:
    """Result number `result` of a layer: elements of one frame; address and strides in bytes."""

    layer: str
    result: int
    address: int
    element_bytes: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def attribute(self) -> DictionaryAttr:
        numbers = {
            "result": self.result,
            "address": self.address,
            "element_bytes": self.element_bytes,
        }
        return DictionaryAttr(
            {
                "layer": StringAttr(self.layer),
                **{name: IntegerAttr(value, i64) for name, value in numbers.items()},
                "shape": _integers(self.shape),
                "strides": _integers(self.strides),
            }
        )


@dataclass(frozen=True)
class WholeTensor:
    """Where all of a tensor would be if memory had no end: address and strides (3,) in bytes."""

    address: int
    strides: tuple[int, ...]

    @property
    def attribute(self) -> DictionaryAttr:
        address = IntegerAttr(self.address, i64)
        return DictionaryAttr({"address": address, "strides": _integers(self.strides)})


def whole_tensor(op: Operation) -> WholeTensor | None:
    """What a tensor shows rows and columns of, None where it does not say; RecogError where what
    it says is ill-formed."""
    attribute = op.attributes.get(WHOLE)
    if attribute is None:
        return None
    fields = attribute.data if isinstance(attribute, DictionaryAttr) else {}
    address, strides = fields.get("address"), fields.get("strides")
    if isinstance(address, IntegerAttr) and isinstance(strides, ArrayAttr):
        numbers = (address.value.data, *_numbers(op, WHOLE, strides))
        if len(numbers) == 1 + AXES and min(numbers) >= 0:
            return WholeTensor(numbers[0], numbers[1:])
    fail(op, f"`{WHOLE}` must have an address and {AXES} strides, got {attribute}")


def hold(op: Operation, values: Sequence[HeldValue]) -> None:
    """Write on an instruction that `values` are complete once it has ended."""
    known = op.attributes.get(HOLDS)
    before = known.data if isinstance(known, ArrayAttr) else ()
    op.attributes[HOLDS] = ArrayAttr([*before, *(value.attribute for value in values)])


def held_values(op: Operation) -> list[HeldValue]:
    """The values that are complete after an instruction, or that a program in stripes holds in
    parts; RecogError where they are ill-formed."""
    attribute = op.attributes.get(HOLDS)
    if attribute is None:
        return []
    if not isinstance(attribute, ArrayAttr):
        fail(op, f"`{HOLDS}` must be an array of dictionaries, got {attribute}")
    return [_parsed(op, entry) for entry in attribute.data]


def _parsed(op: Operation, entry: Attribute) -> HeldValue:
    fields = entry.data if isinstance(entry, DictionaryAttr) else {}
    match [fields.get(name) for name in HeldValue.__dataclass_fields__]:
        case [
            StringAttr() as layer,
            IntegerAttr() as result,
            IntegerAttr() as address,
            IntegerAttr() as element_bytes,
            ArrayAttr() as shape,
            ArrayAttr() as strides,
        ]:
            value = HeldValue(
                layer.data,
                result.value.data,
                address.value.data,
                element_bytes.value.data,
                _numbers(op, HOLDS, shape),
                _numbers(op, HOLDS, strides),
            )
            if not _could_be(value):
                fail(op, f"`{HOLDS}` has an entry that no memory holds: {entry}")
            return value
        case _:
            fail(op, f"`{HOLDS}` has an entry that is no value in memory: {entry}")


def _could_be(value: HeldValue) -> bool:
    """Whether some memory has so many elements, at such places."""
    positive = min(value.shape, default=1) > 0
    return (
        value.element_bytes in (1, 2, 4, 8)
        and len(value.shape) == len(value.strides)
        and positive
        and prod(value.shape) * value.element_bytes <= MAX_MEMORY
        and min(value.address, value.result, *value.strides) >= 0
    )


def _integers(values: Sequence[int]) -> ArrayAttr:
    return ArrayAttr([IntegerAttr(value, i64) for value in values])


def _numbers(op: Operation, name: str, array: ArrayAttr) -> tuple[int, ...]:
    entries = [entry for entry in array.data if isinstance(entry, IntegerAttr)]
    if len(entries) != len(array):
        fail(op, f"`{name}` has sizes that are no integers: {array}")
    return tuple(entry.value.data for entry in entries)
