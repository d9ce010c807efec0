"""Interpreter of lns peaks, boxes and suppression, bit for bit."""

from __future__ import annotations

import numpy as np
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls
from xdsl.ir import SSAValue

from recog.backend.arithmetic.reference import boxes
from recog.backend.arithmetic.reference.boxes import Codes
from recog.dialects import lns
from recog.dialects.lns import format_of, frac_of


@register_impls
class LnsBoxFunctions(InterpreterFunctions):
    """One implementation an op, each the definition itself."""

    @impl(lns.PeaksOp)
    def run_peaks(self, _: Interpreter, op: lns.PeaksOp, args: PythonValues) -> PythonValues:
        heat, out_format = _codes(args[0], op.heat), format_of(op.output)
        sigmoid = op.sigmoid is not None
        return boxes.peaks(heat, op.k.value.data, out_format, sigmoid=sigmoid)

    @impl(lns.DecodeBoxes2dOp)
    def run_decode_boxes_2d(
        self, _: Interpreter, op: lns.DecodeBoxes2dOp, args: PythonValues
    ) -> PythonValues:
        maps = _codes(args[1], op.offset), _codes(args[2], op.size)
        return (boxes.decode_boxes_2d(args[0], *maps, op.geometry, frac_of(op.output)),)

    @impl(lns.DecodeBoxes3dOp)
    def run_decode_boxes_3d(
        self, _: Interpreter, op: lns.DecodeBoxes3dOp, args: PythonValues
    ) -> PythonValues:
        maps = _codes(args[1], op.disparity), _codes(args[2], op.box)
        return (boxes.decode_boxes_3d(args[0], *maps, op.geometry, frac_of(op.output)),)

    @impl(lns.SuppressOp)
    def run_suppress(self, _: Interpreter, op: lns.SuppressOp, args: PythonValues) -> PythonValues:
        scores = boxes.suppress(*args, cells=op.cells.value.data, overlap=op.overlap.value.data)
        return (scores,)

    @impl(lns.DecodeFixedOp)
    def run_decode_fixed(
        self, _: Interpreter, op: lns.DecodeFixedOp, args: PythonValues
    ) -> PythonValues:
        return (boxes.decode_fixed(args[0], frac_of(op.input)),)


def _codes(values: np.ndarray, value: SSAValue) -> Codes:
    return Codes(values, format_of(value))
