"""Options of passes: fields of dataclasses with ranges, which several passes can share.

The options of a pass stand once, as the fields of an `Options` class: name, type, default, and a
docstring below. The pass inherits them, and so do the pipelines that hold it, whose command lines
are made of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar

from recog.dialects.errors import RecogError


class OptionError(RecogError):
    """An option has a value that it cannot have.

    Attributes:
        option: the field's name, with underscores.
        reason: what is wrong with its value, without the name.
    """

    def __init__(self, option: str, reason: str):
        self.option, self.reason = option, reason
        super().__init__(f"option {option.replace('_', '-')} {reason}")


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
        for name, (low, high) in declared(type(self), "RANGES").items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise OptionError(name, f"must be in [{low}, {high}], got {value}")
        for name, choices in declared(type(self), "CHOICES").items():
            value = getattr(self, name)
            if value not in choices:
                raise OptionError(name, f"must be one of {', '.join(choices)}, got {value}")


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
