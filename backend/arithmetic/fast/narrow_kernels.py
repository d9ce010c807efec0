"""What runs around the row kernels of narrow layers, compiled by numba: bands, placing, codes."""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportReturnType=false, reportArgumentType=false
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.fast.intrinsics import inner, invoke
from recog.backend.arithmetic.fast.kernels import Reals
from recog.backend.arithmetic.fast.reencoding import Epilogue, finish, finish_flat
from recog.backend.arithmetic.fast.sharing import shared

SPARE = 256
"""Elements behind a band that vectors may reach into."""


class Planes(NamedTuple):
    """A convolution of few outputs a group, cut into bands of output rows; see `narrow`.

    Padded input rows lie phase by phase: column x at x mod stride · phase + x div stride.

    Attributes:
        row: the address of `row` of `emit`.
    """

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


@inner
def narrow(
    first: int,
    last: int,
    worker: int,
    plan: Planes,
    reals: Reals,
    x: np.ndarray,
    taps: np.ndarray,
    sums_of: np.ndarray,
    epilogue: Epilogue,
    out: np.ndarray,
    scratch: np.ndarray,
) -> None:
    """Convolve the units first, ..., last − 1; a unit is a band of rows of one group of an image.

    Args:
        x: codes [N, C, H, W].
        taps: see `emit`; int64 [outputs, depth, 2].
        sums_of: an array of the type of sums.
        out: codes, or int64 accumulators, [N, O, Ho · Wo].
        scratch: by worker, bytes for the band, see `narrow_bytes`.
    """
    row_length, each = plan.phase * plan.column_stride, reals.x.itemsize
    end = each * (plan.size + SPARE)
    own = scratch[worker]
    values, acc = own[:end].view(reals.x.dtype), own[end:].view(sums_of.dtype)
    inside = values[: plan.size]
    ready, staged = acc.view(np.int32), np.empty(plan.positions, out.dtype)
    for unit in range(first, last):
        band, group = unit % plan.bands, unit // plan.bands % plan.groups
        image = unit // (plan.bands * plan.groups)
        low = band * plan.band
        some = min(plan.band, plan.height - low)
        inputs = x[image, group * plan.inputs : (group + 1) * plan.inputs]
        _place(inputs, low * plan.stride - plan.top, plan, reals.x, inside)
        for o in range(plan.outputs):
            channel = group * plan.outputs + o
            for row in range(some):
                at = each * row * plan.stride * row_length
                invoke(
                    plan.row,
                    (
                        acc.ctypes.data + acc.itemsize * row * plan.width,
                        values.ctypes.data + at,
                        taps[channel].ctypes.data,
                        plan.width,
                        plan.depth,
                        np.int64(reals.half),
                        np.int64(reals.mask),
                    ),
                )
            begin = low * plan.width
            target = out[image, channel, begin : begin + some * plan.width]
            if epilogue.kernel:
                if acc.itemsize == 8:
                    for i in range(target.size):
                        ready[i] = np.int32(acc[i])
                finish_flat(ready, channel, epilogue, target, staged)
                continue
            for i in range(target.size):
                value = np.int64(acc[i]) + epilogue.init[channel]
                target[i] = finish(value, channel, epilogue.how)


convolve_rows = shared(narrow)


@inner
def _place(x: np.ndarray, first: int, plan: Planes, reals: np.ndarray, values: np.ndarray) -> None:
    """The numbers of rows first, first + 1, ... of codes x [C, H, W], padded, phase by phase."""
    step, row_length = plan.column_stride, plan.phase * plan.column_stride
    values[:] = 0
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
                given, target = x[c, source, v:], values[at:]
                for i in range(count):
                    target[i] = reals[given[i * step]]


def narrow_bytes(plan: Planes, sum_bytes: int) -> int:
    """What a band needs: numbers are of the size of their sums."""
    return sum_bytes * (plan.size + plan.band * plan.width + 2 * SPARE)
