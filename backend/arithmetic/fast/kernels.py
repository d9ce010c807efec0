"""What runs around the inner loops of dense layers, compiled by numba: tiles, gathering, packing.

All of it releases the GIL, so threads run it side by side. Compiled code is kept, see `cache`.
"""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportReturnType=false, reportArgumentType=false
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.fast.intrinsics import copy8, inner, invoke
from recog.backend.arithmetic.fast.reencoding import Epilogue, finish, finish_rows
from recog.backend.arithmetic.fast.sharing import shared


class Tiles(NamedTuple):
    """A convolution cut into tiles of positions, and blocks of weights.

    Attributes:
        kernel: the address of `mac` or `real` of `emit`.
    """

    kernel: int
    positions: int
    outputs: int
    groups: int
    depth: int
    blocks: int
    blocks_per_sum: int
    total: int
    tiles: int
    outputs_at_once: int
    splits: int
    width: int
    area: int
    image_stride: int
    row_stride: int
    column_stride: int
    group_stride: int


class Tables(NamedTuple):
    """How products come about by tables, see `emit`.

    Attributes:
        kernel: the address of `table`; of 0, tables are written without one.
        residues: rows of a table.
        masks: how the kernel parts an input's code: magnitude_mask, up, low_mask, frac, sign_mask.
        mantissas: what it looks up.
        values: T(m + r) by input code and residue, int32.
        records: what `mac` reads of each weight code.
    """

    kernel: int
    residues: int
    masks: tuple[int, int, int, int, int]
    mantissas: np.ndarray
    values: np.ndarray
    records: np.ndarray


@inner
def _locate(tile: int, plan: Tiles, inputs: np.ndarray, outputs: np.ndarray) -> None:
    """Where each position of a tile begins among the inputs, and lies among the outputs.

    Positions beyond the last one read as the last one does.
    """
    for p in range(plan.positions):
        at = min(tile * plan.positions + p, plan.total - 1)
        image, rest = at // plan.area, at % plan.area
        row, column = rest // plan.width, rest % plan.width
        inputs[p] = image * plan.image_stride + row * plan.row_stride + column * plan.column_stride
        outputs[p] = image * plan.groups * plan.outputs * plan.area + rest


@inner
def _is_contiguous(inputs: np.ndarray) -> bool:
    """Whether every 8 positions lie side by side."""
    contiguous = True
    for p in range(inputs.size):
        # Every one: the repeated last position also ends 7 behind a first one 7 before it.
        contiguous &= p % 8 == 0 or inputs[p] - inputs[p - 1] == 1
    return contiguous


@inner
def _gather(x: np.ndarray, inputs: np.ndarray, offsets: np.ndarray, codes: np.ndarray) -> None:
    """codes[k][p] = x[inputs[p] + offsets[k]]."""
    depth, positions = codes.shape
    if _is_contiguous(inputs):
        source, target = x.ctypes.data, codes.ctypes.data
        for k in range(depth):
            for first in range(0, positions, 8):
                copy8(target + k * positions + first, source + np.int64(offsets[k]) + inputs[first])
        return
    for k in range(depth):
        offset = offsets[k]
        for p in range(positions):
            codes[k, p] = x[offset + inputs[p]]


@inner
def _gather_reals(
    x: np.ndarray, inputs: np.ndarray, offsets: np.ndarray, reals: np.ndarray, values: np.ndarray
) -> None:
    """values[k][p] = reals[x[inputs[p] + offsets[k]]], flat."""
    # Unsigned indices, so that nothing looks for those that count from the end.
    positions, run = np.uint64(inputs.size), np.uint64(8)
    contiguous = _is_contiguous(inputs)
    for k in range(offsets.size):
        row, offset = np.uint64(k) * positions, offsets[k]
        if contiguous:
            for first in range(np.uint64(0), positions, run):
                at, to = np.uint64(offset + inputs[first]), row + first
                for p in range(run):
                    values[to + p] = reals[x[at + p]]
        else:
            for p in range(positions):
                values[row + p] = reals[x[np.uint64(offset + inputs[p])]]


