"""Modules and arrays on disk."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence
from typing import IO

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from recog.backend.files import atomic_write
from recog.dialects import nn
from recog.dialects.data import ModulePrinter
from recog.dialects.errors import RecogError
from recog.dialects.functions import find_function
from recog.frontend.onnx.files import split_spec
from recog.lowering.cluster.targets import are_labels, checked_target
from recog.lowering.common.data_files import inputs_of, load_arrays
from recog.tools.context import make_context
from recog.tools.opt.ir_parser import read_module


def write_module(module: ModuleOp, path: str | os.PathLike[str]) -> None:
    """Write IR text with source locations, long constants as resources at its end."""
    with atomic_write(path) as stream:
        print_module(module, stream)


def print_module(module: ModuleOp, stream: IO[str]) -> None:
    """Print IR text with source locations, long constants as resources at its end."""
    printer = ModulePrinter(stream=stream, print_debuginfo=True)
    printer.print_op(module)
    printer.print_metadata([])
    stream.write("\n")


def load_network(spec: str) -> ModuleOp:
    """The nn module of `file.py:function`, a `.pt2` archive, an ONNX file or an IR file (`.mlir`).

    Raises:
        RecogError, OSError: it cannot be read or imported.
    """
    if spec.endswith(".mlir"):
        # Without the folder: a network has the same locations wherever it lies.
        return read_module(make_context(), spec, os.path.basename(spec))
    onnx = split_spec(spec)
    if onnx is not None:
        from recog.frontend.onnx.importer import import_onnx

        return import_onnx(*onnx)
    from recog.frontend.torch.model_file import import_model

    return import_model(spec)


def load_inputs(path: str, count: int) -> tuple[list[np.ndarray], np.ndarray | None]:
    """A network's `count` inputs (N, ...) and the targets, where there are any, of a data file, or
    of batches that `file.py:function` returns.

    Raises:
        RecogError: the file cannot be read, or the arrays do not fit together.
    """
    from recog.tools.own_objective import frames_of_batches, is_function

    if is_function(path):
        return frames_of_batches(path, count)
    arrays = load_arrays(path, what="data")
    targets = arrays.pop("targets", None)
    where = f"data {path}"
    inputs = inputs_of(arrays, count, where=where)
    names = ["inputs"] if count == 1 else [f"input{i}" for i in range(count)]
    given = [*zip(names, inputs), *([] if targets is None else [("targets", targets)])]
    for name, array in given:
        if not array.ndim:
            raise RecogError(f"{name} is one number, not an array of frames (N, ...)", where=where)
    lengths = {len(array) for _, array in given}
    if lengths == {0}:
        raise RecogError("has no frames", where=where, hint="give arrays (N, ...) of one or more")
    if len(lengths) > 1:
        each = ", ".join(f"{len(array)} of {name}" for name, array in given)
        raise RecogError(f"has arrays of different numbers of frames: {each}", where=where)
    return inputs, targets


def input_count(module: ModuleOp) -> int:
    """How many inputs the network of a module takes."""
    return len(find_function(module, "main").body.block.args)


def first_output_shape(module: ModuleOp) -> tuple[int, ...]:
    """That of what the network of a module returns first; empty where it returns nothing."""
    returned = find_function(module, "main").get_return_op()
    values = () if returned is None else returned.operands
    return nn.shape_of(values[0]) if values else ()


def class_labels(targets: np.ndarray | None, shape: Sequence[int]) -> np.ndarray | None:
    """Targets that name a class for each frame of an output of this shape (N, C); None for others.

    Raises:
        TargetError: they name classes that the output does not have.
    """
    if targets is None or targets.ndim != 1 or len(shape) != 2 or not are_labels(targets):
        return None
    return checked_target(shape, targets)


def check_room(path: str, count: int) -> None:
    """Raise RecogError where a file's format cannot hold so many arrays."""
    if not path.endswith((".npy", ".npz")) and not path.startswith("/dev/"):
        raise RecogError("is neither an .npy nor an .npz file", where=path)
    if count != 1 and not path.endswith(".npz"):
        hint = "give an .npz file"
        raise RecogError(f"{count} outputs do not fit an .npy file", where=path, hint=hint)


def save_arrays(path: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write one array to an .npy file, or any number to an .npz under their names."""
    if path.endswith(".npz"):
        with atomic_write(path, "wb") as stream, zipfile.ZipFile(stream, "w") as archive:
            # np.savez takes some names for its own arguments.
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        return
    check_room(path, len(arrays))
    with atomic_write(path, "wb") as stream:
        np.save(stream, next(iter(arrays.values())))
