"""Options of passes: fields of dataclasses with ranges, which several passes can share.

The options of a pass stand once, as the fields of an `Options` class: name, type, default, and a
docstring below. The pass inherits them, and so do the pipelines that hold it, whose command lines
are made of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from types import NoneType
from typing import Any, ClassVar, TypeVar

import numpy as np

from recog.dialects.errors import RecogError


class OptionError(RecogError):
    """An option has a value that it cannot have.

    Attributes:
        option: the field's name, with underscores.
        reason: what is wrong with its value, without the name.
    """

    def __init__(self, option: str, reason: str, *, hint: str | None = None):
        self.option, self.reason = option, reason
        super().__init__(f"option {option.replace('_', '-')} {reason}", hint=hint)


class UnusedOptionError(OptionError):
    """An option that others leave without effect.

    Attributes:
        because: those others, by field.
    """

    def __init__(self, option: str, why: str, because: Sequence[str] = ()):
        self.because = tuple(because)
        super().__init__(option, f"has no effect with {why}")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options whose values are checked when they are made; raises OptionError.

    Attributes:
        RANGES: the least and the largest value of numbers, by field.
        CHOICES: the values of fields that have few.
    """

    RANGES: ClassVar[Mapping[str, tuple[float, float]]] = {}
    CHOICES: ClassVar[Mapping[str, Sequence[str]]] = {}

    def __post_init__(self) -> None:
        for field in fields(self):
            _check_type(field.name, field.type, getattr(self, field.name))
        for name, (low, high) in declared(type(self), "RANGES").items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise OptionError(name, f"must be in [{low}, {high}], got {value}")
        for name, choices in declared(type(self), "CHOICES").items():
            value = getattr(self, name)
            if value not in choices:
                raise OptionError(name, f"must be one of {', '.join(choices)}, got {value}")


TYPES: Mapping[str, tuple[type, str]] = {
    "bool": (bool, "True or False"),
    "int": (Integral, "an integer"),
    "float": (Real, "a number"),
    "str": (str, "a text"),
    "None": (NoneType, "None"),
}
"""What values of fields are, by how their types are written, and what they are called."""


def _check_type(option: str, written: Any, value: object) -> None:
    """Raise OptionError for a value that is none of the types of its field; other types than those
    of texts and numbers are not checked."""
    names = [each.strip() for each in str(written).split("|")]
    if not TYPES.keys() >= set(names):
        return
    if isinstance(value, bool | np.bool_):
        fits = "bool" in names
    else:
        fits = any(isinstance(value, TYPES[name][0]) for name in names if name != "bool")
    if not fits:
        wanted = " or ".join(TYPES[name][1] for name in names)
        raise OptionError(option, f"must be {wanted}, got {value!r}")


def declared(options: type, what: str) -> dict[str, Any]:
    """RANGES or CHOICES of an options class and of all that it inherits."""
    result: dict[str, Any] = {}
    for cls in reversed(options.__mro__):
        result |= vars(cls).get(what, {})
    return result


_T = TypeVar("_T")


def taken_from(options: object, cls: type[_T], **more: Any) -> _T:
    """An instance of `cls` whose fields are those that `options` has, and `more`."""
    shared = {
        field.name: getattr(options, field.name)
        for field in fields(cls)  # pyright: ignore[reportArgumentType]
        if field.init and hasattr(options, field.name) and field.name not in more
    }
    return cls(**shared, **more)
