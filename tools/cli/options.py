"""Flags out of a dataclass: name, type, default and help text of an option stand on its field."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from recog.tools.opt.pipeline_parser import _option_docs as option_docs

OptionsT = TypeVar("OptionsT")

METAVARS = {int: "N", float: "X", str: "TEXT"}


class OptionGroup(NamedTuple):
    """Flags that stand together in the help, by the names of their fields."""

    title: str
    fields: Sequence[str]


def add_options(
    parser: argparse.ArgumentParser,
    cls: type,
    groups: Sequence[OptionGroup] = (),
    *,
    leave_out: Iterable[str] = (),
    metavars: Mapping[str, str] | None = None,
) -> None:
    """Add a flag for each field of a dataclass: `table_share: float = 1.0` is --table-share X.

    A field may be of type bool, int, float or str, or a Literal of texts, each perhaps or None. A
    bool that is true by default has --no-NAME too. A flag that is not given leaves no trace in the
    parsed arguments. Read them with `given_options`.

    Args:
        cls: the dataclass; the string below a field is its help text.
        groups: of the help; fields of no group come last.
        leave_out: fields without a flag.
        metavars: what stands for a value in the help, by field, where the type says too little.

    Raises:
        TypeError: a group names no field of `cls`, or a field is of another type.
    """
    types, docs = get_type_hints(cls), option_docs(cls)
    fields = {field.name: field for field in _fields(cls, leave_out)}
    grouped = [name for group in groups for name in group.fields]
    unknown = [name for name in (*grouped, *(metavars or {})) if name not in fields]
    if unknown:
        raise TypeError(f"{cls.__name__} has no field {', '.join(unknown)}")
    rest = [name for name in fields if name not in grouped]
    for title, names in (*groups, *([OptionGroup("more options", rest)] if rest else ())):
        group = parser.add_argument_group(title)
        for name in names:
            metavar = (metavars or {}).get(name)
            _add_option(group, fields[name], types[name], docs.get(name, ""), metavar)


def given_options(
    arguments: argparse.Namespace, cls: type, leave_out: Iterable[str] = ()
) -> dict[str, Any]:
    """The values of the flags of `add_options` that were given, by field."""
    names = (field.name for field in _fields(cls, leave_out))
    return {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}


def _fields(cls: type, leave_out: Iterable[str]) -> list[dataclasses.Field[Any]]:
    hidden = {"name", *leave_out}
    return [field for field in dataclasses.fields(cls) if field.init and field.name not in hidden]


def _add_option(
    group: argparse._ArgumentGroup,
    field: dataclasses.Field[Any],
    hint: Any,
    doc: str,
    metavar: str | None,
) -> None:
    flag = f"--{field.name.replace('_', '-')}"
    text = _help(doc, field.default)
    settings: dict[str, Any] = {"dest": field.name, "default": argparse.SUPPRESS, "help": text}
    kind = _without_none(hint)
    if kind is bool:
        action = argparse.BooleanOptionalAction if field.default is True else "store_true"
        group.add_argument(flag, action=action, **settings)
    elif get_origin(kind) is Literal:
        group.add_argument(flag, choices=get_args(kind), **settings)
    elif kind in METAVARS:
        group.add_argument(flag, type=kind, metavar=metavar or METAVARS[kind], **settings)
    else:
        raise TypeError(f"no flag can be made of {field.name}: {hint}")


def _without_none(hint: Any) -> Any:
    """`T` of `T | None`."""
    if get_origin(hint) in (Union, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not NoneType]
        return kinds[0] if len(kinds) == 1 else hint
    return hint


def _help(doc: str, default: Any) -> str:
    """A field's text as that of a flag: one phrase with its default, without the full stop."""
    text = " ".join(doc.split()).removesuffix(".")
    text = text[:1].lower() + text[1:] if text[1:2].islower() else text
    match default:
        case None | False:
            shown = ""
        case True:
            shown = " (default: yes)"
        case _:
            shown = f" (default: {default})"
    return f"{text}{shown}".replace("%", "%%")
