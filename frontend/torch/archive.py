"""torch.export archives, which are read without running anything that they hold.

`torch.export.load` trusts its file: it unpickles sample inputs and constants, loads compiled
libraries, evaluates symbolic sizes as Python (through sympy) and writes names into source code that
it executes. An archive comes from anyone, so all of that is checked before, or refused.
"""

from __future__ import annotations

import ast
import json
import pickle
import re
import zipfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import sympy
import torch
from torch._export.serde import serialize
from torch.export import ExportedProgram
from torch.export.pt2_archive import _package

from recog.backend.input_files import check_input
from recog.dialects.errors import RecogError
from recog.frontend.torch.export import first_lines, quiet_torch

MEMBER = re.compile(
    r"(models/[^/]+\.json|data/(weights|constants|sample_inputs|extra)/[^/]+|extra/[^/]+"
    r"|\.data/(version|serialization_id)|\.format_version|\.storage_alignment"
    r"|archive_format|archive_version|byteorder|version"
    r"|serialized_(exported_program\.json|state_dict\.(pt|json)|constants\.(pt|json)"
    r"|example_inputs\.pt)|extra_files/.*)"
)
"""What an archive may hold below its top folder: graphs, tensors, notes. No compiled code."""

NAME = re.compile(r"[\w.:/-]*")
"""Names of values, operators and parameters; torch writes some into source code that it runs.

Nothing with these characters alone calls, assigns or indexes.
"""

NOTES = frozenset({"metadata", "torch_version", "guards_code", "as_string", "as_strings"})
"""Fields of free text that nothing runs: torch quotes strings that are operands."""

CONTAINERS = frozenset(
    {
        None,
        "builtins.tuple",
        "builtins.list",
        "builtins.dict",
        "collections.OrderedDict",
        "torch.fx.immutable_collections.immutable_list",
        "torch.fx.immutable_collections.immutable_dict",
    }
)
"""The types of nested inputs and outputs that a reader knows without importing a module."""

MAX_ARCHIVE_BYTES = 1 << 34
"""Of an archive, packed or not: 2^32 weights of float32."""

_FUNCTIONS = frozenset(
    ("Symbol", "Integer", "Float", "Rational", "Add", "Mul", "Pow", "Max", "Min", "Mod", "Abs")
    + ("Equality", "Unequality", "Eq", "Ne", "Le", "Lt", "Ge", "Gt", "And", "Or", "Not")
    + ("StrictLessThan", "LessThan", "StrictGreaterThan", "GreaterThan", "floor", "ceiling")
    + ("FloorDiv", "ModularIndexing", "Where", "PythonMod", "CleanDiv", "CeilToInt", "FloorToInt")
    + ("CeilDiv", "LShift", "RShift", "PowByNatural", "FloatPow", "FloatTrueDiv", "IntTrueDiv")
    + ("RoundToInt", "RoundDecimal", "ToFloat", "TruncToInt", "TruncToFloat", "Identity")
)
"""What sizes are made of: sympy's numbers and relations, torch's integer functions."""


def load_archive(path: str | Path) -> ExportedProgram:
    """The program of a `torch.export.save` archive, read without running code of the archive's.

    Raises:
        RecogError: no such file, damaged, not an archive that this torch reads, or one that holds
            more than tensors and a graph of known operators.
    """
    where = str(path)
    _check_file(where)
    # The heads' own operators must be known before an archive that holds them is read.
    import_module("recog.frontend.functional")
    _check_members(where)
    refused: list[str] = []
    try:
        with quiet_torch(), _without_code(refused):
            program = torch.export.load(path)
    except Exception as error:
        if refused:  # torch tries its older formats after any error, and raises that of the last
            raise RecogError(refused[0], where=where, hint=_HINT) from None
        reason = first_lines(error)
        if "warnings above" in reason:  # there are none; this is torch's word for an older format
            reason = "it has no version"
        raise RecogError(
            f"is not a torch.export archive that torch {torch.__version__} can read: {reason}",
            where=where,
            hint="write it with torch.export.save(torch.export.export(model.eval(), inputs), path)",
        ) from None
    program._guards_code = []  # Python text, which torch evaluates in `program.module()`
    return program


_HINT = (
    "an archive is read without running anything in it; export plain tensors, or give the network "
    "as file.py:function"
)


class _HoldsCode(Exception):
    """Reading this would run code of the archive's."""


@contextmanager
def _noted(refused: list[str]) -> Generator[None, None, None]:
    """Note why something is refused."""
    try:
        yield
    except _HoldsCode as error:
        refused.append(str(error))
        raise


def _check_file(path: str) -> None:
    try:
        check_input(path, MAX_ARCHIVE_BYTES)
    except FileNotFoundError:
        raise RecogError("no such file", where=path) from None
    except OSError as error:
        raise RecogError(error.strerror or str(error), where=path) from None


