"""Peaks, boxes and their suppression.

The chip's tensors have three axes, so rows end in axes of size 1 there; here they do not.
"""

from __future__ import annotations

import numpy as np

from recog.backend.arithmetic.reference import boxes
from recog.backend.evaluation.values import Reference, Values, evaluates
from recog.dialects import chip, lns


@evaluates(lns.PeaksOp, chip.PeaksOp)
def peaks(op: lns.PeaksOp | chip.PeaksOp, values: Values) -> tuple[np.ndarray, np.ndarray]:
    count, out = values.shape(op.output)[0], values.format(op.output)
    return boxes.peaks(values.codes(op.heat), count, out, sigmoid=op.sigmoid is not None)


@evaluates(chip.PeaksRowsOp)
def row_peaks(op: chip.PeaksRowsOp, values: Values) -> tuple[np.ndarray, np.ndarray]:
    count, height, _ = values.shape(op.output)
    computed, read = values.computed(op.output), values.computed(op.heat)
    rows = range(height) if computed is None else computed.rows
    above = rows.start - (0 if read is None else read.rows.start)
    every = op.logits is not None
    return boxes.row_peaks(values.codes(op.heat), count, rows, height, above=above, every=every)


@evaluates(chip.PeaksBestOp)
def best_peaks(op: chip.PeaksBestOp, values: Values) -> tuple[np.ndarray, np.ndarray]:
    count, out = values.shape(op.output)[0], values.format(op.output)
    candidates, indices = values.codes(op.codes), values.read(op.found)
    return boxes.best_peaks(candidates, indices, count, out, sigmoid=op.sigmoid is not None)


@evaluates(lns.DecodeBoxes2dOp, chip.Boxdec2dOp)
def decode_boxes_2d(op: lns.DecodeBoxes2dOp | chip.Boxdec2dOp, values: Values) -> np.ndarray:
    maps = values.codes(op.offset), values.codes(op.size)
    geometry, frac = values.geometry(op), values.fixed_frac(op.output)
    indices = _column(values, op.indices)
    return boxes.decode_boxes_2d(indices, *maps, geometry, frac, plane=_plane(op))


@evaluates(lns.DecodeBoxes3dOp, chip.Boxdec3dOp)
def decode_boxes_3d(op: lns.DecodeBoxes3dOp | chip.Boxdec3dOp, values: Values) -> np.ndarray:
    maps = values.codes(op.disparity), values.codes(op.box)
    geometry, frac = values.geometry(op), values.fixed_frac(op.output)
    indices = _column(values, op.indices)
    return boxes.decode_boxes_3d(indices, *maps, geometry, frac, plane=_plane(op))


@evaluates(lns.SuppressOp, chip.NmsOp)
def suppress(op: lns.SuppressOp | chip.NmsOp, values: Values) -> np.ndarray:
    corners = values.read(op.boxes)
    return boxes.suppress(
        corners.reshape(*corners.shape[:3]),
        _column(values, op.scores),
        _column(values, op.indices),
        cells=op.cells.value.data,
        overlap=op.overlap.value.data,
    )


def _plane(op: lns.DecodeBoxes2dOp | lns.DecodeBoxes3dOp | chip.BoxdecOp) -> boxes.Plane | None:
    """Height and width of whole maps, where some hold the elements at the indices alone."""
    return op.plane if isinstance(op, chip.BoxdecOp) else None


def _column(values: Values, reference: Reference) -> np.ndarray:
    """One element a row, (N, k)."""
    elements = values.read(reference)
    return elements.reshape(elements.shape[:2])
