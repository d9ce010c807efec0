"""What runs around the row kernels of narrow layers, compiled by numba: bands, placing, codes."""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportReturnType=false, reportArgumentType=false
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.fast.intrinsics import invoke, jit
from recog.backend.arithmetic.fast.reencoding import Epilogue, finish, finish_rows

SPARE = 256
"""Elements behind a band that vectors may reach into."""


class Planes(NamedTuple):
    """A convolution of few outputs a group, cut into bands of output rows; see `narrow`.

    Padded input rows lie phase by phase: column x at x mod stride · phase + x div stride.

    Attributes:
        parts, row: kernels' addresses.
        masks: how `parts` parts codes, see `layer.masks_of`.
    """

    parts: int
    row: int
    positions: int
    outputs: int
    inputs: int
    groups: int
    depth: int
    size: int
    bands: int
    band: int
    rows: int
    height: int
    width: int
    in_height: int
    in_width: int
    top: int
    left: int
    stride: int
    column_stride: int
    phase: int
    masks: tuple[int, int, int, int, int]


@jit
def narrow(
    first: int,
    last: int,
    plan: Planes,
    x: np.ndarray,
    taps: np.ndarray,
    epilogue: Epilogue,
    out: np.ndarray,
    scratch: np.ndarray,
) -> None:
    """Convolve the units first, ..., last − 1; a unit is a band of rows of one group of an image.

    Args:
        x: codes [N, C, H, W].
        taps: see `emit`; int32 [outputs, depth, 4].
        out: codes, or int64 accumulators, [N, O, Ho · Wo].
        scratch: bytes for the band, see `narrow_bytes`.
    """
    row_length = plan.phase * plan.column_stride
    size = plan.size + SPARE
    entries = scratch[: 4 * size].view(np.int32)
    power = scratch[4 * size : 8 * size].view(np.int32)
    codes = scratch[8 * size : 9 * size]
    acc = scratch[9 * size :].view(np.int32)
    staged = np.empty(plan.positions, out.dtype)
    for unit in range(first, last):
        band, group = unit % plan.bands, unit // plan.bands % plan.groups
        image = unit // (plan.bands * plan.groups)
        low = band * plan.band
        some = min(plan.band, plan.height - low)
        inputs = x[image, group * plan.inputs : (group + 1) * plan.inputs]
        _place(inputs, low * plan.stride - plan.top, plan, codes[: size - SPARE])
        invoke(
            plan.parts,
            (
                entries.ctypes.data,
                power.ctypes.data,
                codes.ctypes.data,
                np.int64(size - SPARE),
                *plan.masks,
            ),
        )
        for o in range(plan.outputs):
            channel = group * plan.outputs + o
            for row in range(some):
                at = 4 * row * plan.stride * row_length
                invoke(
                    plan.row,
                    (
                        acc.ctypes.data + 4 * row * plan.width,
                        entries.ctypes.data + at,
                        power.ctypes.data + at,
                        taps[channel].ctypes.data,
                        plan.width,
                        plan.depth,
                    ),
                )
            begin = low * plan.width
            target = out[image, channel, begin : begin + some * plan.width]
            if epilogue.kernel:
                _finish_plane(acc, channel, epilogue, target, staged)
                continue
            for i in range(target.size):
                target[i] = finish(acc[i] + epilogue.init[channel], channel, epilogue.how)


@jit
def _place(x: np.ndarray, first: int, plan: Planes, codes: np.ndarray) -> None:
    """The rows first, first + 1, ... of x [C, H, W], padded, phase by phase."""
    step, row_length = plan.column_stride, plan.phase * plan.column_stride
    codes[:] = 0
    for c in range(x.shape[0]):
        for row in range(plan.rows):
            source = first + row
            if source < 0 or source >= plan.in_height:
                continue
            start = (c * plan.rows + row) * row_length
            for phase in range(step):
                # Columns v with (v + left) mod step = phase; the first of them from 0 on.
                v = (phase - plan.left) % step
                at = start + phase * plan.phase + (v + plan.left) // step
                count = min(
                    (plan.in_width - v + step - 1) // step, start + (phase + 1) * plan.phase - at
                )
                given, target = x[c, source, v:], codes[at:]
                for i in range(count):
                    target[i] = given[i * step]


@jit
def _finish_plane(
    acc: np.ndarray, channel: int, epilogue: Epilogue, target: np.ndarray, staged: np.ndarray
) -> None:
    """Re-encode the accumulators of one output; the last ones by way of `staged`."""
    positions, size = staged.size, target.itemsize
    rows = target.size // positions
    done = rows * positions
    rest = target.size - done
    source, own = acc.ctypes.data, epilogue.channels[channel].ctypes.data
    if rows:
        finish_rows(epilogue, source, own, 0, target.ctypes.data, rows, positions * size)
    if rest:
        finish_rows(epilogue, source + 4 * done, own, 0, staged.ctypes.data, 1, 0)
        target[done:] = staged[:rest]


def narrow_bytes(plan: Planes) -> int:
    return 9 * (plan.size + SPARE) + 4 * (plan.band * plan.width + SPARE)
