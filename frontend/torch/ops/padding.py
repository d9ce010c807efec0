"""Converters of padding in every mode, and of cropping, which torch writes as padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.torch.converters import Constant, ConverterContext, Registry, Unsupported
from recog.frontend.torch.ops.sampling import slice_axis

OPS = Registry()


@OPS.add("aten.pad.default")
def pad(
    c: ConverterContext,
    input: Any,
    pad: Sequence[int],
    mode: str = "constant",
    value: float | None = None,
) -> SSAValue:
    if mode == "constant":
        return constant_pad(c, input, pad, 0.0 if value is None else value)
    if mode not in _BORDERS:
        raise Unsupported(f"padding mode {mode} is not supported")
    x = c.value(input)
    for axis, before, after in _by_axis(pad, len(c.shape(x))):
        size = c.shape(x)[axis]
        first, last = _BORDERS[mode](size, before, after)
        rows = [slice_axis(c, x, axis, i, i + 1, 1) for i in (*first, *last)]
        x = c.emit(nn.ConcatOp([*rows[: len(first)], x, *rows[len(first) :]], axis))
    return x


def _by_axis(pad: Sequence[int], rank: int) -> list[tuple[int, int, int]]:
    """Axis, before and after for all that are padded: torch lists them from the last on."""
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)]
    return [(rank - 1 - i, *pair) for i, pair in enumerate(pairs) if any(pair)]


Border = tuple[list[int], list[int]]
"""Positions whose copies come before the first element, and after the last."""


def _reflected(size: int, before: int, after: int) -> Border:
    return list(range(before, 0, -1)), list(range(size - 2, size - 2 - after, -1))


def _replicated(size: int, before: int, after: int) -> Border:
    return [0] * before, [size - 1] * after


def _circular(size: int, before: int, after: int) -> Border:
    return list(range(size - before, size)), list(range(after))


_BORDERS = {"reflect": _reflected, "replicate": _replicated, "circular": _circular}


@OPS.add("aten.constant_pad_nd.default")
def constant_pad(
    c: ConverterContext, input: Any, pad: Sequence[int], value: float = 0.0
) -> SSAValue:
    x = c.value(input)
    rank = len(c.shape(x))
    for axis, before, after in _by_axis(pad, rank):
        start, stop = max(-before, 0), c.shape(x)[axis] - max(-after, 0)
        x = slice_axis(c, x, axis, start, stop, 1)
    sizes = {axis: (max(a, 0), max(b, 0)) for axis, a, b in _by_axis(pad, rank)}
    (top, bottom), (left, right) = sizes.get(2, (0, 0)), sizes.get(3, (0, 0))
    images = rank == 4 and nn.is_float(nn.element_type_of(x))
    if images and any((top, bottom, left, right)):
        x = c.emit(nn.PadOp(x, (top, left, bottom, right), float(value)))
    for axis, (before, after) in sizes.items():
        if (not images or axis < 2) and before + after:
            x = _between_constants(c, x, axis, before, after, value)
    return x


def _between_constants(
    c: ConverterContext, x: SSAValue, axis: int, before: int, after: int, value: float
) -> SSAValue:
    """nn.pad has H and W of float images only; along other axes constants are concatenated."""
    shape = list(c.shape(x))
    parts = [x]
    for count, at in ((before, 0), (after, 2)):
        if count:
            shape[axis] = count
            border = Constant(torch.full(shape, value, dtype=c.result_dtype), "padding", True)
            parts.insert(at, c.value(border))
    return c.emit(nn.ConcatOp(parts, axis))


for _mode in ("reflection_pad", "replication_pad"):
    for _rank in (1, 2, 3):

        @OPS.add(f"aten.{_mode}{_rank}d.default")
        def border_pad(
            c: ConverterContext, input: Any, padding: Sequence[int], mode: str = _mode
        ) -> SSAValue:
            return pad(c, input, padding, "reflect" if mode == "reflection_pad" else "replicate")
