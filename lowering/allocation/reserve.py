"""What a program needs beside the weights whose layouts are chosen: biases, tables of functions."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from recog.dialects import nn
from recog.dialects.bits import packed_size
from recog.dialects.chip import BoxdecOp, ChipTarget, LayerOp, LdwOp, OutputOp, ProgramOp
from recog.dialects.data import constant_array
from recog.dialects.functions import find_function
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.lowering.cluster.clustered_weight import channel_scales
from recog.lowering.encode.calibrate import CalibrationOptions
from recog.lowering.partition.rehearsal import rehearse_chip_part
from recog.lowering.precision.choose_formats import FormatOptions, MoreTableBytes, more_table_bytes
from recog.lowering.precision.wider_values import ENTRY_BYTES

MAX_OFFSET_BITS = 16
"""Of a channel's offset: a field of the weights' descriptor."""
WIDER_TABLES = 0.02
"""The share of a budget that tables of functions may grow by as what they give becomes wider."""
OUTPUT_BIAS_BYTES = 2
"""Of a channel of an output that is decoded channel by channel, at most."""


class Reserve(NamedTuple):
    """What a program may need at most beside pointers, tables of centroids and codes.

    Attributes:
        biases: bytes of biases and of channels' offsets.
        tables: of functions, as wide as they have to be.
        wider: what these may grow by.
    """

    biases: int
    tables: int
    wider: MoreTableBytes

    def within(self, budget: int | None) -> dict[str, int]:
        """Bytes by what they are for, of a budget for all weights; None for any number."""
        tables = self.tables + self.wider.named + wider_table_bytes(self.wider, budget)
        return {"biases": self.biases, "function tables": tables}

    def least_budget(self, others: int) -> int:
        """The least budget that holds this beside so many other bytes."""
        least, before = others, -1
        while least != before:  # of each byte more, tables may take a part
            least, before = others + sum(self.within(least).values()), least
        return least


@dataclass(frozen=True, kw_only=True)
class ReserveOptions(FormatOptions, CalibrationOptions):
    """What says how large tables of functions are."""


def reserve_of(
    module: ModuleOp,
    options: ReserveOptions,
    target: ChipTarget,
    arithmetic: Arithmetic,
    weight_frac: int,
) -> Reserve:
    """What a folded network's program will need at most, whatever its weights become.

    Args:
        weight_frac: fraction bits of the weights' codes.

    Raises:
        RecogError: the network will not become a program of the target.
    """
    biases, entry = 0, options.entry
    for op in find_function(module, entry).walk():
        if isinstance(op, nn.LayerOp):
            channels = nn.shape_of(op.weight)[0]
            biases += packed_size(channels, _offset_bits(op, weight_frac))
            if op.bias is not None:
                biases += packed_size(channels, arithmetic.accumulator_width)
    program = rehearse_chip_part(module, entry, arithmetic, target)
    tables = _function_table_bytes(program, _times_as_large(options))
    return Reserve(biases, tables, more_table_bytes(module, options, entry))


def _times_as_large(options: CalibrationOptions) -> int:
    """How many times as large as those of 8-bit codes tables are at most: they have an entry a
    code, and entries of more than 8 bits take two bytes."""
    usual = LnsFormat().width
    entries = 1 << max(0, options.width - usual)
    return entries * (ENTRY_BYTES if max(options.width, options.output_width) > usual else 1)


def wider_table_bytes(more: MoreTableBytes, budget: int | None) -> int:
    """What of a budget is left to tables of functions for entries that become wider unasked."""
    return 0 if budget is None else min(more.others, floor(WIDER_TABLES * budget))


def _offset_bits(op: nn.LayerOp, frac: int) -> int:
    """Bits of the offsets of channels, at most: codes of the largest and least channel differ by
    that of their scales, or by as much as dense codes are apart, one bit more."""
    weight = constant_array(op.weight)
    if weight is None or not np.isfinite(weight).all():
        return MAX_OFFSET_BITS
    rows = np.abs(weight.astype(np.float64).reshape(len(weight), -1)).max(axis=1)
    scales = channel_scales(weight, frac).astype(np.float64)
    logs = [np.log2(each[each > 0]) for each in (rows, scales)]
    spread = max((float(np.ptp(each)) for each in logs if each.size), default=0.0)
    return min(MAX_OFFSET_BITS, ceil(spread * 2**frac + 1).bit_length() + 1)


def _function_table_bytes(program: ProgramOp, times: int) -> int:
    """Of tables and constants that are no layer's weights, none of them stored once for several.

    Args:
        times: as large as in the program these may become.
    """
    total, scope = 0, program.scope
    for op in program.instructions:
        if isinstance(op, BoxdecOp):
            total += len(op.region)
        elif not isinstance(op, LayerOp | LdwOp):
            total += times * sum(each.bytes for each in op.weight_reads(scope))
    outputs = (op for op in program.ports if isinstance(op, OutputOp))
    return total + sum(OUTPUT_BIAS_BYTES * op.channels.value.data for op in outputs)
