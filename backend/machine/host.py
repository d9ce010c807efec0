"""What the host does: checks arrays, turns them into codes before a run and back after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from recog.backend.arithmetic.reference import boxes, definition
from recog.backend.arithmetic.reference.engine import Engine
from recog.dialects.chip import InputOp, OutputOp, PortOp
from recog.dialects.errors import InputError
from recog.dialects.number_format import LnsFormat
from recog.dialects.refusals import not_finite, pixels_hint
from recog.dialects.words import counted


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
        raise InputError(message, where=_name(port), hint=pixels_hint(array.dtype.name))
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(array).all():
        raise InputError(not_finite(np.asarray(x)), where=_name(port))
    return array


def check_codes(port: InputOp, x: np.ndarray) -> np.ndarray:
    """`x` as the codes that an input takes; raises RecogError as `check_input` does."""
    array = _check_shape(port, x)
    if port.integer is not None and array.dtype.kind in "iu":
        array = _fitting(port, array)
    if array.dtype != port.dtype:
        raise InputError(
            f"has dtype {array.dtype}, codes of {port.element_type} have {port.dtype}",
            where=_name(port),
        )
    if port.integer is None and port.format.illegal_codes(array).any():
        raise InputError(
            f"holds values that are no codes of {port.element_type}", where=_name(port)
        )
    return array


def _fitting(port: InputOp, array: np.ndarray) -> np.ndarray:
    """Integers in the port's own type; raises RecogError where it does not hold them."""
    fitting = array.astype(port.dtype)
    if (fitting != array).any():
        raise InputError(f"holds values that do not fit {port.element_type}", where=_name(port))
    return fitting


def _check_shape(port: PortOp, x: np.ndarray) -> np.ndarray:
    array = np.asarray(x)
    if array.ndim != len(port.frame_shape) + 1 or array.shape[1:] != port.frame_shape:
        wanted = ", ".join(map(str, ("N", *port.frame_shape)))
        raise InputError(
            f"has shape {list(array.shape)}, the program wants [{wanted}]", where=_name(port)
        )
    return array


def _name(port: PortOp) -> str:
    return f"input @{port.sym_name.data}"


def encode_input(port: InputOp, x: np.ndarray, engine: Engine) -> np.ndarray:
    """The codes that the host writes to DRAM."""
    return x if port.encoded is None else engine.encode(x, port.format)


@dataclass(frozen=True)
class Saturated:
    """How many of the numbers that an input or output carried its codes could not hold.

    Attributes:
        port: its symbol in the program.
        count: of an input, those that are beyond the largest code, or negative where codes have
            no sign; of an output, those that have the largest code, and may be larger.
        total: all of them.
        is_input: which of both it is.
    """

    port: str
    count: int
    total: int
    is_input: bool

    def line(self) -> str:
        """For a terminal."""
        percent = 100 * self.count / self.total
        digits = 2 if percent < 99 else 4
        share = f"{percent:.{digits}g} % ({self.count:,} of {counted(self.total, 'value')})"
        if self.is_input:
            return f"input @{self.port}: {share} lie beyond its codes and were clipped"
        return f"output @{self.port}: {share} have the largest code and may be larger"


def saturated_inputs(port: InputOp, x: np.ndarray) -> int:
    """How many elements of a float array, as `check_input` gives it, lose more than digits."""
    if port.encoded is None:
        return 0
    format = port.format
    bias, steps = format.biases[0], 2**format.frac
    # Half a step beyond the largest code, and half of the smallest.
    lost = np.abs(x) >= np.exp2((format.max_magnitude + 0.5 - bias) / steps)
    if format.unsigned:
        lost |= x <= -np.exp2((1 - bias) / steps - 1)
    return int(np.count_nonzero(lost))


def saturated_outputs(port: OutputOp, codes: np.ndarray) -> int:
    """How many codes of a decoded output are the largest of their sign."""
    if port.decoded is None or port.integer is not None:
        return 0
    format = port.format
    magnitudes = codes & ~codes.dtype.type(format.sign_mask)
    return int(np.count_nonzero(magnitudes == format.max_magnitude))


class SaturationCounts:
    """Counts what the inputs and outputs of a run could not hold, some frames at a time."""

    def __init__(self):
        self._counts: Counter[PortOp] = Counter()
        self._totals: Counter[PortOp] = Counter()

    def add(self, port: PortOp, count: int, total: int) -> None:
        """So many of so many values of a port have no code near them."""
        self._counts[port] += count
        self._totals[port] += total

    def of(self, ports: Iterable[PortOp]) -> list[Saturated]:
        """Those of these ports that have any."""
        return [
            Saturated(
                port.sym_name.data,
                self._counts[port],
                self._totals[port],
                isinstance(port, InputOp),
            )
            for port in ports
            if self._counts[port]
        ]


def taken_output(port: OutputOp, elements: np.ndarray) -> np.ndarray:
    """The elements of an output in DRAM as the host takes them: integers in its own width."""
    return elements.astype(port.host_dtype) if port.host_bits.value.data else elements


def decode_output(port: OutputOp, codes: np.ndarray, format: LnsFormat | None) -> np.ndarray:
    """What the host makes of codes, (N, C, ...), which are of this format."""
    if port.decoded is None:
        return codes
    if format is None:
        return boxes.decode_fixed(codes, port.frac.value.data)
    return definition.decode(codes, format, np.float32)
