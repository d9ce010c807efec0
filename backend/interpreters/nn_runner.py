"""Float networks: functions of nn modules run on arrays, whose shapes and values are checked.

Threads are those of `fixed_threads`, gradient mode is the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from xdsl.dialects.builtin import Float64Type, ModuleOp, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.interpreter import Interpreter
from xdsl.ir import Attribute, Operation, SSAValue

from recog.backend.interpreters.data import DataFunctions
from recog.backend.interpreters.execute import Observer, RunOp, execute, execute_in_parts
from recog.backend.interpreters.nn import FloatClusterFunctions, register_nn
from recog.backend.interpreters.nn_tensors import tensors
from recog.backend.threads import fixed_threads
from recog.dialects import nn
from recog.dialects.data import ConstantOp
from recog.dialects.errors import InputError, RecogError, fail
from recog.dialects.functions import depends_on_inputs, find_function
from recog.dialects.refusals import INPUT_SHAPE, INPUT_TYPE, not_finite, pixels_hint
from recog.dialects.verification import located_errors
from recog.dialects.words import counted


class NnRunner:
    """Runs one function of an nn module many times; the module must not change meanwhile."""

    def __init__(self, module: ModuleOp, entry: str = "main", *, frames_first: bool = False):
        """Raises RecogError if there is no such function.

        Args:
            frames_first: outputs of one frame that have no axis of frames, such as the mean of
                all, get one in front: those of N frames are N of them.
        """
        self._frames_first = frames_first
        self.function: FuncOp = find_function(module, entry)
        self._interpreter = Interpreter(module)
        register_nn(self._interpreter)
        for functions in (DataFunctions(), FloatClusterFunctions()):
            self._interpreter.register_implementations(functions)
        self._mixing = nn.batch_mixing_op(self.function)
        self._framed, self._frameless = self._outputs_by_frames()
        self._constants: dict[SSAValue, Any] = {
            op.output: op.value.to_array()
            for op in self.function.walk()
            if isinstance(op, ConstantOp)
        }

    def _outputs_by_frames(self) -> tuple[list[int], list[int]]:
        """The outputs that have the frames along axis 0, and the others that depend on inputs."""
        sizes = {
            type_.get_shape()[:1]
            for type_ in self.function.function_type.inputs.data
            if isinstance(type_, TensorType)
        }
        end = self.function.body.block.last_op
        variable = depends_on_inputs(self.function)
        framed, others = list[int](), list[int]()
        for index, value in enumerate(() if end is None else end.operands):
            if isinstance(value.type, TensorType) and value in variable:
                (framed if value.type.get_shape()[:1] in sizes else others).append(index)
        return framed, others

    @fixed_threads()
    def __call__(
        self,
        *inputs: Tensor | np.ndarray,
        constants: Mapping[SSAValue | Operation, Tensor] | None = None,
        observe: Observer | None = None,
        cuts: Sequence[int] = (),
        run: RunOp | None = None,
    ) -> tuple[Tensor, ...]:
        """The outputs for these inputs, as `run_nn`.

        Args:
            cuts: for a gradient whose values do not fit in memory, see `execute_in_parts`; nothing
                is observed then.
            run: gives the results of an op in place of the interpreter.
        """
        checked = self._checked(inputs)
        overrides = dict(self._constants)
        for key, value in (constants or {}).items():
            overrides[SSAValue.get(key)] = value
        with located_errors():
            groups = self._groups(checked)
            results = [self._run(x, overrides, observe, cuts, run) for x in groups]
        return tuple(
            self._joined(tensors(values), index) for index, values in enumerate(zip(*results))
        )

    def has_frames(self, index: int) -> bool:
        """Whether an output has frames, or gets them in front; constants have none."""
        return index in self._framed or index in self._frameless

    def _joined(self, values: tuple[Tensor, ...], index: int) -> Tensor:
        """An output of all groups of frames."""
        if index in self._framed:
            return values[0] if len(values) == 1 else torch.cat(values)
        if index in self._frameless and self._frames_first:
            return torch.stack(values)
        return values[0]

    def _run(
        self,
        inputs: list[Tensor],
        overrides: dict[SSAValue, Any],
        observe: Observer | None,
        cuts: Sequence[int],
        run: RunOp | None = None,
    ) -> tuple[Any, ...]:
        what = self._interpreter, self.function, inputs
        if cuts:
            return execute_in_parts(*what, cuts, overrides=overrides, run=run)
        return execute(*what, observe=observe, overrides=overrides, run=run)

    @fixed_threads()
    def walk(
        self,
        *inputs: Tensor | np.ndarray,
        run: RunOp,
        constants: Mapping[SSAValue, Tensor] | None = None,
        cuts: Sequence[int] = (),
    ) -> tuple[Any, ...]:
        """Go through the ops once, with all inputs, `run` giving the results of each.

        Args:
            constants: as `run_nn`.
            cuts: as `__call__`; `run` is called once more for what is computed anew.

        Returns:
            What `run` gave for the function's outputs.
        """
        overrides = {**self._constants, **(constants or {})}
        with located_errors():
            return self._run(self._checked(inputs), overrides, None, cuts, run)

    def check(self, inputs: Sequence[np.ndarray]) -> None:
        """Raise RecogError for inputs of the wrong number, shape or type, or not finite."""
        self._checked(inputs)

    def _checked(self, inputs: Sequence[Tensor | np.ndarray]) -> list[Tensor]:
        types = [arg.type for arg in self.function.body.block.args]
        if len(inputs) != len(types):
            raise RecogError(
                f"@{self.function.sym_name.data} takes {counted(len(types), 'input')}, got "
                f"{len(inputs)}"
            )
        checked = [check_input(i, x, type_) for i, (x, type_) in enumerate(zip(inputs, types))]
        _check_batches(checked, types)
        return checked

    def _groups(self, inputs: list[Tensor]) -> list[list[Tensor]]:
        """What to run at once: all images, unless an op holds at the module's own batch only."""
        types = self.function.function_type
        shapes = [type_.get_shape() for type_ in types.inputs if isinstance(type_, TensorType)]
        if self._mixing is None or all(x.shape == shape for x, shape in zip(inputs, shapes)):
            return [inputs]
        batch = shapes[0][0]
        first = self._frames_first and batch == 1
        if (self._frameless and not first) or len(inputs[0]) % batch:
            fail(
                self._mixing,
                "mixes the batch with other axes, so the network runs "
                f"{counted(batch, 'image')} at once only",
                hint=f"give it {counted(batch, 'image')}, or keep axis 0 the batch in the network",
            )
        return [list(each) for each in zip(*(x.split(batch) for x in inputs))]


