"""What runs around the inner loops of dense layers, compiled by numba: tiles, gathering, packing.

All of it releases the GIL, so threads run it side by side. Compiled code is kept, see `cache`.
"""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportReturnType=false, reportArgumentType=false
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.fast.intrinsics import copy8, invoke, jit
from recog.backend.arithmetic.fast.reencoding import Epilogue, finish, finish_rows


class Tiles(NamedTuple):
    """A convolution cut into tiles of positions, and blocks of weights; see `dense`.

    Attributes:
        mac, table: kernels' addresses; a table of 0 is written without one.
        masks: how the table's kernel parts codes, see `layer.masks_of`.
    """

    mac: int
    table: int
    positions: int
    outputs: int
    groups: int
    depth: int
    blocks: int
    blocks_per_sum: int
    residues: int
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
    masks: tuple[int, int, int, int, int]


@jit
def _gather(x: np.ndarray, inputs: np.ndarray, offsets: np.ndarray, codes: np.ndarray) -> None:
    """codes[k][p] = x[inputs[p] + offsets[k]]."""
    depth, positions = codes.shape
    contiguous = True
    for p in range(positions):
        # Every one: the repeated last position also ends 7 behind a first one 7 before it.
        contiguous &= p % 8 == 0 or inputs[p] - inputs[p - 1] == 1
    if contiguous:
        source, target = x.ctypes.data, codes.ctypes.data
        for k in range(depth):
            for first in range(0, positions, 8):
                copy8(target + k * positions + first, source + np.int64(offsets[k]) + inputs[first])
        return
    for k in range(depth):
        offset = offsets[k]
        for p in range(positions):
            codes[k, p] = x[offset + inputs[p]]


@jit
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


@jit
def _table(
    codes: np.ndarray,
    table: np.ndarray,
    plan: Tiles,
    mantissas: np.ndarray,
    values: np.ndarray,
    depth: int,
) -> None:
    """table[k][r][p] = values[codes[k][p]][r], by the kernel where there is one."""
    if plan.table:
        invoke(
            plan.table,
            (
                table.ctypes.data,
                codes.ctypes.data,
                mantissas.ctypes.data,
                np.int64(depth),
                plan.residues,
                *plan.masks,
            ),
        )
        return
    for k in range(depth):
        for p in range(plan.positions):
            row = values[codes[k, p]]
            at = k * plan.residues * plan.positions + p
            for r in range(plan.residues):
                table[at + r * plan.positions] = row[r]


@jit
def dense(
    first: int,
    last: int,
    plan: Tiles,
    x: np.ndarray,
    offsets: np.ndarray,
    weights: np.ndarray,
    records: np.ndarray,
    mantissas: np.ndarray,
    values: np.ndarray,
    epilogue: Epilogue,
    out: np.ndarray,
    scratch: np.ndarray,
) -> None:
    """Convolve the units first, ..., last − 1; a unit is some outputs of one tile of positions.

    Args:
        x: codes, flat, padded.
        offsets: where the elements that weight k meets lie from the first one on, [blocks · depth].
        weights: codes [groups, blocks, outputs, depth].
        records, mantissas: see `emit`.
        values: T(m + r) by input code and residue, int32.
        out: codes, or int64 accumulators, flat, NCHW.
        scratch: bytes for the tile, see `scratch_bytes`.
    """
    positions, depth = plan.positions, plan.depth
    table_size = depth * plan.residues * positions
    acc_size = plan.outputs_at_once * positions
    table = scratch[: 4 * table_size].view(np.int32)
    acc = scratch[4 * table_size : 4 * (table_size + acc_size)].view(np.int32)
    rest = scratch[4 * (table_size + acc_size) :]
    wide = rest[: 8 * acc_size].view(np.int64)
    staged = rest[: out.itemsize * acc_size].view(out.dtype)
    codes = rest[8 * acc_size : 8 * acc_size + depth * positions].reshape(depth, positions)
    inputs, outputs = np.empty(positions, np.int64), np.empty(positions, np.int64)
    for unit in range(first, last):
        split, tile = unit % plan.splits, unit // plan.splits % plan.tiles
        group = unit // (plan.splits * plan.tiles)
        low = split * plan.outputs_at_once
        some = min(plan.outputs_at_once, plan.outputs - low)
        _locate(tile, plan, inputs, outputs)
        inputs += group * plan.group_stride
        acc[: some * positions] = 0
        if not epilogue.kernel:
            wide[: some * positions] = 0
        for block in range(plan.blocks):
            _gather(x, inputs, offsets[block * depth : (block + 1) * depth], codes)
            _table(codes, table, plan, mantissas, values, depth)
            invoke(
                plan.mac,
                (
                    acc.ctypes.data,
                    table.ctypes.data,
                    weights[group, block, low:].ctypes.data,
                    records.ctypes.data,
                    np.int64(some),
                    np.int64(depth),
                    np.int64(4 * plan.residues * positions),
                ),
            )
            last_of_sum = (block + 1) % plan.blocks_per_sum == 0 or block + 1 == plan.blocks
            if not epilogue.kernel and last_of_sum:
                for i in range(some * positions):
                    wide[i] += acc[i]
                    acc[i] = 0
        inside = min(positions, plan.total - tile * positions)
        channel = group * plan.outputs + low
        if epilogue.kernel:
            own = out[channel * plan.area :]
            _finish_tile(acc, channel, some, inside, plan, epilogue, outputs, staged, own)
            continue
        for o in range(some):
            begin, start = (channel + o) * plan.area, epilogue.init[channel + o]
            for p in range(inside):
                value = wide[o * positions + p] + start
                out[begin + outputs[p]] = finish(value, channel + o, epilogue.how)


@jit
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


def scratch_bytes(plan: Tiles) -> int:
    table = 4 * plan.depth * plan.residues * plan.positions
    return table + 12 * plan.outputs_at_once * plan.positions + plan.depth * plan.positions


@jit
def pack(w: np.ndarray, packed: np.ndarray) -> None:
    """w [G, O, K] as [G, blocks, O, depth], zeros behind the last; `packed` holds zeros."""
    groups, outputs, terms = w.shape
    depth = packed.shape[3]
    for g in range(groups):
        for block in range(packed.shape[1]):
            first = block * depth
            some = min(depth, terms - first)
            for o in range(outputs):
                source, target = w[g, o, first:], packed[g, block, o]
                for k in range(some):
                    target[k] = source[k]


@jit
def sums_of_terms(w: np.ndarray, terms: np.ndarray) -> int:
    """The largest sum over a row of w [O, K] of terms[code], int64."""
    largest = 0
    for o in range(w.shape[0]):
        total = 0
        for k in range(w.shape[1]):
            total += terms[w[o, k]]
        largest = max(largest, total)
    return largest


@jit
def largest_term(w: np.ndarray, terms: np.ndarray) -> int:
    """The largest of terms[code] over w [O, K], at least 1."""
    largest = 1
    for o in range(w.shape[0]):
        for k in range(w.shape[1]):
            largest = max(largest, terms[w[o, k]])
    return largest


@jit
def look_up_pairs(
    a: np.ndarray, b: np.ndarray, bits: int, entries: np.ndarray, out: np.ndarray
) -> None:
    """out = entries[a ‖ b], flat."""
    for i in range(a.size):
        out[i] = entries[(np.int64(a[i]) << bits) | b[i]]
