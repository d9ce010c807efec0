"""Elementary functions, normalizations and products against torch, forward and gradient."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from nn_modules import assert_same_function, random_tensor, single_op_module
from torch import Tensor

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import nn

seeds = st.integers(0, 2**32 - 1)
shapes = st.lists(st.integers(1, 5), min_size=1, max_size=4)

ANYWHERE = {
    nn.AbsOp: torch.abs,
    nn.NegOp: torch.neg,
    nn.FloorOp: torch.floor,
    nn.ExpOp: torch.exp,
    nn.SinOp: torch.sin,
    nn.CosOp: torch.cos,
    nn.ErfOp: torch.erf,
}
ABOVE_ZERO = {nn.LogOp: torch.log, nn.SqrtOp: torch.sqrt, nn.RsqrtOp: torch.rsqrt}


@pytest.mark.parametrize("op_type", [*ANYWHERE, *ABOVE_ZERO])
@given(seeds, shapes)
def test_unary(op_type, seed, shape):
    x = 3 * random_tensor(seed, *shape)
    if op_type in ABOVE_ZERO:
        x = x.abs() + 0.01
    assert_same_function(op_type, (ANYWHERE | ABOVE_ZERO)[op_type], x)


@given(seeds, shapes, st.floats(0.25, 8))
def test_softplus(seed, shape, beta):
    # torch's own switches to x at beta · x = 20; log1p does not.
    x = 2 * random_tensor(seed, *shape)
    assert_same_function(
        lambda v: nn.SoftplusOp(v, beta),
        lambda v: torch.maximum(v, 0 * v) + torch.log1p(torch.exp(-beta * v.abs())) / beta,
        x,
    )


@given(seeds, shapes, st.floats(0.25, 4))
def test_elu(seed, shape, alpha):
    x = 3 * random_tensor(seed, *shape)
    assert_same_function(lambda v: nn.EluOp(v, alpha), lambda v: F.elu(v, alpha), x)


@given(seeds, shapes, st.sampled_from([-2.0, -1.0, -0.5, 0.5, 1.5, 3.0]))
def test_pow(seed, shape, exponent):
    x = random_tensor(seed, *shape).abs() + 0.1
    assert_same_function(lambda v: nn.PowOp(v, exponent), lambda v: v**exponent, x)


BINARY = {
    nn.Atan2Op: torch.atan2,
    nn.MaximumOp: torch.maximum,
    nn.MinimumOp: torch.minimum,
    nn.RemainderOp: torch.remainder,
}


@pytest.mark.parametrize("op_type", BINARY)
@given(seeds, shapes, st.integers(0, 15))
def test_binary(op_type, seed, shape, broadcast):
    other = [1 if broadcast >> i & 1 else size for i, size in enumerate(shape)]
    a, b = 3 * random_tensor(seed, *shape), random_tensor(seed + 1, *other)
    assert_same_function(op_type, BINARY[op_type], a, b)


@given(seeds, shapes)
def test_floor_divide(seed, shape):
    a, b = 9 * random_tensor(seed, *shape), random_tensor(seed + 1, *shape)
    module = single_op_module(nn.FloorDivideOp, [a, b])
    assert torch.equal(run_nn(module, a, b)[0], torch.floor_divide(a, b))


def test_floor_divide_passes_no_gradient_but_lets_others_through():
    """choose-formats and tuning differentiate whole networks; `torch.floor_divide` refuses that."""
    a, b = random_tensor(0, 2, 3).requires_grad_(), torch.full((2, 3), 0.3, dtype=torch.float64)
    module = single_op_module(nn.FloorDivideOp, [a.detach(), b])
    (a + run_nn(module, a, b)[0]).sum().backward()
    assert a.grad is not None
    assert (a.grad == 1).all()


@given(seeds, shapes, st.data(), st.sampled_from([0.0, 1e-5, 0.1]))
def test_layer_norm(seed, shape, data, eps):
    shape = [*shape, data.draw(st.integers(2, 5))]
    normalized = shape[data.draw(st.integers(0, len(shape) - 1)) :]
    operands = [
        random_tensor(seed, *shape),
        random_tensor(seed + 1, *normalized),
        random_tensor(seed + 2, *normalized),
    ]
    assert_same_function(
        lambda *v: nn.LayerNormOp(*v, eps=eps),
        lambda x, scale, bias: F.layer_norm(x, normalized, scale, bias, eps),
        *operands,
    )


@given(seeds, shapes, st.integers(1, 3), st.integers(1, 3))
def test_group_norm(seed, rest, groups, each):
    channels = groups * each
    operands = [
        random_tensor(seed, 2, channels, *rest, 2),
        random_tensor(seed + 1, channels),
        random_tensor(seed + 2, channels),
    ]
    assert_same_function(
        lambda x, scale, bias: nn.GroupNormOp(x, scale, bias, groups, eps=1e-3),
        lambda x, scale, bias: F.group_norm(x, groups, scale, bias, 1e-3),
        *operands,
    )


@given(seeds, st.lists(st.integers(1, 3), max_size=2), st.tuples(*[st.integers(1, 4)] * 3))
def test_matmul(seed, leading, sizes):
    i, k, j = sizes
    a, b = random_tensor(seed, *leading, i, k), random_tensor(seed + 1, *leading[1:], k, j)
    assert_same_function(nn.MatmulOp, torch.matmul, a, b)


@given(seeds, st.tuples(*[st.integers(1, 4)] * 5), st.booleans(), st.floats(0.1, 2))
def test_attention(seed, sizes, masked, scale):
    heads, length, positions, features, values = sizes
    operands = [
        random_tensor(seed, 2, heads, length, features),
        random_tensor(seed + 1, 2, heads, positions, features),
        random_tensor(seed + 2, 2, heads, positions, values),
    ]
    operands += [random_tensor(seed + 3, 1, heads, length, positions)] if masked else []

    def reference(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | float = 0.0) -> Tensor:
        return torch.softmax(scale * query @ key.transpose(-1, -2) + mask, -1) @ value

    assert_same_function(lambda *v: nn.AttentionOp(*v, scale=scale), reference, *operands)


@given(seeds, st.tuples(*[st.integers(1, 4)] * 4), st.data())
def test_correlation(seed, shape, data):
    planes = data.draw(st.integers(1, shape[3]))

    def reference(left: Tensor, right: Tensor) -> Tensor:
        volume = []
        for d in range(planes):
            shifted = F.pad(right, (d, 0))[..., : shape[3]]
            volume.append((left * shifted).mean(1))
        return torch.stack(volume, 1)

    left, right = random_tensor(seed, *shape), random_tensor(seed + 1, *shape)
    assert_same_function(lambda a, b: nn.CorrelationOp(a, b, planes), reference, left, right)


@pytest.mark.parametrize("shape", [(2, 5, 70, 131), (1, 16, 33, 257), (1, 3, 2, 60)])
def test_correlation_of_wide_maps_is_the_same_with_and_without_gradient(shape):
    """Some rows at a time, or all at once, bit for bit."""
    left, right = (random_tensor(i, *shape, dtype=torch.float32) for i in (1, 2))
    module = single_op_module(lambda a, b: nn.CorrelationOp(a, b, 7), [left, right])
    (by_rows,) = run_nn(module, left, right)
    (whole,) = run_nn(module, left.clone().requires_grad_(), right)
    assert whole.requires_grad
    assert torch.equal(by_rows, whole)


@given(seeds, st.tuples(*[st.integers(1, 4)] * 4), st.booleans())
def test_expectation(seed, shape, residual: bool):
    batch, channels, *plane = shape
    operands = [random_tensor(seed, *shape), random_tensor(seed + 1, channels)]
    operands += [random_tensor(seed + 2, batch, 1, *plane)] if residual else []

    def reference(logits: Tensor, bins: Tensor, *more: Tensor) -> Tensor:
        expected = torch.einsum("ndhw,d->nhw", torch.softmax(logits, 1), bins)[:, None]
        return expected + more[0] if more else expected

    assert_same_function(nn.ExpectationOp, reference, *operands)


def test_special_values():
    x = torch.tensor([[0.0, -0.0, 1e-300, 1e300, -745.0, 710.0, math.inf]], dtype=torch.float64)
    finite = x[:, :-1]
    assert torch.equal(run_nn(single_op_module(nn.ExpOp, [finite]), finite)[0], finite.exp())
    softplus = run_nn(single_op_module(nn.SoftplusOp, [finite]), finite)[0]
    expected = [math.log(2), math.log(2), math.log(2), 1e300, 0.0, 710.0]
    assert softplus.tolist()[0] == pytest.approx(expected, abs=1e-300)
