"""Names for layers: one for each value that a float and an LNS module have in common.

A label is the torch module path where it is known, else the op's name, made unique in the
function. It is written as the attribute `layer`, follows an op through the levels, and
lets reports and comparisons find the same layer in each.
"""

from __future__ import annotations

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Operation

LAYER = "layer"
"""The attribute that holds a layer's label."""


def label_of(op: Operation) -> str | None:
    """The label of an op, None where it has none."""
    label = op.attributes.get(LAYER)
    return label.data if isinstance(label, StringAttr) else None


def numbered(name: str, number: int) -> str:
    """The label of an op of a module that has several: `body.2`, `body.2#2`, `body.2#3`."""
    return name if number == 1 else f"{name}#{number}"


def module_of(label: str) -> str:
    """The name that `numbered` has made a label of."""
    name, _, number = label.rpartition("#")
    return name if name and number.isdecimal() else label
