"""Where the bytes of a program file are, and how well its pointers and tables are used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import numpy as np

from recog.backend.assembly.assembler import weight_bytes
from recog.backend.assembly.container import Kind, read_container
from recog.dialects.bits import unpack_bits
from recog.dialects.chip import CodebookOp, LdwOp, ProgramOp, WeightMemory, WeightsOp
from recog.dialects.cluster import pointers_shape

WEIGHT_KINDS = (Kind.POINTERS, Kind.TABLES, Kind.BIASES)


@dataclass(frozen=True)
class LayerBytes:
    """The weights of a layer.

    Attributes:
        layer: the name of its descriptor.
        block: extents of a block; () of a dense layer.
        entries: of its table, 0 of a dense layer.
        sharers: the layers that have the same table, this one counted.
        codes: bytes of its codes, where it is dense.
        table: bytes of its table.
        biases: bytes of bias offsets and initial values.
        bits_a_weight: with its part of the table and its biases.
        used: entries that a pointer is to.
        entropy: bits of a pointer, had each as many as it says.
        distinct: of blocks at one place among the inputs, those that differ, as a share: what is
            left to compute if equal ones are computed once.
    """

    layer: str
    shape: tuple[int, ...]
    block: tuple[int, ...]
    entries: int
    sharers: int
    pointer_bits: int
    pointers: int
    codes: int
    table: int
    biases: int
    bits_a_weight: float
    used: int
    entropy: float
    distinct: float


@dataclass(frozen=True)
class ProgramBytes:
    """All bytes of a program file.

    Attributes:
        parts: bytes by what they are, which sum up to the file.
        weight_bytes: of them, all that is stored for weights: pointers, tables, biases.
        weights: how many weights layers have.
        folded_float_bytes: of these and a bias a channel, as 32-bit floats. The float network that
            a conversion counts has batch norms too, and what the host computes.
    """

    parts: Mapping[str, int]
    weight_bytes: int
    weights: int
    folded_float_bytes: int
    layers: Sequence[LayerBytes]

    @property
    def folded_ratio(self) -> float:
        """How many times more bytes that is than are stored. The ratio of a conversion is another:
        it counts from the network as it was given."""
        return self.folded_float_bytes / self.weight_bytes if self.weight_bytes else 1.0

    @property
    def bits_a_weight(self) -> float:
        """All that is stored for weights, a weight."""
        return 8 * self.weight_bytes / self.weights if self.weights else 0.0

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "file_bytes": sum(self.parts.values()),
            "parts": dict(self.parts),
            "weight_bytes": self.weight_bytes,
            "weights": self.weights,
            "folded_float_bytes": self.folded_float_bytes,
            "folded_ratio": self.folded_ratio,
            "bits_a_weight": self.bits_a_weight,
            "layers": [asdict(each) for each in self.layers],
        }


def program_bytes(data: bytes, program: ProgramOp) -> ProgramBytes:
    """Where the bytes of a file are.

    Args:
        data: the file.
        program: what it holds.
    """
    container = read_container(data)
    parts = {
        each.name.lower().replace("_", " "): sum(
            len(segment.content) for segment in container.segments if segment.kind is each
        )
        for each in Kind
        if each not in WEIGHT_KINDS
    }
    parts["i/o"] = parts.pop("io")
    stored = _weight_parts(program)
    known = sum(len(segment.content) for segment in container.segments)
    weights = [op for op in program.descriptors if isinstance(op, WeightsOp)]
    count = sum(prod(op.shape) for op in weights)
    channels = sum(op.shape[0] for op in weights)
    return ProgramBytes(
        {**stored, "headers and checksums": len(data) - known, **parts},
        weight_bytes(program),
        count,
        4 * (count + channels),
        _layers(program, weights),
    )


def _weight_parts(program: ProgramOp) -> dict[str, int]:
    """The bytes of the weights' segments, by what they are."""
    sizes = {"pointers": 0, "tables": 0, "biases": 0}
    for segment in program.segments:
        sizes[segment.kind.data] += len(segment.data)
    scope = program.scope
    regions: dict[bool, list[range]] = {True: [], False: []}
    for op in program.descriptors:
        if isinstance(op, WeightsOp):
            dense = not op.pointer_bits.value.data
            regions[dense].append(scope.codebook(op.codebook).region)
    tables, codes = (_covered(regions[dense]) for dense in (False, True))
    return {
        "pointers": sizes["pointers"],
        "tables of centroids": tables,
        "dense codes": codes,
        "function tables and constants": sizes["tables"] - tables - codes,
        "biases": sizes["biases"],
    }


def _covered(regions: Iterable[range]) -> int:
    """Bytes in any of some regions."""
    total = end = 0
    for each in sorted(regions, key=lambda r: (r.start, r.stop)):
        total += max(0, each.stop - max(end, each.start))
        end = max(end, each.stop)
    return total


def _layers(program: ProgramOp, weights: Sequence[WeightsOp]) -> list[LayerBytes]:
    memory, scope = WeightMemory(), program.scope
    for op in program.instructions:
        if isinstance(op, LdwOp):
            memory.load(op, scope)
    books = [scope.codebook(op.codebook) for op in weights]
    sharers = [sum(book is other for other in books) for book in books]
    return [_layer(*each, memory) for each in zip(weights, books, sharers)]


def _layer(op: WeightsOp, book: CodebookOp, sharers: int, memory: WeightMemory) -> LayerBytes:
    shape, bits = op.shape, op.pointer_bits.value.data
    blocks = prod(shape) // prod(book.block)
    regions = op.table_regions(blocks)
    pointers = len(regions.pop("pointers", ()))
    biases, stored = sum(map(len, regions.values())), len(book.region)
    size = pointers + stored / sharers + biases
    used, entropy, distinct = 0, 0.0, 1.0
    if bits:
        found = unpack_bits(
            memory.read(op.table_regions(blocks)["pointers"], "pointers"), bits, blocks
        )
        grid = np.asarray(found).reshape(pointers_shape(shape, book.block))
        used, entropy, distinct = _use(grid)
    name = op.sym_name.data.removesuffix(".weight")
    return LayerBytes(
        name,
        shape,
        book.block if bits else (),
        book.entries.value.data if bits else 0,
        sharers,
        bits,
        pointers,
        0 if bits else stored,
        stored if bits else 0,
        biases,
        8 * size / prod(shape),
        used,
        entropy,
        distinct,
    )


def _use(pointers: np.ndarray) -> tuple[int, float, float]:
    """Entries used, bits of entropy, and the share of blocks that differ at their place."""
    _, counts = np.unique(pointers, return_counts=True)
    shares = counts / counts.sum()
    columns = np.sort(pointers.reshape(len(pointers), -1), axis=0)
    distinct = columns.shape[1] + int((np.diff(columns, axis=0) != 0).sum())
    entropy = float(-(shares * np.log2(shares)).sum()) + 0.0  # no -0 of one entry
    return len(counts), entropy, distinct / pointers.size
