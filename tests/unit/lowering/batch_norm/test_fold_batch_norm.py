"""fold-batch-norm in numbers: random layers, and scales that are zero, negative or tiny."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from batch_norm_networks import in_double, randomize, statistics_of
from hypothesis import example, given
from hypothesis import strategies as st
from nn_modules import module_of, tensor_type
from torch import nn as tnn
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, NameLoc, f32
from xdsl.ir import Block, Operation, SSAValue

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import nn
from recog.dialects.data import ConstantOp
from recog.dialects.verification import verify_module
from recog.frontend.tasks.networks import digits_resnet
from recog.frontend.torch.importer import import_torch
from recog.lowering.batch_norm.fold import FoldBatchNormPass


def fold(model: tnn.Module, x: torch.Tensor) -> ModuleOp:
    """The folded module, within 1e-5 of eager torch, relative to the largest output."""
    module = import_torch(model.eval(), x[:1])
    FoldBatchNormPass().apply(Context(), module)
    verify_module(module)
    expected = in_double(model, x)
    (found,) = run_nn(module, x)
    assert float((found - expected).abs().max()) <= 1e-5 * float(expected.abs().max())
    return module


def layers_module(model: tnn.Sequential, x: torch.Tensor) -> ModuleOp:
    """A chain of conv2d, linear and batch norm as nn, without torch.export: faster."""
    block = Block(arg_types=[tensor_type(x)])
    value = block.args[0]

    def constant(tensor: torch.Tensor) -> SSAValue:
        op = ConstantOp.from_array(tensor.detach().numpy(), f32)
        block.add_op(op)
        return op.output

    def parameters(layer: tnn.Conv2d | tnn.Linear) -> list[SSAValue]:
        tensors = [layer.weight] if layer.bias is None else [layer.weight, layer.bias]
        return [constant(tensor) for tensor in tensors]

    for layer in model:
        if isinstance(layer, tnn.Conv2d):
            assert isinstance(layer.padding, tuple)
            padding = layer.padding * 2
            op = nn.Conv2dOp(value, *parameters(layer), padding=padding, groups=layer.groups)
        elif isinstance(layer, tnn.Linear):
            op = nn.LinearOp(value, *parameters(layer))
        else:
            assert isinstance(layer, tnn.BatchNorm1d | tnn.BatchNorm2d)
            scale = layer.weight if layer.affine else torch.ones(layer.num_features)
            shift = layer.bias if layer.affine else torch.zeros(layer.num_features)
            values = map(constant, (scale, shift, *statistics_of(layer)))
            op = nn.BatchNormOp(value, *values, eps=layer.eps)
        block.add_op(op)
        value = op.output
    return module_of(block, value)


def fold_into_one_layer(model: tnn.Sequential, x: torch.Tensor) -> None:
    """Fold to one layer with weight and bias, exact to the rounding of a float32 dot product."""
    module = layers_module(model, x)
    FoldBatchNormPass().apply(Context(), module)
    verify_module(module)
    constants = [op for op in module.walk() if isinstance(op, ConstantOp)]
    assert (count(module, nn.BatchNormOp), len(constants)) == (0, 2)
    (found,) = run_nn(module, x)
    magnitudes: dict[SSAValue | Operation, torch.Tensor] = {
        op: torch.from_numpy(np.abs(op.value.to_array())) for op in constants
    }
    (magnitude,) = run_nn(module, x.abs(), constants=magnitudes)
    # Each of up to 28 terms adds half a unit in the last place, 2^-24.
    assert bool(((found - in_double(model, x)).abs() <= 2e-6 * magnitude).all())


def count(module: ModuleOp, op_type: type) -> int:
    return sum(isinstance(op, op_type) for op in module.walk())


seeds = st.integers(0, 2**16)


@given(
    seeds,
    st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 1]),
    st.sampled_from([1e-5, 1e-3, 1.0]),
)
def test_conv(seed, channels, bias, affine, padding, eps):
    torch.manual_seed(seed)
    groups, inputs, outputs = channels
    conv = tnn.Conv2d(groups * inputs, groups * outputs, 3, 1, padding, groups=groups, bias=bias)
    norm = tnn.BatchNorm2d(groups * outputs, eps, affine=affine)
    model = randomize(tnn.Sequential(conv, norm), seed)
    fold_into_one_layer(model, torch.randn(2, groups * inputs, 5, 4))


@given(seeds, st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_before_conv(seed, groups, inputs, outputs, bias):
    torch.manual_seed(seed)
    norm = tnn.BatchNorm2d(groups * inputs)
    conv = tnn.Conv2d(groups * inputs, groups * outputs, (3, 2), groups=groups, bias=bias)
    model = randomize(tnn.Sequential(norm, conv), seed)
    fold_into_one_layer(model, torch.randn(2, groups * inputs, 5, 4))


@given(seeds, st.integers(1, 5), st.integers(1, 5), st.booleans())
@example(77, 4, 5, False)  # off where the weights are rounded after each of the two folds
def test_linear(seed, inputs, outputs, bias):
    torch.manual_seed(seed)
    norms = tnn.BatchNorm1d(inputs), tnn.BatchNorm1d(outputs)
    model = tnn.Sequential(norms[0], tnn.Linear(inputs, outputs, bias), norms[1])
    fold_into_one_layer(randomize(model, seed), torch.randn(3, inputs))


@given(seeds, st.integers(1, 5))
def test_several_in_a_row(seed, channels):
    torch.manual_seed(seed)
    norms = (tnn.BatchNorm2d(channels, eps) for eps in (1e-5, 1e-2, 0.3))
    model = tnn.Sequential(tnn.Conv2d(2, channels, 3), *norms)
    fold_into_one_layer(randomize(model, seed), torch.randn(2, 2, 4, 4))


class TwoUses(tnn.Module):
    def __init__(self):
        super().__init__()
        self.conv = tnn.Conv2d(2, 3, 3, padding=1)
        self.bn = tnn.BatchNorm2d(3)
        self.other = tnn.BatchNorm2d(3)

    def forward(self, x):
        y = self.conv(x)
        return self.bn(y) + self.other(y) + y


class OneLayerTwice(tnn.Module):
    """One convolution called twice, each call with a batch norm of its own."""

    def __init__(self):
        super().__init__()
        self.conv = tnn.Conv2d(2, 2, 3, padding=1)
        self.bn1 = tnn.BatchNorm2d(2)
        self.bn2 = tnn.BatchNorm2d(2)

    def forward(self, x):
        return self.bn2(self.conv(self.bn1(self.conv(x))))


class BatchNormFeedsTwoLayers(tnn.Module):
    """Both layers after the batch norm can take it, one of them twice."""

    def __init__(self):
        super().__init__()
        self.bn = tnn.BatchNorm2d(2)
        self.conv1 = tnn.Conv2d(2, 3, 2)
        self.conv2 = tnn.Conv2d(2, 3, 2, bias=False)

    def forward(self, x):
        y = self.bn(torch.sigmoid(x))
        return self.conv1(y) * self.conv2(y) + self.conv1(y)


@pytest.mark.parametrize(
    "model, left", [(TwoUses(), 0), (OneLayerTwice(), 0), (BatchNormFeedsTwoLayers(), 0)]
)
def test_several_users(model, left):
    module = fold(randomize(model, 3), torch.randn(2, 2, 5, 5))
    assert count(module, nn.BatchNormOp) == left


class Shortcut(tnn.Module):
    """The batch norm's result is used beside the layer after it: it stays."""

    def __init__(self):
        super().__init__()
        self.bn = tnn.BatchNorm2d(2)
        self.conv = tnn.Conv2d(2, 2, 1)

    def forward(self, x):
        y = self.bn(x)
        return self.conv(y) + y


