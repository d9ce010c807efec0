"""Reductions, comparisons and selection by position against torch, forward and gradient."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nn_modules import assert_same_function, module_of, random_tensor, tensor_type
from torch import Tensor
from xdsl.dialects.builtin import TensorType, f32, f64, i1, i64
from xdsl.ir import Block, Operation, SSAValue

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import nn
from recog.dialects.data import ConstantOp
from recog.dialects.errors import RecogError
from recog.dialects.functions import find_function

seeds = st.integers(0, 2**32 - 1)
shapes = st.lists(st.integers(1, 5), min_size=1, max_size=4)


def constant(values: Tensor) -> ConstantOp:
    """Integers or truth values, which the arguments of a function cannot be."""
    element_type = i1 if values.dtype == torch.bool else i64
    return ConstantOp.from_array(values.to(torch.int64).numpy(), element_type)


def run_ops(x: Tensor, *build) -> Tensor:
    """Each function gives an op of the value before it; the last result on `x`."""
    block = Block(arg_types=[tensor_type(x)])
    value: SSAValue = block.args[0]
    for make in build:
        ops = make(value)
        for op in ops if isinstance(ops, tuple) else (ops,):
            block.add_op(op)
        assert block.last_op is not None
        value = block.last_op.results[0]
    return run_nn(module_of(block, value), x)[0]


@pytest.mark.parametrize(
    ("op_type", "reference"), [(nn.SumOp, torch.sum), (nn.MaxOp, torch.amax)], ids=["sum", "max"]
)
@given(seeds, shapes, st.booleans(), st.data())
def test_reduction(op_type, reference, seed, shape, keep, data):
    axes = data.draw(st.lists(st.sampled_from(range(len(shape))), min_size=1, unique=True))
    assert_same_function(
        lambda x: op_type(x, axes, keepdims=keep),
        lambda x: reference(x, axes, keepdim=keep),
        random_tensor(seed, *shape),
    )


@given(seeds, shapes, st.booleans(), st.data())
def test_argmax_gives_the_first(seed, shape, keep, data):
    axis = data.draw(st.integers(0, len(shape) - 1))
    x = random_tensor(seed, *shape).round()  # many are equal
    found = run_ops(x, lambda v: nn.ArgmaxOp(v, axis, keepdims=keep))
    best = x == x.amax(axis, keepdim=True)
    before = best.to(torch.int64).cumsum(axis)
    first = (best & (before == 1)).to(torch.int64).argmax(axis, keepdim=keep)
    assert found.dtype == torch.int64
    assert torch.equal(found, first)


@given(seeds, shapes, st.booleans(), st.data())
def test_topk_and_gather(seed, shape, smallest, data):
    axis = data.draw(st.integers(0, len(shape) - 1))
    k = data.draw(st.integers(1, shape[axis]))
    x = random_tensor(seed, *shape)
    indices = run_ops(x, lambda v: nn.TopkIndicesOp(v, k, axis, smallest=smallest))
    values, expected = x.topk(k, axis, largest=not smallest)
    assert torch.equal(indices, expected)
    assert_same_function(
        lambda v: _with_constant(nn.GatherOp, v, indices, axis),
        lambda v: v.gather(axis, expected),
        x,
    )
    assert torch.equal(x.gather(axis, indices), values)


def _with_constant(op_type: type, value: SSAValue, indices: Tensor, *arguments) -> Operation:
    """An op of a value and of constant indices that stand before it in the value's block."""
    op = constant(indices)
    block = value.owner
    assert isinstance(block, Block)
    block.add_op(op)
    return op_type(value, op, *arguments)


def test_topk_takes_the_first_of_equal_elements():
    x = torch.tensor([[1.0, 3.0, 3.0, 0.0, 3.0, 1.0]])
    assert run_ops(x, lambda v: nn.TopkIndicesOp(v, 5, 1)).tolist() == [[1, 2, 4, 0, 5]]
    found = run_ops(x, lambda v: nn.TopkIndicesOp(v, 3, 1, smallest=True))
    assert found.tolist() == [[3, 0, 5]]


@given(seeds, shapes, st.lists(st.integers(1, 4), min_size=1, max_size=2))
def test_take(seed, shape, wanted):
    indices = torch.randint(shape[0], wanted, generator=torch.Generator().manual_seed(seed))
    assert_same_function(
        lambda v: _with_constant(nn.TakeOp, v, indices),
        lambda v: v[indices],
        random_tensor(seed, *shape),
    )