@inner
def _table(codes: np.ndarray, table: np.ndarray, positions: int, tables: Tables) -> None:
    """table[k][r][p] = values[codes[k][p]][r], by the kernel where there is one."""
    depth, residues = codes.shape[0], tables.residues
    if tables.kernel:
        invoke(
            tables.kernel,
            (
                table.ctypes.data,
                codes.ctypes.data,
                tables.mantissas.ctypes.data,
                np.int64(depth),
                residues,
                *tables.masks,
            ),
        )
        return
    for k in range(depth):
        for p in range(positions):
            row = tables.values[codes[k, p]]
            at = k * residues * positions + p
            for r in range(residues):
                table[at + r * positions] = row[r]


class Reals(NamedTuple):
    """The values of two formats' codes as floating-point numbers, those of weights times 2^P.

    Attributes:
        x, w: by code, float32 or float64.
        half, mask: what rounds a product to P bits: added to its bits, then anded with them.
    """

    x: np.ndarray
    w: np.ndarray
    half: int
    mask: int


class Unit(NamedTuple):
    """Some outputs of one tile of positions; see `_unit`.

    Attributes:
        low, some: its first output in its group, and how many.
        channel: the first one of all outputs.
    """

    group: int
    tile: int
    low: int
    some: int
    channel: int


@inner
def _unit(number: int, plan: Tiles, inputs: np.ndarray, outputs: np.ndarray) -> Unit:
    """A unit's place, and in `inputs` and `outputs` those of its positions."""
    split, tile = number % plan.splits, number // plan.splits % plan.tiles
    group = number // (plan.splits * plan.tiles)
    low = split * plan.outputs_at_once
    some = min(plan.outputs_at_once, plan.outputs - low)
    _locate(tile, plan, inputs, outputs)
    inputs += group * plan.group_stride
    return Unit(group, tile, low, some, group * plan.outputs + low)


@inner
def by_tables(
    first: int,
    last: int,
    worker: int,
    plan: Tiles,
    tables: Tables,
    x: np.ndarray,
    offsets: np.ndarray,
    weights: np.ndarray,
    epilogue: Epilogue,
    out: np.ndarray,
    scratch: np.ndarray,
) -> None:
    """Convolve the units first, ..., last − 1.

    Args:
        x: codes, flat, padded.
        offsets: where the elements that weight k meets lie from the first one on, [blocks · depth].
        weights: codes [groups, blocks, outputs, depth].
        out: codes, or int64 accumulators, flat, NCHW.
        scratch: by worker, bytes for a unit, see `scratch_bytes`.
    """
    positions, depth = plan.positions, plan.depth
    size = 4 * depth * tables.residues * positions
    values, sums, rest = _parts_of(scratch[worker], plan, size + depth * positions, 4)
    table, acc = values[:size].view(np.int32), sums.view(np.int32)
    codes = values[size : size + depth * positions].reshape(depth, positions)
    inputs, outputs = np.empty(positions, np.int64), np.empty(positions, np.int64)
    for number in range(first, last):
        unit = _unit(number, plan, inputs, outputs)
        acc[: unit.some * positions] = 0
        for block in range(plan.blocks):
            _gather(x, inputs, offsets[block * depth : (block + 1) * depth], codes)
            _table(codes, table, positions, tables)
            invoke(
                plan.kernel,
                (
                    acc.ctypes.data,
                    table.ctypes.data,
                    weights[unit.group, block, unit.low :].ctypes.data,
                    tables.records.ctypes.data,
                    np.int64(unit.some),
                    np.int64(depth),
                    np.int64(4 * tables.residues * positions),
                ),
            )
            if not epilogue.kernel:
                _spill(acc, block, unit.some, plan, rest)
        _finish_unit(acc, unit, plan, epilogue, outputs, rest, out)


