"""Pass pipelines from text, with errors that say what each pass takes."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import inspect
import itertools
import re
import textwrap
from collections.abc import Callable, Collection, Mapping
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from xdsl.passes import ModulePass
from xdsl.utils.arg_spec import (
    ArgSpec,
    ArgSpecConvertible,
    ParameterListType,
    parse_pipeline,
)
from xdsl.utils.exceptions import ArgSpecParseError, DiagnosticException
from xdsl.utils.hints import type_repr

from recog.tools.diagnostics import UsageError

ConvertibleT = TypeVar("ConvertibleT", bound=ArgSpecConvertible)

_OUTSIDE_STRINGS = re.compile(r'("(?:\\.|[^"\\])*")')
_SPACE_AROUND = re.compile(r"\s*([,{=()])\s*|\s+(\})")
_ANCHOR = re.compile(r"([\w.]+)\(|\)")
_ANCHORS = ("builtin.module", "func.func", "any")
"""What mlir-opt's pipelines say that passes run on: here they all run on the module."""
_PATH = re.compile(r"(?<==)[\w./~+-]*[./~][\w./~+-]*(?=[\s}]|$)")
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]*([eE][-+]?[0-9]+)?)?")
_QUOTES = """passes are written first,second{option=1 text="in quotes"}"""


def parse_passes(
    text: str,
    available: Mapping[str, Callable[[], type[ModulePass]]],
    where: str = "argument -p/--passes",
) -> tuple[ModulePass, ...]:
    """The passes that `text` names: `fold-batch-norm,cluster-weights{entries=16}`.

    White space around the punctuation is allowed, so that a pipeline may span lines; a path needs
    no quotes; and mlir-opt's `builtin.module(cse,func.func(canonicalize))` names the same passes.

    Raises:
        UsageError: a syntax error, an unknown pass, or an option that the pass does not take.
    """
    try:
        specs = list(parse_pipeline(_simplified(text, where)))
    except ArgSpecParseError as error:
        # The first line says "Error parsing pass pipeline specification:".
        message = str(error).partition("\n")[2].rstrip()
        raise UsageError(message, where=where, hint=_QUOTES) from error
    except ValueError as error:  # a number of more digits than Python reads
        raise UsageError(str(error).partition(";")[0], where=where) from error
    for spec in specs:
        if spec.name not in available:
            raise UsageError(
                f"unknown pass '{spec.name}'",
                hint=suggest(spec.name, available, "recog-opt --list-passes"),
            )
    return tuple(instantiate("pass", available[spec.name](), spec) for spec in specs)


def _simplified(text: str, where: str) -> str:
    """`text` as xDSL reads it: without spaces and anchors, paths in quotes."""
    parts = _OUTSIDE_STRINGS.split(text.strip())
    for i in range(0, len(parts), 2):
        parts[i] = _SPACE_AROUND.sub(lambda match: match[1] or match[2], parts[i])
    _drop_anchors(parts, where)
    for i in range(0, len(parts), 2):
        parts[i] = _PATH.sub(_in_quotes, parts[i])
    return "".join(parts)


def _drop_anchors(parts: list[str], where: str) -> None:
    """Take `builtin.module(` and what closes it out of the parts that are no strings."""
    depth = 0

    def drop(match: re.Match[str]) -> str:
        nonlocal depth
        depth += -1 if match[1] is None else 1
        if depth < 0:
            raise UsageError("a ')' closes nothing", where=where)
        if match[1] is not None and match[1] not in _ANCHORS:
            raise UsageError(
                f"passes cannot run on '{match[1]}'",
                where=where,
                hint="they run on the module: -p 'first,second{option=1}'",
            )
        return ""

    for i in range(0, len(parts), 2):
        parts[i] = _ANCHOR.sub(drop, parts[i])
    if depth:
        raise UsageError("a '(' is not closed", where=where)


def _in_quotes(match: re.Match[str]) -> str:
    return match[0] if _NUMBER.fullmatch(match[0]) else f'"{match[0]}"'


def suggest(name: str, known: Collection[str], listing: str) -> str:
    """A hint with the names that resemble `name`."""
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}? `{listing}` shows all"
    return f"`{listing}` shows all"


