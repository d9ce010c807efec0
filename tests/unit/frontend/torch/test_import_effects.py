"""Networks whose forward does more than compute: shared memory, state, random numbers, scopes."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from test_importer import IMAGE, Function, assert_equals_eager
from torch import nn as tnn

from recog.backend.interpreters.nn_runner import run_nn
from recog.backend.machine import Machine
from recog.dialects.errors import RecogError
from recog.frontend.torch.importer import import_exported, import_torch
from recog.lowering.pipeline import ConversionOptions, convert
from recog.tools.report.compare_bits import compare_bits


def refusal(function, *shape: int, **parts) -> str:
    """What importing a network of this function is refused with."""
    with pytest.raises(RecogError) as error:
        import_torch(Function(function, **parts).eval(), torch.randn(1, *(shape or IMAGE)))
    return str(error.value)


def _sum_after(view):
    """A network that writes to `view` of a value, then reads both."""

    def forward(self, x):
        y = (x * 1).permute(0, 1, 3, 2)
        z = view(y)
        z.relu_()
        return y + 2 * z.reshape(y.shape)

    return forward


MAYBE_VIEWS = {
    # All but the last are copies here: what was read before the write must not change.
    "contiguous": lambda y: y.contiguous(),
    "reshape": lambda y: y.reshape(len(y), 3, 2, 4, 7),
    "flatten": lambda y: y.flatten(1),
    "channels_last": lambda y: y.contiguous(memory_format=torch.channels_last),
    "to_copy": lambda y: y.to(torch.float32, copy=True),
    "to_itself": lambda y: y.to(torch.float32),
}


@pytest.mark.parametrize("name", MAYBE_VIEWS)
def test_writes_to_what_may_be_a_copy(name):
    assert_equals_eager(Function(_sum_after(MAYBE_VIEWS[name])), IMAGE)


RANDOM = {
    "rand": lambda self, x: x + torch.rand(3, 1, 1),
    "randperm": lambda self, x: x[:, torch.randperm(3)],
    "normal_": lambda self, x: x + torch.zeros(3, 7, 8).normal_(),
    "bernoulli": lambda self, x: x * torch.bernoulli(torch.full((3, 1, 1), 0.5)),
    "dropout": lambda self, x: x * F.dropout(torch.ones(3, 1, 1), 0.5, True),
}


@pytest.mark.parametrize("name", RANDOM)
def test_random_numbers_are_refused(name):
    text = refusal(RANDOM[name])
    assert f"aten.{name}" in text
    assert "test_importer.py:" in text
    assert "draws random numbers" in text


def test_operators_that_are_random_in_training_alone():
    def forward(self, x):
        attended = F.scaled_dot_product_attention(self.query, self.query, self.query)
        return x * F.dropout(attended, 0.5, False)

    assert_equals_eager(Function(forward, query=tnn.Parameter(torch.randn(1, 7, 8))), IMAGE)


def test_state_is_refused_beside_writes_to_slices():
    def forward(self, x):
        self.count.add_(1)
        y = x.clone()
        y[:, :2] += 1
        return y * self.count

    model = Function(forward)
    model.register_buffer("count", torch.zeros(1))
    with pytest.raises(RecogError, match="changes count in place; the network must keep no state"):
        import_torch(model.eval(), torch.randn(1, *IMAGE))


def test_state_is_refused_in_functional_programs():
    model = Function(lambda self, x: x + self.count.add_(1))
    model.register_buffer("count", torch.zeros(1))
    program = torch.export.export(model, (torch.randn(1, 4),)).run_decompositions({})
    with pytest.raises(RecogError, match="changes count in place; the network must keep no state"):
        import_exported(program)


def _no_gradients(self, x):
    features = self.conv(x)
    with torch.no_grad():
        same = features.detach()
        same.mul_(2)
        scale = features.mean((2, 3), keepdim=True)
        with torch.enable_grad():
            scale = F.relu(scale) + 1
    return features * scale, scale


def _no_autocast(self, x):
    with torch.autocast("cpu", enabled=False):
        return self.conv(x)


@pytest.mark.parametrize(
    "forward",
    [_no_gradients, torch.no_grad()(lambda self, x: self.conv(x)), _no_autocast],
    ids=["nested", "whole", "autocast"],
)
def test_scopes_without_effect(forward):
    model = Function(forward, conv=tnn.Conv2d(3, 4, 1))
    module = assert_equals_eager(model, IMAGE)
    program = torch.export.export(model, (torch.zeros(1, *IMAGE),))
    before = str(program.graph)
    import_exported(program)
    assert str(program.graph) == before
    assert "main" in str(module)


def _autocast(self, x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return (x @ x.transpose(2, 3)).float()


def _branches(self, x):
    return torch.cond(x.sum() > 0, lambda x: x * 2, lambda x: x - 1, (x,)) + 1


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (_autocast, "wrap_with_autocast: computes with torch.bfloat16 (autocast)"),
        (_branches, "calls another graph: neither control flow nor loops can be converted"),
    ],
)
def test_refused_scopes(forward, message):
    text = refusal(forward)
    assert message in text
    assert "eval_with_key" not in text


REFUSED = {
    "softplus": (lambda self, x: F.softplus(x, 1, 1), "softplus with threshold 1"),
    "prelu": (lambda self, x: F.prelu(x, x.mean((0, 2, 3))), "the slopes of PReLU are computed"),
    "var": (lambda self, x: x[:, :1].var(1), "a variance over [1] with nothing left to divide by"),
    "pixel_shuffle": (
        lambda self, x: F.pixel_shuffle(x.unsqueeze(1).expand(1, 4, 3, 7, 8), 1),
        "needs images (N, C, H, W), got [1, 4, 3, 7, 8]",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_forms_that_nn_lacks(name):
    function, message = REFUSED[name]
    assert message in refusal(function)


def test_positions_that_count_from_the_end():
    model = Function(lambda self, x: x[:, [-1, 0]] + x[:, torch.tensor([1, -2])])
    assert_equals_eager(model, IMAGE)


def test_computed_positions():
    model = Function(lambda self, x: self.table[(x * 4).long() - 2], table=None)
    model.table = tnn.Parameter(torch.arange(4.0))
    module = import_torch(model, torch.zeros(1, 3))
    (found,) = run_nn(module, torch.tensor([[-0.1, 0.3, 1.0]]))
    assert found.tolist() == [[2.0, 3.0, 2.0]]
    with pytest.raises(RecogError, match="position 98 is outside an axis of 4"):
        run_nn(module, torch.tensor([[25.0, 0.0, 0.0]]))


def _filled(self, x):
    y = x * 2
    y[:, 0] = 0.25
    y[..., -1].fill_(-1)
    return y


def test_slices_filled_with_numbers_are_constants():
    module = assert_equals_eager(Function(_filled), IMAGE)
    assert "nn.broadcast" not in str(module)
    images = torch.randn(4, *IMAGE).numpy()
    conversion = convert(module, [images], options=ConversionOptions(cluster=False))
    machine = Machine(conversion.assemble())
    bits = compare_bits(conversion.lns_module, conversion.chip_module, machine, [images])
    assert bits.elements > 0
