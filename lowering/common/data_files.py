"""Arrays of data files as the passes take them: example inputs, targets."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from xdsl.dialects.func import FuncOp

from recog.backend.input_files import check_input
from recog.dialects.errors import InputError, RecogError, first_line

UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy and zipfile raise on files that are damaged or no data at all."""

MAX_DATA_BYTES = 1 << 36
"""Of the arrays of a data file together, as they are in memory; and never more than there is."""


def load_arrays(path: str, *, what: str) -> dict[str, np.ndarray]:
    """The arrays of an .npz file, or of an .npy file under the name `inputs`.

    Raises:
        RecogError: the file is missing, is neither, or holds Python objects.
    """
    where = f"{what} {path}"
    try:
        _check_size(path)
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"inputs": _native(loaded)}
        with loaded:
            arrays = {name: loaded[name] for name in loaded.files}
    except FileNotFoundError:
        raise RecogError("there is no such file", where=where) from None
    except (*UNREADABLE, MemoryError) as error:
        said = error.strerror if isinstance(error, OSError) else None
        reason = said or first_line(error)
        if "allow_pickle" in reason:  # numpy's words for all that is no array, with bad advice
            reason = "this is no .npy or .npz file of numbers"
        hint = "give an .npy or .npz file of plain arrays"
        raise RecogError(f"cannot be read: {reason}", where=where, hint=hint) from None
    for name, array in arrays.items():
        # Any zip archive opens as an .npz file.
        if not isinstance(array, np.ndarray):
            raise RecogError(f"{name} is no array", where=where)
    return {name: _native(array) for name, array in arrays.items()}


def _native(array: np.ndarray) -> np.ndarray:
    """In this machine's order of bytes, which torch wants."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _check_size(path: str) -> None:
    """Raise OSError or ValueError for no file, and for arrays that are too large for memory."""
    most = min(MAX_DATA_BYTES, _memory_bytes())
    check_input(path, most)
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > most:
        raise ValueError(f"its arrays take {size:,} bytes, and {most:,} is the most here")


def _memory_bytes() -> int:
    """Of this machine, or MAX_DATA_BYTES where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return MAX_DATA_BYTES


def check_frames(inputs: Sequence[np.ndarray], *others: np.ndarray, what: str) -> int:
    """The length that all arrays have along their first axis.

    Raises:
        RecogError: they have none, different ones, or no frame at all.
    """
    arrays = [np.asarray(array) for array in (*inputs, *others)]
    lengths = {len(array) if array.ndim else 0 for array in arrays}
    if len(lengths) != 1 or lengths == {0}:
        shapes = ", ".join(str(list(array.shape)) for array in arrays)
        raise RecogError(f"{what} needs arrays of as many frames each, got shapes {shapes or '[]'}")
    return lengths.pop()


def load_examples(path: str, function: FuncOp, *, what: str) -> list[np.ndarray]:
    """The inputs (N, ...) of a float network's function of a data file.

    Raises:
        RecogError: they are not there, or the network does not take them; names `what` the file is.
    """
    from recog.backend.interpreters.nn_runner import check_input

    types, where = function.function_type.inputs.data, f"{what} {path}"
    inputs = inputs_of(load_arrays(path, what=what), len(types), where=where)
    with naming_file(where):
        for index, (x, type_) in enumerate(zip(inputs, types)):
            check_input(index, x, type_)
    return inputs


@contextmanager
def naming_file(file: str, about: type[RecogError] = InputError) -> Generator[None]:
    """Put the file that arrays are from before the place of an error about one."""
    try:
        yield
    except about as error:
        where = f"{file}: {error.where}" if error.where else file
        raise RecogError(error.message, where=where, hint=error.hint) from None


def _check_numbering(arrays: Mapping[str, np.ndarray], count: int, where: str) -> None:
    """Raise RecogError for inputs by number that leave one out, or that are more than `count`."""
    found = {name[5:] for name in arrays if re.fullmatch(r"input(?:0|[1-9][0-9]*)", name)}
    for index in range(len(found)):
        if str(index) not in found:
            named = max(found, key=lambda each: (len(each), each))
            raise RecogError(f"has input{named} but no input{index}", where=where)
    if len(found) > count:
        raise RecogError(f"has {len(found)} inputs, the network takes {count}", where=where)


def inputs_of(arrays: dict[str, np.ndarray], count: int, *, where: str) -> list[np.ndarray]:
    """The network's inputs among the arrays of a data file.

    One input is the array `inputs` (or the file's only array), several are `input0`, ….
    """
    _check_numbering(arrays, count, where)
    if count == 1:
        if "inputs" in arrays:
            return [arrays["inputs"]]
        if len(arrays) == 1:
            return list(arrays.values())
    names = [f"input{i}" for i in range(min(count, len(arrays) + 1))]
    if all(name in arrays for name in names):
        return [arrays[name] for name in names]
    last = f" … input{count - 1}" if len(names) < count else ""
    wanted = "inputs" if count == 1 else ", ".join(names) + last
    held = ", ".join(sorted(arrays)) or "none"
    order = "" if count == 1 else "; number the arrays in the order of the network's inputs"
    raise RecogError(f"has no array named {wanted}", where=where, hint=f"it has {held}{order}")
