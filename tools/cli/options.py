"""Flags out of a dataclass: name, type, default and help text of an option stand on its field."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
from collections.abc import Iterable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from recog.lowering.common.options import declared
from recog.tools.cli.arguments import byte_count
from recog.tools.opt.pipeline_parser import option_docs

METAVARS = {int: "N", float: "X", str: "TEXT"}


class OptionGroup(NamedTuple):
    """Flags that stand together in the help: fields by name, or all that a class declares."""

    title: str
    members: Sequence[str | type]
    description: str | None = None


def add_options(
    parser: argparse.ArgumentParser,
    cls: type,
    groups: Sequence[OptionGroup] = (),
    *,
    leave_out: Iterable[str] = (),
    metavars: Mapping[str, str] | None = None,
) -> None:
    """Add a flag for each field of a dataclass: `table_share: float = 1.0` is --table-share X.

    A field is a bool, int, float or str, perhaps or None; values of one in CHOICES (see
    `lowering.common.options`) are limited to those. A bool that is true by default has --no-NAME
    too. A flag that is not given leaves no trace in the parsed arguments: see `given_options`.

    Args:
        cls: the dataclass; the string below a field is its help text.
        groups: of the help; fields of no group come last.
        leave_out: fields without a flag.
        metavars: what stands for a value in the help, by field, where the type says too little.

    Raises:
        TypeError: a group or a metavar names no field, or a field is of another type.
    """
    types, docs, choices = get_type_hints(cls), option_docs(cls), declared(cls, "CHOICES")
    fields = {field.name: field for field in _fields(cls, leave_out)}
    unknown = [name for name in metavars or {} if name not in fields]
    if unknown:
        raise TypeError(f"{cls.__name__} has no field {', '.join(unknown)}")
    grouped = [_members(group, fields) for group in groups]
    rest = [name for name in fields if not any(name in names for names in grouped)]
    for group, names in zip((*groups, OptionGroup("more options", rest)), (*grouped, rest)):
        shown = parser.add_argument_group(group.title, group.description)
        for name in names:
            flag = _Flag(
                fields[name],
                _without_none(types[name]),
                docs.get(name, ""),
                choices.get(name),
                (metavars or {}).get(name),
            )
            flag.add_to(shown)


def _members(group: OptionGroup, fields: Mapping[str, object]) -> list[str]:
    """The fields of a group, without those that the command leaves out."""
    names = list[str]()
    for member in group.members:
        if isinstance(member, type):
            names += [name for name in inspect.get_annotations(member) if name in fields]
        elif member in fields:
            names.append(member)
        else:
            raise TypeError(f"the group {group.title} has no field {member}")
    return names


def given_options(
    arguments: argparse.Namespace, cls: type, leave_out: Iterable[str] = ()
) -> dict[str, Any]:
    """The values of the flags of `add_options` that were given, by field."""
    names = (field.name for field in _fields(cls, leave_out))
    return {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}


def _fields(cls: type, leave_out: Iterable[str]) -> list[dataclasses.Field[Any]]:
    hidden = {"name", *leave_out}
    return [field for field in dataclasses.fields(cls) if field.init and field.name not in hidden]


class _Flag(NamedTuple):
    """What a flag is made of."""

    field: dataclasses.Field[Any]
    kind: Any
    doc: str
    choices: Sequence[str] | None
    metavar: str | None

    def add_to(self, group: argparse._ArgumentGroup) -> None:  # pyright: ignore[reportPrivateUsage]
        name, default = self.field.name, self.field.default
        settings: dict[str, Any] = {"dest": name, "default": argparse.SUPPRESS}
        settings["help"] = _help(self.doc, default)
        if self.kind is bool:
            settings["action"] = argparse.BooleanOptionalAction if default is True else "store_true"
        elif self.kind not in METAVARS:
            raise TypeError(f"no flag can be made of {name}: {self.kind}")
        elif self.choices is not None:
            settings["choices"] = self.choices
        else:
            counts = self.kind is int and self.metavar == "BYTES"
            kind = byte_count if counts else self.kind
            settings |= {"type": kind, "metavar": self.metavar or METAVARS[self.kind]}
        group.add_argument(f"--{name.replace('_', '-')}", **settings)


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