def instantiate(kind: str, cls: type[ConvertibleT], spec: ArgSpec) -> ConvertibleT:
    """`cls` with the options of `spec`.

    Raises:
        UsageError: naming the option at fault and what `cls` takes.
    """
    where = f"{kind} '{spec.name}'"
    types = get_type_hints(cls)
    options = {field.name: field for field in _option_fields(cls)}
    values = dict[str, ParameterListType]()
    for written, value in spec.parameters.items():
        name = written.replace("-", "_")
        if name not in options:
            close = difflib.get_close_matches(name, options, n=1)
            meant = f" (did you mean {_dashed(close[0])}?)" if close else ""
            raise UsageError(f"unknown option '{written}'{meant}", where=where, hint=_takes(cls))
        values[name] = _coerce(value, types[name])
        _check_type(where, written, values[name], types[name], cls)
    missing = [_dashed(n) for n in options if n in cls.required_fields() and n not in values]
    if missing:
        raise UsageError(f"option '{missing[0]}' is required", where=where, hint=_takes(cls))
    try:
        return cls.from_spec(ArgSpec(spec.name, values))
    except (ValueError, DiagnosticException) as error:
        raise UsageError(str(error), where=where, hint=_takes(cls)) from error


def _check_type(
    where: str, option: str, value: ParameterListType, expected: Any, cls: type[ArgSpecConvertible]
) -> None:
    from xdsl.utils.hints import isa

    alone = value[0] if len(value) == 1 else value
    absent = not value and NoneType in get_args(expected)
    if absent or isa(alone, expected) or isa(value, expected):
        return
    given = ",".join(_literal(part) for part in value) if value else "nothing"
    raise UsageError(
        f"option '{option}' takes {type_repr(expected)}, got {given}",
        where=where,
        hint=_takes(cls),
    )


def _coerce(value: ParameterListType, expected: Any) -> ParameterListType:
    """Let `1` and `1e-3` stand for floats: the lexer reads an integer and a word."""
    kinds = _kinds(expected)
    if float not in kinds:
        return value
    return tuple(part if type(part) in kinds else _as_float(part) for part in value)


def _kinds(expected: Any) -> set[Any]:
    if get_origin(expected) in (Union, UnionType, tuple):
        return set[Any]().union(*(_kinds(argument) for argument in get_args(expected)))
    return {expected}


def _as_float(part: str | int | bool | float) -> Any:
    if isinstance(part, bool):
        return part
    try:
        return float(part)
    except ValueError:
        return part


def _option_fields(cls: type[ArgSpecConvertible]) -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(cls) if field.init and field.name != "name"]


def _takes(cls: type[ArgSpecConvertible]) -> str:
    options = describe_options(cls)
    return (
        "it takes\n" + "\n".join(f"    {line}" for line in options)
        if options
        else ("it takes no options")
    )


def describe_options(cls: type[ArgSpecConvertible]) -> list[str]:
    """A line for each option of a pass or target: `entries: int = 256`."""
    types = get_type_hints(cls)
    lines = list[str]()
    for field in _option_fields(cls):
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        line = f"{_dashed(field.name)}: {type_repr(types[field.name])}"
        lines.append(line if default is dataclasses.MISSING else f"{line} = {_shown(default)}")
    return lines


def describe_pass(cls: type[ModulePass]) -> str:
    """The docstring of a pass, and each option with the docstring below its field."""
    doc = inspect.cleandoc(cls.__doc__ or "")
    # A dataclass without a docstring has its signature for one.
    parts = [cls.name, "" if doc.startswith(f"{cls.__name__}(") else doc]
    docs = option_docs(cls)
    lines = list[str]()
    for field, line in zip(_option_fields(cls), describe_options(cls), strict=True):
        lines += [f"  {line}", *_indented(docs.get(field.name, ""))]
    parts.append("\n".join(["Options:", *lines]) if lines else "No options.")
    return "\n\n".join(part for part in parts if part)


def _indented(text: str) -> list[str]:
    return textwrap.wrap(text, 98, initial_indent=" " * 6, subsequent_indent=" " * 6)


def option_docs(cls: type) -> dict[str, str]:
    """The string below each field of `cls`, which Python itself drops."""
    docs = dict[str, str]()
    for base in reversed(cls.__mro__[:-1]):
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        except (OSError, TypeError, SyntaxError):
            continue
        body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
        for field, below in itertools.pairwise(body):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    docs[name] = inspect.cleandoc(text)
                case _:
                    pass
    return docs


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _shown(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ",".join(_literal(part) for part in value) or "nothing"
    return "none" if value is None else _literal(value)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
