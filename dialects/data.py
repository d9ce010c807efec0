"""The data dialect: constants of every level, exact to the bit.

`#data.dense` holds raw bytes. It differs from the builtin `dense` in what is
missing there: `-0.0`, inf and NaN survive, large weights are never unpacked to Python
floats, element types may be narrower than a byte or custom (LNS codes), and resources
belong to one parse, so that two modules may use the same resource name.

    literal ::= number | `[` literal, ... `]` | `"0x…"` | `resource` key
    number  ::= 1 | -1.5 | 0x7FC00000 (the bits of a float)
    data.constant dense<[1.0, -0.0]> : tensor<2xf32>
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, NoReturn, Self

import numpy as np
from xdsl.dialect_interfaces.constant_materialization import ConstantMaterializationInterface
from xdsl.dialect_interfaces.op_asm import OpAsmDialectInterface
from xdsl.dialects.builtin import (
    AnyFloat,
    Float32Type,
    IntegerType,
    TensorType,
)
from xdsl.interfaces import HasFolderInterface
from xdsl.ir import Attribute, Data, Dialect, Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_attr_definition,
    irdl_op_definition,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import AttrParser, Parser
from xdsl.printer import Printer
from xdsl.traits import ConstantLike, Pure
from xdsl.utils.exceptions import VerifyException

from recog.dialects.bits import packed_size
from recog.dialects.element_types import (
    StorableType,
    element_width,
    from_bytes,
    to_bytes,
)
from recog.dialects.errors import RecogError
from recog.dialects.facts import Parameter
from recog.dialects.words import counted

MAX_LISTED_ELEMENTS = 64
"""Longer constants print as hex."""
MAX_INLINE_BYTES = 64
"""Longer hex goes to the end of the file as a resource, where the printer can do that."""
COMPARED = 1 << 20
"""Elements that are compared at once, to see whether all are equal."""
MAX_SPLAT_BYTES = 1 << 28
"""A few characters of text must not take all memory."""


class Blob:
    """Bytes of a constant; a resource's bytes arrive only at the end of the file."""

    __slots__ = ("content",)

    def __init__(self, content: bytes | None):
        self.content = content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Blob) and self.content == other.content

    def __hash__(self) -> int:
        # Not the content: an attribute is hashed before its resource was read.
        return hash(Blob)


@dataclass(frozen=True)
class DenseData:
    type: TensorType[Attribute]
    blob: Blob


