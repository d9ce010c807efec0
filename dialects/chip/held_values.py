"""Which layers' values stand in activation memory after an instruction, and where.

Selection writes two attributes on instructions, which only the IR holds, never the program
file: `layer`, the label of the op that an instruction does (a part of), and `holds`, the values
that are complete once it has ended. The second finds a layer that several instructions make,
piece by piece, and one that none makes because it is but other addresses of the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    IntegerAttr,
    StringAttr,
    i64,
)
from xdsl.ir import Attribute, Operation

from recog.dialects.errors import fail

HOLDS = "holds"
"""The attribute that lists the values which are complete after an instruction."""


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


def hold(op: Operation, values: Sequence[HeldValue]) -> None:
    """Write on an instruction that `values` are complete once it has ended."""
    known = op.attributes.get(HOLDS)
    before = known.data if isinstance(known, ArrayAttr) else ()
    op.attributes[HOLDS] = ArrayAttr([*before, *(value.attribute for value in values)])


def held_values(op: Operation) -> list[HeldValue]:
    """The values that are complete after an instruction; RecogError where they are ill-formed."""
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
            return HeldValue(
                layer.data,
                result.value.data,
                address.value.data,
                element_bytes.value.data,
                _numbers(op, shape),
                _numbers(op, strides),
            )
        case _:
            fail(op, f"`{HOLDS}` has an entry that is no value in memory: {entry}")


def _integers(values: Sequence[int]) -> ArrayAttr:
    return ArrayAttr([IntegerAttr(value, i64) for value in values])


def _numbers(op: Operation, array: ArrayAttr) -> tuple[int, ...]:
    entries = [entry for entry in array.data if isinstance(entry, IntegerAttr)]
    if len(entries) != len(array):
        fail(op, f"`{HOLDS}` has sizes that are no integers: {array}")
    return tuple(entry.value.data for entry in entries)
