"""What runs around the inner loops, compiled by numba: tiles, gathering, re-encoding, packing.

All of it releases the GIL, so threads run it side by side. Compiled code is kept, see `cache`.
"""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportReturnType=false, reportArgumentType=false
from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.extending import intrinsic

from recog.backend.arithmetic.fast.cache import cache_folder


def jit(function: Callable) -> Any:
    """Compiled without the GIL, and cached on disk where there is a place for it."""
    folder = cache_folder()
    if folder is None:
        return njit(nogil=True, error_model="numpy")(function)
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        return njit(cache=True, nogil=True, error_model="numpy")(function)
    finally:
        config.CACHE_DIR = before


@intrinsic
def invoke(typingctx: Any, address: Any, arguments: Any) -> Any:
    """Call a kernel of `emit` at an address with a tuple of 64-bit integers."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address, arguments = args
        count = len(signature.args[1])
        values = [builder.extract_value(arguments, i) for i in range(count)]
        type_ = ir.FunctionType(ir.VoidType(), [ir.IntType(64)] * count)
        builder.call(builder.inttoptr(address, type_.as_pointer()), values)
        return context.get_dummy_value()

    return types.void(types.int64, types.UniTuple(types.int64, len(arguments))), emit


@jit
def invoke_all(address: int, arguments: Any) -> None:
    """`invoke` from Python."""
    invoke(address, arguments)


@intrinsic
def copy8(typingctx: Any, target: Any, source: Any) -> Any:
    """Copy 8 bytes between addresses."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = ir.IntType(64).as_pointer()
        value = builder.load(builder.inttoptr(args[1], pointer), align=1)
        builder.store(value, builder.inttoptr(args[0], pointer), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), emit


