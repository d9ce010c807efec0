"""Constants keep every bit, through arrays and through text."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import IntegerType, ModuleOp, Signedness, TensorType, f32, f64, i64
from xdsl.ir import Attribute
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from recog.dialects.data import (
    COMPARED,
    MAX_SPLAT_BYTES,
    Blob,
    ConstantOp,
    DenseAttr,
    DenseData,
    ModulePrinter,
    constant_array,
)
from recog.dialects.errors import RecogError
from recog.dialects.lns import NumberType
from recog.dialects.number_format import LnsFormat
from recog.tools.context import make_context
from recog.tools.opt.ir_parser import parse_module


def text_of(module: ModuleOp, printer: type[Printer] = ModulePrinter, generic: bool = False) -> str:
    stream = io.StringIO()
    made = printer(stream=stream, print_generic_format=generic)
    made.print_op(module)
    made.print_metadata([])
    return stream.getvalue()


def parsed(text: str, context=None) -> ModuleOp:
    return parse_module(context or make_context(), text.encode(), "test.mlir")


def constants(module: ModuleOp) -> list[DenseAttr]:
    return [op.value for op in module.walk() if isinstance(op, ConstantOp)]


def through_text(attribute: DenseAttr, *, generic: bool = False) -> DenseAttr:
    module = ModuleOp([ConstantOp(attribute)])
    (result,) = constants(parsed(text_of(module, generic=generic)))
    return result


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def signedness(name: str) -> Signedness:
    return {"i": Signedness.SIGNLESS, "si": Signedness.SIGNED, "ui": Signedness.UNSIGNED}[name]


def number_range(kind: str, width: int) -> tuple[int, int]:
    if kind == "ui" or (kind == "i" and width == 1):
        return 0, (1 << width) - 1
    return -(1 << (width - 1)), (1 << (width - 1)) - 1


@given(
    bits=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=100),
    generic=st.booleans(),
    resource=st.booleans(),
)
def test_float32_bits(bits: list[int], generic: bool, resource: bool):
    values = np.array(bits, dtype=np.uint32).view(np.float32)
    attribute = DenseAttr.from_array(values, f32)
    assert same_bits(attribute.to_array(), values)
    printer = ModulePrinter if resource else Printer
    (back,) = constants(parsed(text_of(ModuleOp([ConstantOp(attribute)]), printer, generic)))
    assert same_bits(back.to_array(), values)
    assert back == attribute


@given(
    values=st.lists(st.floats(width=64, allow_nan=False), min_size=1, max_size=8)
    | st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=8)
)
def test_floats_as_text(values: list[float]):
    for element_type, dtype in ((f64, np.float64), (f32, np.float32)):
        with np.errstate(over="ignore"):
            array = np.array(values).astype(dtype)
        assert same_bits(through_text(DenseAttr.from_array(array, element_type)).to_array(), array)


def test_text_that_float64_would_round_twice():
    # The shortest digits of this float32, 7.038531e-26, are nearer to it than to any other
    # float32, but the float64 nearest to them lies halfway to its neighbour.
    values = np.array([0x15AE43FD], dtype=np.uint32).view(np.float32)
    assert np.float32(float("7.038531e-26")) != values[0]
    assert same_bits(through_text(DenseAttr.from_array(values, f32)).to_array(), values)


@given(kind=st.sampled_from(["i", "si", "ui"]), width=st.integers(1, 64), data=st.data())
def test_integers_of_any_width(kind: str, width: int, data: st.DataObject):
    low, high = number_range(kind, width)
    element = st.integers(low, high) | st.sampled_from([low, high])
    values = data.draw(st.lists(element, min_size=1, max_size=70))
    dtype = np.uint64 if low == 0 else np.int64
    attribute = DenseAttr.from_array(np.array(values, dtype), IntegerType(width, signedness(kind)))
    assert len(attribute.content) == (len(values) * width + 7) // 8
    assert attribute.to_array().tolist() == values
    assert through_text(attribute) == attribute


@pytest.mark.parametrize(
    "kind,width,value",
    [("i", 1, -1), ("i", 3, 4), ("i", 3, -5), ("ui", 6, 64), ("ui", 6, -1), ("si", 64, 1 << 63)],
)
def test_integers_that_do_not_fit(kind: str, width: int, value: int):
    values = np.array([0, value], dtype=object)
    with pytest.raises(ValueError, match="does not fit"):
        DenseAttr.from_array(values, IntegerType(width, signedness(kind)))


@given(width=st.integers(2, 16), unsigned=st.booleans(), data=st.data())
def test_codes_of_any_width(width: int, unsigned: bool, data: st.DataObject):
    format = LnsFormat(width, 1, unsigned=unsigned)
    largest = format.max_magnitude
    magnitude = st.integers(0, largest) | st.just(largest)
    values = data.draw(st.lists(magnitude, min_size=1, max_size=70))
    negative = [False] * len(values)
    if not unsigned:
        negative = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    codes = [m | format.sign_mask if n and m else m for m, n in zip(values, negative)]
    attribute = DenseAttr.from_array(np.array(codes, format.dtype), NumberType(format))
    attribute.verify_content()
    assert same_bits(attribute.to_array(), np.array(codes, format.dtype))
    assert through_text(attribute) == attribute


@pytest.mark.parametrize("element_type", [f32, NumberType(LnsFormat(5, 2)), IntegerType(33)])
@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 0, 3), (2, 3, 4), (65,), (64,)])
def test_shapes(element_type: Attribute, shape: tuple[int, ...]):
    random = np.random.default_rng(1)
    values = random.integers(0, 15, shape)
    attribute = DenseAttr.from_array(values, element_type)
    assert attribute.to_array().shape == shape
    assert through_text(attribute) == attribute
    equal = DenseAttr.from_array(np.full(shape, 3), element_type)
    assert through_text(equal) == equal


@given(count=st.integers(1, 40), width=st.integers(1, 64), value=st.integers(0, 2**64 - 1))
def test_splats_of_any_width(count: int, width: int, value: int):
    value %= 1 << width
    text = f"%0 = data.constant dense<{value}> : tensor<{count}xui{width}>"
    (attribute,) = constants(parsed(text))
    assert attribute.to_array().tolist() == [value] * count
    attribute.verify_content()


def test_a_splat_is_told_by_all_of_its_elements():
    elements = np.zeros(COMPARED + 3, np.float32)
    assert "dense<0.0>" in text_of(ModuleOp([ConstantOp.from_array(elements, f32)]))
    for place in (0, COMPARED, -1):
        other = elements.copy()
        other[place] = -0.0
        assert "dense<resource" in text_of(ModuleOp([ConstantOp.from_array(other, f32)]))


def test_splat_limit():
    text = f"%0 = data.constant dense<1> : tensor<{MAX_SPLAT_BYTES + 1}xi8>"
    with pytest.raises(RecogError, match="equal elements take"):
        parsed(text)


def test_a_million_weights():
    values = np.random.default_rng(0).integers(0, 1 << 32, 1 << 20).astype(np.uint32)
    weight = ConstantOp.from_array(values.view(np.float32).reshape(1024, 1024), f32)
    pointers = ConstantOp.from_array(values % 1024, IntegerType(10, Signedness.UNSIGNED))
    text = text_of(ModuleOp([weight, pointers]))
    back = constants(parsed(text))
    assert same_bits(back[0].to_array(), weight.value.to_array())
    assert same_bits(back[1].to_array(), (values % 1024).astype(np.uint16))
    assert text_of(parsed(text)) == text


def module_with_resource(content: bytes) -> str:
    return f"""
        %0 = data.constant dense<resource weights> : tensor<{len(content)}xui8>
        %1 = data.constant dense<resource weights> : tensor<{len(content)}xi8>
        {{-# dialect_resources: {{ data: {{ weights: "0x{content.hex()}" }} }} #-}}
    """


def test_two_modules_of_one_context_keep_their_resources():
    context = make_context()
    first, second = bytes(range(100)), bytes(range(100, 200))
    modules = [parsed(module_with_resource(content), context) for content in (first, second)]
    contents = [[each.content for each in constants(module)] for module in modules]
    assert contents == [[first, first], [second, second]]
    printed = [constants(parsed(text_of(module)))[0].content for module in modules]
    assert printed == [first, second]


def test_a_later_module_cannot_lend_its_resource():
    context = make_context()
    parsed(module_with_resource(bytes(100)), context)
    missing = "%0 = data.constant dense<resource weights> : tensor<100xui8>"
    with pytest.raises(RecogError, match="resource of this constant is missing"):
        parsed(missing, context)


def test_contexts_share_nothing():
    module = parsed(module_with_resource(bytes(100)), make_context())
    parsed(module_with_resource(bytes(range(100))), make_context())
    assert constants(module)[0].content == bytes(100)


def test_malformed_constants_print():
    """A printer must not fail on IR that the verifier refuses: errors show IR."""
    for content in (None, b"", b"\xff\xff", b"\xff"):
        attribute = DenseAttr.new(
            DenseData(TensorType(IntegerType(3, Signedness.UNSIGNED), [2]), Blob(content))
        )
        assert "0x" in str(attribute)
        with pytest.raises(VerifyException):
            attribute.verify_content()


def test_arrays_are_read_only():
    array = DenseAttr.from_array(np.zeros(3, np.float32), f32).to_array()
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_equality_is_of_bits():
    def attribute(value: float) -> DenseAttr:
        return DenseAttr.from_array(np.array([value]), f64)

    assert attribute(0.0) != attribute(-0.0)
    assert attribute(float("nan")) == attribute(float("nan"))
    assert hash(attribute(1.0)) == hash(attribute(1.0))
    zeros = np.zeros(1)
    assert DenseAttr.from_array(zeros, f64) != DenseAttr.from_array(zeros, i64)


def test_constant_array():
    op = ConstantOp.from_array(np.array([1, 2]), i64)
    array = constant_array(op.output)
    assert array is not None
    assert array.tolist() == [1, 2]
    module = ModuleOp([op])
    assert constant_array(op.output) is not None
    assert constants(module)[0] is op.value
