"""Interpreter of the nn dialect on torch tensors: the float reference.

Autograd flows through every op, so weights and centroids can be tuned on the IR itself.
The leading axis is the batch: a module imported for one image runs any number at once.
Threads and gradient mode are the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from xdsl.dialects.builtin import Float64Type, ModuleOp, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls
from xdsl.ir import Attribute, Operation, SSAValue

from recog.backend.interpreters.data import DataFunctions
from recog.backend.interpreters.execute import Observer, RunOp, execute, execute_in_parts
from recog.backend.interpreters.nn_boxes import NnBoxFunctions
from recog.backend.interpreters.nn_functions import NnElementaryFunctions
from recog.backend.interpreters.nn_selection import NnSelectionFunctions
from recog.backend.interpreters.nn_tensors import as_tensor, tensors
from recog.backend.threads import fixed_threads
from recog.dialects import cluster, nn
from recog.dialects.data import ConstantOp
from recog.dialects.errors import RecogError, fail
from recog.dialects.functions import depends_on_inputs, find_function
from recog.dialects.nn import element_type_of, shape_of
from recog.dialects.verification import located_errors


def _is_symmetric(padding: tuple[int, ...]) -> bool:
    return padding[:2] == padding[2:]


def _pad2d(x: Tensor, padding: tuple[int, ...], value: float) -> Tensor:
    top, left, bottom, right = padding
    return F.pad(x, (left, right, top, bottom), value=value)


@register_impls
class NnFunctions(InterpreterFunctions):
    """One implementation an op, each the torch operator of the same name."""

    @impl(nn.Conv2dOp)
    def run_conv2d(self, _: Interpreter, op: nn.Conv2dOp, args: PythonValues) -> PythonValues:
        x, weight = tensors(args[:2])
        bias = as_tensor(args[2]) if op.bias is not None else None
        padding = tuple(op.padding.get_values())
        if _is_symmetric(padding):
            padding = padding[:2]
        else:
            x, padding = _pad2d(x, padding, 0.0), (0, 0)
        strides, dilation = op.strides.get_values(), op.dilation.get_values()
        groups = op.groups.value.data
        return (F.conv2d(x, weight, bias, strides, padding, dilation, groups),)

    @impl(nn.Conv3dOp)
    def run_conv3d(self, _: Interpreter, op: nn.Conv3dOp, args: PythonValues) -> PythonValues:
        x, weight = tensors(args[:2])
        y = F.conv3d(
            x,
            weight,
            None if op.bias is None else as_tensor(args[2]),
            op.strides.get_values(),
            op.padding.get_values(),
            op.dilation.get_values(),
            op.groups.value.data,
        )
        return (y,)

    @impl(nn.ConvTranspose2dOp)
    def run_conv_transpose2d(
        self, _: Interpreter, op: nn.ConvTranspose2dOp, args: PythonValues
    ) -> PythonValues:
        x, weight = tensors(args[:2])
        y = _conv_transpose2d(x, weight, op)
        if op.bias is not None:
            y = y + as_tensor(args[2])[:, None, None]
        return (y,)

    @impl(nn.LinearOp)
    def run_linear(self, _: Interpreter, op: nn.LinearOp, args: PythonValues) -> PythonValues:
        return (F.linear(*tensors(args)),)

    @impl(nn.BatchNormOp)
    def run_batch_norm(
        self, _: Interpreter, op: nn.BatchNormOp, args: PythonValues
    ) -> PythonValues:
        x, scale, bias, mean, variance = tensors(args)
        return (F.batch_norm(x, mean, variance, scale, bias, eps=op.eps.value.data),)

    @impl(nn.ReluOp)
    def run_relu(self, _: Interpreter, op: nn.ReluOp, args: PythonValues) -> PythonValues:
        return (F.relu(as_tensor(args[0])),)

    @impl(nn.ClampOp)
    def run_clamp(self, _: Interpreter, op: nn.ClampOp, args: PythonValues) -> PythonValues:
        return (torch.clamp(as_tensor(args[0]), op.min.value.data, op.max.value.data),)

    @impl(nn.LeakyReluOp)
    def run_leaky_relu(
        self, _: Interpreter, op: nn.LeakyReluOp, args: PythonValues
    ) -> PythonValues:
        return (F.leaky_relu(as_tensor(args[0]), op.negative_slope.value.data),)

    @impl(nn.SigmoidOp)
    def run_sigmoid(self, _: Interpreter, op: nn.SigmoidOp, args: PythonValues) -> PythonValues:
        return (torch.sigmoid(as_tensor(args[0])),)

    @impl(nn.TanhOp)
    def run_tanh(self, _: Interpreter, op: nn.TanhOp, args: PythonValues) -> PythonValues:
        return (torch.tanh(as_tensor(args[0])),)

    @impl(nn.SiluOp)
    def run_silu(self, _: Interpreter, op: nn.SiluOp, args: PythonValues) -> PythonValues:
        return (F.silu(as_tensor(args[0])),)

    @impl(nn.HardswishOp)
    def run_hardswish(self, _: Interpreter, op: nn.HardswishOp, args: PythonValues) -> PythonValues:
        return (F.hardswish(as_tensor(args[0])),)

    @impl(nn.HardsigmoidOp)
    def run_hardsigmoid(
        self, _: Interpreter, op: nn.HardsigmoidOp, args: PythonValues
    ) -> PythonValues:
        return (F.hardsigmoid(as_tensor(args[0])),)

    @impl(nn.GeluOp)
    def run_gelu(self, _: Interpreter, op: nn.GeluOp, args: PythonValues) -> PythonValues:
        return (F.gelu(as_tensor(args[0]), approximate=op.approximate.data),)

    @impl(nn.SoftmaxOp)
    def run_softmax(self, _: Interpreter, op: nn.SoftmaxOp, args: PythonValues) -> PythonValues:
        return (torch.softmax(as_tensor(args[0]), op.axis.value.data),)

    @impl(nn.AddOp)
    def run_add(self, _: Interpreter, op: nn.AddOp, args: PythonValues) -> PythonValues:
        return (torch.add(*tensors(args)),)

    @impl(nn.SubOp)
    def run_sub(self, _: Interpreter, op: nn.SubOp, args: PythonValues) -> PythonValues:
        return (torch.sub(*tensors(args)),)

    @impl(nn.MulOp)
    def run_mul(self, _: Interpreter, op: nn.MulOp, args: PythonValues) -> PythonValues:
        return (torch.mul(*tensors(args)),)

    @impl(nn.DivOp)
    def run_div(self, _: Interpreter, op: nn.DivOp, args: PythonValues) -> PythonValues:
        return (torch.div(*tensors(args)),)

    @impl(nn.MaxPool2dOp)
    def run_max_pool2d(
        self, _: Interpreter, op: nn.MaxPool2dOp, args: PythonValues
    ) -> PythonValues:
        (x,) = tensors(args)
        padding = tuple(op.padding.get_values())
        if _is_symmetric(padding):
            padding = padding[:2]
        else:
            x, padding = _pad2d(x, padding, -torch.inf), (0, 0)
        y = F.max_pool2d(
            x,
            op.kernel.get_values(),
            op.strides.get_values(),
            padding,
            op.dilation.get_values(),
            ceil_mode=op.ceil_mode is not None,
        )
        return (_crop(y, op.output),)

    @impl(nn.AvgPool2dOp)
    def run_avg_pool2d(
        self, _: Interpreter, op: nn.AvgPool2dOp, args: PythonValues
    ) -> PythonValues:
        (x,) = tensors(args)
        padding = tuple(op.padding.get_values())
        include_pad = op.count_include_pad is not None
        if _is_symmetric(padding):
            return (_avg_pool2d(x, op, padding[:2], include_pad),)
        mean = _avg_pool2d(_pad2d(x, padding, 0.0), op, (0, 0), True)
        if not include_pad:
            inside = _pad2d(torch.ones_like(x[:1, :1]), padding, 0.0)
            mean = mean / _avg_pool2d(inside, op, (0, 0), True)
        return (mean,)

    @impl(nn.MeanOp)
    def run_mean(self, _: Interpreter, op: nn.MeanOp, args: PythonValues) -> PythonValues:
        (x,) = tensors(args)
        return (x.mean(tuple(op.axes.get_values()), keepdim=op.keepdims is not None),)

    @impl(nn.ReshapeOp)
    def run_reshape(self, _: Interpreter, op: nn.ReshapeOp, args: PythonValues) -> PythonValues:
        (x,) = tensors(args)
        source, target = shape_of(op.input), shape_of(op.output)
        keeps_batch = source[:1] == target[:1]
        return (x.reshape(x.shape[0], *target[1:]) if keeps_batch else x.reshape(target),)

    @impl(nn.ConcatOp)
    def run_concat(self, _: Interpreter, op: nn.ConcatOp, args: PythonValues) -> PythonValues:
        parts, axis = tensors(args), op.axis.value.data
        joined = torch.cat(parts if axis == 0 else _in_one_batch(parts), axis)
        # Constant truth values are bytes.
        is_mask = element_type_of(op.output) == nn.MASK_TYPE
        return (joined.to(torch.bool) if is_mask else joined,)

    @impl(nn.PadOp)
    def run_pad(self, _: Interpreter, op: nn.PadOp, args: PythonValues) -> PythonValues:
        (x,) = tensors(args)
        return (_pad2d(x, tuple(op.padding.get_values()), op.value.value.data),)

    @impl(nn.ResizeOp)
    def run_resize(self, _: Interpreter, op: nn.ResizeOp, args: PythonValues) -> PythonValues:
        (x,) = tensors(args)
        size, mode = op.size.get_values(), op.mode.data
        align_corners = None if mode == "nearest" else op.align_corners is not None
        return (F.interpolate(x, size, mode=mode, align_corners=align_corners),)

    @impl(nn.SliceOp)
    def run_slice(self, _: Interpreter, op: nn.SliceOp, args: PythonValues) -> PythonValues:
        (x,) = tensors(args)
        return (x[_index(op)],)

    @impl(nn.PermuteOp)
    def run_permute(self, _: Interpreter, op: nn.PermuteOp, args: PythonValues) -> PythonValues:
        (x,) = tensors(args)
        return (x.permute(op.permutation.get_values()),)


def _in_one_batch(parts: Sequence[Tensor]) -> list[Tensor]:
    """Those of one frame repeated for all frames."""
    frames = max(part.shape[0] for part in parts)
    same = (part.expand(frames, *part.shape[1:]) if len(part) == 1 else part for part in parts)
    return list(same)


def _index(op: nn.SliceOp) -> tuple[slice, ...]:
    """What picks a slice's elements; a whole batch may have any size."""
    first, *rest = op.index()
    return (slice(None) if op.keeps_batch([True]) else first, *rest)


