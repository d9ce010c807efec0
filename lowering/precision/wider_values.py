"""Which values get codes of more fraction bits, and what that costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.dialects.number_format import LnsFormat
from recog.dialects.tensors import shape_of
from recog.lowering.encode.elementwise_fusion import Chain
from recog.lowering.encode.samples import covering_bias
from recog.lowering.precision.budgets import Candidate
from recog.lowering.precision.headroom import Headroom
from recog.lowering.precision.live_bytes import LiveBytes, more_bytes
from recog.lowering.precision.output_noise import Noise

ENTRY_BYTES = 2
"""Of a table of wider codes: what it gives may become wider as well."""


@dataclass(frozen=True)
class Room:
    """What the chip leaves to wider codes."""

    memory: LiveBytes
    sums: Headroom

    def widen(self, values: Sequence[SSAValue], bits: int) -> bool:
        """Make values wider if memory and accumulators still hold them; whether they do."""
        if not (self.sums.holds_finer(values, bits) and self.memory.widen(values, bits)):
            return False
        self.sums.widen(values, bits)
        return True


def _rows(chain: Chain) -> int:
    """The rows of a chain's table, 0 where it needs none."""
    if chain.affine is not None:
        return 0
    return 1 if chain.axis is None else shape_of(chain.source)[chain.axis]


def table_rows(chains: Iterable[Chain]) -> Mapping[SSAValue, int]:
    """The rows of all tables that the codes of each value index."""
    found: dict[SSAValue, int] = defaultdict(int)
    for chain in set(chains):
        if rows := _rows(chain):
            found[chain.source] += rows
    return found


def table_outputs(chains: Iterable[Chain]) -> Mapping[SSAValue, int]:
    """The rows of the table that gives each value which a table gives."""
    return {chain.last.output: rows for chain in set(chains) if (rows := _rows(chain))}


def candidates(
    groups: Iterable[Sequence[SSAValue]],
    formats: Mapping[SSAValue, LnsFormat],
    noise: Noise,
    rows: Mapping[SSAValue, int],
    outputs: Mapping[SSAValue, int],
    *,
    bits: int,
    index_bits: int,
) -> list[Candidate]:
    """What each group of values of at most 8 bits costs and saves with more fraction bits.

    Args:
        rows: of tables by the values that index them, which have an entry a code.
        outputs: rows of tables by the values that they give.
        bits: fraction bits more.
        index_bits: of those that index a table.
    """
    found: list[Candidate] = []
    for group in groups:
        indexed = [value for value in group if value in rows]
        more = index_bits if indexed else bits
        if any(formats[value].width > 8 for value in group):
            continue
        entries = sum(
            rows[value] * ((1 << formats[value].finer(more).width) - (1 << formats[value].width))
            for value in indexed
        )
        found.append(
            Candidate(
                tuple(group),
                more,
                sum(more_bytes(value, formats[value], more) for value in group),
                ENTRY_BYTES * entries,
                sum(outputs.get(value, 0) << LnsFormat().width for value in group),
                sum(noise.values.get(value, 0.0) for value in group),
            )
        )
    return found


def finer_codes(value: SSAValue, format: LnsFormat, bits: int) -> LnsFormat:
    """A value's format with more fraction bits; it still ends where a clamp of the value does.

    Else the clamp would take a table.
    """
    finer = format.finer(bits)
    clamp = value.owner
    if not isinstance(clamp, nn.ClampOp) or not isfinite(clamp.max.value.data):
        return finer
    largest = clamp.max.value.data
    if largest <= 0 or format.biases[0] < covering_bias(format, largest):
        return finer
    return finer.with_bias(max(finer.biases[0], covering_bias(finer, largest)))
