"""Widths of codes that a user gives by layer name, `stem=12,blocks.3*=8`, or by an input's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from xdsl.ir import BlockArgument, Operation, SSAValue

from recog.dialects import nn
from recog.dialects.number_format import MAX_WIDTH
from recog.lowering.common.layer_names import label_of
from recog.lowering.common.layer_patterns import matches, nothing_named
from recog.lowering.common.options import OptionError
from recog.lowering.encode.example_inputs import input_name
from recog.lowering.encode.legality import absorbed_activation

LEAST_WIDTH = 4
"""A sign, two bits of octaves and one of fraction."""

INPUT = "input @"
"""Begins what inputs are called."""

Layers = Mapping[SSAValue, Sequence[nn.LayerOp]]
"""The layers of each dense weight."""

_T = TypeVar("_T")


def named_widths(option: str, text: str) -> list[tuple[str, int]]:
    """Patterns of names and the widths that they give, in order.

    Args:
        option: whose value the text is, for errors.

    Raises:
        OptionError: the text is not of that form, or a width is none.
    """
    found: list[tuple[str, int]] = []
    for part in text.split(",") if text else ():
        pattern, equals, width = part.strip().rpartition("=")
        if not equals or not pattern or not width.strip().isdecimal():
            reason = f"takes NAME=BITS, separated by commas, got {part.strip()!r}"
            raise OptionError(option, reason)
        if not LEAST_WIDTH <= int(width) <= MAX_WIDTH:
            reason = f"takes {LEAST_WIDTH} to {MAX_WIDTH} bits, got {width} for {pattern}"
            raise OptionError(option, reason)
        found.append((pattern.strip(), int(width)))
    return found


def widths_of(option: str, text: str, names: Mapping[_T, Sequence[str]]) -> dict[_T, int]:
    """The widths of those that a pattern names; of several patterns the last counts.

    An input `input @x` is also meant by @x, and by x where no layer is.

    Args:
        names: what each may be called by.

    Raises:
        OptionError: a pattern that names nothing, and as `named_widths` does.
    """
    found: dict[_T, int] = {}
    for pattern, width in named_widths(option, text):
        meant = [key for key, own in names.items() if matches(own, pattern)]
        if not meant:
            of_an_input = INPUT + pattern.removeprefix("@")
            meant = [key for key, own in names.items() if matches(own, of_an_input)]
        if not meant:
            known = [name for own in names.values() for name in own]
            inputs = any(name.startswith(INPUT) for name in known)
            raise nothing_named(option, pattern, known, "layer or input" if inputs else "layer")
        found.update(dict.fromkeys(meant, width))
    return found


def width_name(value: SSAValue, layers: Layers) -> str:
    """What options and notes call a value or a weight: the input that it is, or its layer."""
    if isinstance(value, BlockArgument):
        return f"{INPUT}{input_name(value, value.index)}"
    op = layers[value][0] if value in layers else value.owner
    label = label_of(op) if isinstance(op, Operation) else None
    if label is None and isinstance(op, nn.LayerOp):
        # An activation that a layer does for free carries the layer's label.
        activation = absorbed_activation(op)
        label = None if activation is None else label_of(activation)
    return label or value.name_hint or "a value"