def _conv_transpose2d(x: Tensor, weight: Tensor, op: nn.ConvTranspose2dOp) -> Tensor:
    """Everything but the bias; any padding and output padding, asymmetric ones included."""
    groups = op.groups.value.data
    outputs, inputs, *kernel = weight.shape
    by_group = weight.reshape(groups, outputs // groups, inputs, *kernel).transpose(1, 2)
    y = F.conv_transpose2d(
        x,
        by_group.reshape(groups * inputs, outputs // groups, *kernel),
        stride=op.strides.get_values(),
        groups=groups,
        dilation=op.dilation.get_values(),
    )
    top, left, bottom, right = op.padding.get_values()
    more = op.output_padding.get_values()
    return _pad2d(y, (-top, -left, more[0] - bottom, more[1] - right), 0.0)


def _crop(y: Tensor, output: SSAValue) -> Tensor:
    """Drop windows of ceil mode that torch counts only because the padding was done before."""
    height, width = shape_of(output)[2:]
    return y[:, :, :height, :width]


def _avg_pool2d(
    x: Tensor, op: nn.AvgPool2dOp, padding: tuple[int, ...], include_pad: bool
) -> Tensor:
    y = F.avg_pool2d(
        x,
        op.kernel.get_values(),
        op.strides.get_values(),
        padding,
        ceil_mode=op.ceil_mode is not None,
        count_include_pad=include_pad,
    )
    return _crop(y, op.output)


@register_impls
class FloatClusterFunctions(InterpreterFunctions):
    """`cluster.lookup` of float codebooks; the gradient reaches every centroid."""

    def __init__(self):
        self._indices = dict[Operation, Tensor]()

    @impl(cluster.LookupOp)
    def run_lookup(self, _: Interpreter, op: cluster.LookupOp, args: PythonValues) -> PythonValues:
        if not isinstance(element_type_of(op.codebook), nn.FLOAT_TYPES):
            raise RecogError("a codebook of LNS codes has no float value here")
        index = self._indices.get(op)
        if index is None:
            index = torch.from_numpy(cluster.lookup_index(args[0], op.block.get_values()))
            self._indices[op] = index
        codebook, *scales = tensors(args[1:])
        # index_select's gradient is 70 times faster than that of indexing with a tensor.
        weight = codebook.reshape(-1).index_select(0, index.reshape(-1)).reshape(index.shape)
        if scales:
            weight = weight * scales[0].reshape(-1, *[1] * (weight.ndim - 1))
        return (weight,)


def register_nn(interpreter: Interpreter) -> None:
    """Give an interpreter every op of the nn dialect."""
    for functions in (
        NnFunctions(),
        NnBoxFunctions(),
        NnElementaryFunctions(),
        NnSelectionFunctions(),
    ):
        interpreter.register_implementations(functions)


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
    ) -> tuple[Tensor, ...]:
        """The outputs for these inputs, as `run_nn`.

        Args:
            cuts: for a gradient whose values do not fit in memory, see `execute_in_parts`; nothing
                is observed then.
        """
        checked = self._checked(inputs)
        overrides = dict(self._constants)
        for key, value in (constants or {}).items():
            overrides[SSAValue.get(key)] = value
        with located_errors():
            groups = self._groups(checked)
            results = [self._run(x, overrides, observe, cuts) for x in groups]
        return tuple(
            self._joined(tensors(values), index) for index, values in enumerate(zip(*results))
        )

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
                f"@{self.function.sym_name.data} takes {len(types)} inputs, got {len(inputs)}"
            )
        checked = [_check_input(i, x, type_) for i, (x, type_) in enumerate(zip(inputs, types))]
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
                f"mixes the batch with other axes, so the network runs {batch} images at once only",
                hint=f"give it {batch} images, or keep axis 0 the batch in the network",
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


