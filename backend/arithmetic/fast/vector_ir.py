"""Functions of vectors and 64-bit integers, written as LLVM IR: loops, addresses, byte shuffles."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

from llvmlite import ir

I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))

# llvmlite has no types: its values are Any here.

INDEX = -0x7F7F8000 + 0x70
"""Added to an entry's number: bit 7 of the upper three bytes of a lane, for which a byte shuffle
gives 0, and 0x70, which sets it in the lowest byte from entry 16 on."""

SHUFFLES = {8: "llvm.x86.avx2.pshuf.b", 16: "llvm.x86.avx512.pshuf.b.512"}


class Shape(NamedTuple):
    """A table of integers by byte shuffles: 16 · parts entries of `size` bytes.

    It lies part by part, and each part byte by byte.
    """

    parts: int
    size: int

    @property
    def bytes(self) -> int:
        return 16 * self.parts * self.size

    def __str__(self) -> str:
        return f"{self.parts}x{self.size}"

    @staticmethod
    def parse(text: str) -> Shape:
        parts, size = text.split("x")
        return Shape(int(parts), int(size))


@dataclass(frozen=True)
class Form:
    """How kernels are written for a processor.

    Attributes:
        lanes: int32 lanes of a vector.
        shuffle: lanes of the byte shuffle (x86's pshufb) that looks up 16-entry tables; 0 without.
            Fewer than `lanes` where wider vectors are tried out on a processor that has none.
        positions: how many outputs a tile may have, each a multiple of `lanes`.
    """

    lanes: int
    shuffle: int
    positions: tuple[int, ...]


class Writer:
    """A function under construction: loops, addresses and vectors."""

    def __init__(self, module: ir.Module, form: Form, name: str, arguments: Sequence[str]):
        type_ = ir.FunctionType(ir.VoidType(), [I64] * len(arguments))
        self.function = ir.Function(module, type_, name)
        self.form, self.module = form, module
        self.vector = ir.VectorType(I32, form.lanes)
        self.builder: Any = ir.IRBuilder(self.function.append_basic_block("entry"))
        self.arguments: dict[str, Any] = dict(zip(arguments, self.function.args))

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def done(self) -> None:
        self.builder.ret_void()

    def plus(self, value: Any, *terms: Any | int | tuple[Any, int]) -> Any:
        """value + the terms, each a value, an integer or a value times an integer."""
        for term in terms:
            if isinstance(term, tuple):
                term = self.builder.mul(term[0], I64(term[1]))
            elif isinstance(term, int):
                term = I64(term)
            value = self.builder.add(value, term)
        return value

    def load(self, address: Any, type_: ir.Type, align: int = 1) -> Any:
        return self.builder.load(self.builder.inttoptr(address, type_.as_pointer()), align=align)

    def store(self, value: Any, address: Any, align: int = 1) -> None:
        pointer = self.builder.inttoptr(address, value.type.as_pointer())
        self.builder.store(value, pointer, align=align)

    def splat(self, value: Any, type_: ir.VectorType | None = None) -> Any:
        type_ = type_ or self.vector
        undefined = ir.Constant(type_, ir.Undefined)
        first = self.builder.insert_element(undefined, value, I32(0))
        zeros = ir.Constant(ir.VectorType(I32, type_.count), [0] * type_.count)
        return self.builder.shuffle_vector(first, undefined, zeros)

    def constant(self, value: int) -> Any:
        return ir.Constant(self.vector, [value] * self.form.lanes)

    @contextmanager
    def loop(
        self, count: Any, step: int = 1, carried: Sequence[Any] = ()
    ) -> Generator[tuple[Any, list[Any], Callable[..., None]], None, None]:
        """A loop of at least one turn: its index, the carried values, and how to set them on."""
        before, body = self.builder.block, self.function.append_basic_block("loop")
        self.builder.branch(body)
        self.builder.position_at_end(body)
        index = self.builder.phi(I64)
        index.add_incoming(I64(0), before)
        phis = []
        for value in carried:
            phi = self.builder.phi(value.type)
            phi.add_incoming(value, before)
            phis.append(phi)
        following: list[Any] = []
        yield index, phis, following.extend
        end = self.builder.block
        index_after = self.builder.add(index, I64(step))
        index.add_incoming(index_after, end)
        for phi, value in zip(phis, following, strict=True):
            phi.add_incoming(value, end)
        after = self.function.append_basic_block("after")
        self.builder.cbranch(self.builder.icmp_signed("<", index_after, count), body, after)
        self.builder.position_at_end(after)

    def shuffle_bytes(self, table: Any, index: Any) -> Any:
        """For every byte of `index` the entry of the 16-byte table, or 0 where bit 7 is set."""
        lanes, width = self.form.lanes, self.form.shuffle
        whole = ir.VectorType(I8, 16)
        copies = ir.Constant(ir.VectorType(I32, 4 * width), [*range(16)] * (width // 4))
        tables = self.builder.shuffle_vector(table, ir.Constant(whole, ir.Undefined), copies)
        shuffled = ir.VectorType(I8, 4 * width)
        type_ = ir.FunctionType(shuffled, [shuffled, shuffled])
        function = self.module.globals.get(SHUFFLES[width]) or ir.Function(
            self.module, type_, SHUFFLES[width]
        )
        parts = []
        for first in range(0, lanes, width):
            part = self._lanes(index, first, width)
            found = self.builder.call(function, [tables, self.builder.bitcast(part, shuffled)])
            parts.append(self.builder.bitcast(found, ir.VectorType(I32, width)))
        while len(parts) > 1:
            parts = [self._join(*parts[i : i + 2]) for i in range(0, len(parts), 2)]
        return parts[0]

    def _lanes(self, vector: Any, first: int, count: int) -> Any:
        if count == self.form.lanes:
            return vector
        chosen = ir.Constant(ir.VectorType(I32, count), [*range(first, first + count)])
        return self.builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), chosen)

    def _join(self, low: Any, high: Any) -> Any:
        count = 2 * low.type.count
        chosen = ir.Constant(ir.VectorType(I32, count), [*range(count)])
        return self.builder.shuffle_vector(low, high, chosen)

    def larger(self, a: Any, b: Any) -> Any:
        return self.builder.select(self.builder.icmp_signed(">", a, b), a, b)

    def smaller(self, a: Any, b: Any) -> Any:
        return self.builder.select(self.builder.icmp_signed("<", a, b), a, b)

    def memory(self, size: int) -> Any:
        """The address of so many bytes of the function's own, at a multiple of a cache line."""
        pointer = self.builder.alloca(ir.ArrayType(I8, size))
        pointer.align = 64
        return self.builder.ptrtoint(pointer, I64)

    def pairs(self, address: Any) -> tuple[Any, Any]:
        """The first and second numbers of as many pairs of int32 as there are lanes."""
        lanes = self.form.lanes
        both = self.load(address, ir.VectorType(I32, 2 * lanes), 4)
        undefined = ir.Constant(both.type, ir.Undefined)
        chosen = (ir.Constant(self.vector, [*range(first, 2 * lanes, 2)]) for first in (0, 1))
        first, second = (self.builder.shuffle_vector(both, undefined, each) for each in chosen)
        return first, second

    def indices(self, entries: Any, zero: Any, shape: Shape) -> list[Any]:
        """Each part's index of an entry: bit 7 set, which gives 0, where another part has it."""
        indices: list[Any] = []
        for part in range(shape.parts):
            own = self.builder.xor(entries, self.constant(16 * part))
            index = self.builder.add(own, self.constant(INDEX))
            indices.append(self.builder.or_(index, zero))
        return indices

    def entries(self, address: Any, indices: Sequence[Any], shape: Shape) -> Any:
        """The integers of a table of a shape, int32 lanes."""
        plane = ir.VectorType(I8, 16)
        planes: list[Any] = []
        for byte in range(shape.size):
            found = [
                self.shuffle_bytes(
                    self.load(self.plus(address, 16 * (part * shape.size + byte)), plane), index
                )
                for part, index in enumerate(indices)
            ]
            planes.append(
                self.builder.shl(reduce(self.builder.or_, found), self.constant(8 * byte))
            )
        return reduce(self.builder.or_, planes)
