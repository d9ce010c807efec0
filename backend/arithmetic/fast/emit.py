"""The engine's inner loops as LLVM IR, one text for a form of vectors.

Every kernel is a function of 64-bit integers: addresses of arrays, and sizes. Products of a layer
come about in one of two ways, both exact.

By tables: with p_x + p_w = m_x + r + 2^f·e, r and e remainder and quotient of the weight's
log-domain magnitude, a product is T(m_x + r) · ± 2^e. So an input element has as many values
T(m_x + r) as there are residues r, and `table` writes them out for a block of inputs that stays in
the cache; `mac` then reads, for every weight, the values of its residue and multiplies by its
± 2^e: one load, one multiplication and one addition for each vector of products.

By rounding: `real` and `row` multiply the codes' values as floating-point numbers and round the
product to P fraction bits, which is T(p) wherever 2^(r / 2^f) · 2^P stays clear of the middle
between two integers, see `constants.rounds_exactly`. That needs no table, so no width or fraction
of codes makes it slower.

Sums in int32 are modulo 2^32, so order and intermediate overflow do not show where the result fits;
sums in float64 stay below 2^53, where it holds every integer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir

from recog.backend.arithmetic.fast.vector_ir import I8, I32, I64, Form, Shape, Writer

UNROLL = 4
"""Weights for one turn of the innermost loop: blocks of them are padded to a multiple of it."""

TABLE_UNROLL = 4
"""Residues for one turn of the loop that writes them out."""

ROW_VECTORS = (1, 2, 4)
"""How many vectors of a row one turn of `row` may have."""

SHAPES = tuple(Shape(parts, size) for parts in (1, 2, 4) for size in (1, 2))

FINISHED_AT_ONCE = 512
"""Accumulators for one pass of `finish`."""

REALS = (32, 64)
"""Bits of the floating-point numbers of `real` and `row`; sums are int32 or float64."""


def kernel_names(form: Form) -> list[str]:
    """The names of all kernels of a form, which `kernel` takes."""
    names = [f"mac_{positions}" for positions in form.positions]
    names += [
        finish_name(positions, size, signed)
        for positions in form.positions
        for size in (1, 2)
        for signed in (False, True)
    ]
    names += [
        f"real_{bits}_{positions}_{size}"
        for bits in REALS
        for positions in form.positions
        for size in (1, 2)
    ]
    names += [f"row_{bits}_{vectors}" for bits in REALS for vectors in ROW_VECTORS]
    if form.shuffle:
        names += [
            table_name(positions, shape, residues, signed)
            for positions in form.positions
            for shape in SHAPES
            for residues in (1, TABLE_UNROLL)
            for signed in (False, True)
        ]
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
        case ["finish", positions, size, sign]:
            _finish(module, form, int(positions), int(size), sign == "signed")
        case ["table", positions, shape, unroll, sign]:
            _table(module, form, int(positions), Shape.parse(shape), int(unroll), sign == "signed")
        case ["real", bits, positions, size]:
            _real(module, form, int(bits), int(positions), int(size))
        case ["row", bits, vectors]:
            _row(module, form, int(bits), int(vectors))
        case _:
            raise ValueError(f"there is no kernel {name}")
    return str(module)


def _mac(module: ir.Module, form: Form, positions: int) -> None:
    """acc[o][p] += Σ_k table[k][residue of w[o][k]][p] · factor of w[o][k].

    `records` has 8 bytes for each weight code: the residue's byte offset, and the factor.
    """
    names = ("acc", "table", "weights", "records", "outputs", "depth", "stride")
    w = Writer(module, form, f"mac_{positions}", names)
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
    w = Writer(module, form, table_name(positions, shape, unroll, signed), names)
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


class _Products:
    """Vectors of products as integers: two codes' values multiplied, and rounded to P bits.

    Bits of the mantissa below the P-th are rounded as an integer: half of the P-th one is added,
    which may carry into the exponent, and all below are cleared.
    """

    def __init__(self, w: Writer, bits: int):
        self.w, self.bytes, self.lanes = w, bits // 8, 32 * w.form.lanes // bits
        integer = ir.IntType(bits)
        self.element = ir.FloatType() if bits == 32 else ir.DoubleType()
        self.reals = ir.VectorType(self.element, self.lanes)
        self.integers = ir.VectorType(integer, self.lanes)
        self.sums = self.integers if bits == 32 else self.reals
        numbers = [w["half"], w["mask"]]
        if bits == 32:
            numbers = [w.builder.trunc(number, integer) for number in numbers]
        self.half, self.mask = (w.splat(number, self.integers) for number in numbers)

    def factor(self, address: Any) -> Any:
        return self.w.splat(self.w.load(address, self.element, self.bytes), self.reals)

    def add(self, sums: Any, values: Any, factor: Any) -> Any:
        """sums + the products of `values` and a weight."""
        b = self.w.builder
        bits = b.add(b.bitcast(b.fmul(values, factor), self.integers), self.half)
        product = b.bitcast(b.and_(bits, self.mask), self.reals)
        if self.bytes == 8:
            return b.fadd(sums, product)
        return b.add(sums, b.fptosi(product, self.sums))


def _real(module: ir.Module, form: Form, bits: int, positions: int, size: int) -> None:
    """acc[o][p] += Σ_k values[k][p] · reals[w[o][k]], each product rounded to P bits.

    Args:
        size: bytes of a weight's code, which picks its number in `reals`.
    """
    names = ("acc", "values", "weights", "reals", "outputs", "depth", "half", "mask")
    w = Writer(module, form, f"real_{bits}_{positions}_{size}", names)
    products, code = _Products(w, bits), ir.IntType(8 * size)
    lanes, each = products.lanes, products.bytes
    vectors = range(positions // lanes)
    with w.loop(w["outputs"]) as (o, _, _):
        acc = w.plus(w["acc"], (o, each * positions))
        weights = w.plus(w["weights"], (w.builder.mul(o, w["depth"]), size))
        sums = [w.load(w.plus(acc, each * lanes * v), products.sums, each) for v in vectors]
        carried = [w["values"], *sums]
        with w.loop(w["depth"], UNROLL, carried) as (k, (values, *sums), proceed):
            for u in range(UNROLL):
                number = w.builder.zext(w.load(w.plus(weights, (k, size), size * u), code), I64)
                factor = products.factor(w.plus(w["reals"], (number, each)))
                for v in vectors:
                    value = w.load(w.plus(values, each * lanes * v), products.reals, each)
                    sums[v] = products.add(sums[v], value, factor)
                values = w.plus(values, each * positions)
            proceed([values, *sums])
        for v in vectors:
            w.store(sums[v], w.plus(acc, each * lanes * v), each)
    w.done()


def _row(module: ir.Module, form: Form, bits: int, vectors: int) -> None:
    """acc[p] = Σ_t values[offset_t + p] · weight_t, each product rounded to P bits, p < count.

    For layers in which an input meets few weights. `taps` has 16 bytes for each weight: the offset
    of the values that it meets, in bytes, and the weight as a floating-point number of `bits`.
    """
    names = ("acc", "values", "taps", "count", "depth", "half", "mask")
    w = Writer(module, form, f"row_{bits}_{vectors}", names)
    products = _Products(w, bits)
    lanes, each = products.lanes, products.bytes
    with w.loop(w["count"], lanes * vectors) as (p, _, _):
        sums: list[Any] = [ir.Constant(products.sums, None)] * vectors
        with w.loop(w["depth"], 1, sums) as (t, carried, proceed):
            tap = w.plus(w["taps"], (t, 16))
            values = w.plus(w["values"], w.load(tap, I64, 8), (p, each))
            factor = products.factor(w.plus(tap, 8))
            for v in range(vectors):
                value = w.load(w.plus(values, each * lanes * v), products.reals, each)
                sums[v] = products.add(carried[v], value, factor)
            proceed(sums)
        for v in range(vectors):
            w.store(sums[v], w.plus(w["acc"], (p, each), each * lanes * v), each)
    w.done()


def finish_name(positions: int, size: int, signed: bool) -> str:
    """The kernel that makes codes of `size` bytes, signed or never negative ones."""
    return f"finish_{positions}_{size}_{'signed' if signed else 'unsigned'}"


def _finish(module: ir.Module, form: Form, positions: int, size: int, signed: bool) -> None:
    """codes[o][p], of `size` bytes, of the int32 accumulators sums[o][p] + init[o].

    The exponent and the leading `bits` of |acc| below the highest one pick a record: the
    threshold there, and how many thresholds lie below. `channels` has 24 bytes for each output: its
    records' address, the count at magnitude 0, the smallest |acc| that is not zero, init, and
    nothing. See docs/arithmetic.md, "Re-encode".

    Records are looked up one by one, in a pass over some outputs before that of vectors, so that
    what single elements have written is in the cache before vectors read it.

    Args:
        channel_stride: 24, or 0 where all rows are of one output.
        stride: bytes from one output's codes to the next one's.
    """
    names = (
        *("sums", "channels", "channel_stride", "codes", "outputs", "stride"),
        *("bits", "largest", "sign_mask"),
    )
    w = Writer(module, form, finish_name(positions, size, signed), names)
    finish, at_once = _Finish(w, size, signed), max(1, FINISHED_AT_ONCE // positions)
    numbers, records = w.memory(4 * positions), w.memory(8 * positions * at_once)
    with w.loop(w["outputs"], at_once) as (first, _, _):
        some = w.smaller(w.builder.sub(w["outputs"], first), I64(at_once))
        with w.loop(some) as (row, _, _):
            channel = finish.channel(w.plus(first, row))
            sums = w.plus(w["sums"], (w.plus(first, row), 4 * positions))
            with w.loop(I64(positions), form.lanes) as (p, _, _):
                number = finish.number(w.plus(sums, (p, 4)), channel)
                w.store(number, w.plus(numbers, (p, 4)), 4)
            own = w.plus(records, (row, 8 * positions))
            with w.loop(I64(positions), 8) as (p, _, _):
                for each in range(8):
                    number = w.load(w.plus(numbers, (p, 4), 4 * each), I32, 4)
                    at = w.plus(channel.table, (w.builder.zext(number, I64), 8))
                    w.store(w.load(at, I64, 8), w.plus(own, (p, 8), 8 * each), 8)
        with w.loop(some) as (row, _, _):
            channel = finish.channel(w.plus(first, row))
            sums = w.plus(w["sums"], (w.plus(first, row), 4 * positions))
            codes = w.plus(w["codes"], w.builder.mul(w.plus(first, row), w["stride"]))
            with w.loop(I64(positions), form.lanes) as (p, _, _):
                found = w.pairs(w.plus(records, (row, 8 * positions), (p, 8)))
                code = finish.code(w.plus(sums, (p, 4)), channel, *found)
                w.store(code, w.plus(codes, (p, size)))
    w.done()


class _Channel(NamedTuple):
    """What `finish` reads of a channel."""

    table: Any
    base: Any
    smallest: Any
    init: Any


class _Finish:
    """A vector of accumulators to codes, by way of their records."""

    def __init__(self, w: Writer, size: int, signed: bool):
        self.w, self.signed, b, lanes = w, signed, w.builder, w.form.lanes
        bits = b.trunc(w["bits"], I32)
        self.below = w.splat(b.sub(I32(23), bits))
        self.lowest = w.splat(b.shl(I32(127), bits))
        self.largest, self.sign_mask = (
            w.splat(b.trunc(w[name], I32)) for name in ("largest", "sign_mask")
        )
        self.element = ir.VectorType(ir.IntType(8 * size), lanes)
        self.floats = ir.VectorType(ir.FloatType(), lanes)

    def channel(self, number: Any) -> _Channel:
        w = self.w
        at = w.plus(w["channels"], w.builder.mul(number, w["channel_stride"]))
        base, smallest, init = (w.splat(w.load(w.plus(at, each), I32, 4)) for each in (8, 12, 16))
        return _Channel(w.load(at, I64, 8), base, smallest, init)

    def absolute(self, sums: Any, channel: _Channel) -> tuple[Any, Any]:
        """The accumulators in absolute value, and −1 for each negative one.

        Where codes are never negative, negative ones stay as they are: below all thresholds.
        """
        w, b = self.w, self.w.builder
        value = b.add(w.load(sums, w.vector, 4), channel.init)
        negative = b.ashr(value, w.constant(31))
        return b.sub(b.xor(value, negative), negative) if self.signed else value, negative

    def number(self, sums: Any, channel: _Channel) -> Any:
        """The records' numbers."""
        w, b = self.w, self.w.builder
        positive = w.larger(self.absolute(sums, channel)[0], w.constant(1))
        # Without some lower bits, no rounding to float32 reaches the leading ones.
        rounded = b.and_(positive, b.not_(b.lshr(positive, w.constant(16))))
        bits = b.bitcast(b.sitofp(rounded, self.floats), w.vector)
        return b.sub(b.lshr(bits, self.below), self.lowest)

    def code(self, sums: Any, channel: _Channel, threshold: Any, counted: Any) -> Any:
        w, b = self.w, self.w.builder
        absolute, negative = self.absolute(sums, channel)
        reached = b.zext(b.icmp_signed(">=", absolute, threshold), w.vector)
        count = b.sub(b.add(counted, reached), channel.base)
        code = w.smaller(w.larger(count, w.constant(1)), self.largest)
        if self.signed:
            code = b.or_(code, b.and_(negative, self.sign_mask))
        zero = b.icmp_signed("<", absolute, channel.smallest)
        return b.trunc(b.select(zero, w.constant(0), code), self.element)
