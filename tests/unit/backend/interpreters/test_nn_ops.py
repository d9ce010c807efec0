"""Every nn op against torch on random shapes and attributes, forward and gradient."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from nn_modules import assert_same_function, random_tensor
from torch import Tensor
from xdsl.ir import SSAValue

from recog.dialects import nn

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 9)
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
paddings = st.tuples(*[st.integers(0, 3)] * 4)


@given(
    seeds,
    st.tuples(st.integers(1, 2), sizes, sizes),
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)),
    pairs,
    pairs,
    pairs,
    paddings,
    st.booleans(),
)
def test_conv2d(seed, image, channels, kernel, strides, dilation, padding, with_bias):
    batch, height, width = image
    groups, inputs, outputs = channels
    top, left, bottom, right = padding
    assume(dilation[0] * (kernel[0] - 1) < height + top + bottom)
    assume(dilation[1] * (kernel[1] - 1) < width + left + right)
    x = random_tensor(seed, batch, groups * inputs, height, width)
    weight = random_tensor(seed + 1, groups * outputs, inputs, *kernel)
    bias = [random_tensor(seed + 2, groups * outputs)] if with_bias else []

    def build(*operands: SSAValue) -> nn.Conv2dOp:
        return nn.Conv2dOp(
            *operands, strides=strides, padding=padding, dilation=dilation, groups=groups
        )

    def reference(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        padded = F.pad(x, (left, right, top, bottom))
        return F.conv2d(padded, weight, bias, strides, 0, dilation, groups)

    assert_same_function(build, reference, x, weight, *bias)


def test_strided_pointwise_convolution_of_few_channels_last():
    # torch 2.13 itself corrupts the heap in the backward pass of this one.
    x = random_tensor(0, 16, 8, 48, 128).contiguous(memory_format=torch.channels_last)
    weight = random_tensor(1, 16, 8, 1, 1)

    def build(*operands: SSAValue) -> nn.Conv2dOp:
        return nn.Conv2dOp(*operands, strides=(2, 2))

    def reference(x: Tensor, weight: Tensor) -> Tensor:
        return F.conv2d(x[:, :, ::2, ::2].contiguous(), weight)

    assert_same_function(build, reference, x, weight)


@given(seeds, st.lists(st.integers(1, 4), min_size=1, max_size=3), sizes, sizes, st.booleans())
def test_linear(seed, lead, inputs, outputs, with_bias):
    x, weight = random_tensor(seed, *lead, inputs), random_tensor(seed + 1, outputs, inputs)
    bias = [random_tensor(seed + 2, outputs)] if with_bias else []
    assert_same_function(nn.LinearOp, F.linear, x, weight, *bias)


@given(
    seeds,
    st.lists(st.integers(1, 4), min_size=2, max_size=4),
    st.sampled_from([0.0, 1e-5, 1e-3, 0.5]),
)
def test_batch_norm(seed, shape, eps):
    x = random_tensor(seed, *shape)
    scale, bias, mean = (random_tensor(seed + i, shape[1]) for i in (1, 2, 3))
    variance = random_tensor(seed + 4, shape[1]).square() + 0.01

    def reference(x: Tensor, g: Tensor, b: Tensor, m: Tensor, v: Tensor) -> Tensor:
        channels = (1, -1, *[1] * (x.ndim - 2))
        g, b, m, v = (t.reshape(channels) for t in (g, b, m, v))
        return (x - m) / torch.sqrt(v + eps) * g + b

    # torch gives no gradient for the statistics: the reference holds them fixed as well.
    assert_same_function(
        lambda *operands: _with_statistics(operands, mean, variance, eps),
        lambda x, g, b: reference(x, g, b, mean, variance),
        x,
        scale,
        bias,
    )


def _with_statistics(operands, mean, variance, eps):
    from recog.dialects.data import ConstantOp

    block = operands[0].owner
    constants = [
        ConstantOp.from_array(t.numpy(), operands[0].type.element_type) for t in (mean, variance)
    ]
    block.add_ops(constants)
    return nn.BatchNormOp(*operands, *constants, eps=eps)


UNARY: dict[str, tuple[Callable[..., nn.NnOp], Callable[[Tensor], Tensor]]] = {
    "relu": (nn.ReluOp, torch.relu),
    "clamp": (lambda x: nn.ClampOp(x, -0.5, 1.5), lambda x: torch.clamp(x, -0.5, 1.5)),
    "relu6": (lambda x: nn.ClampOp(x, 0.0, 6.0), F.relu6),
    "clamp_below": (lambda x: nn.ClampOp(x, 0.25, float("inf")), lambda x: x.clamp(min=0.25)),
    "leaky_relu": (nn.LeakyReluOp, F.leaky_relu),
    "leaky_relu_steep": (lambda x: nn.LeakyReluOp(x, 0.3), lambda x: F.leaky_relu(x, 0.3)),
    "sigmoid": (nn.SigmoidOp, lambda x: 1 / (1 + torch.exp(-x))),
    "tanh": (nn.TanhOp, torch.tanh),
    "silu": (nn.SiluOp, lambda x: x / (1 + torch.exp(-x))),
    "hardswish": (nn.HardswishOp, F.hardswish),
    "hardsigmoid": (nn.HardsigmoidOp, F.hardsigmoid),
    "gelu": (nn.GeluOp, lambda x: x * 0.5 * (1 + torch.erf(x / 2**0.5))),
    "gelu_tanh": (lambda x: nn.GeluOp(x, "tanh"), lambda x: F.gelu(x, approximate="tanh")),
}


@pytest.mark.parametrize("name", UNARY)
@given(seed=seeds, shape=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_unary(name, seed, shape):
    build, reference = UNARY[name]
    assert_same_function(build, reference, 3 * random_tensor(seed, *shape))


@given(seeds, st.lists(st.integers(1, 5), min_size=2, max_size=4), st.data())
def test_softmax(seed, shape, data):
    axis = data.draw(st.integers(1, len(shape) - 1))
    x = random_tensor(seed, *shape)

    def reference(x: Tensor) -> Tensor:
        return torch.exp(x) / torch.exp(x).sum(axis, keepdim=True)

    assert_same_function(lambda v: nn.SoftmaxOp(v, axis), reference, x)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
@given(seed=seeds, shape=st.lists(st.integers(1, 4), min_size=1, max_size=4), data=st.data())
def test_binary_with_broadcasting(name, seed, shape, data):
    build = {"add": nn.AddOp, "sub": nn.SubOp, "mul": nn.MulOp, "div": nn.DivOp}[name]
    keep = data.draw(st.lists(st.booleans(), min_size=len(shape) - 1, max_size=len(shape) - 1))
    # The second operand repeats along some axes, and may lack leading ones.
    other = [shape[0], *(size if kept else 1 for size, kept in zip(shape[1:], keep))]
    rhs = random_tensor(seed + 1, *other).abs() + 0.5
    lhs = random_tensor(seed, *shape)
    if data.draw(st.booleans()):
        assert_same_function(build, getattr(torch, name), lhs, rhs)
    else:
        assert_same_function(build, getattr(torch, name), lhs.abs() + 0.5, rhs)


def _windows(x: Tensor, kernel, strides, padding, dilation, ceil_mode):
    """The positions inside the image of each window, and its size within the padded image."""
    top, left, bottom, right = padding
    axes = []
    for size, k, s, low, high, d in zip(
        x.shape[2:], kernel, strides, (top, left), (bottom, right), dilation
    ):
        starts, start = [], -low
        while start + d * (k - 1) < size + high or (
            ceil_mode and start < size and start + d * (k - 1) - s < size + high - 1
        ):
            starts.append(start)
            start += s
        axes.append(
            [
                (
                    [p for p in range(b, b + d * (k - 1) + 1, d) if 0 <= p < size],
                    len([p for p in range(b, b + d * (k - 1) + 1, d) if p < size + high]),
                )
                for b in starts
            ]
        )
    return axes


def _pool(x: Tensor, axes, reduce: Callable[[Tensor, int], Tensor]) -> Tensor:
    rows, columns = axes
    pooled = [
        reduce(x[:, :, r][:, :, :, c].flatten(2), nr * nc)
        for (r, nr), (c, nc) in itertools.product(rows, columns)
    ]
    return torch.stack(pooled, dim=2).reshape(*x.shape[:2], len(rows), len(columns))


@st.composite
def pools(draw: st.DrawFn):
    """kernel, strides, padding up to half of the kernel, dilation, ceil_mode, image size."""
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    strides, dilation = draw(pairs), draw(pairs)
    half = [st.integers(0, k // 2) for k in kernel]
    padding = draw(st.tuples(half[0], half[1], half[0], half[1]))
    size = [draw(st.integers(d * (k - 1) + 1, 10)) for k, d in zip(kernel, dilation)]
    return kernel, strides, padding, dilation, draw(st.booleans()), size


@given(seeds, pools())
def test_max_pool2d(seed, pool):
    kernel, strides, padding, dilation, ceil_mode, size = pool
    x = random_tensor(seed, 2, 2, *size)
    axes = _windows(x, kernel, strides, padding, dilation, ceil_mode)
    assume(all(positions for axis in axes for positions, _ in axis))
    assert_same_function(
        lambda v: nn.MaxPool2dOp(
            v, kernel, strides, padding, dilation=dilation, ceil_mode=ceil_mode
        ),
        lambda x: _pool(x, axes, lambda window, _: window.amax(2)),
        x,
    )


@given(seeds, pools(), st.booleans())
def test_avg_pool2d(seed, pool, include_pad):
    kernel, strides, padding, _, ceil_mode, size = pool
    x = random_tensor(seed, 2, 2, *size)
    axes = _windows(x, kernel, strides, padding, (1, 1), ceil_mode)
    assume(all(positions for axis in axes for positions, _ in axis))

    def mean(window: Tensor, count: int) -> Tensor:
        return window.sum(2) / (count if include_pad else window.shape[2])

    assert_same_function(
        lambda v: nn.AvgPool2dOp(
            v, kernel, strides, padding, ceil_mode=ceil_mode, count_include_pad=include_pad
        ),
        lambda x: _pool(x, axes, mean),
        x,
    )


@given(seeds, pools())
def test_pools_refuse_what_torch_refuses(seed, pool):
    kernel, strides, (top, left, _, _), dilation, ceil_mode, size = pool
    size = [max(1, size[0] - 4), size[1]]
    x = random_tensor(seed, 1, 1, *size)
    try:
        expected = F.max_pool2d(x, kernel, strides, (top, left), dilation, ceil_mode).shape
    except RuntimeError:
        expected = None
    try:
        block_value = _argument(x)
        op = nn.MaxPool2dOp(
            block_value, kernel, strides, (top, left) * 2, dilation=dilation, ceil_mode=ceil_mode
        )
        found = op.infer_shape()
    except ValueError:
        found = None
    assert found == (None if expected is None else tuple(expected))


def _argument(x: Tensor) -> SSAValue:
    from nn_modules import tensor_type
    from xdsl.ir import Block

    return Block(arg_types=[tensor_type(x)]).args[0]


@given(seeds, st.lists(st.integers(1, 4), min_size=2, max_size=4), st.data())
def test_mean(seed, shape, data):
    axes = data.draw(st.lists(st.integers(1, len(shape) - 1), min_size=1, max_size=3, unique=True))
    keepdims = data.draw(st.booleans())
    assert_same_function(
        lambda v: nn.MeanOp(v, axes, keepdims=keepdims),
        lambda x: x.mean(axes, keepdim=keepdims),
        random_tensor(seed, *shape),
    )


@given(seeds, st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_reshape(seed, shape, data):
    rest = data.draw(st.permutations(shape[1:]))
    target = (shape[0], *rest, 1)
    assert_same_function(
        lambda v: nn.ReshapeOp(v, target),
        lambda x: x.reshape(target),
        random_tensor(seed, *shape),
    )


@given(seeds, st.lists(st.integers(1, 4), min_size=2, max_size=4), st.data())
def test_concat(seed, shape, data):
    axis = data.draw(st.integers(1, len(shape) - 1))
    extents = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    inputs = [
        random_tensor(seed + i, *shape[:axis], extent, *shape[axis + 1 :])
        for i, extent in enumerate(extents)
    ]
    assert_same_function(
        lambda *values: nn.ConcatOp(values, axis), lambda *x: torch.cat(x, axis), *inputs
    )


@given(seeds, paddings, st.sampled_from([0.0, -1.5, 7.0]))
def test_pad(seed, padding, value):
    x = random_tensor(seed, 2, 3, 4, 5)
    top, left, bottom, right = padding

    def reference(x: Tensor) -> Tensor:
        y = torch.full((2, 3, 4 + top + bottom, 5 + left + right), value, dtype=x.dtype)
        y[:, :, top : top + 4, left : left + 5] = x
        return y

    assert_same_function(lambda v: nn.PadOp(v, padding, value), reference, x)