@given(seeds, shapes, st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"]))
def test_compare_and_convert(seed, shape, predicate):
    x = random_tensor(seed, *shape).round()
    found = run_ops(
        x,
        lambda v: (other := nn.NegOp(v), nn.CompareOp(v, other, predicate)),
        lambda v: nn.ConvertOp(v, f32),
    )
    assert found.dtype == torch.float32
    assert torch.equal(found, getattr(torch, predicate)(x, -x).float())


@given(seeds, shapes)
def test_where(seed, shape):
    mask = random_tensor(seed, *shape) > 0
    assert_same_function(
        lambda a, b: nn.WhereOp(_constant_in(a, mask), a, b),
        lambda a, b: torch.where(mask, a, b),
        random_tensor(seed + 1, *shape),
        random_tensor(seed + 2, 1, *shape[1:]),
    )


def _constant_in(value: SSAValue, values: Tensor) -> Operation:
    op = constant(values)
    assert isinstance(value.owner, Block)
    value.owner.add_op(op)
    return op


@given(seeds, shapes, st.integers(1, 4))
def test_broadcast(seed, shape, size):
    target = [size if i == 0 else each for i, each in enumerate(shape)]
    source = [1, *shape[1:]]
    assert_same_function(
        lambda v: nn.BroadcastOp(v, (2, *target)),
        lambda v: v.expand(2, *target),
        random_tensor(seed, *source),
    )


def test_convert_cuts_toward_zero():
    x = torch.tensor([[-1.9, -0.5, 0.0, 1.99, 7.0]])
    whole = run_ops(x, lambda v: nn.ConvertOp(v, i64))
    assert whole.tolist() == [[-1, 0, 0, 1, 7]]
    truth = run_ops(x, lambda v: nn.ConvertOp(v, i1), lambda v: nn.ConvertOp(v, f64))
    assert truth.tolist() == [[1, 1, 0, 1, 1]]


def test_index_arithmetic():
    x = torch.arange(12.0).reshape(1, 12).flip(1)
    scalar = [ConstantOp.from_array(torch.tensor(n).numpy(), i64) for n in (5, 5, 3)]
    found = run_ops(
        x,
        lambda v: nn.TopkIndicesOp(v, 12, 1),
        lambda v: (scalar[0], nn.MulOp(v, scalar[0])),
        lambda v: (scalar[1], nn.SubOp(v, scalar[1])),
        lambda v: (scalar[2], nn.FloorDivideOp(v, scalar[2])),
    )
    positions = torch.arange(12)
    assert found.tolist() == [((positions * 5 - 5) // 3).tolist()]


MIXING = {
    "reshape": lambda v: nn.ReshapeOp(v, (4, 6)),
    "permute": lambda v: nn.PermuteOp(v, (1, 0, 2)),
    "slice": lambda v: nn.SliceOp(v, (1, 0, 0), (2, 3, 4)),
    "concat": lambda v: nn.ConcatOp([v, v], 0),
    "softmax": lambda v: nn.SoftmaxOp(v, 0),
    "sum": lambda v: nn.SumOp(v, [0, 1]),
    "argmax": lambda v: nn.ArgmaxOp(v, 0),
    "topk": lambda v: nn.TopkIndicesOp(v, 1, 0),
    "broadcast": lambda v: nn.BroadcastOp(v, (2, 2, 3, 4)),
    "misaligned": lambda v: nn.MulOp(v, _constant_float(v, 2, 3, 4)),
    "matmul": lambda v: nn.MatmulOp(v, _constant_float(v, 2, 4, 5)),
    "take": lambda v: nn.TakeOp(v, _constant_in(v, torch.tensor([1]))),
}
KEEPING = {
    "reshape": lambda v: nn.ReshapeOp(v, (2, 12)),
    "permute": lambda v: nn.PermuteOp(v, (0, 2, 1)),
    "slice": lambda v: nn.SliceOp(v, (0, 1, 0), (2, 3, 4)),
    "concat": lambda v: nn.ConcatOp([v, v], 1),
    "softmax": lambda v: nn.SoftmaxOp(v, 1),
    "sum": lambda v: nn.SumOp(v, [1]),
    "topk": lambda v: nn.TopkIndicesOp(v, 1, 2),
    "scalar": lambda v: nn.MulOp(v, _constant_float(v)),
    "aligned": lambda v: nn.MulOp(v, _constant_float(v, 1, 3, 4)),
    "matmul": lambda v: nn.MatmulOp(v, _constant_float(v, 4, 5)),
    "batched": lambda v: nn.AttentionOp(v, v, v, scale=1.0),
}


def _constant_float(value: SSAValue, *shape: int) -> Operation:
    op = ConstantOp.from_array(random_tensor(1, *shape, dtype=torch.float32).numpy(), f32)
    assert isinstance(value.owner, Block)
    value.owner.add_op(op)
    return op


def _module(build):
    block = Block(arg_types=[TensorType(f32, [2, 3, 4])])
    op = build(block.args[0])
    block.add_op(op)
    return op, module_of(block, op.results[0])


@pytest.mark.parametrize("name", MIXING)
def test_ops_that_mix_the_batch(name: str):
    op, module = _module(MIXING[name])
    assert nn.batch_mixing_op(find_function(module, "main")) is op
    x = random_tensor(0, 2, 3, 4, dtype=torch.float32)
    whole = run_nn(module, x)[0]
    if whole.shape[0] == 2:
        assert torch.equal(run_nn(module, torch.cat([x, x]))[0], torch.cat([whole, whole]))
    else:
        with pytest.raises(RecogError, match="runs 2 images at once only"):
            run_nn(module, torch.cat([x, x]))


@pytest.mark.parametrize("name", KEEPING)
def test_ops_that_keep_the_batch(name: str):
    """A module imported for two images gives for each of five what it gives for it alone."""
    _, module = _module(KEEPING[name])
    assert nn.batch_mixing_op(find_function(module, "main")) is None
    x = random_tensor(0, 5, 3, 4, dtype=torch.float32)
    together = run_nn(module, x)[0]
    alone = torch.cat([run_nn(module, each[None])[0] for each in x])
    torch.testing.assert_close(together, alone, rtol=1e-6, atol=1e-6)
