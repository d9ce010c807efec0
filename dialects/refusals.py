"""Refusals that depend on numbers, which are known only when a network is converted.

Each is declared once, beside what raises it, and stands on the pass that may meet it: so that
`recog check`, which sees no numbers, can say what is still open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass


@dataclass(frozen=True)
class OpenRefusal:
    """What a pass may refuse a network with, depending on numbers.

    Attributes:
        words: of the error, with names in braces for what differs.
        when: what has to be so for it, a plain sentence without names, as `recog check` says it.
        of: it is about such ops; networks without any cannot be refused so.
    """

    words: str
    when: str
    of: type[Operation] = Operation

    def message(self, **values: object) -> str:
        """The words of an error."""
        return self.words.format(**values)


def open_refusals(passes: Iterable[type[ModulePass]], module: ModuleOp) -> Iterator[OpenRefusal]:
    """What passes may still refuse a module with, by their attribute OPEN_REFUSALS."""
    ops = list(module.walk())
    for each in passes:
        for refusal in getattr(each, "OPEN_REFUSALS", ()):
            if any(isinstance(op, refusal.of) for op in ops):
                yield refusal


INPUT_SHAPE = OpenRefusal(
    "has shape {given}, the network wants {wanted}",
    "the example inputs have other shapes than the network takes",
)
INPUT_TYPE = OpenRefusal(
    "has dtype {given}, the network wants float32",
    "the example inputs are pixels or complex numbers where the network takes floats",
)
NOT_FINITE = OpenRefusal("holds {what} in frame {frame}", "the example inputs hold NaN or infinity")
"""What is said of an input, by its number."""


def not_finite(frames: np.ndarray) -> str:
    """What is said of frames (N, ...) some of which are not finite as float32."""
    for number, frame in enumerate(frames):
        frame = np.asarray(frame)
        with np.errstate(over="ignore"):
            wrong = frame[~np.isfinite(frame.astype(np.float32))]
        if wrong.size:
            known = np.isfinite(wrong).all()
            what = f"{wrong[0]:g}, which no float32 is," if known else "NaN or infinity"
            return NOT_FINITE.message(what=what, frame=number)
    raise ValueError("all frames are finite")


def pixels_hint(dtype: str) -> str | None:
    """What to do with pixels where a network wants what it was trained on."""
    if not dtype.startswith("uint"):
        return None
    return (
        "scale pixels as for training, often by 1 / 255; a network whose example inputs are uint8 "
        "takes them as they are"
    )
