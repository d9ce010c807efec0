"""Small nn modules built in Python, and comparison with torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from xdsl.dialects.builtin import ModuleOp, TensorType, f32, f64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects.functions import find_function
from recog.dialects.verification import verify_module

Build = Callable[..., Operation]


def tensor_type(tensor: Tensor) -> TensorType:
    return TensorType(f64 if tensor.dtype == torch.float64 else f32, list(tensor.shape))


def module_of(block: Block, *outputs: SSAValue) -> ModuleOp:
    """A verified module with the function @main of this body."""
    block.add_op(ReturnOp(*outputs))
    types = [arg.type for arg in block.args], [value.type for value in outputs]
    module = ModuleOp([FuncOp("main", types, Region(block))])
    verify_module(module)
    return module


def single_op_module(build: Build, operands: Sequence[Tensor]) -> ModuleOp:
    """@main applies one op to its arguments, one for each operand."""
    block = Block(arg_types=[tensor_type(operand) for operand in operands])
    op = build(*block.args)
    block.add_op(op)
    return module_of(block, op.results[0])


def random_tensor(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    values = np.random.default_rng(seed).standard_normal(shape)
    return torch.from_numpy(values).to(dtype)


def assert_same_function(build: Build, reference: Callable[..., Tensor], *operands: Tensor) -> None:
    """The op equals `reference`, in value, inferred shape and gradient of every operand."""
    module = single_op_module(build, operands)
    ours = [operand.clone().requires_grad_() for operand in operands]
    theirs = [operand.clone().requires_grad_() for operand in operands]
    (found,) = run_nn(module, *ours)
    expected = reference(*theirs)
    (declared,) = find_function(module, "main").function_type.outputs
    assert isinstance(declared, TensorType)
    assert tuple(found.shape) == tuple(expected.shape) == declared.get_shape()
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    upstream = torch.linspace(-1.0, 2.0, expected.numel(), dtype=expected.dtype)
    upstream = upstream.reshape(expected.shape)
    found.backward(upstream)
    expected.backward(upstream)
    for a, b in zip(ours, theirs):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-12, atol=1e-12)
