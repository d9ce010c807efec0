"""The lns interpreter: the definition's functions, composed; any batch, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from middle_networks import parse
from xdsl.dialects.builtin import FunctionType, IntegerType, ModuleOp, TensorType, f32, i32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue

from recog.backend.arithmetic.codes import Codes, Layer
from recog.backend.arithmetic.reference import definition
from recog.backend.interpreters.lns import run_lns
from recog.dialects import lns
from recog.dialects.data import ConstantOp
from recog.dialects.errors import RecogError
from recog.dialects.lns import NumberType, format_of, number_tensor, shape_of
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.verification import verify_module
from recog.dialects.windows import PoolWindow, Window

ARITHMETIC = Arithmetic(6, 48)
INPUT = LnsFormat(8, 4, 80)


@dataclass
class Builder:
    """Builds a network op by op, and beside it what the definition says of its values."""

    random: np.random.Generator
    block: Block
    known: list[tuple[SSAValue, np.ndarray]] = field(default_factory=list)

    def add(self, op: Operation, value: np.ndarray) -> None:
        self.block.add_op(op)
        self.known.append((op.results[0], value))

    def constant(self, values: np.ndarray, element_type) -> SSAValue:
        op = ConstantOp.from_array(values, element_type)
        self.block.add_op(op)
        return op.output

    def codes(self, shape: tuple[int, ...], format: LnsFormat) -> np.ndarray:
        codes = self.random.integers(0, 1 << format.width, shape).astype(format.dtype)
        codes[format.illegal_codes(codes)] = 0
        return codes

    def format(self, relu: bool = True) -> LnsFormat:
        width, frac = int(self.random.integers(6, 10)), int(self.random.integers(3, 6))
        unsigned = relu and bool(self.random.integers(2))
        return LnsFormat(width, frac, int(self.random.integers(30, 100)), unsigned=unsigned)

    def layer_constants(self, shape: tuple[int, ...]):
        format = LnsFormat(8, 4, tuple(self.random.integers(90, 140, shape[0]).tolist()), 0)
        codes = self.codes(shape, format)
        bias = self.random.integers(-100_000, 100_000, shape[0])
        constant = self.constant(codes, NumberType(format))
        return format, codes, bias, constant, self.constant(bias, IntegerType(48))

    def conv(self, x: SSAValue, value: np.ndarray) -> None:
        channels = shape_of(x)[1]
        groups = channels if self.random.integers(2) else 1
        outputs = groups * int(self.random.integers(1, 3))
        shape = (outputs, channels // groups, 2, 3)
        format, codes, bias, w, b = self.layer_constants(shape)
        relu = bool(self.random.integers(2))
        out = self.format(relu)
        window = Window((1, 2), (1, 1, 0, 2), groups=groups)
        how: dict[str, Any] = {"strides": (1, 2), "padding": (1, 1, 0, 2), "groups": groups}
        op = lns.Conv2dOp(x, w, b, out, **how, relu=relu, arithmetic=ARITHMETIC)
        given = Codes(value, format_of(x)), Codes(codes, format), bias, out, ARITHMETIC
        self.add(op, definition.conv2d(Layer(*given, window, relu)))

    def linear(self, x: SSAValue, value: np.ndarray) -> None:
        format, codes, bias, w, b = self.layer_constants((3, shape_of(x)[-1]))
        out = self.format(relu=False)
        op = lns.LinearOp(x, w, b, out, arithmetic=ARITHMETIC)
        given = Codes(value, format_of(x)), Codes(codes, format), bias, out, ARITHMETIC
        self.add(op, definition.linear(Layer(*given)))

    def sum(self, x: SSAValue, value: np.ndarray) -> None:
        fitting = [(y, v) for y, v in self.known if shape_of(y) == shape_of(x)]
        y, other = fitting[self.random.integers(len(fitting))]
        out = self.format()
        op = lns.AddOp(x, y, out, relu=True, arithmetic=ARITHMETIC)
        operands = Codes(value, format_of(x)), Codes(other, format_of(y))
        self.add(op, definition.add(*operands, out, ARITHMETIC, relu=True))

    def relu(self, x: SSAValue, value: np.ndarray) -> None:
        op = lns.ReluOp(x, format_of(x))
        self.add(op, definition.relu(Codes(value, format_of(x))))

    def convert(self, x: SSAValue, value: np.ndarray) -> None:
        out = self.format(relu=format_of(x).unsigned)
        self.add(lns.ConvertOp(x, out), definition.convert(Codes(value, format_of(x)), out))

    def table(self, x: SSAValue, value: np.ndarray) -> None:
        out = self.format()
        entries = self.codes((1 << format_of(x).width,), out)
        op = lns.TableOp(x, self.constant(entries, NumberType(out)))
        self.add(op, definition.table(value, entries))

    def max_pool(self, x: SSAValue, value: np.ndarray) -> None:
        window = PoolWindow((1, 1), (1, 1, 1, 0), kernel=(2, 2))
        op = lns.MaxPool2dOp(x, window.kernel, window.strides, window.padding)
        self.add(op, definition.max_pool2d(Codes(value, format_of(x)), window))

    def avg_pool(self, x: SSAValue, value: np.ndarray) -> None:
        out = self.format(relu=format_of(x).unsigned)
        counts = bool(self.random.integers(2))
        window = PoolWindow((1, 1), (1, 0, 1, 0), kernel=(2, 1), count_padding=counts)
        places = window.kernel, window.strides, window.padding
        op = lns.AvgPool2dOp(x, out, *places, count_include_pad=counts, arithmetic=ARITHMETIC)
        self.add(op, definition.avg_pool2d(Codes(value, format_of(x)), window, out, ARITHMETIC))

    def reshape(self, x: SSAValue, value: np.ndarray) -> None:
        n, c, h, w = shape_of(x)
        op = lns.ReshapeOp(x, (n, h, c, w))
        self.add(op, value.reshape(value.shape[0], h, c, w))

    def concat(self, x: SSAValue, value: np.ndarray) -> None:
        op = lns.ConcatOp([x, x], 1)
        self.add(op, np.concatenate([value, value], axis=1))


STEPS = (
    "conv",
    "linear",
    "sum",
    "relu",
    "convert",
    "table",
    "max_pool",
    "avg_pool",
    "reshape",
    "concat",
)


def network(seed: int, steps: list[str], frames: np.ndarray) -> tuple[ModuleOp, list[np.ndarray]]:
    """A module that takes float frames and returns all its values, and what they must be."""
    argument = TensorType(f32, (1, *frames.shape[1:]))
    block = Block(arg_types=[argument])
    build = Builder(np.random.default_rng(seed), block)
    x = block.args[0]
    encode = lns.EncodeOp(x, INPUT)
    build.add(encode, definition.encode(frames, INPUT))
    for step in steps:
        value, array = build.known[-1]
        if prod(shape_of(value)) > 1000:
            break
        getattr(build, step)(value, array)
    last, array = build.known[-1]
    argmax = lns.ArgmaxOp(last, 1, i32)
    build.add(argmax, definition.argmax(Codes(array, format_of(last)), 1).astype(np.int32))
    results = [value for value, _ in build.known]
    block.add_op(ReturnOp(*results))
    signature = FunctionType.from_lists([argument], [value.type for value in results])
    module = ModuleOp([FuncOp("main", signature, Region(block))])
    verify_module(module)
    return module, [array for _, array in build.known]


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=6),
)
def test_random_networks(seed: int, steps: list[str]):
    """Both engines, any batch, and each frame alone give what the definition gives."""
    frames = np.random.default_rng(seed).normal(0, 1, (3, 2, 4, 5)).astype(np.float32)
    module, expected = network(seed, steps, frames)
    for engine in ("reference", "gemm", "fast"):
        found = run_lns(module, frames, engine=engine)
        assert len(found) == len(expected)
        for a, b in zip(found, expected):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
    for i in range(len(frames)):
        for a, b in zip(run_lns(module, frames[i : i + 1]), expected):
            np.testing.assert_array_equal(a, b[i : i + 1])


def test_no_frames():
    frames = np.zeros((0, 2, 4, 5), np.float32)
    module, expected = network(0, ["conv", "relu", "avg_pool"], frames)
    for a, b in zip(run_lns(module, frames), expected):
        assert a.shape == b.shape


ADD = """
!n = !lns.number<4, 1, bias = 3>
func.func @main(%x: tensor<1x2x!n>, %y: tensor<1x2x!n>) -> tensor<1x2x!n> {
  %0 = lns.add %x, %y : (tensor<1x2x!n>, tensor<1x2x!n>) -> tensor<1x2x!n>
  func.return %0 : tensor<1x2x!n>
}
func.func @floats(%x: tensor<1x2xf32>, %i: tensor<1x2xi8>) -> (tensor<1x2xf32>, tensor<1x2xi8>) {
  func.return %x, %i : tensor<1x2xf32>, tensor<1x2xi8>
}
func.func @half(%x: tensor<1x2xbf16>) -> tensor<1x2xbf16> {
  func.return %x : tensor<1x2xbf16>
}
func.func @scalar(%x: i32) -> i32 {
  func.return %x : i32
}
func.func private @declared(%x: tensor<1x2xf32>) -> tensor<1x2xf32>
"""
CODES = np.array([[1, 2]], np.uint8)
FLOATS = np.ones((1, 2), np.float32)


def test_codes_as_inputs():
    (found,) = run_lns(parse(ADD), CODES, CODES)
    # 2^(-1) + 2^(-1) and twice 2^(-1/2): two steps of half an octave each.
    assert found.tolist() == [[3, 4]]


@pytest.mark.parametrize(
    "entry,inputs,message",
    [
        ("main", [CODES], "@main takes 2 inputs, got 1"),
        ("main", [CODES, CODES, CODES], "@main takes 2 inputs, got 3"),
        ("main", [CODES, CODES[0]], r"input 1: has shape \[2\], the network wants \[N, 2\]"),
        ("main", [CODES, CODES[:, :1]], r"input 1: has shape \[1, 1\], the network wants \[N, 2\]"),
        ("main", [CODES, CODES.astype(int)], "input 1: holds values that are no codes of !lns"),
        ("main", [CODES, CODES + 15], "input 1: holds values that are no codes"),
        ("main", [CODES, np.full((1, 2), 8, np.uint8)], "input 1: holds values that are no codes"),
        ("main", [CODES, np.repeat(CODES, 2, 0)], r"the inputs differ in batch size: \[1, 2\]"),
        ("floats", [FLOATS * np.nan, CODES], "input 0: holds NaN or infinity"),
        ("floats", [FLOATS.astype(float) * 1e39, CODES], "input 0: holds 1e.39, which no float32"),
        ("floats", [FLOATS.astype(str), CODES], "input 0: has dtype <U32, the network wants flo"),
        ("floats", [FLOATS.astype(object), CODES], "input 0: has dtype object"),
        ("floats", [FLOATS.astype(complex), CODES], "input 0: has dtype complex128"),
        ("floats", [FLOATS, FLOATS], "input 1: has dtype float32, the network wants int8"),
        ("floats", [FLOATS, CODES.astype(int) + 300], "input 1: holds values that do not fit i8"),
        ("half", [FLOATS], "input 0: has elements of bf16, which cannot be given"),
        ("scalar", [np.int32(1)], "input 0: the function wants i32, which is no tensor"),
        ("absent", [], "the module has no function @absent"),
        ("declared", [FLOATS], "'func.func' op at net.mlir:16: the function has no body"),
    ],
)
def test_bad_inputs(entry: str, inputs: list[np.ndarray], message: str):
    with pytest.raises(RecogError, match=message):
        run_lns(parse(ADD), *inputs, entry=entry)


def test_convertible_inputs():
    """Whatever holds the same numbers is taken."""
    rows = cast(Any, [[1, 2]])
    first, second = run_lns(parse(ADD), rows, np.array([[-3, 4]]), entry="floats")
    assert (first.dtype, first.tolist()) == (np.float32, [[1, 2]])
    assert (second.dtype, second.tolist()) == (np.int8, [[-3, 4]])


def test_unknown_engine():
    with pytest.raises(RecogError, match="unknown engine 'quick'"):
        run_lns(parse(ADD), CODES, CODES, engine="quick")


def test_number_tensor_is_what_ops_print():
    assert (
        str(number_tensor((1, 2), LnsFormat(4, 1, 3))) == "tensor<1x2x!lns.number<4, 1, bias = 3>>"
    )
