"""Functions of the user's own Python files, `file.py:function`: loaded, called, errors located."""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

from recog.dialects.errors import RecogError


@dataclass(frozen=True)
class UserFunction:
    """A function of a user's file; what it raises becomes a RecogError with the user's line."""

    path: str
    function: Callable[..., Any]

    def __call__(self, *arguments: Any) -> Any:
        return _run(lambda: self.function(*arguments), self.path)

    def each(self) -> Iterator[Any]:
        """What the elements are that it returns, called without arguments."""
        found = _run(self.function, self.path)
        if not isinstance(found, Iterable):
            kind = "None" if found is None else f"a value of type {type(found).__name__}"
            name = getattr(self.function, "__name__", "the function")
            raise RecogError(
                f"returned {kind}, not something to go through, such as a list",
                where=f"{self.path}:{name}",
            )
        elements = _run(lambda: iter(found), self.path)
        end = object()
        while (element := _run(lambda: next(elements, end), self.path)) is not end:
            yield element


def load_function(
    spec: str, *, wanted: str, example: str, kind: Literal["function", "class"] = "function"
) -> UserFunction:
    """The function, or the class, that `file.py:function` names.

    Args:
        wanted: what the text should have been, for the error where it is another.
        example: one that is right.

    Raises:
        RecogError: no such file or function, or an exception in the file's code (with the line
            it came from).
    """
    path, name = _parse(spec, wanted, example)
    module = _load_file(path)
    function = getattr(module, name, None)
    if not callable(function):
        all_of_them = {"function": "functions", "class": "classes"}[kind]
        names = [
            each
            for each, value in vars(module).items()
            if _is_own_function(value, module) and (kind == "function" or isinstance(value, type))
        ]
        raise RecogError(
            f"has no {kind} {name}",
            where=path,
            hint=f"its {all_of_them}: {', '.join(names) or 'none'}",
        )
    return UserFunction(path, function)


def _parse(spec: str, wanted: str, example: str) -> tuple[str, str]:
    path, separator, function = spec.rpartition(":")
    if not separator or not path or not function.isidentifier():
        raise RecogError(f"expected {wanted}, got {spec!r}", hint=f"for example: {example}")
    if not os.path.isfile(path):
        raise RecogError("no such file", where=path)
    return path, function


def _load_file(path: str) -> ModuleType:
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise RecogError("is no Python file", where=path)
    module = importlib.util.module_from_spec(spec)
    loader = spec.loader
    # As `python file.py` would: its neighbours can be imported.
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    sys.modules.setdefault(name, module)
    _run(lambda: loader.exec_module(module), path)
    return module


@contextmanager
def located_in(path: str) -> Generator[None, None, None]:
    """Within the context what code of this file raises becomes a RecogError with its line."""
    try:
        yield
    except RecogError:
        raise
    except Exception as error:
        if not _own_frames(error, path):
            raise
        raise _located(error, path) from None


def _run(run: Callable[[], Any], path: str) -> Any:
    try:
        return run()
    except SyntaxError as error:
        place = error.filename or path
        if error.lineno is not None:
            place = f"{place}:{error.lineno}"
        raise RecogError(f"SyntaxError: {error.msg}", where=place) from None
    except (Exception, SystemExit) as error:
        raise _located(error, path) from None


def _located(error: BaseException, path: str) -> RecogError:
    own = _own_frames(error, path)
    place = f"{path}:{own[-1].lineno}" if own else path
    if isinstance(error, SystemExit):
        code = f": {error.code}" if error.code else ""
        return RecogError(f"it ends the process (SystemExit{code})", where=place)
    said = f": {error}" if str(error) else ""
    return RecogError(f"{type(error).__name__}{said}", where=place)


def _own_frames(error: BaseException, path: str) -> list[traceback.FrameSummary]:
    """Where an error came through code of this file."""
    frames = traceback.extract_tb(error.__traceback__)
    return [each for each in frames if os.path.abspath(each.filename) == os.path.abspath(path)]


def _is_own_function(value: Any, module: ModuleType) -> bool:
    return callable(value) and getattr(value, "__module__", None) == module.__name__