@irdl_attr_definition
class DenseAttr(Data[DenseData]):
    """The elements of a tensor, row-major, as packed bytes."""

    name = "data.dense"

    @classmethod
    def from_array(cls, values: np.ndarray, element_type: Attribute) -> Self:
        """A constant with the shape and elements of `values`."""
        content = to_bytes(values, element_type)
        return cls.new(DenseData(TensorType(element_type, values.shape), Blob(content)))

    @property
    def type(self) -> TensorType[Attribute]:
        return self.data.type

    @property
    def content(self) -> bytes:
        """The packed bytes."""
        content = self.data.blob.content
        if content is None:
            raise VerifyException("the resource of this constant is missing from the file")
        return content

    def to_array(self) -> np.ndarray:
        """The elements: float32/64, integers, or codes in their unsigned NumPy type; read-only."""
        shape = self.type.get_shape()
        array = from_bytes(self.content, self.type.element_type, prod(shape))
        array = array.reshape(shape)
        array.flags.writeable = False
        return array

    def verify_content(self) -> None:
        """Raise VerifyException unless the bytes are exactly a tensor of this type."""
        problem = self._problem()
        if problem is not None:
            raise VerifyException(problem)
        if isinstance(self.type.element_type, StorableType):
            self.type.element_type.verify_elements(self.to_array())

    def _problem(self) -> str | None:
        """What keeps the bytes from being a tensor of this type."""
        width = element_width(self.type.element_type)
        if width is None:
            return f"constants cannot hold {self.type.element_type} elements"
        if not self.type.has_static_shape():
            return "a constant needs a static shape"
        count = prod(self.type.get_shape())
        expected = packed_size(count, width)
        if len(self.content) != expected:
            return (
                f"{self.type} takes {counted(expected, 'byte')}, the constant has "
                f"{len(self.content)}"
            )
        used = count * width % 8
        if used and self.content[-1] >> used:
            return "the padding bits after the last element are not zero"
        return None

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> DenseData:
        with parser.in_angle_brackets():
            start = parser.pos
            literal = _parse_literal(parser)
            parser.parse_punctuation(":")
            return _resolve_literal(parser, literal, parser.parse_type(), start)

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            self.print_literal(printer)
            printer.print_string(" : ")
            printer.print_attribute(self.type)

    @classmethod
    def parse_typed(cls, parser: AttrParser) -> Self:
        """Parse `dense<literal> : type`, as ops write it."""
        parser.parse_keyword("dense")
        start = parser.pos
        with parser.in_angle_brackets():
            literal = _parse_literal(parser)
        parser.parse_punctuation(":")
        return cls.new(_resolve_literal(parser, literal, parser.parse_type(), start))

    def print_typed(self, printer: Printer) -> None:
        printer.print_string("dense")
        with printer.in_angle_brackets():
            self.print_literal(printer)
        printer.print_string(" : ")
        printer.print_attribute(self.type)

    def print_literal(self, printer: Printer) -> None:
        elements = self._listed_elements()
        if elements is not None:
            printer.print_string(elements)
        elif self.data.blob.content is None:
            printer.print_string('"0x"')
        elif isinstance(printer, ModulePrinter) and len(self.content) > MAX_INLINE_BYTES:
            printer.print_string(f"resource {printer.add_blob(self.content)}")
        else:
            printer.print_string(f'"0x{self.content.hex()}"')

    def _listed_elements(self) -> str | None:
        """The elements as a readable list or splat, None where bytes serve better."""
        count = prod(self.type.get_shape())
        if count == 0 or self.data.blob.content is None or self._problem() is not None:
            return None
        flat = self.to_array().reshape(-1)
        if count > 1 and _all_equal(flat.view(f"u{flat.itemsize}")):
            return self._element_text(flat[0])
        if count > MAX_LISTED_ELEMENTS:
            return None
        texts = [self._element_text(element) for element in flat]
        if any(text is None for text in texts):
            return None
        return _nested(texts, self.type.get_shape())  # pyright: ignore[reportArgumentType]

    def _element_text(self, element: Any) -> str | None:
        element_type = self.type.element_type
        if isinstance(element_type, StorableType):
            literal = element_type.to_literal(int(element))
            return None if literal is None else str(literal)
        if isinstance(element_type, IntegerType):
            return str(int(element))
        if not np.isfinite(element):
            return f"0x{element.tobytes()[::-1].hex().upper()}"
        text = (
            np.format_float_positional(element, unique=True, trim="0")
            if element == 0 or 1e-4 <= abs(element) < 1e7
            else np.format_float_scientific(element, unique=True, trim="0")
        )
        # The shortest digits of a float32 may round to its neighbour by way of float64.
        if type(element)(float(text)) != element:
            text = np.format_float_scientific(np.float64(element), unique=True, trim="0")
        return text


def _nested(texts: Sequence[str], shape: tuple[int, ...]) -> str:
    if not shape:
        return texts[0]
    step = len(texts) // shape[0]
    parts = (_nested(texts[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0]))
    return f"[{', '.join(parts)}]"


@dataclass(frozen=True)
class _Numbers:
    shape: tuple[int, ...]
    values: list[int | float]


def _parse_literal(parser: AttrParser) -> _Numbers | bytes | Blob:
    if parser.parse_optional_keyword("resource"):
        return _parse_resource_handle(parser)
    start = parser.pos
    if (text := parser.parse_optional_str_literal()) is not None:
        try:
            return hex_to_bytes(text)
        except ValueError as error:
            parser.raise_error(str(error), start, parser.pos)
    return _parse_numbers(parser)


def _parse_numbers(parser: AttrParser) -> _Numbers:
    start = parser.pos
    rows = parser.parse_optional_comma_separated_list(
        parser.Delimiter.SQUARE, lambda: _parse_numbers(parser)
    )
    if rows is None:
        return _Numbers((), [_parse_number(parser)])
    if len({row.shape for row in rows}) > 1:
        parser.raise_error("the rows of a constant differ in length", start, parser.pos)
    inner = rows[0].shape if rows else ()
    return _Numbers((len(rows), *inner), [value for row in rows for value in row.values])


class _Bits(int):
    """A number written in hexadecimal: of a float type these are its bits, as in MLIR."""


def _parse_number(parser: AttrParser) -> int | float:
    negative = parser.parse_optional_punctuation("-") is not None
    is_hex = parser._current_token.span.text.startswith("0x")  # pyright: ignore[reportPrivateUsage]
    value = parser.parse_number()
    if negative:
        return -value if value else -0.0
    return _Bits(value) if is_hex else value


