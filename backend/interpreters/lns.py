"""Interpreter of the lns and cluster dialects, bit for bit: NumPy codes in, codes out.

Values are arrays of codes (uint8 up to 8 bits, else uint16), integers or float32. The
leading axis is the batch: a module written for one frame runs any number at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls

from recog.backend.arithmetic.engine import DEFAULT_ENGINE, get_engine
from recog.backend.arithmetic.reference import definition, sampling, stereo
from recog.backend.arithmetic.reference.engine import Engine
from recog.backend.interpreters.data import DataFunctions
from recog.backend.interpreters.execute import Observer, execute
from recog.backend.interpreters.lns_boxes import LnsBoxFunctions
from recog.dialects import cluster, lns
from recog.dialects.element_types import element_width, from_bytes
from recog.dialects.errors import RecogError
from recog.dialects.functions import find_function
from recog.dialects.lns import NumberType, format_of, shape_of
from recog.dialects.number_format import LnsFormat


@register_impls
class LnsFunctions(InterpreterFunctions):
    """One implementation an op; the arithmetic itself is the engine's."""

    def __init__(self, engine: Engine):
        self.engine = engine

    @impl(lns.EncodeOp)
    def run_encode(self, _: Interpreter, op: lns.EncodeOp, args: PythonValues) -> PythonValues:
        return (definition.encode(args[0], format_of(op.output)),)

    @impl(lns.DecodeOp)
    def run_decode(self, _: Interpreter, op: lns.DecodeOp, args: PythonValues) -> PythonValues:
        return (definition.decode(args[0], format_of(op.input), np.float32),)

    @impl(lns.Conv2dOp)
    def run_conv2d(self, _: Interpreter, op: lns.Conv2dOp, args: PythonValues) -> PythonValues:
        return (
            self.engine.conv2d(
                *_layer_operands(op, args),
                strides=op.strides.get_values(),  # pyright: ignore[reportArgumentType]
                padding=op.padding.get_values(),  # pyright: ignore[reportArgumentType]
                dilation=op.dilation.get_values(),  # pyright: ignore[reportArgumentType]
                groups=op.groups.value.data,
                relu=op.relu is not None,
                arithmetic=op.arithmetic.data,
            ),
        )

    @impl(lns.ConvTranspose2dOp)
    def run_conv_transpose2d(
        self, _: Interpreter, op: lns.ConvTranspose2dOp, args: PythonValues
    ) -> PythonValues:
        return (
            self.engine.conv_transpose2d(
                *_layer_operands(op, args),
                strides=op.strides.get_values(),  # pyright: ignore[reportArgumentType]
                padding=op.padding.get_values(),  # pyright: ignore[reportArgumentType]
                output_padding=op.output_padding.get_values(),  # pyright: ignore[reportArgumentType]
                dilation=op.dilation.get_values(),  # pyright: ignore[reportArgumentType]
                groups=op.groups.value.data,
                relu=op.relu is not None,
                arithmetic=op.arithmetic.data,
            ),
        )

    @impl(lns.LinearOp)
    def run_linear(self, _: Interpreter, op: lns.LinearOp, args: PythonValues) -> PythonValues:
        operands = _layer_operands(op, args)
        relu = op.relu is not None
        return (self.engine.linear(*operands, relu=relu, arithmetic=op.arithmetic.data),)

    @impl(lns.AddOp)
    def run_add(self, _: Interpreter, op: lns.AddOp, args: PythonValues) -> PythonValues:
        return (self._sum(op, args, subtract=False),)

    @impl(lns.SubOp)
    def run_sub(self, _: Interpreter, op: lns.SubOp, args: PythonValues) -> PythonValues:
        return (self._sum(op, args, subtract=True),)

    def _sum(self, op: lns.AddOp | lns.SubOp, args: PythonValues, *, subtract: bool) -> np.ndarray:
        return self.engine.add(
            *_elementwise_operands(op, args),
            subtract=subtract,
            relu=op.relu is not None,
            arithmetic=op.arithmetic.data,
        )

    @impl(lns.MulOp)
    def run_mul(self, _: Interpreter, op: lns.MulOp, args: PythonValues) -> PythonValues:
        operands = _elementwise_operands(op, args)
        return (self.engine.mul(*operands, relu=op.relu is not None),)

    @impl(lns.ReluOp)
    def run_relu(self, _: Interpreter, op: lns.ReluOp, args: PythonValues) -> PythonValues:
        codes = definition.relu(args[0], format_of(op.input))
        return (codes.astype(format_of(op.output).dtype),)

    @impl(lns.ConvertOp)
    def run_convert(self, _: Interpreter, op: lns.ConvertOp, args: PythonValues) -> PythonValues:
        return (definition.convert(args[0], format_of(op.input), format_of(op.output)),)

    @impl(lns.TableOp)
    def run_table(self, _: Interpreter, op: lns.TableOp, args: PythonValues) -> PythonValues:
        return (definition.table(*args),)

    @impl(lns.MaxPool2dOp)
    def run_max_pool2d(
        self, _: Interpreter, op: lns.MaxPool2dOp, args: PythonValues
    ) -> PythonValues:
        return (
            definition.max_pool2d(
                args[0],
                format_of(op.input),
                kernel=op.kernel.get_values(),  # pyright: ignore[reportArgumentType]
                strides=op.strides.get_values(),  # pyright: ignore[reportArgumentType]
                padding=op.padding.get_values(),  # pyright: ignore[reportArgumentType]
                dilation=op.dilation.get_values(),  # pyright: ignore[reportArgumentType]
            ),
        )

    @impl(lns.AvgPool2dOp)
    def run_avg_pool2d(
        self, _: Interpreter, op: lns.AvgPool2dOp, args: PythonValues
    ) -> PythonValues:
        return (
            self.engine.avg_pool2d(
                args[0],
                format_of(op.input),
                format_of(op.output),
                kernel=op.kernel.get_values(),  # pyright: ignore[reportArgumentType]
                strides=op.strides.get_values(),  # pyright: ignore[reportArgumentType]
                padding=op.padding.get_values(),  # pyright: ignore[reportArgumentType]
                count_include_pad=op.count_include_pad is not None,
                arithmetic=op.arithmetic.data,
            ),
        )

    @impl(lns.CorrelationOp)
    def run_correlation(
        self, _: Interpreter, op: lns.CorrelationOp, args: PythonValues
    ) -> PythonValues:
        codes = self.engine.correlation(
            args[0],
            format_of(op.left),
            args[1],
            format_of(op.right),
            format_of(op.output),
            disparities=op.disparities.value.data,
            arithmetic=op.arithmetic.data,
        )
        return (codes,)

    @impl(lns.ExpectationOp)
    def run_expectation(
        self, _: Interpreter, op: lns.ExpectationOp, args: PythonValues
    ) -> PythonValues:
        logits, bins, residual = args if op.residual is not None else (*args, None)
        stereo.check_expectation(bins)
        codes = stereo.expectation(
            logits,
            format_of(op.logits),
            bins,
            residual,
            None if op.residual is None else format_of(op.residual),
            format_of(op.output),
            frac=op.frac.value.data,
        )
        return (codes,)

    @impl(lns.ReciprocalOp)
    def run_reciprocal(
        self, _: Interpreter, op: lns.ReciprocalOp, args: PythonValues
    ) -> PythonValues:
        codes = stereo.reciprocal(
            args[0],
            format_of(op.input),
            format_of(op.output),
            log_numerator=op.log_numerator.value.data,
            negative=op.negative is not None,
        )
        return (codes,)

    @impl(lns.ResizeOp)
    def run_resize(self, _: Interpreter, op: lns.ResizeOp, args: PythonValues) -> PythonValues:
        height, width = shape_of(op.output)[2:]
        if op.steps is None or op.arithmetic is None:
            return (sampling.resize_nearest(args[0], (height, width)),)
        codes = self.engine.resize_bilinear(
            args[0],
            format_of(op.input),
            format_of(op.output),
            size=(height, width),
            steps=op.steps.get_values(),  # pyright: ignore[reportArgumentType]
            align_corners=op.align_corners is not None,
            arithmetic=op.arithmetic.data,
        )
        return (codes,)

    @impl(lns.ReshapeOp)
    def run_reshape(self, _: Interpreter, op: lns.ReshapeOp, args: PythonValues) -> PythonValues:
        (x,) = args
        return (x.reshape(x.shape[0], *shape_of(op.output)[1:]),)

    @impl(lns.ConcatOp)
    def run_concat(self, _: Interpreter, op: lns.ConcatOp, args: PythonValues) -> PythonValues:
        return (np.concatenate(args, axis=op.axis.value.data),)

    @impl(lns.SliceOp)
    def run_slice(self, _: Interpreter, op: lns.SliceOp, args: PythonValues) -> PythonValues:
        bounds = zip(op.starts.get_values(), op.stops.get_values(), op.steps.get_values())
        _batch, *rest = (slice(*bound) for bound in bounds)
        return (args[0][:, *rest],)

    @impl(lns.PadOp)
    def run_pad(self, _: Interpreter, op: lns.PadOp, args: PythonValues) -> PythonValues:
        return (sampling.crop(args[0], op.padding.get_values()),)  # pyright: ignore

    @impl(lns.PermuteOp)
    def run_permute(self, _: Interpreter, op: lns.PermuteOp, args: PythonValues) -> PythonValues:
        return (np.transpose(args[0], op.permutation.get_values()),)

    @impl(lns.ArgmaxOp)
    def run_argmax(self, _: Interpreter, op: lns.ArgmaxOp, args: PythonValues) -> PythonValues:
        index = definition.argmax(args[0], format_of(op.input), op.axis.value.data)
        return (index.astype(f"i{op.output.type.element_type.width.data // 8}"),)

    @impl(cluster.LookupOp)
    def run_lookup(self, _: Interpreter, op: cluster.LookupOp, args: PythonValues) -> PythonValues:
        pointers, codebook = args[:2]
        weight = codebook.reshape(-1)[cluster.lookup_index(pointers, op.block.get_values())]
        if len(args) == 3:
            weight = weight * args[2].reshape(-1, *[1] * (weight.ndim - 1))
        return (weight,)


