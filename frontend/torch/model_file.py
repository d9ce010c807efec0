"""Networks named on a command line: `file.py:function` or a `.pt2` archive."""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from recog.backend.threads import fixed_threads
from recog.dialects.errors import RecogError

if TYPE_CHECKING:
    from torch.nn import Module
    from xdsl.dialects.builtin import ModuleOp

_WANTED = "the function takes no arguments and returns (torch.nn.Module, example inputs)"


@fixed_threads()
def load_model(spec: str) -> tuple[Module, tuple[Any, ...]]:
    """Call the user's function `file.py:function`: a network and its example inputs.

    Raises:
        RecogError: no such file or function, an exception in the user's code (with the line
            it came from), or another result than a network and its inputs.
    """
    path, function = _parse_spec(spec)
    module = _load_file(path)
    build = getattr(module, function, None)
    if not callable(build):
        names = [name for name, value in vars(module).items() if _is_own_function(value, module)]
        raise RecogError(
            f"has no function {function}",
            where=path,
            hint=f"its functions: {', '.join(names) or 'none'}",
        )
    return _check_result(_run_user_code(build, path), spec)


def import_model(spec: str) -> ModuleOp:
    """The nn module of `file.py:function` or of a `.pt2` archive; raises RecogError."""
    from recog.frontend.torch.importer import import_pt2, import_torch

    if spec.endswith(".pt2"):
        return import_pt2(spec)
    return import_torch(*load_model(spec))


def _parse_spec(spec: str) -> tuple[str, str]:
    path, separator, function = spec.rpartition(":")
    if not separator or not path or not function.isidentifier():
        raise RecogError(
            f"expected file.py:function or a .pt2 archive, got {spec!r}",
            hint="for example: nets/unet.py:make",
        )
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
    _run_user_code(lambda: loader.exec_module(module), path)
    return module


def _run_user_code(run: Callable[[], Any], path: str) -> Any:
    try:
        return run()
    except SyntaxError as error:
        place = error.filename or path
        if error.lineno is not None:
            place = f"{place}:{error.lineno}"
        raise RecogError(f"SyntaxError: {error.msg}", where=place) from None
    except (Exception, SystemExit) as error:
        own = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if os.path.abspath(frame.filename) == os.path.abspath(path)
        ]
        place = f"{path}:{own[-1].lineno}" if own else path
        raise RecogError(f"{type(error).__name__}: {error}", where=place) from None


def _is_own_function(value: Any, module: ModuleType) -> bool:
    return callable(value) and getattr(value, "__module__", None) == module.__name__


def _check_result(result: Any, spec: str) -> tuple[Module, tuple[Any, ...]]:
    import torch

    if not isinstance(result, tuple) or len(result) != 2:
        raise RecogError(f"returned {_describe(result)}", where=spec, hint=_WANTED)
    model, inputs = result
    if not isinstance(model, torch.nn.Module):
        raise RecogError(f"returned {_describe(model)} as the network", where=spec, hint=_WANTED)
    if isinstance(inputs, torch.Tensor):
        return model, (inputs,)
    if not isinstance(inputs, (tuple, list)) or not inputs:
        raise RecogError(f"returned {_describe(inputs)} as inputs", where=spec, hint=_WANTED)
    return model, tuple(inputs)


def _describe(value: Any) -> str:
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return f"{type(value).__name__}"