def test_batch_norm_with_a_shortcut_stays():
    module = fold(randomize(Shortcut(), 0), torch.randn(2, 2, 4, 4))
    (kept,) = [op for op in module.walk() if isinstance(op, nn.BatchNormOp)]
    reason = (
        "its input comes from an argument of the function; "
        "a scale of one operand cannot pass nn.add"
    )
    assert str(kept.attributes["kept_because"]) == f'"{reason}"'


@pytest.mark.parametrize("scale", [0.0, -0.0, -3.0, 1e-20, -1e-30, 1e-42, 1e15])
@pytest.mark.parametrize("variance", [1e-12, 1.0, 1e12])
def test_extreme_scales(scale, variance):
    torch.manual_seed(0)
    conv, norm = tnn.Conv2d(3, 4, 3), tnn.BatchNorm2d(4)
    with torch.no_grad():
        norm.weight.fill_(scale)
        running_mean, running_var = statistics_of(norm)
        running_var.fill_(variance)
        running_mean.normal_()
    module = import_torch(tnn.Sequential(conv, norm).eval(), torch.randn(1, 3, 5, 5))
    FoldBatchNormPass().apply(Context(), module)
    weight, bias = (op.value.to_array() for op in module.walk() if isinstance(op, ConstantOp))
    s = np.float64(np.float32(scale)) / np.sqrt(np.float64(np.float32(variance)) + 1e-5)
    exact_weight = conv.weight.detach().double().numpy() * s
    assert conv.bias is not None
    exact_bias = (conv.bias.detach().double() - running_mean.double()).numpy() * s
    # Rounded once from float64: the same bits.
    assert np.array_equal(weight, exact_weight.astype(np.float32))
    np.testing.assert_allclose(bias, exact_bias, rtol=1e-6, atol=1e-45)


def test_digits_network():
    torch.manual_seed(0)
    model = randomize(digits_resnet(8), 1)
    module = fold(model, torch.rand(4, 1, 8, 8))
    assert count(module, nn.BatchNormOp) == 0
    assert count(module, nn.Conv2dOp) == 10


def test_locations_stay():
    module = fold(randomize(digits_resnet(4), 1), torch.rand(1, 1, 8, 8))
    locations = [op.location for op in module.walk() if isinstance(op, nn.Conv2dOp)]
    names = [each.desc.data for each in locations if isinstance(each, NameLoc)]
    assert len(names) == len(locations)
    assert names[:3] == ["stem", "block1.conv1", "block1.conv2"]
