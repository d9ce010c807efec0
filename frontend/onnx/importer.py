"""ONNX files as modules of the nn dialect, by way of onnx2torch and torch.export."""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recog.backend.files import shown
from recog.dialects.errors import RecogError, first_line
from recog.dialects.words import counted
from recog.frontend.onnx.earlier_forms import NEWEST, SET, to_known_set
from recog.frontend.onnx.files import read_onnx
from recog.frontend.onnx.graph_forms import prepare
from recog.frontend.onnx.resizes import check_resizes
from recog.frontend.onnx.torch_modules import exportable
from recog.frontend.onnx.torchvision_schemas import load_torchvision

if TYPE_CHECKING:
    import onnx
    import torch
    from xdsl.dialects.builtin import ModuleOp

MAX_ELEMENTS = 1 << 31
"""Of an input."""


def import_onnx(path: str | os.PathLike[str], shapes: Sequence[Sequence[int]] = ()) -> ModuleOp:
    """The nn module of an ONNX file.

    Weights may be initializers, results of Constant nodes, or lie in other files of its folder.

    Args:
        shapes: of the inputs, where the file leaves sizes open. An open first size is taken as 1.

    Raises:
        RecogError: the file is damaged, sizes are open, or operators are not supported.
        OSError: it cannot be read.
    """
    from recog.frontend.torch.importer import import_torch

    where = shown(Path(path))
    model = read_onnx(path)
    inputs = _examples(model, shapes, where)
    return import_torch(torch_module(model, where), inputs)


def torch_module(model: onnx.ModelProto, where: str) -> torch.nn.Module:
    """A network in PyTorch; its outputs come in a dictionary by their names.

    Args:
        where: the file, for errors.
    """
    opset = _opset(model)
    if opset > NEWEST:
        raise RecogError(
            f"is of operator set {opset}, the latest that is understood is {NEWEST}",
            where=where,
            hint=f"export it with opset_version={SET}, or give the PyTorch network",
        )
    prepare(model)
    problems = [*to_known_set(model), *check_resizes(model)]
    load_torchvision()
    logging.getLogger("onnx2torch").setLevel(logging.ERROR)
    from onnx2torch import convert

    listed = [*problems, *(f"{op}, first at {name!r}" for op, name in _missing(model).items())]
    if listed:
        lines = "".join(f"\n  {each}" for each in listed)
        raise RecogError(
            f"of operator set {opset} onnx2torch cannot convert:{lines}",
            where=where,
            hint=f"export it with opset_version={SET}, or give the PyTorch network",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = convert(model, save_input_names=True)
    except Exception as error:  # each converter has errors of its own
        raise RecogError(
            f"onnx2torch cannot convert it: {first_line(error)}",
            where=where,
            hint="give the PyTorch network it was exported from, as a .pt2 archive",
        ) from error
    names = [output.name for output in model.graph.output]
    return exportable(made, names).eval()


def _opset(model: onnx.ModelProto) -> int:
    return max(each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))


def _missing(model: onnx.ModelProto) -> dict[str, str]:
    """The nodes that onnx2torch has no converter for: the first of each operator."""
    from onnx2torch.node_converters.registry import get_converter

    versions = {each.domain: each.version for each in model.opset_import}
    found: dict[str, str] = {}
    for node in model.graph.node:
        try:
            get_converter(node.op_type, versions.get(node.domain, 1), node.domain)
        except NotImplementedError:
            name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
            found.setdefault(name, node.name or node.output[0])
    return found


def _examples(
    model: onnx.ModelProto, shapes: Sequence[Sequence[int]], where: str
) -> tuple[torch.Tensor, ...]:
    """Zeros of the inputs' shapes and types."""
    import onnx
    import torch

    stored = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in stored]
    if not inputs:
        raise RecogError("the network has no inputs", where=where)
    if shapes and len(shapes) != len(inputs):
        names = ", ".join(each.name for each in inputs)
        raise RecogError(
            f"{counted(len(shapes), 'shape')} for {counted(len(inputs), 'input')}: {names}",
            where=where,
        )
    found = list[Any]()
    for number, each in enumerate(inputs):
        tensor = each.type.tensor_type
        sizes = _sizes(each, shapes[number] if shapes else None, where)
        try:
            dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
            found.append(torch.zeros(sizes, dtype=getattr(torch, str(dtype))))
        except (AttributeError, KeyError, TypeError):
            raise RecogError(f"input {each.name!r} is of no known type", where=where) from None
    return tuple(found)


def _sizes(value: onnx.ValueInfoProto, given: Sequence[int] | None, where: str) -> list[int]:
    """The sizes of an input: the file's, and those given where it leaves them open."""
    tensor = value.type.tensor_type
    if not value.type.HasField("tensor_type") or not tensor.HasField("shape"):
        if given is None:
            raise _open(value.name, "its shape", where)
        return list(given)
    own = [d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim]
    if given is None:
        sizes = [1 if i == 0 and size is None else size for i, size in enumerate(own)]
        if None in sizes:
            raise _open(value.name, _text(own), where)
    else:
        sizes = list(given)
        fits = len(sizes) == len(own) and all(o in (None, g) for o, g in zip(own, sizes))
        if not fits:
            message = f"input {value.name!r} is {_text(own)}, not {_text(sizes)}"
            raise RecogError(message, where=where)
    known = [size for size in sizes if size is not None]
    if min(known, default=1) < 1 or math.prod(known) > MAX_ELEMENTS:
        raise RecogError(f"input {value.name!r} has the impossible shape {_text(own)}", where=where)
    return known


def _text(sizes: Sequence[int | None]) -> str:
    return "x".join("?" if size is None else str(size) for size in sizes) or "a single number"


def _open(name: str, what: str, where: str) -> RecogError:
    return RecogError(
        f"input {name!r} leaves sizes open: {what}",
        where=where,
        hint=f"say them after the file's name: {where}:1x3x224x224, a comma between inputs",
    )
