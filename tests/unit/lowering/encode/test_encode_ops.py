"""Every op that encode-lns knows, on random data with calibrated formats, against float."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType, f32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue

from recog.backend.interpreters.lns import run_lns
from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import lns, nn
from recog.dialects.cluster import LookupOp
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.verification import verify_module
from recog.lowering.check.compare_layers import sqnr_db
from recog.lowering.cluster.cluster_weights import ClusterWeightsPass
from recog.lowering.encode.calibrate import ActivationFormats, calibrate
from recog.lowering.encode.encode_lns import encode_module

Build = Callable[..., Operation]
IMAGE = (6, 8, 9)


def network(shapes: Sequence[tuple[int, ...]], *builds: Build) -> ModuleOp:
    """@main of one image for each shape; the first op takes all, each other the one before."""
    block = Block(arg_types=[TensorType(f32, (1, *shape)) for shape in shapes])
    values: list[SSAValue] = list(block.args)
    for build in builds:
        op = build(*values)
        block.add_ops([v.owner for v in op.operands if isinstance(v.owner, ConstantOp)])
        block.add_op(op)
        values = [op.results[0]]
    block.add_op(ReturnOp(*values))
    types = [arg.type for arg in block.args], [value.type for value in values]
    module = ModuleOp([FuncOp("main", types, Region(block))])
    verify_module(module)
    return module


def constant(*shape: int, seed: int = 5, positive: bool = False) -> SSAValue:
    values = np.random.default_rng(seed).normal(0, 1, shape)
    return ConstantOp.from_array((np.abs(values) + 0.1 if positive else values), f32).output


def scalar(value: float) -> SSAValue:
    return ConstantOp.from_array(np.array(value, np.float32), f32).output


def frames(shape: tuple[int, ...], seed: int, positive: bool) -> np.ndarray:
    values = np.random.default_rng(seed).normal(0, 1, (20, *shape)).astype(np.float32)
    return np.abs(values) + 0.05 if positive else values


def converted(module: ModuleOp, inputs: Sequence[np.ndarray]) -> tuple[ModuleOp, float]:
    """The lns module, calibrated on the inputs, and its SQNR; both engines agree."""
    (expected,) = run_nn(module, *inputs)
    calibrate(module, inputs, ActivationFormats(output=LnsFormat(16, 11)))
    encode_module(module, LnsFormat(8, 4), Arithmetic(6, 48))
    verify_module(module)
    left = [op.name for op in module.walk() if isinstance(op, nn.NnOp)]
    assert left == []
    (result,) = run_lns(module, *inputs)
    (first,) = run_lns(module, *(x[:2] for x in inputs), engine="reference")
    np.testing.assert_array_equal(result[:2], first)
    return module, sqnr_db(expected.detach().numpy(), result)


def batch_norm(x: SSAValue) -> nn.BatchNormOp:
    c = nn.shape_of(x)[1]
    parameters = constant(c), constant(c), constant(c), constant(c, positive=True)
    return nn.BatchNormOp(x, *parameters)


def transposed(x: SSAValue) -> nn.ConvTranspose2dOp:
    return nn.ConvTranspose2dOp(
        x,
        constant(4, 3, 4, 4),
        constant(4),
        strides=(2, 2),
        padding=(1, 1, 1, 1),
        output_padding=(1, 0),
        groups=2,
    )


def resize(size: tuple[int, int], mode: str, align_corners: bool = False) -> Build:
    return lambda x: nn.ResizeOp(x, size, mode, align_corners=align_corners)


ONE: dict[str, tuple[Build, ...]] = {
    "transposed conv": (transposed,),
    "transposed conv, relu": (transposed, nn.ReluOp),
    "doubled, nearest": (resize((16, 18), "nearest"),),
    "doubled": (resize((16, 18), "bilinear"),),
    "seven halves, corners": (resize((28, 33), "bilinear", True),),
    "in coarse steps": (resize((149, 9), "bilinear"),),
    "shrunk": (resize((3, 4), "bilinear"),),
    "slice": (lambda x: nn.SliceOp(x, (0, 1, 2, 0), (1, 5, 8, 9), (1, 2, 3, 1)),),
    "pad": (lambda x: nn.PadOp(x, (1, 2, 0, 3)),),
    "permute": (lambda x: nn.PermuteOp(x, (0, 2, 3, 1)),),
    "max pool in ceil mode": (
        lambda x: nn.MaxPool2dOp(x, (3, 3), (3, 2), (1, 1, 1, 1), ceil_mode=True),
    ),
    "dilated max pool": (lambda x: nn.MaxPool2dOp(x, (2, 3), (1, 2), dilation=(3, 2)),),
    "avg pool in ceil mode": (lambda x: nn.AvgPool2dOp(x, (3, 3), (2, 3), ceil_mode=True),),
    "avg pool, padded, in ceil mode": (
        lambda x: nn.AvgPool2dOp(x, (3, 4), (2, 3), (1, 1, 1, 1), ceil_mode=True),
    ),
    "avg pool, padding not counted, in ceil mode": (
        lambda x: nn.AvgPool2dOp(
            x, (3, 4), (2, 3), (1, 1, 1, 1), ceil_mode=True, count_include_pad=False
        ),
    ),
    "global average": (lambda x: nn.MeanOp(x, (2, 3), keepdims=True),),
    "global maximum": (lambda x: nn.MaxOp(x, (2, 3)),),
    "mean of channels": (lambda x: nn.MeanOp(x, (1,), keepdims=True),),
    "mean of channels and columns": (lambda x: nn.MeanOp(x, (1, 3)),),
    "maximum of rows": (lambda x: nn.MaxOp(x, (2,)),),
    "sum of channels": (lambda x: nn.SumOp(x, (1,), keepdims=True),),
    "sum of columns": (lambda x: nn.MulOp(x, x), lambda x: nn.SumOp(x, (3,))),
    "padded with -1": (lambda x: nn.PadOp(x, (1, 0, 2, 1), -1.0),),
    "repeated": (
        lambda x: nn.MaxOp(x, (1, 3), keepdims=True),
        lambda x: nn.BroadcastOp(x, (*nn.shape_of(x)[:1], 5, IMAGE[1], 3)),
    ),
    "repeated, beside a constant": (
        lambda x: nn.MeanOp(x, (2, 3), keepdims=True),
        lambda x: nn.BroadcastOp(x, nn.shape_of(x)[:1] + IMAGE),
        lambda x: nn.ConcatOp([constant(1, 2, *IMAGE[1:]), x]),
    ),
    "batch norm": (batch_norm,),
    "batch norm, relu": (batch_norm, nn.ReluOp),
    "batch norm of vectors": (lambda x: nn.MaxOp(x, (2, 3)), batch_norm),
    "scaled": (lambda x: nn.MulOp(x, constant(6, 1, 1)),),
    "shifted": (lambda x: nn.AddOp(constant(1, 6, 1, 1), x),),
    "from a constant": (lambda x: nn.SubOp(constant(1, 6, 1, 1), x),),
    "divided": (lambda x: nn.DivOp(x, constant(6, 1, 1, positive=True)),),
    "normalized": (
        lambda x: nn.SubOp(x, constant(6, 1, 1)),
        lambda x: nn.DivOp(x, constant(6, 1, 1, positive=True)),
        lambda x: nn.MulOp(x, scalar(3.0)),
    ),
    "plus a map": (lambda x: nn.AddOp(x, constant(*IMAGE)),),
    "times a map": (lambda x: nn.MulOp(constant(1, 1, *IMAGE[1:], positive=True), x),),
    "hard swish": (nn.HardswishOp,),
    "silu": (nn.SiluOp,),
    "sigmoid": (nn.SigmoidOp,),
    "hard sigmoid": (nn.HardsigmoidOp,),
    "gelu": (nn.GeluOp,),
    "tanh": (nn.TanhOp,),
    "elu": (nn.EluOp,),
    "softplus": (nn.SoftplusOp,),
    "leaky relu": (nn.LeakyReluOp,),
    "exp": (nn.ExpOp,),
    "abs": (nn.AbsOp,),
    "square": (lambda x: nn.MulOp(x, x),),
    "relu6": (lambda x: nn.ClampOp(x, 0.0, 6.0),),
    "clamp": (lambda x: nn.ClampOp(x, -0.5, 1.0),),
    "affine, then a function": (
        lambda x: nn.MulOp(scalar(0.5), x),
        lambda x: nn.AddOp(x, scalar(0.25)),
        lambda x: nn.ClampOp(x, 0.0, 1.0),
    ),
}


@pytest.mark.parametrize("builds", ONE.values(), ids=ONE.keys())
@pytest.mark.parametrize("positive", [False, True])
def test_one_operand(builds: tuple[Build, ...], positive: bool):
    _, db = converted(network([IMAGE], *builds), [frames(IMAGE, 1, positive)])
    assert db > 30


TWO: dict[str, tuple[tuple[int, ...], tuple[Build, ...]]] = {
    "product": (IMAGE, (nn.MulOp,)),
    "product, relu": (IMAGE, (nn.MulOp, nn.ReluOp)),
    "squeeze-excite": ((6, 1, 1), (nn.MulOp,)),
    "spatial attention": ((1, 8, 9), (nn.MulOp,)),
    "difference": (IMAGE, (nn.SubOp,)),
    "difference, relu": (IMAGE, (nn.SubOp, nn.ReluOp)),
    "difference of means": ((6, 1, 1), (nn.SubOp,)),
    "broadcast sum": ((6, 1, 1), (nn.AddOp,)),
}


@pytest.mark.parametrize("shape, builds", TWO.values(), ids=TWO.keys())
@pytest.mark.parametrize("positive", [False, True])
def test_two_operands(shape: tuple[int, ...], builds: tuple[Build, ...], positive: bool):
    inputs = [frames(IMAGE, 1, positive), frames(shape, 2, positive)]
    _, db = converted(network([IMAGE, shape], *builds), inputs)
    assert db > 30


def test_quotients_by_what_is_not_near_zero():
    inputs = [frames(IMAGE, 1, False), frames(IMAGE, 2, True) + 0.5]
    module, db = converted(network([IMAGE, IMAGE], nn.DivOp), inputs)
    assert db > 30
    # The reciprocal is exact: all that is rounded are the operands and the quotient.
    assert [op.name for op in module.walk() if op.dialect_name() == "lns"].count("lns.table") == 1


@pytest.mark.parametrize(
    "activation, ops",
    [
        (lambda x: nn.ClampOp(x, 0.0, 6.0), ["conv2d"]),
        (nn.ReluOp, ["conv2d"]),
        (nn.HardswishOp, ["conv2d", "table"]),
        (lambda x: nn.ClampOp(x, -30.0, 20.0), ["conv2d", "table"]),
    ],
)
@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_activations_of_a_conv(activation: Build, ops: list[str], scale: float):
    """A ReLU6 is where the format ends, whether the values reach 6 or not."""

    def conv(x: SSAValue) -> nn.Conv2dOp:
        weight = constant_array(constant(8, 6, 3, 3))
        assert weight is not None
        return nn.Conv2dOp(x, ConstantOp.from_array(weight * scale, f32), padding=(1, 1, 1, 1))

    module, db = converted(network([IMAGE], conv, activation), [frames(IMAGE, 1, False)])
    assert [op.name for op in module.walk() if isinstance(op, lns.Conv2dOp | lns.TableOp)] == [
        f"lns.{name}" for name in ops
    ]
    assert db > 30


def test_silu_written_out_is_one_table():
    block = Block(arg_types=[TensorType(f32, (1, 4))])
    (x,) = block.args
    gate = nn.SigmoidOp(x)
    product = nn.MulOp(x, gate)
    block.add_ops([gate, product, ReturnOp(product)])
    module = ModuleOp([FuncOp("main", ([x.type], [product.output.type]), Region(block))])
    module, db = converted(module, [frames((4,), 1, False)])
    names = [op.name for op in module.walk() if op.dialect_name() == "lns"]
    assert names == ["lns.encode", "lns.table", "lns.decode"]
    assert db > 34


def test_transposed_convs_are_clustered_like_any_layer():
    """Their weights have the outputs first, so blocks and channel scales mean the same."""

    def wide(x: SSAValue) -> nn.ConvTranspose2dOp:
        return nn.ConvTranspose2dOp(x, constant(32, 6, 3, 3), constant(32), strides=(2, 2))

    module = network([IMAGE], wide)
    settings = ClusterWeightsPass(centroids=64)
    settings.apply(Context(), module)
    (lookup,) = (op for op in module.walk() if isinstance(op, LookupOp))
    assert lookup.block.get_values() == (1, 1, 3, 3)
    _, db = converted(module, [frames(IMAGE, 1, False)])
    assert db > 30


def test_relu_of_what_is_never_negative_goes():
    def pool(x: SSAValue) -> nn.MaxPool2dOp:
        return nn.MaxPool2dOp(x, (2, 2))

    module, db = converted(network([IMAGE], pool, nn.ReluOp), [frames(IMAGE, 1, True)])
    assert not any(isinstance(op, lns.ReluOp) for op in module.walk())
    assert db > 30


def test_moved_results_have_the_outputs_format():
    """A detection head: conv, permute, reshape; its 16 bits must not be lost on the way."""

    def conv(x: SSAValue) -> nn.Conv2dOp:
        return nn.Conv2dOp(x, constant(4, 6, 1, 1))

    builds = (
        conv,
        lambda x: nn.PermuteOp(x, (0, 2, 3, 1)),
        lambda x: nn.ReshapeOp(x, (1, 36, 8)),
    )
    module, db = converted(network([IMAGE], *builds), [frames(IMAGE, 1, False)])
    (conv_op,) = (op for op in module.walk() if isinstance(op, lns.Conv2dOp))
    assert lns.format_of(conv_op.output).width == 16
    assert db > 33


@pytest.mark.parametrize(
    "build",
    [
        lambda x: nn.ReshapeOp(x, (6, 8, 9)),
        lambda x: nn.PermuteOp(x, (1, 0, 2, 3)),
        lambda x: nn.SoftmaxOp(x, 1),
        lambda x: nn.MeanOp(x, (0, 1)),
    ],
)
def test_what_has_no_form_on_codes_stays_float(build: Build):
    module, x = network([IMAGE], build), frames(IMAGE, 1, False)[:1]
    (expected,) = run_nn(module, x)
    calibrate(module, [x], ActivationFormats())
    encode_module(module, LnsFormat(8, 4), Arithmetic())
    verify_module(module)
    assert not any(op.dialect_name() == "lns" for op in module.walk())
    # Equal but for the last bit, which depends on torch's threads.
    np.testing.assert_allclose(run_lns(module, x)[0], expected.numpy(), rtol=1e-6)
