"""Hypothesis strategy for lns networks: every op, odd shapes, values with several users."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from hypothesis import strategies as st
from xdsl.dialects.builtin import IntegerType, ModuleOp, Signedness, TensorType, f32, i16, i32, i64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue

from recog.dialects import lns
from recog.dialects.cluster import LookupOp, pointers_shape
from recog.dialects.data import ConstantOp
from recog.dialects.lns import NumberType, format_of, number_tensor, shape_of
from recog.dialects.number_format import Arithmetic, LnsFormat

small = st.integers(1, 4)
INDICES = (i16, i32, i64)
LARGE = 200
"""What has more elements is not enlarged any further."""


@st.composite
def formats(draw, *, unsigned: bool | None = None, widths=(3, 8)) -> LnsFormat:
    """Of at most 16 octaves around 1, so that all sums fit 63 bits."""
    width = draw(st.integers(*widths))
    frac = draw(st.integers(max(0, width - 4), 5))
    bias = draw(st.integers(-2 << frac, 6 << frac))
    signs = draw(st.booleans()) if unsigned is None else unsigned
    return LnsFormat(width, frac, bias, unsigned=signs)


def random_codes(generator: np.random.Generator, shape, format: LnsFormat) -> np.ndarray:
    codes = generator.integers(0, 1 << format.width, shape).astype(format.dtype)
    codes[format.illegal_codes(codes)] = 0
    return codes


@dataclass
class Network:
    module: ModuleOp
    inputs: list[np.ndarray]
    """Three frames for each argument."""


class NetworkMaker:
    """Appends random ops to a block."""

    def __init__(self, draw, block: Block):
        self.draw = draw
        self.block = block
        self.values: list[SSAValue] = []
        self.maps: list[SSAValue] = []
        """Constants, which are no results."""
        self.generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.arithmetic = Arithmetic(draw(st.integers(2, 8)), 64, draw(st.booleans()))

    def add(self, op: Operation) -> SSAValue:
        self.block.add_op(op)
        return op.results[0]

    def value(self) -> SSAValue:
        return self.draw(st.sampled_from(self.values))

    def image(self) -> SSAValue:
        """A value of four axes; a reshape makes one of any other."""
        x = self.value()
        shape = shape_of(x)
        if len(shape) == 4:
            return x
        height = next(d for d in (3, 2, 1) if prod(shape) % d == 0)
        return self.add(lns.ReshapeOp(x, (1, prod(shape) // height, height, 1)))

    def constant(self, values: np.ndarray, element) -> SSAValue:
        return self.add(ConstantOp.from_array(values, element))

    def weight(self, shape: tuple[int, ...]) -> SSAValue:
        draw = self.draw
        format = draw(formats())
        given = format
        if draw(st.booleans()):
            offsets = self.generator.integers(0, 5, shape[0])
            given = format.with_bias(tuple(int(format.bias + o) for o in offsets), 0)
        if not draw(st.booleans()):
            return self.constant(random_codes(self.generator, shape, given), NumberType(given))
        divisors = [[d for d in range(1, size + 1) if size % d == 0] for size in shape]
        block = tuple(draw(st.sampled_from(each)) for each in divisors)
        entries = draw(st.integers(1, 5))
        pointers = self.generator.integers(0, entries, pointers_shape(shape, block))
        codes = random_codes(self.generator, (entries, prod(block)), format)
        return self.add(
            LookupOp(
                self.constant(pointers, IntegerType(8, Signedness.UNSIGNED)),
                self.constant(codes, NumberType(format)),
                None,
                block,
                NumberType(given),
            )
        )

    def bias(self, channels: int) -> SSAValue | None:
        if not self.draw(st.booleans()):
            return None
        limit = 1 << self.draw(st.integers(0, 24))
        values = self.generator.integers(-limit, limit, channels)
        return self.constant(values, IntegerType(64))

    def output(self, *inputs: SSAValue | None, relu: bool = False, wide: bool = True) -> LnsFormat:
        """A format that takes what these give; biases, integers, may be negative."""
        codes = [x for x in inputs if x is not None]
        positive = relu or all(
            isinstance(x.type.element_type, NumberType) and format_of(x).unsigned  # pyright: ignore
            for x in codes
        )
        widths = (9, 16) if wide and self.draw(st.integers(0, 5)) == 0 else (3, 8)
        if widths[0] == 9:
            unsigned = positive and self.draw(st.booleans())
            return LnsFormat(16, 8, self.draw(st.integers(0, 999)), unsigned=unsigned)
        return self.draw(formats(unsigned=None if positive else False, widths=widths))

    def narrow(self, x: SSAValue) -> SSAValue:
        """Inputs of sums must not span too many octaves."""
        format = format_of(x)
        if format.max_magnitude >> format.frac <= 16:
            return x
        narrower = LnsFormat(6, 2, 8, unsigned=format.unsigned)
        return self.add(lns.ConvertOp(x, narrower))

    def add_conv(self) -> None:
        draw, x = self.draw, self.narrow(self.image())
        _, channels, height, width = shape_of(x)
        groups = draw(st.sampled_from([d for d in range(1, channels + 1) if channels % d == 0]))
        kernel = (draw(st.integers(1, min(3, height))), draw(st.integers(1, min(3, width))))
        outputs = groups * draw(st.integers(1, 3 if groups < 3 else 1))
        weight = self.weight((outputs, channels // groups, *kernel))
        relu, bias = draw(st.booleans()), self.bias(outputs)
        op = lns.Conv2dOp(
            x,
            weight,
            bias,
            self.output(x, weight, bias, relu=relu),
            strides=(draw(small), draw(small)),
            padding=[draw(st.integers(0, 2)) for _ in range(4)],
            dilation=(1, 1) if max(kernel) > 1 else (draw(small), 2),
            groups=groups,
            relu=relu,
            arithmetic=self.arithmetic,
        )
        self.values.append(self.add(op))

    def add_conv_transpose(self) -> None:
        draw, x = self.draw, self.narrow(self.image())
        _, channels, height, width = shape_of(x)
        if channels * height * width > LARGE:
            return
        groups = draw(st.sampled_from([d for d in range(1, channels + 1) if channels % d == 0]))
        outputs = groups * draw(st.integers(1, 3 if groups < 3 else 1))
        kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
        strides, dilation = (draw(small), draw(small)), (draw(small), draw(small))
        reach = [
            (size - 1) * stride + step * (taps - 1) + 1
            for size, stride, step, taps in zip((height, width), strides, dilation, kernel)
        ]
        before = [draw(st.integers(0, (size - 1) // 2)) for size in reach]
        after = [draw(st.integers(0, (size - 1) // 2)) for size in reach]
        weight = self.weight((outputs, channels // groups, *kernel))
        relu, bias = draw(st.booleans()), self.bias(outputs)
        op = lns.ConvTranspose2dOp(
            x,
            weight,
            bias,
            self.output(x, weight, bias, relu=relu),
            strides=strides,
            padding=[*before, *after],
            output_padding=(draw(st.integers(0, 2)), draw(st.integers(0, 2))),
            dilation=dilation,
            groups=groups,
            relu=relu,
            arithmetic=self.arithmetic,
        )
        self.values.append(self.add(op))

    def add_linear(self) -> None:
        """On rows of features, or on all elements as one row."""
        x = self.narrow(self.value())
        if len(shape_of(x)) < 2 or self.draw(st.booleans()):
            x = self.add(lns.ReshapeOp(x, (1, prod(shape_of(x)))))
        outputs, relu = self.draw(small), self.draw(st.booleans())
        weight = self.weight((outputs, shape_of(x)[-1]))
        bias = self.bias(outputs)
        format = self.output(x, weight, bias, relu=relu)
        layer = lns.LinearOp(x, weight, bias, format, relu=relu, arithmetic=self.arithmetic)
        self.values.append(self.add(layer))

    def other(self, lhs: SSAValue) -> SSAValue:
        """A second operand of an elementwise op; in some the first has axes of 1 for it."""
        known = [*self.values, *self.maps]
        values = [x for x in known if broadcasts(shape_of(x), shape_of(lhs))]
        rhs = self.draw(st.sampled_from(values or [lhs]))
        if self.draw(st.booleans()):
            return rhs
        shape = shape_of(rhs)
        stops = [self.draw(st.sampled_from([size, 1])) for size in shape]
        return self.add(lns.SliceOp(rhs, [0] * len(shape), stops, [1] * len(shape)))

    def add_sum(self) -> None:
        lhs = self.narrow(self.value())
        rhs = self.narrow(self.other(lhs))
        relu = self.draw(st.booleans())
        if self.draw(st.booleans()):
            op_type, format = lns.AddOp, self.output(lhs, rhs, relu=relu)
        else:
            format = self.output(relu=True) if relu else self.draw(formats(unsigned=False))
            op_type = lns.SubOp
        first, second = (lhs, rhs) if self.draw(st.booleans()) else (rhs, lhs)
        self.values.append(
            self.add(op_type(first, second, format, relu=relu, arithmetic=self.arithmetic))
        )

    def add_product(self) -> None:
        lhs = self.value()
        rhs, relu = self.other(lhs), self.draw(st.booleans())
        self.values.append(
            self.add(lns.MulOp(lhs, rhs, self.output(lhs, rhs, relu=relu), relu=relu))
        )

    def add_resize(self) -> None:
        draw, x = self.draw, self.image()
        size = (draw(st.integers(1, 7)), draw(st.integers(1, 7)))
        if prod(shape_of(x)) > LARGE:
            return
        if draw(st.booleans()):
            result = number_tensor((*shape_of(x)[:2], *size), format_of(x))
            self.values.append(self.add(lns.ResizeOp(x, result, "nearest")))
            return
        x = self.narrow(x)
        op = lns.ResizeOp(
            x,
            number_tensor((*shape_of(x)[:2], *size), self.output(x)),
            "bilinear",
            align_corners=draw(st.booleans()),
            steps=(draw(st.integers(1, 9)), draw(st.integers(1, 9))),
            arithmetic=self.arithmetic,
        )
        self.values.append(self.add(op))

    def add_constant_map(self) -> None:
        """A constant of a value's shape, with axes of 1 in some."""
        shape = shape_of(self.value())
        shape = (1, *(self.draw(st.sampled_from([size, 1])) for size in shape[1:]))
        format = self.draw(formats())
        codes = random_codes(self.generator, shape, format)
        self.maps.append(self.constant(codes, NumberType(format)))

    def add_correlation(self) -> None:
        left = self.narrow(self.image())
        same = [x for x in self.values if shape_of(x) == shape_of(left)]
        right = self.narrow(self.draw(st.sampled_from(same or [left])))
        planes = self.draw(st.integers(1, shape_of(left)[3]))
        format = self.output(left, right)
        op = lns.CorrelationOp(left, right, planes, format, arithmetic=self.arithmetic)
        self.values.append(self.add(op))

    def add_expectation(self) -> None:
        """With any value of the right shape for a residual, or a slice of the logits."""
        draw, logits = self.draw, self.image()
        batch, channels, height, width = shape_of(logits)
        bins = self.generator.integers(-(1 << 16), 1 << 16, channels).astype(np.int32)
        shape = (batch, 1, height, width)
        first = lns.SliceOp(logits, [0] * 4, shape, [1] * 4)
        known = [x for x in self.values if shape_of(x) == shape]
        choice = draw(st.sampled_from([None, first, *known]))
        residual = self.add(first) if choice is first else choice
        format = draw(formats(unsigned=False))
        if draw(st.booleans()):
            format = LnsFormat(16, 11, draw(st.integers(0, 20000)))
        constant = self.constant(bins, IntegerType(32))
        op = lns.ExpectationOp(logits, constant, residual, format, frac=draw(st.integers(0, 16)))
        self.values.append(self.add(op))

    def add_reciprocal(self) -> None:
        x = self.value()
        negative, numerator = self.draw(st.booleans()), self.draw(st.integers(-20000, 40000))
        format = self.draw(formats(unsigned=False)) if negative else self.output(x)
        op = lns.ReciprocalOp(x, format, log_numerator=numerator, negative=negative)
        self.values.append(self.add(op))

    def add_slice(self) -> None:
        draw, x = self.draw, self.value()
        shape = shape_of(x)
        starts = [0, *(draw(st.integers(0, size - 1)) for size in shape[1:])]
        stops = [1, *(draw(st.integers(a + 1, n)) for a, n in zip(starts[1:], shape[1:]))]
        steps = [1, *(draw(st.integers(1, 3)) for _ in shape[1:])]
        self.values.append(self.add(lns.SliceOp(x, starts, stops, steps)))

    def add_halves(self) -> None:
        """Slices that make up a value, joined again with others in between."""
        draw, x = self.draw, self.value()
        shape = shape_of(x)
        axes = [axis for axis, size in enumerate(shape) if axis and size > 1]
        if not axes:
            return
        axis = draw(st.sampled_from(axes))
        place = draw(st.integers(1, shape[axis] - 1))
        parts: list[SSAValue] = []
        for start, stop in ((0, place), (place, shape[axis])):
            starts, stops = [0] * len(shape), list(shape)
            starts[axis], stops[axis] = start, stop
            parts.append(self.add(lns.SliceOp(x, starts, stops, [1] * len(shape))))
        between = self.add(lns.ReluOp(parts[0], format_of(x)))
        order = draw(st.permutations([*parts, between]))
        self.values += [*parts, self.add(lns.ConcatOp(order, axis))]

    def add_pad(self) -> None:
        x = self.image()
        sizes = shape_of(x)[2:] * 2
        low = [-((size - 1) // 2) for size in sizes]
        padding = [self.draw(st.integers(least, 2)) for least in low]
        self.values.append(self.add(lns.PadOp(x, padding)))

    def add_permute(self) -> None:
        x = self.value()
        axes = self.draw(st.permutations(range(1, len(shape_of(x)))))
        self.values.append(self.add(lns.PermuteOp(x, [0, *axes])))

    def add_pool(self) -> None:
        draw, x = self.draw, self.image()
        kernel = tuple(draw(st.integers(1, min(3, size))) for size in shape_of(x)[2:])
        strides = (draw(small), draw(small))
        padding = [draw(st.integers(0, size // 2)) for size in kernel * 2]
        if draw(st.booleans()):
            largest = [(n - 1) // max(k - 1, 1) or 1 for n, k in zip(shape_of(x)[2:], kernel)]
            dilation = [draw(st.integers(1, each)) for each in largest]
            pool = lns.MaxPool2dOp(x, kernel, strides, padding, dilation=dilation)
            self.values.append(self.add(pool))
            return
        x = self.narrow(x)
        count = draw(st.booleans())
        op = lns.AvgPool2dOp(
            x,
            self.output(x),
            kernel,
            strides,
            padding,
            count_include_pad=count,
            arithmetic=self.arithmetic,
        )
        self.values.append(self.add(op))

    def add_relu(self) -> None:
        x = self.value()
        format = format_of(x)
        if not format.unsigned and format.width > 2 and self.draw(st.booleans()):
            format = LnsFormat(format.width - 1, format.frac, format.bias, unsigned=True)
        self.values.append(self.add(lns.ReluOp(x, format)))

    def add_convert(self) -> None:
        x = self.value()
        self.values.append(self.add(lns.ConvertOp(x, self.output(x))))

    def add_table(self) -> None:
        x = self.value()
        if format_of(x).width > 8:
            x = self.narrow(x)
        format = self.output(wide=True)
        entries = random_codes(self.generator, (1 << format_of(x).width,), format)
        table = self.constant(entries, NumberType(format))
        self.values.append(self.add(lns.TableOp(x, table)))

    def add_reshape(self) -> None:
        x = self.value()
        count = prod(shape_of(x))
        first = self.draw(st.sampled_from([d for d in range(1, count + 1) if count % d == 0]))
        rest = count // first
        second = self.draw(st.sampled_from([d for d in range(1, rest + 1) if rest % d == 0]))
        shapes = [(1, count), (1, first, rest), (1, first, 1, rest)]
        shapes += [(1, second, first, 1, rest // second), (1, 1, second, 1, rest // second, first)]
        self.values.append(self.add(lns.ReshapeOp(x, self.draw(st.sampled_from(shapes)))))

    def add_concat(self) -> None:
        x = self.value()
        axis = self.draw(st.integers(1, len(shape_of(x)) - 1)) if len(shape_of(x)) > 1 else None
        if axis is None:
            return

        def fits(y: SSAValue) -> bool:
            rests = [(*shape_of(v)[:axis], *shape_of(v)[axis + 1 :]) for v in (x, y)]
            lengths = len(shape_of(x)) == len(shape_of(y))
            return lengths and rests[0] == rests[1] and format_of(x) == format_of(y)

        parts = [y for y in [*self.values, *self.maps] if fits(y)]
        others = st.lists(st.sampled_from(parts), max_size=3)
        self.values.append(self.add(lns.ConcatOp([x, *self.draw(others)], axis)))


def broadcasts(lhs: tuple[int, ...], rhs: tuple[int, ...]) -> bool:
    return len(lhs) == len(rhs) and all(a == b or 1 in (a, b) for a, b in zip(lhs, rhs))


STEPS = sorted(name for name in vars(NetworkMaker) if name.startswith("add_"))


@st.composite
def networks(draw) -> Network:
    shapes = [tuple(draw(small) for _ in range(draw(st.sampled_from([3, 3, 3, 2, 1]))))]
    if draw(st.booleans()):
        shapes.append(draw(st.sampled_from([shapes[0], (3, 2, 2)])))
    encoded = [draw(st.booleans()) for _ in shapes]
    input_formats = [draw(formats()) for _ in shapes]
    types = [
        TensorType(f32, (1, *shape)) if floats else number_tensor((1, *shape), format)
        for shape, format, floats in zip(shapes, input_formats, encoded)
    ]
    block = Block(arg_types=types)
    make = NetworkMaker(draw, block)
    for argument, format, floats in zip(block.args, input_formats, encoded):
        make.values.append(make.add(lns.EncodeOp(argument, format)) if floats else argument)
    for _ in range(draw(st.integers(1, 8))):
        getattr(make, draw(st.sampled_from(STEPS)))()
    results = [make.values[-1], *draw(st.lists(st.sampled_from(make.values), max_size=2))]
    results = [
        make.add(lns.ReshapeOp(x, (1, prod(shape_of(x))))) if len(shape_of(x)) > 4 else x
        for x in results
    ]
    outputs = [make.add(lns.DecodeOp(x)) if draw(st.booleans()) else x for x in results]
    if draw(st.booleans()) and len(shape_of(results[0])) > 1:
        axis = draw(st.integers(1, len(shape_of(results[0])) - 1))
        element, keepdims = draw(st.sampled_from(INDICES)), draw(st.booleans())
        indices = make.add(lns.ArgmaxOp(results[0], axis, element, keepdims=keepdims))
        outputs += [indices] * draw(st.sampled_from([1, 1, 2]))
    block.add_op(ReturnOp(*outputs))
    function = FuncOp("main", (types, [x.type for x in outputs]), Region(block))
    inputs = [
        make.generator.normal(size=(3, *shape)).astype(np.float32)
        if floats
        else random_codes(make.generator, (3, *shape), format)
        for shape, format, floats in zip(shapes, input_formats, encoded)
    ]
    return Network(ModuleOp([function]), inputs)
