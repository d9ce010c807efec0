"""How peaks, boxes and suppression become chip instructions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.ir import Operation, SSAValue

from recog.dialects import chip, lns
from recog.dialects.data import ConstantOp
from recog.dialects.errors import fail
from recog.lowering.select.program_builder import ProgramBuilder
from recog.lowering.select.rules.layers_and_maps import lowers


@lowers(lns.PeaksOp)
def lower_peaks(build: ProgramBuilder, op: lns.PeaksOp) -> None:
    build.emit(
        op,
        chip.PeaksOp(
            heat=build.tensor(op, op.heat),
            output=build.tensor(op, op.output),
            indices=build.tensor(op, op.indices),
            sigmoid=op.sigmoid is not None,
        ),
    )


@lowers(lns.DecodeBoxes2dOp)
def lower_decode_boxes_2d(build: ProgramBuilder, op: lns.DecodeBoxes2dOp) -> None:
    instruction = chip.Boxdec2dOp(
        output=build.tensor(op, op.output),
        indices=_computed(build, op, op.indices),
        offset=build.tensor(op, op.offset),
        size=build.tensor(op, op.size),
        parameters=0,
    )
    build.image.store(instruction, "parameters", "tables", _words(op.geometry.words))
    build.emit(op, instruction)


@lowers(lns.DecodeBoxes3dOp)
def lower_decode_boxes_3d(build: ProgramBuilder, op: lns.DecodeBoxes3dOp) -> None:
    geometry = op.geometry
    instruction = chip.Boxdec3dOp(
        output=build.tensor(op, op.output),
        indices=_computed(build, op, op.indices),
        disparity=build.tensor(op, op.disparity),
        box=build.tensor(op, op.box),
        classes=geometry.classes,
        parameters=0,
    )
    build.image.store(instruction, "parameters", "tables", _words(geometry.words))
    build.emit(op, instruction)


@lowers(lns.SuppressOp)
def lower_suppress(build: ProgramBuilder, op: lns.SuppressOp) -> None:
    build.emit(
        op,
        chip.NmsOp(
            output=build.tensor(op, op.output),
            boxes=_computed(build, op, op.boxes),
            scores=build.tensor(op, op.scores),
            indices=_computed(build, op, op.indices),
            cells=op.cells.value.data,
            overlap=op.overlap.value.data,
        ),
    )


@lowers(lns.DecodeFixedOp)
def lower_decode_fixed(build: ProgramBuilder, op: lns.DecodeFixedOp) -> None:
    """The host decodes what the program returns; other users of floats have no lowering."""


def _computed(build: ProgramBuilder, op: Operation, value: SSAValue) -> str:
    """The descriptor of indices or boxes; fails where they are a constant, which none writes."""
    if isinstance(value.owner, ConstantOp):
        fail(op, f"an operand of type {value.type} must be computed, not constant")
    return build.tensor(op, value)


def _words(words: Sequence[int]) -> bytes:
    return np.array(words, "<i4").tobytes()
