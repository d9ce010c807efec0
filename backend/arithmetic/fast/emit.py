"""The engine's inner loops as LLVM IR, one text for a form of vectors.

Every kernel is a function of 64-bit integers: addresses of arrays, and sizes. They add products in
int32 modulo 2^32, so order and intermediate overflow do not show where the result fits.

With p_x + p_w = m_x + r + 2^f·e, r and e remainder and quotient of the weight's log-domain
magnitude, a product is T(m_x + r) · ± 2^e. So an input element has as many values T(m_x + r) as
there are residues r, and `table` writes them out for a block of inputs that stays in the cache;
`mac` then reads, for every weight, the values of its residue and multiplies by its ± 2^e: one load,
one multiplication and one addition for each vector of products, whatever the number format.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

from llvmlite import ir

I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))

# llvmlite has no types: its values are Any here.

UNROLL = 4
"""Weights for one turn of the innermost loop: blocks of them are padded to a multiple of it."""

INDEX = -0x7F7F8000 + 0x70
"""Added to an entry's number: bit 7 of the upper three bytes of a lane, for which a byte shuffle
gives 0, and 0x70, which sets it in the lowest byte from entry 16 on."""

SHUFFLES = {8: "llvm.x86.avx2.pshuf.b", 16: "llvm.x86.avx512.pshuf.b.512"}


TABLE_UNROLL = 4
"""Residues for one turn of the loop that writes them out."""

ROW_VECTORS = (1, 2, 4)
"""How many vectors of a row one turn of `row` may have."""


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


SHAPES = tuple(Shape(parts, size) for parts in (1, 2, 4) for size in (1, 2))


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


def kernel_names(form: Form) -> list[str]:
    """The names of all kernels of a form, which `kernel` takes."""
    names = [f"mac_{positions}" for positions in form.positions]
    names += [f"finish_{positions}_{size}" for positions in form.positions for size in (1, 2)]
    if form.shuffle:
        names += [
            table_name(positions, shape, residues, signed)
            for positions in form.positions
            for shape in SHAPES
            for residues in (1, TABLE_UNROLL)
            for signed in (False, True)
        ]
        names += [f"row_{vectors}_{shape}" for vectors in ROW_VECTORS for shape in SHAPES]
        names += ["parts"]
    return names


def table_name(positions: int, shape: Shape, residues: int, signed: bool) -> str:
    """The kernel that writes out so many residues of signed or unsigned inputs."""
    unroll = TABLE_UNROLL if residues % TABLE_UNROLL == 0 else 1
    return f"table_{positions}_{shape}_{unroll}_{'signed' if signed else 'unsigned'}"


def kernel(form: Form, name: str) -> str:
    """The text of a module with one kernel: a function of that name."""
    module = ir.Module(name)
    match name.split("_"):
        case ["mac", positions]:
            _mac(module, form, int(positions))
        case ["finish", positions, size]:
            _finish(module, form, int(positions), int(size))
        case ["table", positions, shape, unroll, sign]:
            _table(module, form, int(positions), Shape.parse(shape), int(unroll), sign == "signed")
        case ["row", vectors, shape]:
            _row(module, form, Shape.parse(shape), int(vectors))
        case ["parts"]:
            _parts(module, form)
        case _:
            raise ValueError(f"there is no kernel {name}")
    return str(module)


class _Writer:
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

    def records(self, table: Any, numbers: Any) -> tuple[Any, Any]:
        """Both int32 of the records of 8 bytes at these numbers, lane by lane."""
        pairs = ir.Constant(ir.VectorType(I64, self.form.lanes), ir.Undefined)
        for lane in range(self.form.lanes):
            number = self.builder.zext(self.builder.extract_element(numbers, I32(lane)), I64)
            record = self.load(self.plus(table, (number, 8)), I64, 8)
            pairs = self.builder.insert_element(pairs, record, I32(lane))
        high = self.builder.lshr(pairs, ir.Constant(pairs.type, [32] * self.form.lanes))
        return self.builder.trunc(pairs, self.vector), self.builder.trunc(high, self.vector)

    def indices(self, entries: Any, zero: Any | None, shape: Shape) -> list[Any]:
        """Each part's index of an entry: bit 7 set, which gives 0, where another part has it."""
        indices: list[Any] = []
        for part in range(shape.parts):
            own = self.builder.xor(entries, self.constant(16 * part))
            index = self.builder.add(own, self.constant(INDEX))
            indices.append(index if zero is None else self.builder.or_(index, zero))
        return indices

    def others(self, first: Any, shape: Shape) -> list[Any]:
        """The indices of every part from that of the first one."""
        if shape.parts == 2:
            return [first, self.builder.xor(first, self.constant(0xF0))]
        return self.indices(self.builder.sub(first, self.constant(INDEX)), None, shape)

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