def run_nn(
    module: ModuleOp,
    *inputs: Tensor | np.ndarray,
    entry: str = "main",
    constants: Mapping[SSAValue | Operation, Tensor] | None = None,
    observe: Observer | None = None,
) -> tuple[Tensor, ...]:
    """Run a function of an nn module on float inputs of shape (N, ...).

    Args:
        inputs: NumPy arrays or tensors; any batch size, else the shapes of the function.
        constants: tensors in place of the results of these ops or values, usually
            `data.constant`s: the parameters when tuning.
        observe: called with every op and its results, constants left out.

    Raises:
        RecogError: inputs of the wrong number, shape or type, or not finite; an op that
            has no float meaning.
    """
    return NnRunner(module, entry)(*inputs, constants=constants, observe=observe)


def check_inputs(module: ModuleOp, inputs: Sequence[np.ndarray], entry: str = "main") -> None:
    """Raise RecogError as `run_nn` would for these inputs."""
    NnRunner(module, entry).check(inputs)


def _native(x: np.ndarray) -> np.ndarray:
    """In an order of bytes and elements that torch takes."""
    return np.array(x, x.dtype.newbyteorder("="), order="C", copy=None)


def check_input(index: int, x: Any, type_: Attribute) -> Tensor:
    """`x` as the tensor that an argument of this type wants, any batch size; raises InputError."""
    where = f"input {index}"
    if not isinstance(type_, TensorType):
        raise InputError(f"the function wants {type_}, which is no tensor", where=where)
    try:
        tensor = x if isinstance(x, Tensor) else torch.as_tensor(_native(np.asarray(x)))
    except TypeError:
        raise InputError("is no array of numbers", where=where) from None
    shape = type_.get_shape()
    if tensor.ndim != len(shape) or tuple(tensor.shape[1:]) != shape[1:]:
        wanted = ", ".join(map(str, ("N", *shape[1:])))
        raise InputError(
            INPUT_SHAPE.message(given=list(tensor.shape), wanted=f"[{wanted}]"), where=where
        )
    if type_.element_type == nn.PIXEL_TYPE:
        return _whole(
            tensor, torch.uint8, where, "pixels: the network wants whole numbers from 0 to 255"
        )
    if type_.element_type == nn.MASK_TYPE:
        return _whole(tensor, torch.bool, where, "truth values: the network wants 0 and 1")
    if type_.element_type == nn.INDEX_TYPE:
        return _whole(tensor, torch.int64, where, "positions: the network wants whole numbers")
    if tensor.is_complex() or tensor.dtype == torch.uint8:
        dtype = str(tensor.dtype).removeprefix("torch.")
        message = INPUT_TYPE.message(given=dtype)
        raise InputError(message, where=where, hint=pixels_hint(dtype))
    as_float = tensor.to(torch.float64 if type_.element_type == Float64Type() else torch.float32)
    if not bool(torch.isfinite(as_float).all()):
        raise InputError(not_finite(tensor.to(torch.float64).numpy()), where=where)
    return as_float


def _whole(tensor: Tensor, dtype: torch.dtype, where: str, what: str) -> Tensor:
    """An integer tensor, from any type that holds its elements."""
    if tensor.is_complex() or bool((tensor != tensor.to(dtype)).any()):
        raise InputError(f"holds numbers that are no {what}", where=where)
    return tensor.to(dtype)


def _check_batches(inputs: list[Tensor], types: list[Attribute]) -> None:
    """All inputs must hold as many times the module's own batch as the first."""
    counts = [
        (len(x), type_.get_shape()[0])
        for x, type_ in zip(inputs, types)
        if isinstance(type_, TensorType) and x.ndim
    ]
    if any(size * counts[0][1] != counts[0][0] * declared for size, declared in counts):
        raise InputError(f"the inputs differ in batch size: {[size for size, _ in counts]}")
