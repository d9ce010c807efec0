"""ONNX files from anybody: bounded, checked, and nothing outside their folder."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from recog.backend.files import shown
from recog.backend.input_files import check_input, read_input
from recog.dialects.errors import RecogError, first_line

if TYPE_CHECKING:
    import onnx

MAX_BYTES = (1 << 31) - 1
"""What protobuf holds; weights beyond it lie in files beside."""
MAX_EXTERNAL_BYTES = 1 << 34
OPEN_SIZES = re.compile(r"(?P<path>.+\.onnx)(?::(?P<shapes>[0-9x,]+))?", re.DOTALL)


def split_spec(spec: str) -> tuple[str, list[list[int]]] | None:
    """The file and the inputs' shapes of `net.onnx` or `net.onnx:1x3x224x224,1x10`; None where it
    is no such text.

    Raises:
        RecogError: shapes that are none.
    """
    found = OPEN_SIZES.fullmatch(spec)
    if found is None:
        return None
    try:
        texts = found["shapes"].split(",") if found["shapes"] else []
        return found["path"], [[int(size) for size in text.split("x")] for text in texts]
    except ValueError:
        hint = "sizes with an x between, as in net.onnx:1x3x224x224"
        raise RecogError("no shape of an input", where=spec, hint=hint) from None


def read_onnx(path: str | os.PathLike[str]) -> onnx.ModelProto:
    """A checked model with all of its weights.

    Raises:
        RecogError: it is damaged, or its weights lie outside its folder.
        OSError: it cannot be read, or is too large.
    """
    import onnx
    import onnx.external_data_helper
    from google.protobuf.message import DecodeError

    where = shown(Path(path))
    try:
        model = onnx.ModelProto.FromString(read_input(path, MAX_BYTES))
    except DecodeError:
        raise RecogError("is no ONNX file, or a damaged one", where=where) from None
    folder = Path(path).resolve().parent
    for tensor in onnx.external_data_helper._get_all_tensors(model):
        if onnx.external_data_helper.uses_external_data(tensor):
            _check_external(tensor, folder, where)
    try:
        onnx.external_data_helper.load_external_data_for_model(model, str(folder))
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        raise RecogError(f"is no valid ONNX file: {first_line(error)}", where=where) from None
    if model.functions:
        raise RecogError("has functions of its own", where=where, hint="export it without them")
    return model


def _check_external(tensor: onnx.TensorProto, folder: Path, where: str) -> None:
    """Refuse weights in a file that is not a regular one of the model's own folder."""
    location = next((e.value for e in tensor.external_data if e.key == "location"), "")
    target = (folder / location).resolve()
    if not location or not target.is_relative_to(folder):
        message = f"weight {tensor.name!r} lies outside the file's folder, in {location!r}"
        raise RecogError(message, where=where)
    check_input(target, MAX_EXTERNAL_BYTES)