def _check_input(index: int, x: Any, type_: Attribute) -> Tensor:
    where = f"input {index}"
    if not isinstance(type_, TensorType):
        raise RecogError(f"the function wants {type_}, which is no tensor", where=where)
    try:
        tensor = x if isinstance(x, Tensor) else torch.as_tensor(_native(np.asarray(x)))
    except TypeError:
        raise RecogError("is no array of numbers", where=where) from None
    shape = type_.get_shape()
    if tensor.ndim != len(shape) or tuple(tensor.shape[1:]) != shape[1:]:
        wanted = ", ".join(map(str, ("N", *shape[1:])))
        raise RecogError(
            f"has shape {list(tensor.shape)}, the network wants [{wanted}]", where=where
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
        raise RecogError(f"has dtype {tensor.dtype}, the network wants float32", where=where)
    tensor = tensor.to(torch.float64 if type_.element_type == Float64Type() else torch.float32)
    if not bool(torch.isfinite(tensor).all()):
        raise RecogError("holds NaN or infinity", where=where)
    return tensor


def _whole(tensor: Tensor, dtype: torch.dtype, where: str, what: str) -> Tensor:
    """An integer tensor, from any type that holds its elements."""
    if tensor.is_complex() or bool((tensor != tensor.to(dtype)).any()):
        raise RecogError(f"holds numbers that are no {what}", where=where)
    return tensor.to(dtype)


def _check_batches(inputs: list[Tensor], types: list[Attribute]) -> None:
    """All inputs must hold as many times the module's own batch as the first."""
    counts = [
        (len(x), type_.get_shape()[0])
        for x, type_ in zip(inputs, types)
        if isinstance(type_, TensorType) and x.ndim
    ]
    if any(size * counts[0][1] != counts[0][0] * declared for size, declared in counts):
        raise RecogError(f"the inputs differ in batch size: {[size for size, _ in counts]}")