@intrinsic
def leading_zeros(typingctx: Any, value: Any) -> Any:
    """The zero bits above the highest one of a positive int64."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), emit


class Tiles(NamedTuple):
    """A convolution cut into tiles of positions, and blocks of weights; see `dense`."""

    mac: int
    table: int
    finish: int
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
    magnitude_mask: int
    up: int
    low_mask: int
    frac: int
    sign_mask: int


class Reencoding(NamedTuple):
    """How accumulators become codes; see `reencode_one`.

    Attributes:
        bits: leading bits below the highest one that pick a bucket.
        reached, following: by table and bucket, the thresholds that a bucket's first integer has
            reached, and the threshold after those.
        table, base, smallest: by channel, which table, the count at magnitude 0, and the smallest
            |acc| that is not zero.
        largest: the largest magnitude.
        sign_mask: the output's sign bit; 0 makes negative values zero.
    """

    bits: int
    reached: np.ndarray
    following: np.ndarray
    table: np.ndarray
    base: np.ndarray
    smallest: np.ndarray
    largest: int
    sign_mask: int


@jit
def reencode_one(value: int, channel: int, how: Reencoding) -> int:
    """The code of an accumulator, without a branch that data decide."""
    negative = np.int64(value < 0)
    absolute = max(value, 0) if how.sign_mask == 0 else abs(value)
    positive = max(absolute, 1)
    exponent = 63 - leading_zeros(positive)
    leading = (positive << (62 - exponent)) >> (62 - how.bits)
    key = (exponent << how.bits) + leading - (1 << how.bits)
    table = how.table[channel]
    reached = how.reached[table, key] + np.int64(absolute >= how.following[table, key])
    magnitude = min(max(reached - how.base[channel], 1), how.largest)
    code = magnitude | (negative * how.sign_mask)
    return code * np.int64(absolute >= how.smallest[channel])


@jit
def _gather(x: np.ndarray, inputs: np.ndarray, offsets: np.ndarray, codes: np.ndarray) -> None:
    """codes[k][p] = x[inputs[p] + offsets[k]]."""
    depth, positions = codes.shape
    contiguous = True
    for first in range(0, positions, 8):
        contiguous &= inputs[first + 7] - inputs[first] == 7
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
                plan.magnitude_mask,
                plan.up,
                plan.low_mask,
                plan.frac,
                plan.sign_mask,
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
    init: np.ndarray,
    channels: np.ndarray,
    how: Reencoding,
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
        if not plan.finish:
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
            if not plan.finish and last_of_sum:
                for i in range(some * positions):
                    wide[i] += acc[i]
                    acc[i] = 0
        inside = min(positions, plan.total - tile * positions)
        channel = group * plan.outputs + low
        if plan.finish:
            own = out[channel * plan.area :]
            _finish_tile(acc, channels[channel:], some, inside, plan, how, outputs, staged, own)
            continue
        for o in range(some):
            begin, start = (channel + o) * plan.area, init[channel + o]
            for p in range(inside):
                value = wide[o * positions + p] + start
                out[begin + outputs[p]] = finish(value, channel + o, how)


@jit
def _finish_tile(
    acc: np.ndarray,
    channels: np.ndarray,
    some: int,
    inside: int,
    plan: Tiles,
    how: Reencoding,
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
    invoke(
        plan.finish,
        (
            acc.ctypes.data,
            channels.ctypes.data,
            np.int64(24),
            target,
            np.int64(some),
            np.int64(stride * size),
            np.int64(how.bits),
            np.int64(how.bits - 1),
            np.int64(how.largest),
            np.int64(how.sign_mask),
            np.int64(0 if how.sign_mask else -1),
        ),
    )
    if not whole:
        for o in range(some):
            for p in range(inside):
                out[o * plan.area + places[p]] = codes[o * positions + p]


SPARE = 256
"""Elements behind a band that vectors may reach into."""


class Planes(NamedTuple):
    """A convolution of few outputs a group, cut into bands of output rows; see `narrow`.

    Padded input rows lie phase by phase: column x at x mod stride · phase + x div stride.
    """

    parts: int
    row: int
    finish: int
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
    magnitude_mask: int
    up: int
    low_mask: int
    frac: int
    sign_mask: int


@jit
def narrow(
    first: int,
    last: int,
    plan: Planes,
    x: np.ndarray,
    taps: np.ndarray,
    init: np.ndarray,
    channels: np.ndarray,
    how: Reencoding,
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
                plan.magnitude_mask,
                plan.up,
                plan.low_mask,
                plan.frac,
                plan.sign_mask,
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
            if plan.finish:
                _finish_plane(acc, channels[channel], plan, how, target, staged)
                continue
            for i in range(target.size):
                target[i] = finish(acc[i] + init[channel], channel, how)


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
    acc: np.ndarray,
    channel: np.ndarray,
    plan: Planes,
    how: Reencoding,
    target: np.ndarray,
    staged: np.ndarray,
) -> None:
    """Re-encode the accumulators of one output; the last ones by way of `staged`."""
    positions, size = plan.positions, target.itemsize
    whole = target.size // positions
    for part in range(2):
        count = whole if part == 0 else 1
        done = part * whole * positions
        rest = target.size - done
        if count == 0 or rest == 0:
            continue
        address = target.ctypes.data if part == 0 else staged.ctypes.data
        invoke(
            plan.finish,
            (
                acc.ctypes.data + 4 * done,
                channel.ctypes.data,
                np.int64(0),
                address,
                np.int64(count),
                np.int64(positions * size),
                np.int64(how.bits),
                np.int64(how.bits - 1),
                np.int64(how.largest),
                np.int64(how.sign_mask),
                np.int64(0 if how.sign_mask else -1),
            ),
        )
        if part == 1:
            target[done:] = staged[:rest]


def narrow_bytes(plan: Planes) -> int:
    return 9 * (plan.size + SPARE) + 4 * (plan.band * plan.width + SPARE)


@jit
def finish(value: int, channel: int, how: Reencoding) -> int:
    """A code, or the accumulator itself where `how` has no thresholds."""
    if how.bits == 0:
        return value if how.sign_mask else max(value, 0)
    return reencode_one(value, channel, how)


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
def has_illegal(codes: np.ndarray, illegal: int, largest: int) -> bool:
    """Whether any of the codes, flat, is the illegal one or larger than the largest."""
    found = False
    for i in range(codes.size):
        found |= (codes[i] == illegal) | (codes[i] > largest)
    return found


@jit
def look_up(x: np.ndarray, entries: np.ndarray, out: np.ndarray) -> None:
    """out = entries[x], flat."""
    for i in range(x.size):
        out[i] = entries[x[i]]


@jit
def look_up_pairs(
    a: np.ndarray, b: np.ndarray, bits: int, entries: np.ndarray, out: np.ndarray
) -> None:
    """out = entries[a ‖ b], flat."""
    for i in range(a.size):
        out[i] = entries[(np.int64(a[i]) << bits) | b[i]]
