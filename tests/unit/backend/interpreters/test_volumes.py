"""Convolutions of volumes: against torch, decomposed, with batch norms; batches taken apart."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from nn_modules import assert_same_function, module_of, random_tensor, tensor_type
from torch import Tensor
from torch import nn as tnn
from xdsl.context import Context
from xdsl.dialects.builtin import f64
from xdsl.ir import Block

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import nn
from recog.dialects.data import ConstantOp
from recog.dialects.errors import RecogError
from recog.dialects.verification import verify_module
from recog.frontend.torch.importer import import_torch
from recog.lowering.legalize.decompose_conv3d import DecomposeConv3dPass
from recog.lowering.pipeline import fold_network

few = settings(max_examples=25)


@st.composite
def volumes(draw):
    """Shapes of input and weight with the window of a convolution that fits."""
    groups = draw(st.sampled_from([1, 1, 2]))
    channels, outputs = (groups * draw(st.integers(1, 2)) for _ in range(2))
    kernel, strides, dilation, padding = (
        tuple(draw(st.integers(low, high)) for _ in range(3))
        for low, high in ((1, 3), (1, 2), (1, 2), (0, 2))
    )
    size = [
        draw(st.integers(max(1, d * (k - 1) + 1 - 2 * p), d * (k - 1) + 3))
        for k, d, p in zip(kernel, dilation, padding)
    ]
    window = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
    return (2, channels, *size), (outputs, channels // groups, *kernel), window


def reference(x: Tensor, weight: Tensor, bias: Tensor | None, window: dict) -> Tensor:
    return F.conv3d(x, weight, bias, window["strides"], *list(window.values())[1:])


@few
@given(volumes(), st.integers(0, 99), st.booleans())
def test_conv3d_is_that_of_torch(volume, seed: int, biased: bool):
    shape, weight_shape, window = volume
    operands = [random_tensor(seed, *shape), random_tensor(seed + 1, *weight_shape)]
    operands += [random_tensor(seed + 2, weight_shape[0])] if biased else []

    def torch_conv(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        return reference(x, weight, bias, window)

    assert_same_function(lambda *v: nn.Conv3dOp(*v, **window), torch_conv, *operands)


@few
@given(volumes(), st.integers(0, 99), st.booleans())
def test_decomposition_changes_nothing(volume, seed: int, relu: bool):
    shape, weight_shape, window = volume
    x = random_tensor(seed, *shape)
    weight, bias = random_tensor(seed + 1, *weight_shape), random_tensor(seed + 2, weight_shape[0])
    block = Block(arg_types=[tensor_type(x)])
    constants = [ConstantOp.from_array(each.numpy(), f64) for each in (weight, bias)]
    conv = nn.Conv3dOp(block.args[0], *constants, **window)
    last = nn.ReluOp(conv) if relu else conv
    block.add_ops([*constants, *dict.fromkeys([conv, last])])
    module = module_of(block, last.output)
    (expected,) = run_nn(module, x)
    DecomposeConv3dPass().apply(Context(), module)
    verify_module(module)
    (found,) = run_nn(module, x)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    names = {op.name for op in module.walk()}
    assert ("nn.conv3d" in names) == (window["groups"] > 1)
    if window["groups"] == 1:
        weights = {op.weight for op in module.walk() if isinstance(op, nn.Conv2dOp)}
        assert len(weights) == 1


class Volume(tnn.Module):
    """Joined features, a volume of their pairs, two 3D layers, the way stereo networks do it."""

    def __init__(self) -> None:
        super().__init__()
        self.features = tnn.Sequential(
            tnn.Conv2d(3, 4, 3, 2, 1, bias=False), tnn.BatchNorm2d(4), tnn.ReLU()
        )
        self.mix = tnn.Sequential(
            tnn.Conv3d(8, 5, 3, padding=1, bias=False),
            tnn.BatchNorm3d(5),
            tnn.ReLU(),
            tnn.Conv3d(5, 2, (1, 3, 3), padding=(0, 1, 1)),
        )

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        n = left.shape[0]
        both = self.features(torch.cat([left, right], 0))
        left, right = both[:n], both[n:]
        moved = [F.pad(right, (d, 0))[..., : left.shape[3]] for d in range(3)]
        volume = torch.stack([torch.cat([left, each], 1) for each in moved], 2)
        return self.mix(volume).flatten(1, 2)


def trained(model: tnn.Module) -> tnn.Module:
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, tnn.BatchNorm2d | tnn.BatchNorm3d):
            tnn.init.uniform_(module.weight, 0.5, 1.5)
            tnn.init.normal_(module.bias)
            tnn.init.normal_(module.running_mean)  # pyright: ignore
            tnn.init.uniform_(module.running_var, 0.5, 1.5)  # pyright: ignore
    return model.eval()


def test_joined_batches_and_volumes_run_at_any_batch():
    model = trained(Volume())
    module = import_torch(model, (torch.zeros(1, 3, 8, 12), torch.zeros(1, 3, 8, 12)))
    left, right = random_tensor(0, 4, 3, 8, 12).float(), random_tensor(1, 4, 3, 8, 12).float()
    expected = model(left, right)
    (found,) = run_nn(module, left, right)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    fold_network(module)
    verify_module(module)
    (found,) = run_nn(module, left, right)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    names = [op.name for op in module.walk()]
    assert not {"nn.batch_norm", "nn.conv3d"} & set(names)
    assert names.count("nn.conv2d") == 2 + 3 + 3


def test_same_padding_of_volumes():
    model = tnn.Conv3d(1, 1, (3, 1, 3), padding="same", dilation=(1, 1, 2)).eval()
    x = torch.randn(1, 1, 4, 3, 6)
    (found,) = run_nn(import_torch(model, x), x)
    torch.testing.assert_close(found, model(x), rtol=1e-5, atol=1e-6)
    even = tnn.Conv3d(1, 1, 2, padding="same").eval()
    with pytest.raises(RecogError, match="unequal padding at both ends"):
        import_torch(even, x)
    (alone,) = run_nn(import_torch(model, x[0]), x[0])
    torch.testing.assert_close(alone, model(x[0]), rtol=1e-5, atol=1e-6)


def test_a_batch_norm_before_a_padded_volume_layer_says_why_it_stays():
    model = trained(tnn.Sequential(tnn.BatchNorm3d(2), tnn.Conv3d(2, 2, 3, padding=1)))
    x = torch.randn(2, 2, 4, 4, 4)
    module = import_torch(model, x[:1])
    fold_network(module)
    (found,) = run_nn(module, x)
    torch.testing.assert_close(found, model(x), rtol=1e-4, atol=1e-5)
    (kept,) = [op for op in module.walk() if isinstance(op, nn.BatchNormOp)]
    assert "the shift differs at the border of nn.conv3d" in str(kept.attributes)
