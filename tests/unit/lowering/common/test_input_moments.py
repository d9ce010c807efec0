"""The moments of a layer's inputs predict its outputs, whatever its window."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from xdsl.dialects.builtin import TensorType, f32
from xdsl.dialects.test import TestOp

from recog.backend.interpreters.nn import register_nn
from recog.dialects import nn
from recog.dialects.data import ConstantOp, constant_array
from recog.lowering.common.input_moments import SPAN, input_moments, window_of

CONVOLUTIONS: list[dict[str, Any]] = [
    {
        "channels": 6,
        "outputs": 4,
        "kernel": 3,
        "strides": (2, 2),
        "padding": (1, 0, 2, 1),
        "groups": 2,
    },
    {"channels": 4, "outputs": 4, "kernel": 3, "padding": (1, 1, 1, 1), "groups": 4},
    {"channels": 6, "outputs": 8, "kernel": 1},
    {"channels": 5, "outputs": 3, "kernel": 3, "padding": (2, 2, 2, 2), "dilation": (2, 2)},
]


def layer(op_type: Any, channels: int, outputs: int, kernel: int, **window: Any) -> nn.LayerOp:
    x = TestOp(result_types=[TensorType(f32, (1, channels, 9, 8))]).results[0]
    inputs = channels // window.get("groups", 1)
    weight = torch.randn(
        outputs, inputs, kernel, kernel, generator=torch.Generator().manual_seed(1)
    )
    return op_type(x, ConstantOp.from_array(weight.numpy(), f32), None, **window)


@pytest.mark.parametrize("op_type", [nn.Conv2dOp, nn.ConvTranspose2dOp])
@pytest.mark.parametrize("settings", CONVOLUTIONS)
def test_moments_are_those_of_the_outputs(op_type: Any, settings: dict[str, Any]):
    op = layer(op_type, **settings)
    x = torch.randn(3, settings["channels"], 9, 8, generator=torch.Generator().manual_seed(0))
    moments = input_moments(op, x, x, False, torch.Generator())
    weight = torch.tensor(constant_array(op.weight))
    interpreter = _interpreter()
    (y,) = interpreter.run_op(op, (x, weight))
    rows = weight.reshape(window_of(op).groups, -1, moments.second.shape[1]).double()
    squares = ((rows @ moments.second) * rows).sum(2).reshape(-1)
    torch.testing.assert_close(squares, y.double().square().mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
    means = (rows @ moments.mean[:, :, None]).reshape(-1)
    torch.testing.assert_close(means, y.double().mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
    centered = input_moments(op, x, x, True, torch.Generator())
    variance = ((rows @ centered.second) * rows).sum(2).reshape(-1)
    torch.testing.assert_close(variance, squares - means**2, rtol=1e-3, atol=1e-4)


def _interpreter() -> Any:
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.interpreter import Interpreter

    interpreter = Interpreter(ModuleOp([]))
    register_nn(interpreter)
    return interpreter


def test_linear_layers_of_any_rank():
    x = TestOp(result_types=[TensorType(f32, (1, 3, 5))]).results[0]
    weight = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    op = nn.LinearOp(x, ConstantOp.from_array(weight.numpy(), f32), None)
    values = torch.randn(7, 3, 5, generator=torch.Generator().manual_seed(0))
    moments = input_moments(op, values, values + 1, False, torch.Generator())
    flat = values.reshape(-1, 5).double()
    torch.testing.assert_close(moments.mean[0], flat.mean(0), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(moments.coded_mean[0], flat.mean(0) + 1, rtol=1e-5, atol=1e-6)
    assert moments.seen == 21


def test_few_outputs_are_not_trusted():
    """Of one output, hardly more than the diagonal is believed."""
    x = TestOp(result_types=[TensorType(f32, (1, 50))]).results[0]
    op = nn.LinearOp(x, ConstantOp.from_array(torch.zeros(4, 50).numpy(), f32), None)
    values = torch.randn(1, 50, generator=torch.Generator().manual_seed(0))
    moments = input_moments(op, values, values, False, torch.Generator())
    torch.testing.assert_close(
        moments.shrunk.diagonal(dim1=1, dim2=2), moments.second.diagonal(dim1=1, dim2=2)
    )
    ratio = moments.shrunk[0, 0, 1] / moments.second[0, 0, 1]
    assert float(ratio) == pytest.approx(1 / 51)


@pytest.mark.parametrize("outputs", [2, 30, 1000])
def test_errors_before_are_made_up_for_once(outputs: int):
    """Inputs that go along with each other, of few outputs: each could make up for all of it."""
    x = TestOp(result_types=[TensorType(f32, (1, 50))]).results[0]
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 50, generator=generator).abs()
    op = nn.LinearOp(x, ConstantOp.from_array(weight.numpy(), f32), None)
    common = torch.randn(outputs, 1, generator=generator)
    exact = common + 0.1 * torch.randn(outputs, 50, generator=generator)
    coded = 0.9 * exact + 0.01 * torch.randn(outputs, 50, generator=generator)
    moments = input_moments(op, exact, coded, False, torch.Generator())
    toward = moments.toward_float(weight.double()[None])[0]
    wanted, given = exact.double() @ weight.double().T, coded.double()
    before = (wanted - given @ weight.double().T).square().mean()
    after = (wanted - given @ toward.T).square().mean()
    assert after < 0.9 * before


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e20, 1e36])
def test_inputs_of_any_size(scale: float):
    """Squares of float32 numbers are not float32 numbers."""
    x = TestOp(result_types=[TensorType(f32, (1, 5))]).results[0]
    op = nn.LinearOp(x, ConstantOp.from_array(torch.zeros(4, 5).numpy(), f32), None)
    values = torch.randn(9, 5, generator=torch.Generator().manual_seed(0))
    second = input_moments(op, values * scale, values * scale, False, torch.Generator()).second
    wanted = (values.double().T @ values.double() / 9)[None]
    torch.testing.assert_close(second / scale**2, wanted, rtol=1e-5, atol=1e-6)


def test_of_wide_layers_only_parts_are_held():
    """Of 20,000 inputs, all pairs would take 3.2 GB."""
    inputs = 20_000
    x = TestOp(result_types=[TensorType(f32, (1, inputs))]).results[0]
    weight = torch.zeros(2, inputs)
    op = nn.LinearOp(x, ConstantOp.from_array(weight.numpy(), f32), None)
    values = torch.randn(3, inputs, generator=torch.Generator().manual_seed(0))
    moments = input_moments(op, values, values, False, torch.Generator())
    spans = list(moments.spans())
    assert [span.stop for span in spans] == [*(span.start for span in spans[1:]), inputs]
    assert {moments.of(span).second.shape[1] for span in spans} == {SPAN, inputs % SPAN}
    last = moments.of(spans[-1])
    assert torch.equal(last.mean, moments.mean[:, spans[-1]])
    assert last.seen == 3