def _layer_operands(
    op: lns.MultiplyAccumulateOp, args: PythonValues
) -> tuple[np.ndarray, LnsFormat, np.ndarray, LnsFormat, np.ndarray | None, LnsFormat]:
    init = args[2].astype(np.int64) if op.bias is not None else None
    formats = format_of(op.input), format_of(op.weight), format_of(op.output)
    return args[0], formats[0], args[1], formats[1], init, formats[2]


def _elementwise_operands(
    op: lns.BinaryOp, args: PythonValues
) -> tuple[np.ndarray, LnsFormat, np.ndarray, LnsFormat, LnsFormat]:
    return args[0], format_of(op.lhs), args[1], format_of(op.rhs), format_of(op.output)


def lns_interpreter(module: ModuleOp, engine: str = DEFAULT_ENGINE) -> Interpreter:
    """An interpreter for lns modules on the engine of that name; nn ops left in them run too."""
    interpreter = Interpreter(module)
    interpreter.register_implementations(DataFunctions())
    interpreter.register_implementations(LnsFunctions(get_engine(engine)))
    interpreter.register_implementations(LnsBoxFunctions())
    if any(op.dialect_name() == "nn" for op in module.walk()):
        from recog.backend.interpreters.nn import register_nn

        register_nn(interpreter)
    return interpreter


