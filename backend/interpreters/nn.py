"""What the ops of the nn dialect compute, on torch tensors: the float reference.

Autograd flows through every op, so weights and centroids can be tuned on the IR itself.
The leading axis is the batch: a module imported for one image runs any number at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls
from xdsl.ir import Operation, SSAValue

from recog.backend.interpreters.nn_boxes import NnBoxFunctions
from recog.backend.interpreters.nn_functions import NnElementaryFunctions
from recog.backend.interpreters.nn_selection import NnSelectionFunctions
from recog.backend.interpreters.nn_tensors import as_tensor, has_unsafe_backward, tensors
from recog.dialects import cluster, nn
from recog.dialects.errors import RecogError
from recog.dialects.nn import element_type_of, shape_of


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
        unsafe = has_unsafe_backward(weight, strides) and not any(padding)
        if unsafe and torch.is_grad_enabled():
            x, strides = x[:, :, :: strides[0], :: strides[1]], (1, 1)
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
