"""Random networks with batch norms in every place, as nn modules."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from xdsl.dialects.builtin import AnyFloat, ModuleOp, TensorType, f32, f64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue

from recog.dialects import nn
from recog.dialects.data import ConstantOp, DenseAttr
from recog.dialects.functions import find_function
from recog.dialects.nn import shape_of
from recog.dialects.verification import verify_module

SCALES = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0]
EXTREMES = [*SCALES, 1e-30, -1e-30, 1e30, -1e30, 1e-42, 1e-10, 1e10]


class Builder:
    """Grows a function op by op; every choice is drawn, so that hypothesis can shrink it.

    Parameters are float32 numbers, also where the module is float64.
    """

    def __init__(self, draw, scales, element_type: AnyFloat = f32):
        self.draw, self.scales, self.type = draw, scales, element_type
        self.rng = np.random.default_rng(draw(st.integers(0, 2**16)))
        shape = [1, draw(st.integers(1, 3)), draw(st.integers(2, 5)), draw(st.integers(2, 5))]
        self.block = Block(arg_types=[TensorType(element_type, shape)])
        self.values: list[SSAValue] = [self.block.args[0]]
        self.weights: list[SSAValue] = []

    def emit(self, op: Operation) -> SSAValue:
        self.block.add_op(op)
        return op.results[0]

    def constant(self, array) -> SSAValue:
        array = np.asarray(array, np.float32).astype(np.float64)
        return self.emit(ConstantOp.from_array(array, self.type))

    def pick(self) -> SSAValue:
        """One of the last values, of four axes, not too large."""
        return self.values[-1 - self.draw(st.integers(0, min(2, len(self.values) - 1)))]

    def batch_norm(self, x: SSAValue) -> SSAValue:
        c = shape_of(x)[1]
        kind = self.draw(st.sampled_from(["any", "positive", "unit", "listed", "listed"]))
        mean, variance = self.rng.normal(size=c), self.rng.uniform(0.5, 2, c)
        shift = self.rng.normal(size=c) * self.draw(st.sampled_from([0.0, 1.0]))
        match kind:
            case "any":
                scale = self.rng.normal(size=c)
            case "positive":
                scale = self.rng.uniform(0.5, 2, c)
            case "unit":
                scale, mean, variance = np.ones(c), np.zeros(c), np.ones(c)
            case _:
                scale = self.rng.choice(self.scales, c)
        eps = 0.0 if kind == "unit" else 1e-5
        mean = mean * self.draw(st.sampled_from([0.0, 1.0]))
        return self.emit(
            nn.BatchNormOp(x, *map(self.constant, (scale, shift, mean, variance)), eps=eps)
        )

    def weight(self, *shape: int) -> SSAValue:
        for known in self.weights:
            if shape_of(known) == shape and self.draw(st.booleans()):
                return known
        self.weights.append(self.constant(self.rng.normal(size=shape)))
        return self.weights[-1]

    def bias(self, outputs: int) -> SSAValue | None:
        return self.constant(self.rng.normal(size=outputs)) if self.draw(st.booleans()) else None

    def conv(self, x: SSAValue) -> SSAValue:
        c = shape_of(x)[1]
        groups = self.draw(st.sampled_from([g for g in (1, 2, 3) if c % g == 0]))
        outputs = groups * self.draw(st.integers(1, 2))
        kernel = [self.draw(st.integers(1, 3)) for _ in range(2)]
        transposed = self.draw(st.integers(0, 3)) == 0
        weight = self.weight(outputs, c // groups, *kernel)
        padding = [self.draw(st.integers(0, 1)) for _ in range(4)]
        strides = [self.draw(st.integers(1, 2)) for _ in range(2)]
        dilation = [self.draw(st.integers(1, 2)) for _ in range(2)]
        op_type = nn.ConvTranspose2dOp if transposed else nn.Conv2dOp
        return self.emit(
            op_type(
                x,
                weight,
                self.bias(outputs),
                padding=padding,
                strides=strides,
                dilation=dilation,
                groups=groups,
            )
        )

    def pool(self, x: SSAValue) -> SSAValue:
        kernel = [self.draw(st.integers(2, 3)) for _ in range(2)]
        strides = [self.draw(st.integers(1, 2)) for _ in range(2)]
        padding = [self.draw(st.integers(0, 1)) for _ in range(2)] * 2
        ceil_mode = self.draw(st.booleans())
        if self.draw(st.booleans()):
            return self.emit(nn.MaxPool2dOp(x, kernel, strides, padding, ceil_mode=ceil_mode))
        include = self.draw(st.booleans())
        return self.emit(
            nn.AvgPool2dOp(
                x, kernel, strides, padding, ceil_mode=ceil_mode, count_include_pad=include
            )
        )

    def activation(self, x: SSAValue) -> SSAValue:
        kind = self.draw(st.sampled_from([nn.ReluOp, nn.ReluOp, nn.LeakyReluOp, nn.SigmoidOp]))
        return self.emit(kind(x))

    def join(self, x: SSAValue) -> SSAValue:
        y = self.pick()
        kind = self.draw(st.sampled_from([nn.AddOp, nn.SubOp, nn.MulOp, nn.ConcatOp]))
        if kind is nn.ConcatOp:
            if shape_of(x)[2:] != shape_of(y)[2:] or shape_of(x)[1] + shape_of(y)[1] > 8:
                return x
            return self.emit(nn.ConcatOp([x, y]))
        if y is x and kind is nn.SubOp:
            return x  # 0 however large x is: no rounding of x - x + t can match that
        if self.draw(st.booleans()):
            c = shape_of(x)[1]
            shape = self.draw(st.sampled_from([(), (c, 1, 1), (1, c, 1, 1), shape_of(x)]))
            y = self.constant(self.rng.normal(size=shape))
        if shape_of(y) != shape_of(x) and y in self.values:
            return x
        return self.emit(kind(x, y))

    def move(self, x: SSAValue) -> SSAValue:
        n, c, h, w = shape_of(x)
        kind = self.draw(st.sampled_from(["resize", "slice", "shuffle", "pad", "turn"]))
        if kind == "resize" and h * w < 200:
            mode = self.draw(st.sampled_from(["nearest", "bilinear"]))
            corners = mode == "bilinear" and self.draw(st.booleans())
            return self.emit(nn.ResizeOp(x, (h + 2, 2 * w), mode, align_corners=corners))
        if kind == "slice":
            starts = (0, self.draw(st.integers(0, c - 1)), 0, self.draw(st.integers(0, w - 1)))
            return self.emit(nn.SliceOp(x, starts, (n, c, h, w)))
        if kind == "pad":
            return self.emit(nn.PadOp(x, (1, 0, 0, 1), self.draw(st.sampled_from([0.0, 1.5]))))
        if kind == "turn":
            return self.emit(nn.PermuteOp(x, (0, 1, 3, 2)))
        if kind == "shuffle" and c % 2 == 0:
            split = self.emit(nn.ReshapeOp(x, (n, c // 2, 2, 1, h, w)))
            beside = self.emit(nn.PermuteOp(split, (0, 1, 4, 2, 5, 3)))
            return self.emit(nn.ReshapeOp(beside, (n, c // 2, 2 * h, w)))
        return x

    def head(self, x: SSAValue) -> SSAValue:
        n, c, h, w = shape_of(x)
        if self.draw(st.booleans()):
            x = self.emit(nn.MeanOp(x, (2, 3)))
        else:
            x = self.emit(nn.ReshapeOp(x, (n, c * h * w)))
        if self.draw(st.booleans()):
            x = self.batch_norm(x)
        x = self.emit(nn.LinearOp(x, self.weight(3, shape_of(x)[1]), self.bias(3)))
        return self.batch_norm(x) if self.draw(st.booleans()) else x

    def step(self) -> None:
        choices = [self.conv, self.conv, self.pool, self.activation, self.join, self.move]
        choices += [self.batch_norm] * 4
        try:
            x = self.draw(st.sampled_from(choices))(self.pick())
        except ValueError:
            return  # a window that does not fit
        if x not in self.values:
            self.values.append(x)

    def module(self, steps: int) -> ModuleOp:
        for _ in range(steps):
            self.step()
        outputs = [self.values[-1]]
        if self.draw(st.booleans()):
            outputs = [self.head(outputs[0])]
        if self.draw(st.integers(0, 3)) == 0:
            outputs.append(self.pick())
        self.block.add_op(ReturnOp(*outputs))
        types = [arg.type for arg in self.block.args], [value.type for value in outputs]
        module = ModuleOp([FuncOp("main", types, Region(self.block))])
        verify_module(module)
        return module


class Graph:
    """Prints as its text, which is what a failing test shows."""

    def __init__(self, module: ModuleOp):
        self.module = module

    def __repr__(self) -> str:
        return str(self.module)


@st.composite
def graphs(draw, scales=SCALES, element_type: AnyFloat = f64, max_steps=8):
    """A module of up to `max_steps` ops on one input, with one or two outputs."""
    return Graph(Builder(draw, scales, element_type).module(draw(st.integers(1, max_steps))))


def with_elements(module: ModuleOp, element_type) -> ModuleOp:
    """A copy of a module with all its tensors of another float type."""
    copy = module.clone()
    function = find_function(copy, "main")
    for op in copy.walk():
        if isinstance(op, ConstantOp):
            op.properties["value"] = DenseAttr.from_array(op.value.to_array(), element_type)
    values = [value for op in copy.walk() for value in op.results]
    for value in (*values, *function.body.block.args):
        if isinstance(value.type, TensorType):
            value._type = TensorType(element_type, value.type.get_shape())
    function.update_function_type()
    verify_module(copy)
    return copy