@inner
def by_rounding(
    first: int,
    last: int,
    worker: int,
    plan: Tiles,
    reals: Reals,
    x: np.ndarray,
    offsets: np.ndarray,
    weights: np.ndarray,
    sums_of: np.ndarray,
    epilogue: Epilogue,
    out: np.ndarray,
    scratch: np.ndarray,
) -> None:
    """As `by_tables`; `sums_of` is an array of the type of sums."""
    positions, depth = plan.positions, plan.depth
    size = depth * positions * reals.x.itemsize
    given, sums, rest = _parts_of(scratch[worker], plan, size, sums_of.itemsize)
    values = given[:size].view(reals.x.dtype)
    acc = sums.view(sums_of.dtype)
    inputs, outputs = np.empty(positions, np.int64), np.empty(positions, np.int64)
    for number in range(first, last):
        unit = _unit(number, plan, inputs, outputs)
        acc[: unit.some * positions] = 0
        for block in range(plan.blocks):
            own = offsets[block * depth : (block + 1) * depth]
            _gather_reals(x, inputs, own, reals.x, values)
            invoke(
                plan.kernel,
                (
                    acc.ctypes.data,
                    values.ctypes.data,
                    weights[unit.group, block, unit.low :].ctypes.data,
                    reals.w.ctypes.data,
                    np.int64(unit.some),
                    np.int64(depth),
                    np.int64(reals.half),
                    np.int64(reals.mask),
                ),
            )
            if not epilogue.kernel:
                _spill(acc, block, unit.some, plan, rest)
        _finish_unit(acc, unit, plan, epilogue, outputs, rest, out)


convolve_by_tables, convolve_by_rounding = shared(by_tables), shared(by_rounding)

CACHE_LINE = 64


@inner
def _parts_of(
    scratch: np.ndarray, plan: Tiles, values: int, sum_bytes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The bytes of a block's values, of a unit's sums, and 8 more for each sum."""
    begin = -(-values // CACHE_LINE) * CACHE_LINE
    size = plan.outputs_at_once * plan.positions
    middle = begin + sum_bytes * size
    return scratch[:values], scratch[begin:middle], scratch[middle : middle + 8 * size]


def scratch_bytes(plan: Tiles, values: int, sum_bytes: int) -> int:
    """What a unit needs whose blocks have so many bytes of values."""
    return values + CACHE_LINE + (sum_bytes + 8) * plan.outputs_at_once * plan.positions


@inner
def _spill(acc: np.ndarray, block: int, some: int, plan: Tiles, rest: np.ndarray) -> None:
    """Add sums to the int64 ones in `rest` before they can leave their integers."""
    count, wide = some * plan.positions, rest.view(np.int64)
    if block == 0:
        wide[:count] = 0
    if (block + 1) % plan.blocks_per_sum == 0 or block + 1 == plan.blocks:
        for i in range(count):
            wide[i] += np.int64(acc[i])
            acc[i] = 0


@inner
def _finish_unit(
    acc: np.ndarray,
    unit: Unit,
    plan: Tiles,
    epilogue: Epilogue,
    places: np.ndarray,
    rest: np.ndarray,
    out: np.ndarray,
) -> None:
    """Re-encode a unit's sums, those in `rest` where the epilogue has no kernel."""
    positions = plan.positions
    count = unit.some * positions
    inside = min(positions, plan.total - unit.tile * positions)
    if epilogue.kernel:
        ready, half = acc.view(np.int32), rest.size // 2
        if acc.itemsize == 8:
            ready = rest[:half].view(np.int32)
            for i in range(count):
                ready[i] = np.int32(acc[i])
        staged, own = rest[half:].view(out.dtype), out[unit.channel * plan.area :]
        _finish_tile(ready, unit.channel, unit.some, inside, plan, epilogue, places, staged, own)
        return
    wide = rest.view(np.int64)
    for o in range(unit.some):
        channel = unit.channel + o
        begin, start = channel * plan.area, epilogue.init[channel]
        for p in range(inside):
            value = wide[o * positions + p] + start
            out[begin + places[p]] = finish(value, channel, epilogue.how)


@inner
def _finish_tile(
    acc: np.ndarray,
    channel: int,
    some: int,
    inside: int,
    plan: Tiles,
    epilogue: Epilogue,
    places: np.ndarray,
    codes: np.ndarray,
    out: np.ndarray,
) -> None:
    """Re-encode a tile where it goes, or by way of `codes` if it is not whole or in one image."""
    positions, size = plan.positions, out.itemsize
    whole = inside == positions and places[positions - 1] - places[0] == positions - 1
    target, stride = codes.ctypes.data, positions
    if whole:
        target, stride = out[places[0] :].ctypes.data, plan.area
    first = epilogue.channels[channel:].ctypes.data
    finish_rows(epilogue, acc.ctypes.data, first, 24, target, some, stride * size)
    if not whole:
        for o in range(some):
            for p in range(inside):
                out[o * plan.area + places[p]] = codes[o * positions + p]