def _parse_resource_handle(parser: AttrParser) -> Blob:
    store = parser.ctx.get_dialect("data").get_interface(BlobStore)
    if store is None:
        parser.raise_error("the data dialect of this context holds no resources")
    key = parser.parse_identifier(" for the resource of a constant")
    if ("data", key) not in parser.dialect_resources:
        store.declare_resource(key)
        parser.dialect_resources.add(("data", key))
    return store.blobs[key]


def _resolve_literal(
    parser: AttrParser, literal: _Numbers | bytes | Blob, type_: Attribute, start: int
) -> DenseData:
    def refuse(message: str) -> NoReturn:
        parser.raise_error(message, start, parser.pos)

    if not isinstance(type_, TensorType):
        refuse(f"a constant needs a tensor type, got {type_}")
    width = element_width(type_.element_type)
    if width is None:
        refuse(f"constants cannot hold {type_.element_type} elements")
    if not type_.has_static_shape():
        refuse("a constant needs a static shape")
    if isinstance(literal, Blob):
        return DenseData(type_, literal)
    if isinstance(literal, bytes):
        return DenseData(type_, Blob(literal))
    shape = type_.get_shape()
    if literal.shape not in ((), shape):
        refuse(f"the constant has shape {list(literal.shape)}, its type {list(shape)}")
    try:
        content = to_bytes(_numbers_to_array(literal, type_.element_type), type_.element_type)
        if literal.shape != shape:
            content = _repeated(content, width, prod(shape))
        return DenseData(type_, Blob(content))
    except (ValueError, OverflowError) as error:
        refuse(str(error))


