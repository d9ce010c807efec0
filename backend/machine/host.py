"""What the host does: checks arrays, turns them into codes before a run and back after it."""

from __future__ import annotations

import numpy as np

from recog.backend.arithmetic.encoding import encode
from recog.backend.arithmetic.reference import boxes, definition
from recog.dialects.chip import InputOp, OutputOp, PortOp
from recog.dialects.errors import RecogError


def pixels_hint(array: np.ndarray) -> str | None:
    """What to do with pixels where a network wants what it was trained on."""
    return "scale pixels as for training, often by 1 / 255" if array.dtype.kind == "u" else None


def check_input(port: InputOp, x: np.ndarray) -> np.ndarray:
    """`x` as the float32 array, or the codes, that an input takes.

    Raises:
        RecogError: naming the input and what is wrong with the array.
    """
    if port.encoded is None:
        return check_codes(port, x)
    array = _check_shape(port, x)
    if array.dtype.kind not in "fib":
        message = f"has dtype {array.dtype}, the program wants float32"
        raise RecogError(message, where=_name(port), hint=pixels_hint(array))
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(array).all():
        raise RecogError("holds NaN or infinity", where=_name(port))
    return array


def check_codes(port: InputOp, x: np.ndarray) -> np.ndarray:
    """`x` as the codes that an input takes; raises RecogError as `check_input` does."""
    array = _check_shape(port, x)
    if array.dtype != port.dtype:
        raise RecogError(
            f"has dtype {array.dtype}, codes of {port.element_type} have {port.dtype}",
            where=_name(port),
        )
    if port.integer is None and port.format.illegal_codes(array).any():
        raise RecogError(
            f"holds values that are no codes of {port.element_type}", where=_name(port)
        )
    return array


def _check_shape(port: PortOp, x: np.ndarray) -> np.ndarray:
    array = np.asarray(x)
    if array.ndim != len(port.frame_shape) + 1 or array.shape[1:] != port.frame_shape:
        wanted = ", ".join(map(str, ("N", *port.frame_shape)))
        raise RecogError(
            f"has shape {list(array.shape)}, the program wants [{wanted}]", where=_name(port)
        )
    return array


def _name(port: PortOp) -> str:
    return f"input @{port.sym_name.data}"


def encode_input(port: InputOp, x: np.ndarray) -> np.ndarray:
    """The codes that the host writes to DRAM."""
    return x if port.encoded is None else encode(x, port.format)


def decode_output(port: OutputOp, codes: np.ndarray) -> np.ndarray:
    """What the host makes of the codes in DRAM."""
    if port.decoded is None:
        return codes
    if port.fixed is not None:
        return boxes.decode_fixed(codes, port.frac.value.data)
    return definition.decode(codes, port.format, np.float32)
