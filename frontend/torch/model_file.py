"""Networks named on a command line: `file.py:function` or a `.pt2` archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recog.backend.threads import fixed_threads
from recog.dialects.errors import RecogError
from recog.frontend.user_code import load_function

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
    build = load_function(
        spec, wanted="file.py:function, or a .pt2, .onnx or .mlir file", example="nets/unet.py:make"
    )
    return _check_result(build(), spec)


def import_model(spec: str) -> ModuleOp:
    """The nn module of `file.py:function` or of a `.pt2` archive; raises RecogError."""
    from recog.frontend.torch.importer import import_pt2, import_torch

    if spec.endswith(".pt2"):
        return import_pt2(spec)
    return import_torch(*load_model(spec))


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
