"""How one torch operator becomes nn ops: the registry and what converters are given.

A converter is a function of a `ConverterContext` and the operator's arguments, named as in its
ATen schema. Tensors arrive as handles; `ConverterContext.value` turns one into an SSA value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from operator import getitem
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.fx import Node
from xdsl.dialects.builtin import LocationAttr, NameLoc, NoneAttr, StringAttr, f32, f64, i1, i64
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.utils.exceptions import VerifyException

from recog.dialects import nn
from recog.dialects.data import ConstantOp
from recog.dialects.errors import RecogError, describe_location
from recog.dialects.shapes import Shape

Converter = Callable[..., Any]

ELEMENT_TYPES: dict[torch.dtype, Attribute] = {
    torch.float32: f32,
    torch.int64: i64,
    torch.int32: i64,
    torch.bool: i1,
    torch.uint8: nn.PIXEL_TYPE,
}
"""The dtypes that nn knows; integers and truth values serve selection only, pixels are moved and
converted."""


class Unsupported(Exception):
    """This use of an operator has no form in nn: the reason, and what the user can do."""

    def __init__(self, reason: str, hint: str | None = None):
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class Registry(dict[str, Converter]):
    """Converters by operator and overload: `aten.conv2d.default`."""

    def add(self, *operators: str) -> Callable[[Converter], Converter]:
        """Register the decorated function for these operators."""

        def register(converter: Converter) -> Converter:
            for operator in operators:
                self[operator] = converter
            return converter

        return register


@dataclass(frozen=True, eq=False)
class Constant:
    """A tensor known at import: a parameter, a buffer, or computed from these alone."""

    tensor: Tensor
    name: str
    computed: bool = False

    def to(self, dtype: torch.dtype) -> Constant:
        """The same numbers with another dtype."""
        return replace(self, tensor=self.tensor.to(dtype))


def identifier(name: str) -> str | None:
    """A module path as the name of an SSA value: `layer1.0.conv` → `layer1_0_conv`."""
    text = "".join(c if c.isalnum() and c.isascii() else "_" for c in name).strip("_")
    if not text:
        return None
    return f"layer_{text}" if text[0].isdigit() else text


@dataclass
class ConstantPool:
    """Makes one `data.constant` for each distinct tensor: tied parameters share theirs."""

    block: Block
    _values: dict[tuple[Any, ...], SSAValue] = field(default_factory=dict)
    _alive: list[Tensor] = field(default_factory=list)
    not_numbers: list[ConstantOp] = field(default_factory=list[ConstantOp])
    """Those that hold NaN."""

    def materialize(self, constant: Constant) -> SSAValue:
        """The SSA value; raises RecogError for NaN or infinity, Unsupported for dtypes."""
        tensor = constant.tensor
        key = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype)
        if key in self._values and tensor.numel():
            return self._values[key]
        op = ConstantOp.from_array(*_array(constant))
        op.location = NameLoc(StringAttr(constant.name), NoneAttr())
        op.output.name_hint = identifier(constant.name)
        self.block.add_op(op)
        if constant.computed and tensor.is_floating_point() and bool(tensor.isnan().any()):
            self.not_numbers.append(op)
        self._values[key] = op.output
        self._alive.append(tensor)  # a freed tensor's address could name another one
        return op.output

    def check_numbers(self) -> None:
        """Raise RecogError if a constant that holds NaN is used."""
        for op in self.not_numbers:
            if op.parent is not None and op.output.uses:
                raise RecogError(
                    "is computed of constants, and holds NaN",
                    where=f"constant {describe_location(op.location) or ''}".strip(),
                    hint="memory of torch.empty is read that nothing was written to, or 0 / 0",
                )

    def forget(self, tensor: Tensor) -> None:
        """An operator wrote to this tensor's memory: what was made of it holds the old values."""
        storage = tensor.untyped_storage().data_ptr()
        changed = [t for t in self._alive if t.untyped_storage().data_ptr() == storage]
        for each in changed:
            self._values.pop((each.data_ptr(), tuple(each.shape), each.stride(), each.dtype), None)


def _array(constant: Constant) -> tuple[np.ndarray, Attribute]:
    """The elements and their type; raises RecogError for NaN or infinity in weights."""
    tensor = constant.tensor.detach()
    if tensor.is_complex() or tensor.is_quantized:
        raise Unsupported(f"tensor {constant.name} is {tensor.dtype}")
    if tensor.is_meta:
        raise RecogError(
            'is on the device "meta", without numbers',
            where=f'parameter "{constant.name}"',
            hint="load the weights first",
        )
    if tensor.dtype in (torch.float16, torch.bfloat16):
        raise Unsupported(f"tensor {constant.name} is {tensor.dtype}", "call model.float()")
    if not tensor.is_floating_point():
        element_type = ELEMENT_TYPES.get(tensor.dtype, i64)
        return tensor.to(torch.int64).cpu().contiguous().numpy(), element_type
    array = tensor.to(torch.float32).cpu().contiguous().numpy()
    finite = np.isfinite(array)
    if not constant.computed and not finite.all():
        index = [int(i) for i in np.argwhere(~finite)[0]]
        raise RecogError(
            f"element {index} is {array[tuple(index)]}: weights must be finite",
            where=f'parameter "{constant.name}"',
            hint="the training diverged, or the checkpoint is damaged",
        )
    return array, f32


