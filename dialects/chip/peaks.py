"""Instructions that rank local maxima of heat maps, all at once or as rows come and go.

Indices are flat, 64-bit integers: classes x H x W.
"""

from __future__ import annotations

from math import prod
from typing import ClassVar

from xdsl.dialects.builtin import SymbolRefAttr
from xdsl.utils.exceptions import VerifyException

from recog.dialects.chip.costs import Queue
from recog.dialects.chip.fields import flag_field, reference_field
from recog.dialects.chip.instructions import (
    INSTRUCTION,
    InstructionOp,
    verify_codes,
    verify_equal,
    verify_indices,
)
from recog.dialects.chip.records import record
from recog.dialects.chip.scope import Scope
from recog.dialects.chip.spans import AxisMap, Maps
from recog.dialects.words import counted

__all__ = ["PeaksBestOp", "PeaksOp", "PeaksRowsOp"]

SIDE = 3
"""Rows and columns of a local maximum's neighbourhood."""


@record(0x28, INSTRUCTION)
class PeaksOp(InstructionOp):
    """The K highest local maxima of a heat map, the highest first, K the output's channels.

    A local maximum is at least as large as its eight neighbours in its channel; codes are
    compared as integers, of equal ones the lower index comes first. Scores are the codes of
    the maxima, which must be positive; with `sigmoid` the heat holds logits, any of which may be
    a peak, and the scores are their sigmoids. Where there are fewer, score and index are 0.
    """

    name = "chip.peaks"
    QUEUE: ClassVar[Queue] = Queue.VECTOR

    output = reference_field("(K, 1, 1) scores", "chip.tensor", role="output")
    indices = reference_field("(K, 1, 1) 64-bit integers", "chip.tensor", role="output")
    heat = reference_field("(C, H, W)", "chip.tensor", role="input")
    sigmoid = flag_field("scores are sigmoids of the codes")

    def verify_in(self, scope: Scope) -> None:
        heat = scope.tensor(self.heat)
        _verify_best(scope, self, self.heat, prod(heat.shape))

    def vector_steps(self, scope: Scope) -> int:
        """Eight neighbours, and the least of the highest so far."""
        return SIDE * SIDE * self.moved(scope)["heat"]


@record(0x2C, INSTRUCTION)
class PeaksRowsOp(InstructionOp):
    """The K' highest local maxima of each row of a heat map, K' the output's channels.

    Local maxima, and their order, are those of `chip.peaks`. Channel n of row y is the n-th of
    row y over all channels and columns: its code, and its index in the whole map. Where a row has
    fewer, the code is 0 and the index -1. So `chip.peaks` is taken in two steps, with its bits, if
    K' is K or all of a row and `logits` is its `sigmoid`, and memory need not hold the map:

    chip.peaks @s, @i = @heat

    chip.peaks.rows @codes, @found = @heat
    chip.peaks.best @s, @i = @codes, @found
    """

    name = "chip.peaks.rows"
    QUEUE: ClassVar[Queue] = Queue.VECTOR

    output = reference_field("(K', H, 1) codes", "chip.tensor", role="output")
    indices = reference_field("(K', H, 1) 64-bit integers", "chip.tensor", role="output")
    heat = reference_field("(C, H, W)", "chip.tensor", role="input")
    logits = flag_field("any code may be a peak; else positive ones alone")

    def maps(self, scope: Scope) -> Maps:
        """A row, that above it and that below, all columns."""
        _, height, width = scope.tensor(self.heat).shape
        return {"heat": (AxisMap.window(height, 1, SIDE // 2, SIDE), AxisMap.all(width))}

    def held_elements(self, scope: Scope) -> int:
        channels, height, width = self.part(scope, "heat")
        padded = channels * (height + SIDE - 1) * (width + SIDE - 1)
        return max(super().held_elements(scope), padded)

    def verify_in(self, scope: Scope) -> None:
        heat, y = scope.tensor(self.heat), scope.tensor(self.output)
        verify_codes(heat, y)
        channels, height, width = heat.shape
        verify_equal("output plane", (height, 1), y.shape[1:])
        if y.shape[0] > channels * width:
            raise VerifyException(
                f"{y.shape[0]} peaks are more than the {counted(channels * width, 'element')} "
                "of a row"
            )
        verify_indices(scope.tensor(self.indices), y.shape[0], height)
        verify_equal("element type", heat.element_type, y.element_type)

    def vector_steps(self, scope: Scope) -> int:
        """As `chip.peaks` for the rows that it ranks."""
        channels, _, width = self.part(scope, "heat")
        return SIDE * SIDE * channels * self.part(scope, "output")[1] * width


@record(0x2D, INSTRUCTION)
class PeaksBestOp(InstructionOp):
    """The K highest of what `chip.peaks.rows` found, as `chip.peaks` gives them.

    Candidates whose index is negative are none.
    """

    name = "chip.peaks.best"
    QUEUE: ClassVar[Queue] = Queue.VECTOR

    output = reference_field("(K, 1, 1) scores", "chip.tensor", role="output")
    indices = reference_field("(K, 1, 1) 64-bit integers", "chip.tensor", role="output")
    codes = reference_field("(K', H, 1)", "chip.tensor", role="input")
    found = reference_field("(K', H, 1) 64-bit integers", "chip.tensor", role="input")
    sigmoid = flag_field("scores are sigmoids of the codes")

    def verify_in(self, scope: Scope) -> None:
        codes = scope.tensor(self.codes)
        channels, height, width = codes.shape
        verify_equal("width of codes", 1, width)
        _verify_best(scope, self, self.codes, channels * height)
        verify_indices(scope.tensor(self.found), channels, height)

    def vector_steps(self, scope: Scope) -> int:
        """Each candidate beside the least of the highest so far."""
        return self.moved(scope)["codes"]


def _verify_best(
    scope: Scope, op: PeaksOp | PeaksBestOp, source: SymbolRefAttr, elements: int
) -> None:
    """Raise VerifyException unless scores and indices fit what so many elements are ranked of."""
    x, y = scope.tensor(source), scope.tensor(op.output)
    verify_codes(x, y)
    verify_equal("output plane", (1, 1), y.shape[1:])
    if y.shape[0] > elements:
        raise VerifyException(
            f"{y.shape[0]} peaks are more than the {counted(elements, 'element')}"
        )
    verify_indices(scope.tensor(op.indices), y.shape[0])
    if op.sigmoid is None:
        verify_equal("element type", x.element_type, y.element_type)
