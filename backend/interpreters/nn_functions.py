"""Interpreter of nn's elementary functions, normalizations and products on torch tensors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls

from recog.backend.interpreters.banded_correlation import WASTE, banded_correlation
from recog.backend.interpreters.nn_tensors import as_tensor, tensors
from recog.dialects import nn
from recog.dialects.nn import shape_of

ROWS = 32
"""Of a correlation at once: means of as many round as those of whole frames, in PyTorch's order."""


@register_impls
class NnElementaryFunctions(InterpreterFunctions):
    """One implementation an op, each the torch operator of the same name."""

    @impl(nn.AbsOp)
    def run_abs(self, _: Interpreter, op: nn.AbsOp, args: PythonValues) -> PythonValues:
        return (torch.abs(as_tensor(args[0])),)

    @impl(nn.NegOp)
    def run_neg(self, _: Interpreter, op: nn.NegOp, args: PythonValues) -> PythonValues:
        return (torch.neg(as_tensor(args[0])),)

    @impl(nn.FloorOp)
    def run_floor(self, _: Interpreter, op: nn.FloorOp, args: PythonValues) -> PythonValues:
        return (torch.floor(as_tensor(args[0])),)

    @impl(nn.ExpOp)
    def run_exp(self, _: Interpreter, op: nn.ExpOp, args: PythonValues) -> PythonValues:
        return (torch.exp(as_tensor(args[0])),)

    @impl(nn.Expm1Op)
    def run_expm1(self, _: Interpreter, op: nn.Expm1Op, args: PythonValues) -> PythonValues:
        return (torch.expm1(as_tensor(args[0])),)

    @impl(nn.Log1pOp)
    def run_log1p(self, _: Interpreter, op: nn.Log1pOp, args: PythonValues) -> PythonValues:
        return (torch.log1p(as_tensor(args[0])),)

    @impl(nn.LogOp)
    def run_log(self, _: Interpreter, op: nn.LogOp, args: PythonValues) -> PythonValues:
        return (torch.log(as_tensor(args[0])),)

    @impl(nn.SqrtOp)
    def run_sqrt(self, _: Interpreter, op: nn.SqrtOp, args: PythonValues) -> PythonValues:
        return (torch.sqrt(as_tensor(args[0])),)

    @impl(nn.RsqrtOp)
    def run_rsqrt(self, _: Interpreter, op: nn.RsqrtOp, args: PythonValues) -> PythonValues:
        return (torch.rsqrt(as_tensor(args[0])),)

    @impl(nn.SinOp)
    def run_sin(self, _: Interpreter, op: nn.SinOp, args: PythonValues) -> PythonValues:
        return (torch.sin(as_tensor(args[0])),)

    @impl(nn.CosOp)
    def run_cos(self, _: Interpreter, op: nn.CosOp, args: PythonValues) -> PythonValues:
        return (torch.cos(as_tensor(args[0])),)

    @impl(nn.ErfOp)
    def run_erf(self, _: Interpreter, op: nn.ErfOp, args: PythonValues) -> PythonValues:
        return (torch.erf(as_tensor(args[0])),)

    @impl(nn.SoftplusOp)
    def run_softplus(self, _: Interpreter, op: nn.SoftplusOp, args: PythonValues) -> PythonValues:
        beta = op.beta.value.data
        # No threshold: torch's own would cut at 20, where float64 still tells the difference.
        x = as_tensor(args[0]) * beta
        return (torch.logaddexp(x, torch.zeros_like(x)) / beta,)

    @impl(nn.EluOp)
    def run_elu(self, _: Interpreter, op: nn.EluOp, args: PythonValues) -> PythonValues:
        return (F.elu(as_tensor(args[0]), op.alpha.value.data),)

    @impl(nn.PowOp)
    def run_pow(self, _: Interpreter, op: nn.PowOp, args: PythonValues) -> PythonValues:
        return (torch.pow(as_tensor(args[0]), op.exponent.value.data),)

    @impl(nn.Atan2Op)
    def run_atan2(self, _: Interpreter, op: nn.Atan2Op, args: PythonValues) -> PythonValues:
        return (torch.atan2(*tensors(args)),)

    @impl(nn.PowerOp)
    def run_power(self, _: Interpreter, op: nn.PowerOp, args: PythonValues) -> PythonValues:
        return (torch.pow(*tensors(args)),)

    @impl(nn.MaximumOp)
    def run_maximum(self, _: Interpreter, op: nn.MaximumOp, args: PythonValues) -> PythonValues:
        return (torch.maximum(*tensors(args)),)

    @impl(nn.MinimumOp)
    def run_minimum(self, _: Interpreter, op: nn.MinimumOp, args: PythonValues) -> PythonValues:
        return (torch.minimum(*tensors(args)),)

    @impl(nn.FloorDivideOp)
    def run_floor_divide(
        self, _: Interpreter, op: nn.FloorDivideOp, args: PythonValues
    ) -> PythonValues:
        # Gradients pass through `div`, as 0; `floor_divide` refuses to be differentiated.
        return (torch.div(*tensors(args), rounding_mode="floor"),)

    @impl(nn.RemainderOp)
    def run_remainder(self, _: Interpreter, op: nn.RemainderOp, args: PythonValues) -> PythonValues:
        return (torch.remainder(*tensors(args)),)

    @impl(nn.LayerNormOp)
    def run_layer_norm(
        self, _: Interpreter, op: nn.LayerNormOp, args: PythonValues
    ) -> PythonValues:
        x, scale, bias = tensors(args)
        return (F.layer_norm(x, scale.shape, scale, bias, op.eps.value.data),)

    @impl(nn.GroupNormOp)
    def run_group_norm(
        self, _: Interpreter, op: nn.GroupNormOp, args: PythonValues
    ) -> PythonValues:
        x, scale, bias = tensors(args)
        return (F.group_norm(x, op.groups.value.data, scale, bias, op.eps.value.data),)

    @impl(nn.MatmulOp)
    def run_matmul(self, _: Interpreter, op: nn.MatmulOp, args: PythonValues) -> PythonValues:
        return (torch.matmul(*tensors(args)),)

    @impl(nn.AttentionOp)
    def run_attention(self, _: Interpreter, op: nn.AttentionOp, args: PythonValues) -> PythonValues:
        query, key, value, *mask = tensors(args)
        attended = F.scaled_dot_product_attention(
            query, key, value, mask[0] if mask else None, scale=op.scale.value.data
        )
        return (attended,)

    @impl(nn.CorrelationOp)
    def run_correlation(
        self, _: Interpreter, op: nn.CorrelationOp, args: PythonValues
    ) -> PythonValues:
        left, right = tensors(args)
        width = shape_of(op.left)[3]
        if width <= WASTE * op.disparities.value.data:
            return (banded_correlation(left, right, op.disparities.value.data),)
        if not (torch.is_grad_enabled() and (left.requires_grad or right.requires_grad)):
            return (_by_rows(left, right, op.disparities.value.data),)
        planes = [_plane(left, right, d, width) for d in range(op.disparities.value.data)]
        return (torch.stack(planes, 1),)

    @impl(nn.ExpectationOp)
    def run_expectation(
        self, _: Interpreter, op: nn.ExpectationOp, args: PythonValues
    ) -> PythonValues:
        logits, bins, *residual = tensors(args)
        probability = torch.softmax(logits, 1)
        expected = (probability * bins[:, None, None]).sum(1, keepdim=True)
        return (expected + residual[0] if residual else expected,)


def _by_rows(left: Tensor, right: Tensor, disparities: int) -> Tensor:
    """All planes, of some rows at a time, whose products stay in the cache."""
    frames, _, height, width = left.shape
    found = left.new_zeros(frames, disparities, height, width)
    for first in range(0, height, ROWS):
        rows = slice(first, first + ROWS)
        ours, theirs = left[:, :, rows], right[:, :, rows]
        for d in range(disparities):
            products = ours[..., d:] * theirs[..., : width - d]
            found[:, d, rows, d:] = products.mean(1)
    return found


def _plane(left: Tensor, right: Tensor, disparity: int, width: int) -> Tensor:
    overlap = (left[..., disparity:] * right[..., : width - disparity]).mean(1)
    return F.pad(overlap, (disparity, 0))