@dataclass
class ConverterContext:
    """What a converter works with: the torch node, and where its ops go."""

    node: Node
    block: Block
    constants: ConstantPool
    location: LocationAttr

    def value(self, handle: Any) -> SSAValue:
        """The SSA value of a tensor argument; numbers become constants of shape ()."""
        match handle:
            case SSAValue():
                return handle
            case Constant():
                return self.constants.materialize(handle)
            case bool() | int() | float():
                return self.constant(np.float32(handle), "scalar")
            case _:
                raise Unsupported(f"expected a tensor, got {handle!r}")

    def typed(self, handle: Any, dtype: torch.dtype) -> SSAValue:
        """As `value`, converted to elements of this dtype where it has others."""
        if dtype not in ELEMENT_TYPES:
            raise Unsupported(f"computes with {dtype}", "use float32")
        element_type = ELEMENT_TYPES[dtype]
        match handle:
            case Constant():
                return self.value(handle.to(dtype))
            case bool() | int() | float():
                array = np.asarray(handle, np.float32 if element_type == f32 else np.int64)
                return self._constant(array, element_type, "scalar")
            case _:
                value = self.value(handle)
                if nn.element_type_of(value) == element_type:
                    return value
                return self.emit(nn.ConvertOp(value, element_type))

    @property
    def result_dtype(self) -> torch.dtype:
        """The dtype that torch recorded for the operator's result."""
        return self.node.meta["val"].dtype

    def optional(self, handle: Any) -> SSAValue | None:
        """As `value`, None for None."""
        return None if handle is None else self.value(handle)

    def ordered(self, handle: Any) -> SSAValue:
        """As `value`; integers and truth values as float64, which holds all up to 2^53, for ops
        that only compare."""
        value = self.value(handle)
        if nn.is_float(nn.element_type_of(value)):
            return value
        return self.emit(nn.ConvertOp(value, f64))

    def wrapped(self, value: SSAValue) -> SSAValue:
        """What torch's own type keeps of an integer: of int32 the low 32 bits, with a sign."""
        if self.result_dtype != torch.int32:
            return value
        half, whole = self.typed(1 << 31, torch.int64), self.typed(1 << 32, torch.int64)
        above = self.emit(nn.RemainderOp(self.emit(nn.AddOp(value, half)), whole))
        return self.emit(nn.SubOp(above, half))

    def constant(self, array: np.ndarray | np.generic, name: str) -> SSAValue:
        """A new float32 constant that belongs to this operator."""
        return self._constant(np.asarray(array), f32, name)

    def _constant(self, array: np.ndarray, element_type: Attribute, name: str) -> SSAValue:
        op = ConstantOp.from_array(array, element_type)
        op.output.name_hint = identifier(name)
        return self.emit(op)

    def emit(self, op: Operation) -> SSAValue:
        """Append an op with this operator's location; its result."""
        op.location = self.location
        self.block.add_op(op)
        if isinstance(op, nn.NnOp):
            _check_operands(op, self.node)
        return op.results[0]

    def shape(self, handle: Any) -> Shape:
        """The shape of a tensor argument."""
        match handle:
            case Constant():
                return tuple(handle.tensor.shape)
            case SSAValue():
                return handle.type.get_shape()
            case _:
                return ()

    def uses_result(self, index: int) -> bool:
        """Whether the network takes the operator's result of this number, of several."""
        users = (user for user in self.node.users if user.target is getitem)
        return any(user.args[1] == index and bool(user.users) for user in users)

    @property
    def result_shape(self) -> Shape:
        """The shape that torch recorded for the operator's result, of several the first."""
        value = self.node.meta["val"]
        return tuple((value[0] if isinstance(value, list | tuple) else value).shape)


def _check_operands(op: nn.NnOp, node: Node) -> None:
    """Raise Unsupported, in torch's words, for operands of a type that the op does not take."""
    try:
        op.verify_element_types()
    except VerifyException as error:
        values = [each.meta.get("val") for each in node.all_input_nodes]
        dtypes = {value.dtype for value in values if isinstance(value, Tensor)}
        others = " and ".join(sorted(str(dtype) for dtype in dtypes - {torch.float32}))
        reason = f"of {others} is not supported, only of torch.float32" if others else str(error)
        raise Unsupported(reason, "call .float() before it") from None


def with_batch(rank: int) -> Callable[[Converter], Converter]:
    """Let a converter of tensors of that rank take one without a batch axis too."""

    def wrap(converter: Converter) -> Converter:
        @wraps(converter)
        def convert(c: ConverterContext, input: Any, *arguments: Any, **keywords: Any) -> Any:
            shape = c.shape(input)
            if len(shape) != rank - 1:
                return converter(c, input, *arguments, **keywords)
            one = c.emit(nn.ReshapeOp(c.value(input), (1, *shape)))
            result = converter(c, one, *arguments, **keywords)
            return c.emit(nn.ReshapeOp(result, nn.shape_of(result)[1:]))

        return convert

    return wrap


def normalized_axis(axis: int, rank: int) -> int:
    """A torch axis, which may count from the end, as one from 0."""
    return axis + rank if axis < 0 else axis


def pair(values: Any) -> tuple[int, int]:
    """An ATen `int[2]` argument, where one number stands for both."""
    sizes = [values] if isinstance(values, int) else [int(value) for value in values]
    if len(sizes) not in (1, 2):
        raise Unsupported(f"{len(sizes)} spatial axes; only 2 are supported")
    return (sizes[0], sizes[-1])


def symmetric(padding: Any) -> tuple[int, int, int, int]:
    """An ATen `int[2]` padding as (top, left, bottom, right)."""
    height, width = pair(padding)
    return (height, width, height, width)


def merged(*registries: Mapping[str, Converter]) -> Registry:
    """One registry of all."""
    result = Registry()
    for registry in registries:
        result.update(registry)
    return result