def run_lns(
    module: ModuleOp,
    *inputs: np.ndarray,
    entry: str = "main",
    engine: str = DEFAULT_ENGINE,
    observe: Observer | None = None,
) -> tuple[Any, ...]:
    """Run a function of an lns module on float32 or code arrays of shape (N, ...).

    Raises:
        RecogError: inputs of the wrong number, shape or type, NaN, or codes that their
            format does not have.
    """
    function = find_function(module, entry)
    types = [arg.type for arg in function.args]
    if len(inputs) != len(types):
        raise RecogError(f"@{entry} takes {len(types)} inputs, got {len(inputs)}")
    arrays = [check_input(i, x, type_) for i, (x, type_) in enumerate(zip(inputs, types))]
    _check_batches(arrays, types)
    return execute(lns_interpreter(module, engine), function, arrays, observe=observe)


def check_input(index: int, x: Any, type_: Any) -> np.ndarray:
    """`x` as the array that an argument of tensor type `type_` wants, any batch size."""
    where = f"input {index}"
    array = np.asarray(x)
    if not isinstance(type_, TensorType):
        raise RecogError(f"the function wants {type_}, which is no tensor", where=where)
    shape: Sequence[int] = type_.get_shape()
    if array.ndim != len(shape) or array.shape[1:] != tuple(shape[1:]):
        wanted = ", ".join(map(str, ("N", *shape[1:])))
        raise RecogError(
            f"has shape {list(array.shape)}, the network wants [{wanted}]", where=where
        )
    element = type_.element_type
    if isinstance(element, NumberType):
        if array.dtype != element.format.dtype or element.format.illegal_codes(array).any():
            raise RecogError(f"holds values that are no codes of {element}", where=where)
        return array
    if element_width(element) is None:
        raise RecogError(f"has elements of {element}, which cannot be given", where=where)
    dtype = from_bytes(b"", element, 0).dtype
    kinds = "fib" if dtype.kind == "f" else "iub"
    if array.dtype.kind not in kinds:
        raise RecogError(f"has dtype {array.dtype}, the network wants {dtype}", where=where)
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(array, dtype=dtype)
    if not np.isfinite(converted).all():
        raise RecogError("holds NaN or infinity", where=where)
    if dtype.kind != "f" and (converted != array).any():
        raise RecogError(f"holds values that do not fit {element}", where=where)
    return converted


def _check_batches(arrays: Sequence[np.ndarray], types: Sequence[Any]) -> None:
    """All inputs must hold as many times the module's own batch as the first."""
    sizes = [len(array) for array in arrays if array.ndim]
    declared = [type_.get_shape()[0] for type_ in types if type_.get_shape()]
    if any(size * declared[0] != sizes[0] * own for size, own in zip(sizes, declared)):
        raise RecogError(f"the inputs differ in batch size: {sizes}")
