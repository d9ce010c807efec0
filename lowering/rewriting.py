"""What the lowering passes share: options, locations, loading data for a pass."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import FusedLoc, LocationAttr, NoneAttr, UnknownLoc
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter

from recog.dialects.errors import RecogError

UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy and zipfile raise on files that are damaged or no data at all."""


def check_option(settings: object, name: str, low: float, high: float) -> None:
    """Raise RecogError unless a field of a pass is a number in [low, high]."""
    value = getattr(settings, name)
    if not low <= value <= high:
        option = name.replace("_", "-")
        raise RecogError(f"option {option} must be in [{low}, {high}], got {value}")


def replace_op(
    rewriter: PatternRewriter,
    op: Operation,
    new_ops: Sequence[Operation],
    results: Sequence[SSAValue] | None = None,
    *,
    location: LocationAttr | None = None,
) -> None:
    """Replace `op`, giving its source location and name hints to what replaces it."""
    for new_op in new_ops:
        if isinstance(new_op.location, UnknownLoc):
            new_op.location = location or op.location
    values = results if results is not None else new_ops[-1].results
    for old, new in zip(op.results, values):
        if new.name_hint is None:
            new.name_hint = old.name_hint
    rewriter.replace(op, list(new_ops), list(values))


def fused_location(*ops: Operation) -> LocationAttr:
    """The locations of several ops that become one, each once, unknown ones left out."""
    known: list[LocationAttr] = []
    for op in ops:
        parts = op.location.locations if isinstance(op.location, FusedLoc) else [op.location]
        known += [loc for loc in parts if loc not in known and not isinstance(loc, UnknownLoc)]  # pyright: ignore
    if len(known) < 2:
        return known[0] if known else UnknownLoc()
    return FusedLoc(tuple(known), NoneAttr())


def only_user(value: SSAValue) -> Operation | None:
    """The op that uses `value`, None where there is no use or more than one."""
    use = value.get_unique_use()
    return use.operation if use is not None else None


def load_arrays(path: str, *, what: str) -> dict[str, np.ndarray]:
    """The arrays of an .npz file, or of an .npy file under the name `inputs`.

    Raises:
        RecogError: the file is missing, is neither, or holds Python objects.
    """
    where = f"{what} {path}"
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"inputs": loaded}
        with loaded:
            arrays = {name: loaded[name] for name in loaded.files}
    except FileNotFoundError:
        raise RecogError("there is no such file", where=where) from None
    except (*UNREADABLE, MemoryError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        hint = "give an .npy or .npz file of plain arrays"
        raise RecogError(f"cannot be read: {reason}", where=where, hint=hint) from None
    for name, array in arrays.items():
        # Any zip archive opens as an .npz file.
        if not isinstance(array, np.ndarray):
            raise RecogError(f"{name} is no array", where=where)
    return arrays


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


def inputs_of(arrays: dict[str, np.ndarray], count: int, *, where: str) -> list[np.ndarray]:
    """The network's inputs among the arrays of a data file.

    One input is the array `inputs` (or the file's only array), several are `input0`, ….
    """
    if f"input{count}" in arrays:
        given = sum(name.startswith("input") for name in arrays)
        raise RecogError(f"has {given} inputs, the network takes {count}", where=where)
    if count == 1:
        if "inputs" in arrays:
            return [arrays["inputs"]]
        if len(arrays) == 1:
            return list(arrays.values())
    names = [f"input{i}" for i in range(count)]
    if all(name in arrays for name in names):
        return [arrays[name] for name in names]
    wanted = "inputs" if count == 1 else ", ".join(names)
    raise RecogError(
        f"has no array named {wanted}",
        where=where,
        hint=f"it has {', '.join(sorted(arrays)) or 'none'}",
    )