def _repeated(element: bytes, width: int, count: int) -> bytes:
    """`count` times the same packed element; raises ValueError if that is too large."""
    size = packed_size(count, width)
    if size > MAX_SPLAT_BYTES:
        raise ValueError(f"{count} equal elements take {size} bytes, more than {MAX_SPLAT_BYTES}")
    value = int.from_bytes(element, "little")
    octet = sum(value << (lane * width) for lane in range(8)).to_bytes(width, "little")
    whole = octet * (-(-count // 8))
    tail = count % 8
    if not tail:
        return whole
    last = int.from_bytes(octet, "little") & ((1 << (tail * width)) - 1)
    return whole[: (count // 8) * width] + last.to_bytes(packed_size(tail, width), "little")


def _numbers_to_array(literal: _Numbers, element_type: Attribute) -> np.ndarray:
    values = literal.values
    if isinstance(element_type, AnyFloat):
        dtype = np.dtype("<f4" if isinstance(element_type, Float32Type) else "<f8")
        with np.errstate(over="ignore"):
            array = np.array(values, dtype=np.float64).astype(dtype)
        for i, value in enumerate(values):
            if isinstance(value, _Bits):
                if value.bit_length() > 8 * dtype.itemsize:
                    raise ValueError(f"{value:#x} has more bits than {element_type}")
                array[i : i + 1] = np.frombuffer(value.to_bytes(dtype.itemsize, "little"), dtype)
        return array.reshape(literal.shape)
    integers = [value for value in values if isinstance(value, int)]
    if len(integers) != len(values):
        raise ValueError(f"{element_type} elements are written as integers")
    if isinstance(element_type, StorableType):
        integers = [element_type.from_literal(value) for value in integers]
        return np.array(integers, dtype=element_type.storage_dtype).reshape(literal.shape)
    return np.array(integers, dtype=object).reshape(literal.shape)


def hex_to_bytes(text: str) -> bytes:
    """The bytes of "0x…"; raises ValueError for any other character than two digits a byte."""
    if not text.startswith("0x"):
        raise ValueError('the bytes of a constant are written as "0x…"')
    try:
        found = bytes.fromhex(text[2:])
    except ValueError:
        found = b""
    if 2 * len(found) != len(text) - 2:  # or there are spaces
        raise ValueError("the bytes of a constant are two hex digits each, and nothing else")
    return found


class BlobStore(OpAsmDialectInterface):
    """The resources of one context. A name declared by a later parse is a new resource."""

    def __init__(self, blobs: dict[str, Blob] | None = None):
        super().__init__()
        self.blobs: dict[str, Blob] = {} if blobs is None else blobs

    def declare_resource(self, key: str) -> str:
        self.blobs[key] = Blob(None)
        return key

    def parse_resource(self, key: str, val: str) -> None:
        if self.blobs[key].content is not None:
            raise ValueError(f"resource {key} is given twice")
        self.blobs[key].content = hex_to_bytes(val)

    def lookup(self, key: str) -> str | None:
        blob = self.blobs.get(key)
        return None if blob is None or blob.content is None else f"0x{blob.content.hex()}"

    def build_resources(self, keys: Iterable[str]) -> dict[str, str]:
        found = {key: self.lookup(key) for key in keys}
        return {key: text for key, text in found.items() if text is not None}


class MaterializeConstant(ConstantMaterializationInterface):
    """Lets the folders of any dialect turn `#data.dense` into `data.constant`."""

    def materialize_constant(self, value: Attribute, type: Attribute) -> Operation | None:
        if not isinstance(value, DenseAttr) or value.type != type:
            return None
        return ConstantOp(value)


@irdl_op_definition
class ConstantOp(IRDLOperation, HasFolderInterface):
    """A constant tensor: `data.constant dense<[1.0, 2.0]> : tensor<2xf32>`."""

    name = "data.constant"

    value = prop_def(DenseAttr)
    output = result_def(TensorType)

    traits = traits_def(Pure(), ConstantLike(), Parameter())

    def __init__(self, value: DenseAttr):
        super().__init__(properties={"value": value}, result_types=[value.type])

    @classmethod
    def from_array(cls, values: np.ndarray, element_type: Attribute) -> Self:
        return cls(DenseAttr.from_array(values, element_type))

    def set_array(self, values: np.ndarray) -> None:
        """Put other values, of the same type, in place of these."""
        type_ = self.value.type
        new = DenseAttr.from_array(values.reshape(type_.get_shape()), type_.element_type)
        self.properties["value"] = new

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        return (self.value,)

    def verify_(self) -> None:
        if self.value.type != self.output.type:
            raise VerifyException(
                f"the value has type {self.value.type}, the result {self.output.type}"
            )
        self.value.verify_content()

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        attributes = parser.parse_optional_attr_dict()
        op = cls(DenseAttr.parse_typed(parser))
        op.attributes |= attributes
        return op

    def print(self, printer: Printer) -> None:
        printer.print_op_attributes(self.attributes)
        printer.print_string(" ")
        self.value.print_typed(printer)


def constant_array(value: SSAValue) -> np.ndarray | None:
    """The elements of a `data.constant` result, None where `value` is no constant."""
    owner = value.owner
    return owner.value.to_array() if isinstance(owner, ConstantOp) else None


def _all_equal(flat: np.ndarray) -> bool:
    """Whether all elements are the first, compared in blocks: some constants fill the memory."""
    blocks = range(0, len(flat), COMPARED)
    return all(bool((flat[i : i + COMPARED] == flat[0]).all()) for i in blocks)


@dataclass(eq=False, repr=False)
class ModulePrinter(Printer):
    """Prints a module with its long constants as resources at the end of the file."""

    blobs: dict[str, Blob] = field(default_factory=dict[str, Blob])
    elide_constants: bool = False

    def add_blob(self, content: bytes) -> str:
        key = f"blob_{hashlib.sha256(content).hexdigest()[:16]}"
        self.blobs[key] = Blob(content)
        return key

    def print_string_literal(self, string: str) -> None:
        """Text of any script as it is; xDSL writes all but ASCII as bytes, which it cannot read."""
        self.print_string(f'"{"".join(map(_in_quotes, string))}"')

    def print_metadata(self, dialects: Iterable[Dialect]) -> None:
        dialects = list(dialects)
        missing = self._dialect_resources.keys() - {dialect.name for dialect in dialects}
        if missing:
            raise RecogError(f"the resources of dialect '{min(missing)}' cannot be written here")
        if self.elide_constants or not self.blobs:
            super().print_metadata(dialects)
            return
        self._dialect_resources["data"] = set(self.blobs)
        others = [dialect for dialect in dialects if dialect.name != "data"]
        super().print_metadata([*others, Dialect("data", [], [], [BlobStore(self.blobs)])])


def _in_quotes(char: str) -> str:
    if char.isprintable() and char not in '"\\':
        return char
    # What came from a file name that is not UTF-8 has no bytes of its own.
    encoded = char.encode("utf-8", "backslashreplace")
    return "\\\\" if char == "\\" else "".join(f"\\{byte:02X}" for byte in encoded)


def get_data_dialect() -> Dialect:
    """A new data dialect: each context has its own resources."""
    return Dialect("data", [ConstantOp], [DenseAttr], [BlobStore(), MaterializeConstant()])
