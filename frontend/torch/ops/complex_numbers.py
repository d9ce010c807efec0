"""Complex numbers as pairs of real tensors, and Fourier transforms as products with matrices.

The dialects have no complex elements: an operator of complex tensors becomes ops of their parts.
`OPS` holds what makes them of real tensors, `COMPLEX` what takes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.torch.converters import (
    Constant,
    Converter,
    ConverterContext,
    Registry,
    Unsupported,
    normalized_axis,
)
from recog.frontend.torch.ops import matrix

OPS, COMPLEX = Registry(), Registry()


@dataclass(frozen=True, eq=False)
class Complex:
    """Two real tensors of one shape."""

    real: SSAValue
    imag: SSAValue


def is_complex(handle: Any) -> bool:
    """Whether an argument is complex: computed, of constants, or a number."""
    if isinstance(handle, Constant):
        return handle.tensor.is_complex()
    return isinstance(handle, Complex | complex)


def parts(c: ConverterContext, handle: Any) -> tuple[SSAValue, SSAValue | None]:
    """Real and imaginary part of an argument; None for the latter of a real one."""
    match handle:
        case Complex():
            return handle.real, handle.imag
        case Constant() if handle.tensor.is_complex():
            tensor = handle.tensor.detach().resolve_conj()
            real, imag = tensor.real.contiguous(), tensor.imag.contiguous()
            return (
                c.value(Constant(real, f"{handle.name}.real", handle.computed)),
                c.value(Constant(imag, f"{handle.name}.imag", handle.computed)),
            )
        case complex():
            return c.value(handle.real), c.value(handle.imag)
        case _:
            return c.typed(handle, torch.float32), None


def _both(c: ConverterContext, handle: Any) -> Complex:
    """The parts of an argument that is complex for certain."""
    real, imag = parts(c, handle)
    if imag is None:
        imag = c.value(Constant(torch.zeros(nn.shape_of(real)), "imag", True))
    return Complex(real, imag)


def _matrices(
    size: int, rows: int, columns: int, normalization: int, sign: int
) -> tuple[Constant, Constant]:
    """Cosines and sines of a transform of so many points, e^(sign · 2πi jk / size), normalized: by
    nothing, by the root of the size, or by the size."""
    angles = sign * 2 * np.pi * (np.outer(np.arange(rows), np.arange(columns)) % size) / size
    factor = (1.0, size**-0.5, 1.0 / size)[normalization]
    values = (factor * np.where(abs(x) < 1e-12, 0, x) for x in (np.cos(angles), np.sin(angles)))
    cos, sin = (torch.from_numpy(x.astype(np.float32)) for x in values)
    return Constant(cos, "transform", True), Constant(sin, "transform", True)


def _along(c: ConverterContext, axis: int, z: Complex, of_rows: Callable[[Complex], Any]) -> Any:
    """What a function gives for rows, with an axis in the place of the last one."""
    rank = len(nn.shape_of(z.real))
    swapped = [*range(rank)]
    swapped[axis], swapped[-1] = swapped[-1], swapped[axis]

    def moved(value: SSAValue) -> SSAValue:
        return value if axis == rank - 1 else c.emit(nn.PermuteOp(value, swapped))

    real = moved(z.real)
    result = of_rows(Complex(real, real if z.imag is z.real else moved(z.imag)))
    if isinstance(result, Complex):
        return Complex(moved(result.real), moved(result.imag))
    return moved(result)


def _times(c: ConverterContext, rows: SSAValue, matrix: Constant) -> SSAValue:
    return c.emit(nn.MatmulOp(rows, c.value(matrix)))


def _transformed(
    c: ConverterContext, z: Complex, axes: Sequence[int], normalization: int, sign: int
) -> Complex:
    """The discrete Fourier transform along axes, with e^(sign · 2πi jk / n)."""
    for axis in axes:
        size = nn.shape_of(z.real)[axis]
        cos, sin = _matrices(size, size, size, normalization, sign)

        def of_rows(rows: Complex, cos: Constant = cos, sin: Constant = sin) -> Complex:
            real = nn.SubOp(_times(c, rows.real, cos), _times(c, rows.imag, sin))
            imag = nn.AddOp(_times(c, rows.real, sin), _times(c, rows.imag, cos))
            return Complex(c.emit(real), c.emit(imag))

        z = _along(c, axis, z, of_rows)
    return z


def _axes(c: ConverterContext, value: SSAValue, dim: Sequence[int]) -> list[int]:
    return [normalized_axis(axis, len(nn.shape_of(value))) for axis in dim]


@OPS.add("aten._fft_r2c.default")
def transform_real(
    c: ConverterContext, input: Any, dim: Any, normalization: int, onesided: bool
) -> Complex:
    x = c.typed(input, torch.float32)
    *others, last = _axes(c, x, dim)
    size = nn.shape_of(x)[last]
    kept = size // 2 + 1 if onesided else size
    cos, sin = _matrices(size, size, kept, normalization, -1)

    def of_rows(rows: Complex) -> Complex:
        return Complex(_times(c, rows.real, cos), _times(c, rows.real, sin))

    return _transformed(c, _along(c, last, Complex(x, x), of_rows), others, normalization, -1)


@COMPLEX.add("aten._fft_c2c.default")
def transform(
    c: ConverterContext, input: Any, dim: Any, normalization: int, forward: bool
) -> Complex:
    z = _both(c, input)
    return _transformed(c, z, _axes(c, z.real, dim), normalization, -1 if forward else 1)


@COMPLEX.add("aten._fft_c2r.default")
def transform_to_real(
    c: ConverterContext, input: Any, dim: Any, normalization: int, last_dim_size: int
) -> SSAValue:
    """Of half of a spectrum; the other half is its mirror image."""
    z = _both(c, input)
    *others, last = _axes(c, z.real, dim)
    z = _transformed(c, z, others, normalization, 1)
    size, kept = int(last_dim_size), nn.shape_of(z.real)[last]
    cos, sin = _matrices(size, kept, size, normalization, 1)
    twice = torch.tensor([1.0 if k == 0 or 2 * k == size else 2.0 for k in range(kept)])[:, None]
    cos, sin = (Constant(x.tensor * twice, x.name, True) for x in (cos, sin))

    def of_rows(rows: Complex) -> SSAValue:
        return c.emit(nn.SubOp(_times(c, rows.real, cos), _times(c, rows.imag, sin)))

    return _along(c, last, z, of_rows)


@OPS.add("aten.complex.default")
def of_parts(c: ConverterContext, real: Any, imag: Any) -> Complex:
    return Complex(c.value(real), c.value(imag))


@OPS.add("aten.view_as_complex.default")
def view_as_complex(c: ConverterContext, input: Any) -> Complex:
    x = c.value(input)
    shape = nn.shape_of(x)

    def part(index: int) -> SSAValue:
        starts, stops = (0,) * (len(shape) - 1), shape[:-1]
        sliced = nn.SliceOp(x, (*starts, index), (*stops, index + 1), (1,) * len(shape))
        return c.emit(nn.ReshapeOp(c.emit(sliced), shape[:-1]))

    return Complex(part(0), part(1))


@COMPLEX.add("aten.view_as_real.default")
def view_as_real(c: ConverterContext, input: Any) -> SSAValue:
    z = _both(c, input)
    shape = nn.shape_of(z.real)
    each = [c.emit(nn.ReshapeOp(value, (*shape, 1))) for value in (z.real, z.imag)]
    return c.emit(nn.ConcatOp(each, axis=len(shape)))


@COMPLEX.add("aten.real.default")
def real(c: ConverterContext, input: Any) -> SSAValue:
    return _both(c, input).real


@COMPLEX.add("aten.imag.default")
def imag(c: ConverterContext, input: Any) -> SSAValue:
    return _both(c, input).imag


@COMPLEX.add("aten.abs.default")
def magnitude(c: ConverterContext, input: Any) -> SSAValue:
    return c.emit(nn.SqrtOp(_square(c, _both(c, input))))


def _square(c: ConverterContext, z: Complex) -> SSAValue:
    squares = [c.emit(nn.MulOp(value, value)) for value in (z.real, z.imag)]
    return c.emit(nn.AddOp(*squares))


@COMPLEX.add("aten._conj.default", "aten.conj_physical.default", "aten._conj_physical.default")
def conjugate(c: ConverterContext, input: Any) -> Complex:
    z = _both(c, input)
    return Complex(z.real, c.emit(nn.NegOp(z.imag)))


@COMPLEX.add("aten.resolve_conj.default")
def same(c: ConverterContext, input: Any) -> Complex:
    return _both(c, input)


@COMPLEX.add("aten.to.dtype", "aten.to.dtype_layout", "aten.to.other", "aten._to_copy.default")
def convert(c: ConverterContext, input: Any, *arguments: Any, **keywords: Any) -> Any:
    z = _both(c, input)
    if c.result_dtype in (torch.complex32, torch.complex128):
        raise Unsupported(f"computes with {c.result_dtype}", "use complex64")
    return z if c.result_dtype.is_complex else z.real  # torch leaves the other part out too


Product = Callable[[SSAValue, SSAValue], SSAValue]


def _product(c: ConverterContext, input: Any, other: Any, product: Product) -> Complex:
    """(a + bi) (c + di) for any product that is linear in both; of one that is real, two products
    are enough."""
    (a, b), (x, y) = parts(c, input), parts(c, other)
    if y is None:
        return Complex(product(a, x), product(_both(c, input).imag, x))
    if b is None:
        return Complex(product(a, x), product(a, y))
    real = nn.SubOp(product(a, x), product(b, y))
    return Complex(c.emit(real), c.emit(nn.AddOp(product(a, y), product(b, x))))


@COMPLEX.add("aten.mul.Tensor")
def multiply(c: ConverterContext, input: Any, other: Any) -> Complex:
    return _product(c, input, other, lambda a, b: c.emit(nn.MulOp(a, b)))


@COMPLEX.add("aten.matmul.default", "aten.mm.default", "aten.bmm.default")
def matmul(c: ConverterContext, input: Any, other: Any) -> Complex:
    return _product(c, input, other, lambda a, b: matrix.matmul(c, a, b))


@COMPLEX.add("aten.div.Tensor")
def divide(c: ConverterContext, input: Any, other: Any) -> Complex:
    x, y = parts(c, other)
    if y is not None:
        divisor = Complex(x, y)
        x = _square(c, divisor)
        input = multiply(c, input, conjugate(c, divisor))
    z = _both(c, input)
    return Complex(*(c.emit(nn.DivOp(value, x)) for value in (z.real, z.imag)))


def _part_by_part(op: type[nn.BinaryOp]) -> Converter:
    def convert(c: ConverterContext, input: Any, other: Any, *, alpha: float = 1) -> Complex:
        if alpha != 1:
            other = multiply(c, other, alpha)
        z, w = _both(c, input), _both(c, other)
        pairs = ((z.real, w.real), (z.imag, w.imag))
        return Complex(*(c.emit(op(*pair)) for pair in pairs))

    return convert


COMPLEX.add("aten.add.Tensor")(_part_by_part(nn.AddOp))
COMPLEX.add("aten.sub.Tensor")(_part_by_part(nn.SubOp))

LINEAR = {
    **dict.fromkeys(("copy", "fill", "slice_scatter", "select_scatter"), (0, 1)),
    **dict.fromkeys(("constant_pad_nd", "masked_fill", "index_put"), (0, 2)),
    "where": (1, 2),
} | dict.fromkeys(
    (
        *("view", "reshape", "_unsafe_view", "permute", "transpose", "t", "unsqueeze", "squeeze"),
        *("slice", "select", "expand", "flip", "roll", "cat", "stack", "sum", "mean", "neg"),
        *("flatten", "unflatten", "movedim", "alias", "detach", "repeat", "contiguous", "clone"),
        *("lift_fresh_copy", "unbind", "index", "index_select", "gather", "as_strided", "cumsum"),
    ),
    (0,),
)
"""Operators that do to complex numbers what they do to both parts, and which arguments have parts:
real ones among these have an imaginary part of zeros."""


@dataclass
class _OfPart(ConverterContext):
    """The context of an operator that is converted for one part of its result."""

    @property
    def result_dtype(self) -> torch.dtype:
        return super().result_dtype.to_real()


def _linear(converter: Converter, having_parts: Sequence[int]) -> Converter:
    def convert(c: ConverterContext, *args: Any, **kwargs: Any) -> Any:
        of_part = _OfPart(c.node, c.block, c.constants, c.location)

        def of(index: int) -> Any:
            given = (_part(c, a, index) if i in having_parts else a for i, a in enumerate(args))
            return converter(of_part, *given, **kwargs)

        real, imag = of(0), of(1)
        if isinstance(real, tuple | list):
            return tuple(map(Complex, real, imag))
        return Complex(real, imag)

    return convert


def _part(c: ConverterContext, argument: Any, index: int) -> Any:
    """One part of a number, a tensor, or each of a list of these."""
    if isinstance(argument, list | tuple):
        return [_part(c, each, index) for each in argument]
    if isinstance(argument, bool | int | float | complex):
        return (argument.real, argument.imag)[index]
    z = _both(c, argument)
    return (z.real, z.imag)[index]


def add_linear(converters: Registry) -> None:
    """Let `COMPLEX` take the operators of `LINEAR` that have a converter for real tensors."""
    for name, converter in converters.items():
        if (having_parts := LINEAR.get(name.split(".")[1])) is not None:
            COMPLEX.add(name)(_linear(converter, having_parts))
    COMPLEX.add("aten._assert_tensor_metadata.default")(
        converters["aten._assert_tensor_metadata.default"]
    )