def _check_members(path: str) -> None:
    """Refuse an archive whose members are damaged, twice there, too large or no part of a graph."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
            damaged = None if size > MAX_ARCHIVE_BYTES else archive.testzip()
            members = archive.namelist()
    except Exception:
        return  # torch says what it is
    if size > MAX_ARCHIVE_BYTES:
        most = f"{MAX_ARCHIVE_BYTES:,} is the most"
        raise RecogError(f"holds {size:,} bytes, and {most}", where=path)
    if damaged is not None:
        raise RecogError(f"damaged: the checksum of {damaged} does not match", where=path)
    legacy = "version" in members
    seen = set[str]()
    for name in members:
        inside = name if legacy else name.partition("/")[2]
        if not name.endswith("/") and not MEMBER.fullmatch(inside):
            raise RecogError(f"holds {name}, which is no part of a graph", where=path, hint=_HINT)
        if name.casefold() in seen:
            raise RecogError(f"damaged: holds {name} twice", where=path)
        seen.add(name.casefold())


def _check_json(value: Any, key: str) -> None:
    """Raise _HoldsCode where a text is neither a name nor one of the kinds that need more."""
    match value:
        case dict():
            for name, inner in value.items():
                if not NAME.fullmatch(name) and key not in NOTES:
                    raise _HoldsCode(f"names {_shown(name)}")
                if name not in NOTES:
                    _check_json(inner, name)
        case list():
            for inner in value:
                _check_json(inner, key)
        case str() if key in ("in_spec", "out_spec"):
            _check_containers(value)
        case str() if key == "expr_str":
            _check_expression(value)
        case str() if not NAME.fullmatch(value):
            raise _HoldsCode(f"names {_shown(value)}")
        case _:
            pass


def _check_containers(text: str) -> None:
    """Raise _HoldsCode where reading how values are nested would import a module."""
    if not text:
        return
    try:
        version_and_spec = json.loads(text)
        specs = [version_and_spec[1]]
        while specs:
            spec = specs.pop()
            kind, context = spec["type"], spec["context"]
            if kind not in CONTAINERS:
                raise _HoldsCode(f"has inputs or outputs in a {_shown(str(kind))}")
            if isinstance(context, str) and "__enum__" in context:
                raise _HoldsCode("has inputs or outputs by the names of an enumeration")
            specs += spec["children_spec"]
    except (ValueError, TypeError, LookupError):
        raise _HoldsCode(f"says how values are nested as {_shown(text)}") from None


def _check_expression(text: str) -> None:
    """Raise _HoldsCode unless a size is arithmetic on numbers, symbols and known functions."""
    try:
        allowed = _is_arithmetic(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        allowed = False
    if not allowed:
        raise _HoldsCode(f"has the size {_shown(text)}")


def _is_arithmetic(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | float)
        case ast.Name(id=name):
            return not name.startswith("__")
        case ast.UnaryOp(operand=operand):
            return _is_arithmetic(operand)
        case ast.BinOp(left=left, right=right):
            return _is_arithmetic(left) and _is_arithmetic(right)
        case ast.BoolOp(values=values):
            return all(map(_is_arithmetic, values))
        case ast.Compare(left=left, comparators=others):
            return all(map(_is_arithmetic, (left, *others)))
        case ast.Call(func=ast.Name(id=function), args=arguments, keywords=keywords):
            if function == "Symbol":
                return _is_symbol(arguments, keywords)
            if function == "Float":  # Float('0.5', precision=53)
                return all(
                    isinstance(each, ast.Constant) and _is_number(each) for each in arguments
                )
            return function in _FUNCTIONS and not keywords and all(map(_is_arithmetic, arguments))
        case _:
            return False


def _is_symbol(arguments: list[ast.expr], keywords: list[ast.keyword]) -> bool:
    """`Symbol('s0', integer=True)`."""
    match arguments:
        case [ast.Constant(value=str(name))] if name.isidentifier():
            return all(isinstance(each.value, ast.Constant) for each in keywords)
        case _:
            return False


def _is_number(node: ast.expr) -> bool:
    """A number, or the text of one."""
    value = node.value if isinstance(node, ast.Constant) else None
    return re.fullmatch(r"-?[0-9.]+(e-?[0-9]+)?", str(value)) is not None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


@contextmanager
def _without_code(refused: list[str]) -> Generator[None, None, None]:
    """Within the block torch unpickles tensors alone, and evaluates nothing but arithmetic.

    Args:
        refused: why, is added to it where there was more.
    """
    load, sympify = torch.load, sympy.sympify
    read_json = serialize._bytes_to_dataclass

    def read_names(kind: type, content: bytes) -> Any:
        with _noted(refused):
            _check_json(json.loads(content), "")
        return read_json(kind, content)

    def load_tensors(*arguments: Any, **keywords: Any) -> Any:
        try:
            return load(*arguments, **(keywords | {"weights_only": True}))
        except pickle.UnpicklingError as error:
            # Torch's own words advise to load it all the same.
            named = re.search(r"GLOBAL ([\w.]+)", str(error))
            what = f", which runs {named[1]}" if named else ""
            with _noted(refused):
                raise _HoldsCode(f"holds a pickle of more than tensors{what}") from None

    def arithmetic(text: Any, *arguments: Any, **keywords: Any) -> Any:
        if isinstance(text, str):
            with _noted(refused):
                _check_expression(text)
        return sympify(text, *arguments, **keywords)

    def refuse(*arguments: Any, **keywords: Any) -> NoReturn:
        with _noted(refused):
            raise _HoldsCode("holds a pickled object or compiled code")

    with ExitStack() as stack:
        stack.enter_context(patch.object(torch, "load", load_tensors))
        stack.enter_context(patch.object(serialize, "_bytes_to_dataclass", read_names))
        stack.enter_context(patch.object(_package, "_load_aoti", refuse))
        stack.enter_context(patch.object(sympy, "sympify", arithmetic))
        stack.enter_context(patch.object(_package, "pickle", _Refusing(refuse)))
        stack.enter_context(patch.object(torch._C, "_pickle_load_obj", refuse))
        yield


class _Refusing:
    """Stands for the module `pickle` in torch's reader of archives."""

    UnpicklingError = pickle.UnpicklingError

    def __init__(self, refuse: Any):
        self.load = self.loads = self.Unpickler = refuse