def _mac(module: ir.Module, form: Form, positions: int) -> None:
    """acc[o][p] += Σ_k table[k][residue of w[o][k]][p] · factor of w[o][k].

    `records` has 8 bytes for each weight code: the residue's byte offset, and the factor.
    """
    names = ("acc", "table", "weights", "records", "outputs", "depth", "stride")
    w = _Writer(module, form, f"mac_{positions}", names)
    lanes = form.lanes
    vectors = range(positions // lanes)
    with w.loop(w["outputs"]) as (o, _, _):
        acc = w.plus(w["acc"], (o, 4 * positions))
        weights = w.plus(w["weights"], w.builder.mul(o, w["depth"]))
        sums = [w.load(w.plus(acc, 4 * lanes * v), w.vector, 4) for v in vectors]
        carried = [w["table"], *sums]
        with w.loop(w["depth"], UNROLL, carried) as (k, (table, *sums), proceed):
            for u in range(UNROLL):
                code = w.builder.zext(w.load(w.plus(weights, k, u), I8), I64)
                record = w.plus(w["records"], (code, 8))
                values = w.plus(table, w.builder.zext(w.load(record, I32, 4), I64))
                factor = w.splat(w.load(w.plus(record, 4), I32, 4))
                for v in vectors:
                    value = w.load(w.plus(values, 4 * lanes * v), w.vector, 4)
                    sums[v] = w.builder.add(sums[v], w.builder.mul(value, factor))
                table = w.plus(table, w["stride"])
            proceed([table, *sums])
        for v in vectors:
            w.store(sums[v], w.plus(acc, 4 * lanes * v), 4)
    w.done()


def _table(
    module: ir.Module, form: Form, positions: int, shape: Shape, unroll: int, signed: bool
) -> None:
    """table[k][r][p] = ± T(m + r) of the codes [k][p], zero for the code of zero.

    An input code is sign ‖ magnitude; with m = 2^f·a + b, T(m + r) is Q_r[b] << a, and
    `mantissas` holds the table Q_r for every r.
    """
    names = (
        *("table", "codes", "mantissas", "depth", "residues"),
        *("magnitude_mask", "up", "low_mask", "frac", "sign_mask"),
    )
    w = _Writer(module, form, table_name(positions, shape, unroll, signed), names)
    b, lanes = w.builder, form.lanes
    splats = {name: w.splat(b.trunc(w[name], I32)) for name in names[5:]}
    stride = b.mul(w["residues"], I64(4 * positions))
    with w.loop(w["depth"]) as (k, _, _):
        for v in range(positions // lanes):
            codes = w.load(w.plus(w["codes"], (k, positions), lanes * v), ir.VectorType(I8, lanes))
            codes = b.zext(codes, w.vector)
            m = b.shl(b.and_(codes, splats["magnitude_mask"]), splats["up"])
            zero = b.icmp_signed("==", m, w.constant(0))
            nothing = b.select(zero, w.constant(0x80), w.constant(0))
            indices = w.indices(b.and_(m, splats["low_mask"]), nothing, shape)
            shift = b.lshr(m, splats["frac"])
            large = b.icmp_unsigned(">", shift, w.constant(31))
            shift = b.select(large, w.constant(31), shift)
            negative = b.icmp_signed("!=", b.and_(codes, splats["sign_mask"]), w.constant(0))
            flip = b.select(negative, w.constant(-1), w.constant(0))
            first = w.plus(w["table"], b.mul(k, stride), 4 * lanes * v)
            with w.loop(w["residues"], unroll) as (first_residue, _, _):
                for u in range(unroll):
                    r = w.plus(first_residue, u)
                    q = w.plus(w["mantissas"], (r, shape.bytes))
                    value = b.shl(w.entries(q, indices, shape), shift)
                    if signed:
                        value = b.sub(b.xor(value, flip), flip)
                    w.store(value, w.plus(first, (r, 4 * positions)), 4)
    w.done()


def _parts(module: ir.Module, form: Form) -> None:
    """entries[i] and power[i] of codes[i], i < count: the b and ± 2^a of `_table`.

    Entries are as `_Writer.indices` wants them; a code of zero has the power 0.
    """
    masks = ("magnitude_mask", "up", "low_mask", "frac", "sign_mask")
    w = _Writer(module, form, "parts", ("entries", "power", "codes", "count", *masks))
    b, lanes = w.builder, form.lanes
    splats = {name: w.splat(b.trunc(w[name], I32)) for name in masks}
    with w.loop(w["count"], lanes) as (i, _, _):
        codes = b.zext(w.load(w.plus(w["codes"], i), ir.VectorType(I8, lanes)), w.vector)
        m = b.shl(b.and_(codes, splats["magnitude_mask"]), splats["up"])
        entries = b.add(b.and_(m, splats["low_mask"]), w.constant(INDEX))
        power = b.shl(w.constant(1), w.smaller(b.lshr(m, splats["frac"]), w.constant(31)))
        signed = b.icmp_signed("!=", b.and_(codes, splats["sign_mask"]), w.constant(0))
        power = b.select(signed, b.sub(w.constant(0), power), power)
        zero = b.icmp_signed("==", m, w.constant(0))
        w.store(entries, w.plus(w["entries"], (i, 4)), 4)
        w.store(b.select(zero, w.constant(0), power), w.plus(w["power"], (i, 4)), 4)
    w.done()


def _row(module: ir.Module, form: Form, shape: Shape, vectors: int) -> None:
    """acc[p] = Σ_t Q_t[entries[offset_t + p]] · power[offset_t + p] · factor_t, p < count.

    For layers in which an input element meets too few weights to be written out for all residues.
    `entries` and `power` are those of `parts`; `taps` has 16 bytes for each weight: the offset of
    the elements it meets, in bytes, its factor, and its Q's address.
    """
    names = ("acc", "entries", "power", "taps", "count", "depth")
    w = _Writer(module, form, f"row_{vectors}_{shape}", names)
    b, lanes = w.builder, form.lanes
    with w.loop(w["count"], lanes * vectors) as (p, _, _):
        sums: list[Any] = [w.constant(0)] * vectors
        with w.loop(w["depth"], 1, sums) as (t, carried, proceed):
            tap = w.plus(w["taps"], (t, 16))
            offset = w.plus(b.zext(w.load(tap, I32, 4), I64), (p, 4))
            factor = w.splat(w.load(w.plus(tap, 4), I32, 4))
            q = w.load(w.plus(tap, 8), I64, 8)
            for v in range(vectors):
                at = w.plus(offset, 4 * lanes * v)
                entries = w.load(w.plus(w["entries"], at), w.vector, 4)
                power = w.load(w.plus(w["power"], at), w.vector, 4)
                value = w.entries(q, w.others(entries, shape), shape)
                sums[v] = b.add(carried[v], b.mul(value, b.mul(power, factor)))
            proceed(sums)
        for v in range(vectors):
            w.store(sums[v], w.plus(w["acc"], (p, 4), 4 * lanes * v), 4)
    w.done()


def _finish(module: ir.Module, form: Form, positions: int, size: int) -> None:
    """codes[o][p], of `size` bytes, of the int32 accumulators sums[o][p] + init[o].

    The exponent and the leading `bits` of |acc| below the highest one pick a record: the
    threshold there, as the smallest |acc| that reaches it shifted to bit 31, and how many
    thresholds of the octave lie below. Comparing with |acc| shifted likewise is exact. `channels`
    has 24 bytes for each output: its table's address, the count at magnitude 0, the smallest |acc|
    that is not zero, init, and nothing. See docs/arithmetic.md, "Re-encode".

    Args:
        channel_stride: 24, or 0 where all rows are of one output.
        one_sided: −1 where negative values become zero, else 0.
        stride: bytes from one output's codes to the next one's.
    """
    names = (
        *("sums", "channels", "channel_stride", "codes", "outputs", "stride"),
        *("bits", "frac", "largest", "sign_mask", "one_sided"),
    )
    w = _Writer(module, form, f"finish_{positions}_{size}", names)
    b, lanes = w.builder, form.lanes
    bits = b.trunc(w["bits"], I32)
    below = w.splat(b.sub(I32(23), bits))
    leading = w.splat(b.sub(b.shl(I32(1), bits), I32(1)))
    splats = {name: w.splat(b.trunc(w[name], I32)) for name in names[7:]}
    element = ir.VectorType(ir.IntType(8 * size), lanes)
    with w.loop(w["outputs"]) as (o, _, _):
        channel = w.plus(w["channels"], b.mul(o, w["channel_stride"]))
        table = w.load(channel, I64, 8)
        base, smallest, init = (w.splat(w.load(w.plus(channel, at), I32, 4)) for at in (8, 12, 16))
        for v in range(positions // lanes):
            value = w.load(w.plus(w["sums"], (o, 4 * positions), 4 * lanes * v), w.vector, 4)
            value = b.add(value, init)
            negative = b.ashr(value, w.constant(31))
            value = b.and_(value, b.not_(b.and_(negative, splats["one_sided"])))
            absolute = b.sub(b.xor(value, negative), negative)
            absolute = w.larger(absolute, w.constant(0))
            positive = w.larger(absolute, w.constant(1))
            # Without some lower bits, no rounding to float32 reaches the leading ones.
            rounded = b.and_(positive, b.not_(b.lshr(positive, w.constant(16))))
            float_bits = b.bitcast(
                b.sitofp(rounded, ir.VectorType(ir.FloatType(), lanes)), w.vector
            )
            exponent = b.sub(b.lshr(float_bits, w.constant(23)), w.constant(127))
            number = b.and_(b.lshr(float_bits, below), leading)
            threshold, counted = w.records(table, number)
            shifted = b.shl(positive, b.sub(w.constant(31), exponent))
            reached = b.zext(b.icmp_unsigned(">=", shifted, threshold), w.vector)
            magnitude = b.add(b.add(b.shl(exponent, splats["frac"]), counted), reached)
            magnitude = w.larger(b.sub(magnitude, base), w.constant(1))
            magnitude = w.smaller(magnitude, splats["largest"])
            code = b.or_(magnitude, b.and_(negative, splats["sign_mask"]))
            zero = b.icmp_signed("<", absolute, smallest)
            code = b.select(zero, w.constant(0), code)
            at = w.plus(w["codes"], b.mul(o, w["stride"]), size * lanes * v)
            w.store(b.trunc(code, element), at)
    w.done()
