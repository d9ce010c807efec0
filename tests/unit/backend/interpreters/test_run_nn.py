"""run_nn: any batch size, parameters in place of constants, observers, refused inputs."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch
from nn_modules import module_of, random_tensor, single_op_module
from xdsl.dialects.builtin import IntegerType, ModuleOp, Signedness, TensorType, f32
from xdsl.ir import Block

from recog.backend.interpreters.nn_runner import NnRunner, run_nn
from recog.dialects import nn
from recog.dialects.cluster import LookupOp
from recog.dialects.data import ConstantOp
from recog.dialects.errors import RecogError

u8 = IntegerType(8, Signedness.UNSIGNED)


def conv_module() -> ModuleOp:
    """conv2d → relu → reshape → linear, imported for one image of 1x2x2."""
    block = Block(arg_types=[TensorType(f32, [1, 1, 2, 2])])
    rng = np.random.default_rng(0)
    weight = ConstantOp.from_array(rng.standard_normal((3, 1, 1, 1)), f32)
    matrix = ConstantOp.from_array(rng.standard_normal((2, 12)), f32)
    conv = nn.Conv2dOp(block.args[0], weight)
    relu = nn.ReluOp(conv)
    flat = nn.ReshapeOp(relu, (1, 12))
    linear = nn.LinearOp(flat, matrix)
    block.add_ops([weight, matrix, conv, relu, flat, linear])
    return module_of(block, linear.output)


def test_any_batch_size():
    module = conv_module()
    images = random_tensor(0, 5, 1, 2, 2, dtype=torch.float32)
    (together,) = run_nn(module, images)
    one_by_one = torch.cat([run_nn(module, image[None])[0] for image in images])
    assert together.shape == (5, 2)
    torch.testing.assert_close(together, one_by_one, rtol=0, atol=1e-6)


def test_inputs_are_arrays_or_tensors_of_any_float_type():
    module = conv_module()
    images = np.random.default_rng(0).standard_normal((2, 1, 2, 2))
    (expected,) = run_nn(module, images.astype(np.float32))
    assert torch.equal(run_nn(module, images)[0], expected)
    assert torch.equal(run_nn(module, torch.from_numpy(images))[0], expected)


def test_constants_are_parameters_with_gradients():
    module = conv_module()
    first = next(op for op in module.walk() if isinstance(op, ConstantOp))
    weight = torch.zeros(3, 1, 1, 1, requires_grad=True)
    images = torch.ones(1, 1, 2, 2)
    for key in (first, first.output):
        (result,) = run_nn(module, images, constants={key: weight})
        assert torch.equal(result, torch.zeros(1, 2))
    (result,) = run_nn(module, images, constants={first: weight + 1})
    result.sum().backward()
    assert weight.grad is not None
    assert bool((weight.grad != 0).all())
    assert bool((run_nn(module, images)[0] != 0).all())  # the module itself has not changed


def test_observer_sees_every_op_in_order():
    seen: list[tuple[str, tuple[int, ...]]] = []
    run_nn(
        conv_module(),
        torch.ones(4, 1, 2, 2),
        observe=lambda op, results: seen.append((op.name, tuple(results[0].shape))),
    )
    assert seen == [
        ("nn.conv2d", (4, 3, 2, 2)),
        ("nn.relu", (4, 3, 2, 2)),
        ("nn.reshape", (4, 12)),
        ("nn.linear", (4, 2)),
    ]


def test_values_are_freed_after_their_last_use():
    block = Block(arg_types=[TensorType(f32, [1, 4])])
    value = block.args[0]
    for _ in range(6):
        op = nn.SigmoidOp(value)
        block.add_op(op)
        value = op.output
    alive: list[weakref.ref[torch.Tensor]] = []
    most = 0

    def observe(op: object, results: tuple[torch.Tensor, ...]) -> None:
        nonlocal most
        alive.append(weakref.ref(results[0]))
        gc.collect()
        most = max(most, sum(ref() is not None for ref in alive))

    with torch.no_grad():
        run_nn(module_of(block, value), torch.zeros(1, 4), observe=observe)
    assert most == 2


def test_runner_runs_again_and_again():
    runner = NnRunner(conv_module())
    images = random_tensor(0, 5, 1, 2, 2, dtype=torch.float32)
    first, second = runner(images)[0], runner(images)[0]
    assert torch.equal(first, second)
    constant = next(op for op in runner.function.walk() if isinstance(op, ConstantOp))
    assert not torch.equal(runner(images, constants={constant: torch.zeros(3, 1, 1, 1)})[0], first)
    assert torch.equal(runner(images)[0], first)


def test_lookup_passes_gradients_to_every_centroid():
    block = Block(arg_types=[TensorType(f32, [1, 4])])
    pointers = ConstantOp.from_array(np.array([[0, 1], [2, 0]]), u8)
    codebook = ConstantOp.from_array(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), f32)
    scales = ConstantOp.from_array(np.array([1.0, 10.0]), f32)
    lookup = LookupOp(pointers, codebook, scales, (1, 2), f32)
    linear = nn.LinearOp(block.args[0], lookup)
    block.add_ops([pointers, codebook, scales, lookup, linear])
    module = module_of(block, linear.output)
    x = torch.tensor([[1.0, 10.0, 100.0, 1000.0]])
    assert run_nn(module, x)[0].tolist() == [[4321.0, 21650.0]]
    centroids = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    run_nn(module, x, constants={codebook: centroids})[0].sum().backward()
    assert centroids.grad is not None
    # Rows: block [1, 10] and 10 times [100, 1000]; [100, 1000]; 10 times [1, 10].
    assert centroids.grad.tolist() == [[1001.0, 10010.0], [100.0, 1000.0], [10.0, 100.0]]


@pytest.mark.parametrize(
    "inputs, message",
    [
        ([], "@main takes 1 input, got 0"),
        ([torch.ones(1, 1, 2, 2)] * 2, "@main takes 1 input, got 2"),
        ([torch.ones(1, 2, 2)], "input 0: has shape [1, 2, 2], the network wants [N, 1, 2, 2]"),
        ([torch.ones(1, 1, 2, 3)], "input 0: has shape [1, 1, 2, 3], the network wants"),
        ([torch.full((1, 1, 2, 2), torch.nan)], "input 0: holds NaN or infinity"),
        ([torch.full((1, 1, 2, 2), -torch.inf)], "input 0: holds NaN or infinity"),
        ([torch.ones(1, 1, 2, 2, dtype=torch.complex64)], "input 0: has dtype complex64"),
        ([np.array([[[["a", "b"], ["c", "d"]]]])], "input 0: is no array of numbers"),
        ([np.full((1, 1, 2, 2), 1e300)], "input 0: holds 1e+300, which no float32 is, in frame 0"),
    ],
)
def test_refused_inputs(inputs, message):
    with pytest.raises(RecogError) as error:
        run_nn(conv_module(), *inputs)
    assert str(error.value).startswith(message)


def test_inputs_of_different_batch_sizes():
    module = single_op_module(nn.AddOp, [torch.ones(1, 3), torch.ones(1, 3)])
    with pytest.raises(RecogError, match=r"the inputs differ in batch size: \[2, 4\]"):
        run_nn(module, torch.ones(2, 3), torch.ones(4, 3))


def test_unknown_function():
    with pytest.raises(RecogError, match="the module has no function @head"):
        run_nn(conv_module(), entry="head")


def test_op_without_float_meaning():
    from recog.dialects.lns import EncodeOp
    from recog.dialects.number_format import LnsFormat

    block = Block(arg_types=[TensorType(f32, [1, 4])])
    op = EncodeOp(block.args[0], LnsFormat(8, 4, 64))
    block.add_op(op)
    module = module_of(block, op.results[0])
    with pytest.raises(RecogError, match="'lns.encode' op: cannot be interpreted"):
        run_nn(module, torch.ones(1, 4))


def test_arrays_of_any_layout():
    """Another machine's order of bytes, negative strides, columns first."""
    x = np.random.default_rng(0).standard_normal((3, 1, 2, 2)).astype(np.float32)
    wanted = run_nn(conv_module(), x)[0]
    backwards = np.ascontiguousarray(x[::-1])[::-1]
    for stored in (x.astype(">f4"), backwards, np.asfortranarray(x)):
        assert torch.equal(run_nn(conv_module(), stored)[0], wanted)
