"""Weight memory: what the loads of a program put there, and layers' weights read from it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.ir import Attribute
from xdsl.utils.exceptions import VerifyException

from recog.dialects.bits import unpack_bits, unpack_signed
from recog.dialects.chip.descriptors import TensorOp
from recog.dialects.chip.instructions import LdwOp
from recog.dialects.chip.scope import Scope
from recog.dialects.chip.weights import CodebookOp, WeightsOp
from recog.dialects.cluster import pointers_shape
from recog.dialects.number_format import LnsFormat
from recog.dialects.words import counted

__all__ = ["LayerWeights", "WeightMemory"]

MAX_WEIGHTS = 1 << 28
"""Of all layers: what layers share in memory is still checked and unpacked for each."""
MAX_TABLE_BYTES = 1 << 28
"""Of all regions that hold tables and constants, which may overlap."""
"""Of one layer: a few pointers to a large block could stand for more than a host can hold."""


@dataclass(frozen=True)
class LayerWeights:
    """A layer's weights as an engine takes them.

    Attributes:
        codes: (O, I / groups, kh, kw).
        format: one bias, or one per output channel along axis 0.
        initial: the accumulators' initial values, int64 (O,), or None for zeros.
    """

    codes: np.ndarray
    format: LnsFormat
    initial: np.ndarray | None


class WeightMemory:
    """The bytes of weight memory that loads have written; no two loads write the same byte."""

    def __init__(self):
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._parts: list[memoryview] = []
        self._table_bytes = self._weight_count = 0
        self._tables: dict[tuple[range, Attribute], np.ndarray] = {}

    @property
    def used(self) -> int:
        """The end of the last byte written."""
        return self._ends[-1] if self._ends else 0

    def load(self, op: LdwOp, scope: Scope) -> None:
        """Do what the instruction does; raises VerifyException where it overwrites a load."""
        region = op.region
        place = bisect_right(self._starts, region.start)
        before = place > 0 and self._ends[place - 1] > region.start
        after = place < len(self._starts) and self._starts[place] < region.stop
        if before or after:
            raise VerifyException(
                f"bytes [{region.start:#x}, {region.stop:#x}) of weight memory are loaded twice"
            )
        offset = op.offset.value.data
        content = memoryview(scope.segment(op.segment).data)
        self._starts.insert(place, region.start)
        self._ends.insert(place, region.stop)
        self._parts.insert(place, content[offset : offset + len(region)])

    def read(self, region: range, what: str) -> bytes:
        """The bytes of a region; raises VerifyException unless loads have written them all."""
        parts: list[memoryview] = []
        at = region.start
        while at < region.stop:
            place = bisect_right(self._starts, at) - 1
            if place < 0 or self._ends[place] <= at:
                raise VerifyException(
                    f"{what}: byte {at:#x} of weight memory is read before it is loaded"
                )
            first = at - self._starts[place]
            end = min(region.stop, self._ends[place])
            parts.append(self._parts[place][first : end - self._starts[place]])
            at = end
        return b"".join(parts)

    def check_weights(self, op: WeightsOp, codebook: CodebookOp) -> None:
        """Raise VerifyException unless the bytes are weights; nothing is expanded."""
        self._weight_count += prod(op.shape)
        if self._weight_count > MAX_WEIGHTS:
            raise VerifyException(
                f"a program has at most {MAX_WEIGHTS} weights, this one {self._weight_count} up "
                "to here"
            )
        try:
            self._read_tables(op, codebook)
        except ValueError as error:
            raise VerifyException(str(error)) from None

    def read_weights(self, op: WeightsOp, codebook: CodebookOp) -> LayerWeights:
        """A layer's weights; raises VerifyException where the bytes are not weights."""
        try:
            grid, codes, pointers, format, initial = self._read_tables(op, codebook)
        except ValueError as error:
            raise VerifyException(str(error)) from None
        entries = codes.reshape(-1, *codebook.block)
        blocks = (entries if pointers is None else entries[pointers]).reshape(
            *grid, *codebook.block
        )
        # Grid and block axes in turns: (O / b0, b0, I / b1, b1, ...).
        weights = blocks.transpose(0, 4, 1, 5, 2, 6, 3, 7).reshape(op.shape)
        return LayerWeights(weights, format, initial)

    def _read_tables(
        self, op: WeightsOp, codebook: CodebookOp
    ) -> tuple[tuple[int, ...], np.ndarray, np.ndarray | None, LnsFormat, np.ndarray | None]:
        grid = pointers_shape(op.shape, codebook.block)
        regions = op.table_regions(prod(grid))
        tables = {name: self.read(region, name) for name, region in regions.items()}
        codes = self._read_codes(codebook)
        pointers = self._read_pointers(op, codebook, prod(grid), tables)
        return grid, codes, pointers, _format(op, codebook, tables), _initial(op, tables)

    def _read_codes(self, codebook: CodebookOp) -> np.ndarray:
        content = self.read(codebook.region, "codebook")
        codes = unpack_bits(content, codebook.code_bits.value.data, codebook.elements)
        codes = codes.astype(codebook.format.dtype)
        illegal = codebook.format.illegal_codes(codes)
        if illegal.any():
            place = int(np.argmax(illegal))
            raise ValueError(
                f"element {place} of the codebook holds {int(codes[place]):#x}, which is no code"
            )
        return codes

    def _read_pointers(
        self, op: WeightsOp, codebook: CodebookOp, blocks: int, tables: dict[str, bytes]
    ) -> np.ndarray | None:
        entries = codebook.entries.value.data
        if "pointers" not in tables:
            if entries != blocks:
                raise ValueError(
                    f"dense weights of {counted(blocks, 'block')} need as many codebook "
                    f"entries, got {entries}"
                )
            return None
        pointers = unpack_bits(tables["pointers"], op.pointer_bits.value.data, blocks)
        if int(pointers.max()) >= entries:
            place = int(np.argmax(pointers >= entries))
            raise ValueError(
                f"pointer {place} is {int(pointers[place])}, the codebook has "
                f"{counted(entries, 'entry', 'entries')}"
            )
        return pointers.astype(np.int64)

    def pointers(self, op: WeightsOp, codebook: CodebookOp) -> np.ndarray | None:
        """Which entry each block of a layer's weights is, int64 (O / b0, I / b1, kh / b2, kw / b3).

        None of dense weights. Raises VerifyException where the bytes are no pointers.
        """
        grid = pointers_shape(op.shape, codebook.block)
        regions = op.table_regions(prod(grid))
        tables = {name: self.read(regions[name], name) for name in ("pointers",) if name in regions}
        try:
            pointers = self._read_pointers(op, codebook, prod(grid), tables)
        except ValueError as error:
            raise VerifyException(str(error)) from None
        return None if pointers is None else pointers.reshape(grid)

    def read_table(self, region: range, output: TensorOp, what: str = "table") -> np.ndarray:
        """A function table or a constant; raises VerifyException where an entry is no code."""
        key = (region, output.element_type)
        if key not in self._tables:
            self._table_bytes += len(region)
            if self._table_bytes > MAX_TABLE_BYTES:
                raise VerifyException(
                    f"a program reads at most {MAX_TABLE_BYTES} bytes of tables and constants, "
                    f"this one {self._table_bytes} up to here"
                )
            self._tables[key] = self._read_table(region, output, what)
        return self._tables[key]

    def _read_table(self, region: range, output: TensorOp, what: str) -> np.ndarray:
        entries = np.frombuffer(self.read(region, what), output.dtype)
        illegal = output.format.illegal_codes(entries)
        if illegal.any():
            place = int(np.argmax(illegal))
            raise VerifyException(
                f"entry {place} of the {what} holds {int(entries[place]):#x}, which is no code"
            )
        return entries


def _format(op: WeightsOp, codebook: CodebookOp, tables: dict[str, bytes]) -> LnsFormat:
    least = op.bias.value.data
    if "bias table" not in tables:
        return codebook.format.with_bias(least)
    channels = op.out_channels.value.data
    offsets = unpack_bits(tables["bias table"], op.bias_bits.value.data, channels)
    return codebook.format.with_bias(tuple(least + int(each) for each in offsets), 0)


def _initial(op: WeightsOp, tables: dict[str, bytes]) -> np.ndarray | None:
    if "initial values" not in tables:
        return None
    bits, channels = op.initial_bits.value.data, op.out_channels.value.data
    return unpack_signed(tables["initial values"], bits, channels)
