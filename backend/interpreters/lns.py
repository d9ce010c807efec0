"""Interpreter of the lns and cluster dialects, bit for bit: NumPy codes in, codes out.

Values are arrays of codes (uint8 up to 8 bits, else uint16), integers or float32. The
leading axis is the batch: a module written for one frame runs any number at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl
from xdsl.ir import Operation, SSAValue

from recog.backend.arithmetic.codes import Layer
from recog.backend.arithmetic.engine import DEFAULT_ENGINE, EngineChoice, get_engine
from recog.backend.arithmetic.reference import boxes, definition, sampling
from recog.backend.arithmetic.reference.engine import Engine
from recog.backend.evaluation import Reference, Values, evaluate
from recog.backend.evaluation.values import register_evaluators
from recog.backend.interpreters.data import DataFunctions
from recog.backend.interpreters.execute import Observer, execute
from recog.dialects import cluster, lns
from recog.dialects.element_types import element_width, from_bytes
from recog.dialects.errors import InputError, RecogError
from recog.dialects.functions import find_function
from recog.dialects.lns import ArithmeticAttr, NumberType, format_of, frac_of, shape_of
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.refusals import not_finite, pixels_hint
from recog.dialects.windows import Window, padding_of
from recog.dialects.words import counted


class OpValues(Values):
    """The operands of an op of the lns dialect: arrays by SSA value."""

    def __init__(self, engine: Engine, op: Operation, args: PythonValues):
        self.engine = engine
        self._op = op
        self._arrays: dict[Reference, np.ndarray] = dict(zip(op.operands, args))

    @property
    def arithmetic(self) -> Arithmetic:
        attribute = self._op.properties["arithmetic"]
        if not isinstance(attribute, ArithmeticAttr):
            raise TypeError(f"{self._op.name} has no arithmetic, but {attribute}")
        return attribute.data

    def read(self, reference: Reference) -> np.ndarray:
        return self._arrays[reference]

    def shape(self, reference: Reference) -> tuple[int, ...]:
        return tuple(shape_of(_value(reference))[1:])

    def format(self, reference: Reference) -> LnsFormat:
        return format_of(_value(reference))

    def fixed_frac(self, reference: Reference) -> int:
        return frac_of(_value(reference))

    def layer(self, op: lns.MultiplyAccumulateOp) -> Layer:
        init = None if op.bias is None else self.read(op.bias).astype(np.int64)
        window = op.window if isinstance(op, lns.Conv2dOp | lns.ConvTranspose2dOp) else Window()
        return Layer(
            self.codes(op.input),
            self.codes(op.weight),
            init,
            self.format(op.output),
            self.arithmetic,
            window,
            op.relu is not None,
        )

    def table(self, op: lns.TableOp) -> np.ndarray:
        return self.read(op.table)

    def bins(self, op: lns.ExpectationOp) -> np.ndarray:
        return self.read(op.bins)

    def geometry(self, op: lns.DecodeBoxes2dOp | lns.DecodeBoxes3dOp) -> Any:
        return op.geometry

    def check_sum(self, bound: int) -> None:
        """Sums are exact at any width here; the pass prove-accumulators refuses those too wide."""


def _value(reference: Reference) -> SSAValue:
    if not isinstance(reference, SSAValue):
        raise TypeError(f"ops of lns have values, not symbols such as {reference}")
    return reference


def _evaluate(functions: LnsFunctions, op: Operation, args: PythonValues) -> PythonValues:
    return evaluate(op, OpValues(functions.engine, op, args))


@register_evaluators("lns", _evaluate)
class LnsFunctions(InterpreterFunctions):
    """What moves codes, and what turns them into real numbers; `evaluation` has all else."""

    def __init__(self, engine: Engine):
        self.engine = engine

    @impl(lns.EncodeOp)
    def run_encode(self, _: Interpreter, op: lns.EncodeOp, args: PythonValues) -> PythonValues:
        return (definition.encode(args[0], format_of(op.output)),)

    @impl(lns.DecodeOp)
    def run_decode(self, _: Interpreter, op: lns.DecodeOp, args: PythonValues) -> PythonValues:
        return (definition.decode(args[0], op.format, np.float32),)

    @impl(lns.DecodeFixedOp)
    def run_decode_fixed(
        self, _: Interpreter, op: lns.DecodeFixedOp, args: PythonValues
    ) -> PythonValues:
        return (boxes.decode_fixed(args[0], frac_of(op.input)),)

    @impl(lns.ReshapeOp)
    def run_reshape(self, _: Interpreter, op: lns.ReshapeOp, args: PythonValues) -> PythonValues:
        (x,) = args
        return (x.reshape(x.shape[0], *shape_of(op.output)[1:]),)

    @impl(lns.ConcatOp)
    def run_concat(self, _: Interpreter, op: lns.ConcatOp, args: PythonValues) -> PythonValues:
        # A constant of one frame is the same for all frames.
        frames = max(len(part) for part in args)
        parts = [np.broadcast_to(part, (frames, *part.shape[1:])) for part in args]
        return (np.concatenate(parts, axis=op.axis.value.data),)

    @impl(lns.SliceOp)
    def run_slice(self, _: Interpreter, op: lns.SliceOp, args: PythonValues) -> PythonValues:
        bounds = zip(op.starts.get_values(), op.stops.get_values(), op.steps.get_values())
        _batch, *rest = (slice(*bound) for bound in bounds)
        return (args[0][:, *rest],)

    @impl(lns.PadOp)
    def run_pad(self, _: Interpreter, op: lns.PadOp, args: PythonValues) -> PythonValues:
        return (sampling.crop(args[0], padding_of(op.padding.get_values())),)

    @impl(lns.PermuteOp)
    def run_permute(self, _: Interpreter, op: lns.PermuteOp, args: PythonValues) -> PythonValues:
        return (np.transpose(args[0], op.permutation.get_values()),)

    @impl(cluster.LookupOp)
    def run_lookup(self, _: Interpreter, op: cluster.LookupOp, args: PythonValues) -> PythonValues:
        pointers, codebook = args[:2]
        weight = codebook.reshape(-1)[cluster.lookup_index(pointers, op.block.get_values())]
        if len(args) == 3:
            weight = weight * args[2].reshape(-1, *[1] * (weight.ndim - 1))
        return (weight,)


def lns_interpreter(module: ModuleOp, engine: EngineChoice = DEFAULT_ENGINE) -> Interpreter:
    """An interpreter for lns modules on the engine that is chosen; nn ops left in them run too."""
    interpreter = Interpreter(module)
    interpreter.register_implementations(DataFunctions())
    interpreter.register_implementations(LnsFunctions(get_engine(engine)))
    if any(op.dialect_name() == "nn" for op in module.walk()):
        from recog.backend.interpreters.nn import register_nn

        register_nn(interpreter)
    return interpreter


def run_lns(
    module: ModuleOp,
    *inputs: np.ndarray,
    entry: str = "main",
    engine: EngineChoice = DEFAULT_ENGINE,
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
        raise RecogError(f"@{entry} takes {counted(len(types), 'input')}, got {len(inputs)}")
    arrays = [check_input(i, x, type_) for i, (x, type_) in enumerate(zip(inputs, types))]
    _check_batches(arrays, types)
    return execute(lns_interpreter(module, engine), function, arrays, observe=observe)


def check_input(index: int, x: Any, type_: Any) -> np.ndarray:
    """`x` as the array that an argument of tensor type `type_` wants, any batch size."""
    where = f"input {index}"
    array = np.asarray(x)
    if not isinstance(type_, TensorType):
        raise InputError(f"the function wants {type_}, which is no tensor", where=where)
    shape: Sequence[int] = type_.get_shape()
    if array.ndim != len(shape) or array.shape[1:] != tuple(shape[1:]):
        wanted = ", ".join(map(str, ("N", *shape[1:])))
        raise InputError(
            f"has shape {list(array.shape)}, the network wants [{wanted}]", where=where
        )
    element = type_.element_type
    if isinstance(element, NumberType):
        if array.dtype != element.format.dtype or element.format.illegal_codes(array).any():
            raise InputError(f"holds values that are no codes of {element}", where=where)
        return array
    if element_width(element) is None:
        raise InputError(f"has elements of {element}, which cannot be given", where=where)
    dtype = from_bytes(b"", element, 0).dtype
    kinds = "fib" if dtype.kind == "f" else "iub"
    if array.dtype.kind not in kinds:
        message = f"has dtype {array.dtype}, the network wants {dtype}"
        raise InputError(message, where=where, hint=pixels_hint(array.dtype.name))
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(array, dtype=dtype)
    if not np.isfinite(converted).all():
        raise InputError(not_finite(np.asarray(x)), where=where)
    if dtype.kind != "f" and (converted != array).any():
        raise InputError(f"holds values that do not fit {element}", where=where)
    return converted


def _check_batches(arrays: Sequence[np.ndarray], types: Sequence[Any]) -> None:
    """All inputs must hold as many times the module's own batch as the first."""
    sizes = [len(array) for array in arrays if array.ndim]
    declared = [type_.get_shape()[0] for type_ in types if type_.get_shape()]
    if any(size * declared[0] != sizes[0] * own for size, own in zip(sizes, declared)):
        raise InputError(f"the inputs differ in batch size: {sizes}")
