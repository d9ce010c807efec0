"""conv_transpose2d, resize, slice and permute against torch, forward and gradient."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from nn_modules import assert_same_function, random_tensor
from torch import Tensor
from xdsl.ir import SSAValue

from recog.dialects import nn

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 7)
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


def first_outputs(weight: Tensor, groups: int) -> Tensor:
    """torch's weight (I, O / groups, kh, kw) as nn has it, (O, I / groups, kh, kw)."""
    inputs, outputs, *kernel = weight.shape
    by_group = weight.reshape(groups, inputs // groups, outputs, *kernel).transpose(1, 2)
    return by_group.reshape(groups * outputs, inputs // groups, *kernel)


@given(
    seeds,
    st.tuples(st.integers(1, 2), sizes, sizes),
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)),
    pairs,
    pairs,
    pairs,
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.booleans(),
)
def test_conv_transpose2d(
    seed, image, channels, kernel, strides, dilation, padding, more, with_bias
):
    batch, *size = image
    groups, inputs, outputs = channels
    for axis in (0, 1):
        assume(more[axis] < max(strides[axis], dilation[axis]))  # torch asks for it
        reach = dilation[axis] * (kernel[axis] - 1) + 1
        assume((size[axis] - 1) * strides[axis] + reach + more[axis] > 2 * padding[axis])
    x = random_tensor(seed, batch, groups * inputs, *size)
    weight = random_tensor(seed + 1, groups * inputs, outputs, *kernel)
    bias = [random_tensor(seed + 2, groups * outputs)] if with_bias else []

    def build(*operands: SSAValue) -> nn.ConvTranspose2dOp:
        return nn.ConvTranspose2dOp(
            *operands,
            strides=strides,
            padding=(*padding, *padding),
            output_padding=more,
            dilation=dilation,
            groups=groups,
        )

    def reference(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        inputs_first = first_outputs(weight, groups)  # its own inverse, but for the names
        return F.conv_transpose2d(x, inputs_first, bias, strides, padding, more, groups, dilation)

    assert_same_function(build, reference, x, first_outputs(weight, groups), *bias)


def test_conv_transpose2d_crops_each_side_by_its_own():
    x, weight = random_tensor(0, 1, 2, 3, 3), random_tensor(1, 2, 1, 3, 3)
    bias = random_tensor(2, 1)

    def build(*operands: SSAValue) -> nn.ConvTranspose2dOp:
        return nn.ConvTranspose2dOp(*operands, strides=(2, 2), padding=(0, 1, 2, 3))

    def reference(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        full = F.conv_transpose2d(x, first_outputs(weight, 1), bias, stride=2)
        return full[:, :, :-2, 1:-3]

    assert_same_function(build, reference, x, first_outputs(weight, 1), bias)


@given(
    seeds,
    st.tuples(st.integers(1, 2), st.integers(1, 3), sizes, sizes),
    st.tuples(st.integers(1, 15), st.integers(1, 15)),
    st.sampled_from([("nearest", False), ("bilinear", False), ("bilinear", True)]),
)
def test_resize(seed, shape, size, how):
    mode, align_corners = how
    assert_same_function(
        lambda x: nn.ResizeOp(x, size, mode, align_corners=align_corners),
        lambda x: F.interpolate(x, size, mode=mode, align_corners=align_corners or None),
        random_tensor(seed, *shape),
    )


@given(seeds, st.data())
def test_slice(seed, data):
    shape = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    starts, stops, steps = [0], [shape[0]], [1]
    for size in shape[1:]:
        starts.append(data.draw(st.integers(0, size - 1)))
        stops.append(data.draw(st.integers(starts[-1] + 1, size)))
        steps.append(data.draw(st.integers(1, size)))
    index = tuple(slice(*bounds) for bounds in zip(starts, stops, steps))
    assert_same_function(
        lambda x: nn.SliceOp(x, starts, stops, steps),
        lambda x: x[index],
        random_tensor(seed, *shape),
    )


@given(seeds, st.permutations([1, 2, 3]))
def test_permute(seed, axes):
    assert_same_function(
        lambda x: nn.PermuteOp(x, (0, *axes)),
        lambda x: x.permute(0, *axes),
        random_tensor(seed, 2, 3, 4, 5),
    )


def test_slice_of_any_batch():
    from nn_modules import single_op_module

    from recog.backend.interpreters.nn_runner import run_nn

    x = random_tensor(0, 5, 3, dtype=torch.float32)
    module = single_op_module(lambda v: nn.SliceOp(v, (0, 1), (1, 3)), [x[:1]])
    assert torch.equal(run_nn(module, x)[0], x[:, 1:3])
