"""What clustering keeps of the weights, what it costs, and what it leaves alone."""

from __future__ import annotations

from math import ceil, log2, prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from middle_networks import apply, ops_of, parse, residual
from xdsl.dialects.builtin import Float32Type, IntegerType, Signedness, f32

from recog.backend.interpreters.lns import lns_interpreter
from recog.dialects import nn
from recog.dialects.cluster import LookupOp
from recog.dialects.data import ConstantOp, DenseAttr, constant_array
from recog.dialects.errors import RecogError
from recog.lowering.cluster.cluster_weights import KEPT_DENSE, ClusterWeightsPass, cluster_weights
from recog.lowering.cluster.clustered_weight import channel_scales, nearest_pointers
from recog.lowering.cluster.layouts import BlockLayout
from recog.lowering.pipeline import weight_bytes


def looked_up(op: LookupOp) -> np.ndarray:
    """The weight that a lookup of constants gives."""
    operands = tuple(constant_array(operand) for operand in op.operands)
    (weight,) = lns_interpreter(op.get_toplevel_object()).run_op(op, operands)  # pyright: ignore
    return weight


@pytest.mark.parametrize(
    "shape,block",
    [
        ((8, 4, 3, 3), (1, 1, 3, 3)),
        ((8, 16, 1, 1), (1, 8, 1, 1)),
        ((8, 16), (1, 4)),
        ((6, 4), (1, 1)),
    ],
)
def test_enough_centroids_lose_nothing(shape: tuple[int, ...], block: tuple[int, ...]):
    weight = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
    rows = prod(shape) // prod(block)
    pass_ = ClusterWeightsPass()
    ops = nearest_pointers(weight, BlockLayout.of(shape, block, rows, 8), pass_).ops()
    lookup = ops[-1]
    assert isinstance(lookup, LookupOp)
    np.testing.assert_allclose(looked_up(lookup), weight, rtol=3e-7)


def test_relative_errors_are_of_the_weights_not_of_the_normalized_ones():
    """Channels of large weights are the ones to get right."""
    random = np.random.default_rng(0)
    weight = random.normal(0, 1, (64, 32)).astype(np.float32)
    weight[::2] *= 100
    settings = ClusterWeightsPass(weight_frac=0)
    layout = BlockLayout.of(weight.shape, (1, 4), 16, 8)
    lookup = nearest_pointers(weight, layout, settings).ops()[-1]
    assert isinstance(lookup, LookupOp)
    error = ((looked_up(lookup) - weight) ** 2).sum(axis=1) / (weight**2).sum(axis=1)
    assert error[::2].mean() < error[1::2].mean()


@given(
    rms=st.floats(1e-30, 1e30),
    frac=st.integers(0, 12),
    zero=st.booleans(),
)
def test_scales_are_powers(rms: float, frac: int, zero: bool):
    weight = np.full((2, 3, 1, 1), rms, np.float32)
    if zero:
        weight[1] = 0
    scales = channel_scales(weight, frac)
    assert scales.dtype == np.float32
    exponents = np.log2(scales.astype(np.float64)) * 2**frac
    # Log2 of a float32 is exact to 2^-23 of the number, 1e-7 in the logarithm.
    np.testing.assert_allclose(exponents, np.rint(exponents), atol=1e-6 * 2**frac)
    assert abs(exponents[0] - np.log2(np.float64(np.float32(rms))) * 2**frac) <= 0.501
    assert scales[1] == 1 if zero else scales[0]


@given(
    shape=st.one_of(
        st.tuples(st.integers(1, 64), st.integers(1, 64), st.just(3), st.just(3)),
        st.tuples(st.integers(1, 64), st.integers(1, 64), st.just(1), st.just(1)),
        st.tuples(st.integers(1, 64), st.integers(1, 64)),
    ),
    centroids=st.sampled_from([2, 16, 100, 256]),
    share=st.sampled_from([0.25, 1.0, 4.0]),
)
def test_layouts(shape: tuple[int, ...], centroids: int, share: float):
    """A layout tiles the weight, is smaller than dense codes, and keeps the table's share."""
    settings = ClusterWeightsPass(centroids=centroids, table_share=share)
    layout = settings.layout_of(shape)
    if layout is None:
        return
    assert all(size % extent == 0 for size, extent in zip(shape, layout.block))
    assert layout.bits < prod(shape) * 8
    assert 2 <= layout.centroids <= max(centroids, settings.scalar_centroids)
    table = layout.centroids * prod(layout.block) * 8
    pointers = prod(shape) // prod(layout.block) * ceil(log2(layout.centroids))
    assert layout.bits == table + pointers
    if layout.block != (1,) * len(shape):
        assert table <= share * pointers
        # Twice the centroids would break one of the rules.
        if 2 * layout.centroids <= centroids:
            more = BlockLayout.of(shape, layout.block, 2 * layout.centroids, 8)
            assert 2 * table > share * (more.bits - 2 * table) or more.bits >= prod(shape) * 8


def test_block_shapes():
    settings = ClusterWeightsPass(channel_block=8, linear_block=4)
    assert settings.block_of((16, 8, 3, 3)) == (1, 1, 3, 3)
    assert settings.block_of((16, 1, 5, 1)) == (1, 1, 5, 1)
    assert settings.block_of((16, 24, 1, 1)) == (1, 8, 1, 1)
    assert settings.block_of((16, 12, 1, 1)) == (1, 6, 1, 1)
    assert settings.block_of((16, 7, 1, 1)) == (1, 7, 1, 1)
    assert settings.block_of((16, 13, 1, 1)) == (1, 1, 1, 1)
    assert settings.block_of((10, 18)) == (1, 3)


def test_the_announced_bits_are_the_packed_bytes():
    module = residual()
    settings = ClusterWeightsPass(table_share=100)
    layouts = {}
    for op in (*ops_of(module, nn.Conv2dOp), *ops_of(module, nn.LinearOp)):
        weight = constant_array(op.weight)
        assert weight is not None
        layouts[weight.shape] = settings.layout_of(weight.shape)
    apply(module, settings)
    for lookup in ops_of(module, LookupOp):
        shape = lookup.output.type.get_shape()
        layout = layouts.pop(shape)
        pointers, codebook = lookup.pointers.owner, lookup.codebook.owner
        assert isinstance(pointers, ConstantOp)
        assert isinstance(codebook, ConstantOp)
        assert layout is not None
        entries = codebook.value.type.get_shape()[0]
        assert entries <= layout.centroids
        index = IntegerType(max(1, ceil(log2(entries))), Signedness.UNSIGNED)
        assert pointers.value.type.element_type == index
        exact = (layout.bits - layout.centroids * prod(layout.block) * 8) / 8
        assert len(pointers.value.content) <= ceil(exact)
    assert all(layout is None for layout in layouts.values())
    assert weight_bytes(module) < weight_bytes(residual())


def test_dense_layers_say_why():
    module = apply(residual(), ClusterWeightsPass(scalar_centroids=0))
    lookups = ops_of(module, LookupOp)
    layers = [*ops_of(module, nn.Conv2dOp), *ops_of(module, nn.LinearOp)]
    dense = [op for op in layers if KEPT_DENSE in op.attributes]
    assert dense
    assert len(dense) + len(lookups) == len(layers)
    for op in dense:
        assert isinstance(op.weight.owner, ConstantOp)
        reason = op.attributes[KEPT_DENSE]
        assert "pointers and a table want more than" in str(reason)


@pytest.mark.parametrize("fan_in,dense", [(0, 0), (7, 0), (8, 1), (9, 2), (1024, 4)])
def test_layers_of_few_products_stay_dense(fan_in: int, dense: int):
    """Outputs sum 18, 9 (depthwise, 3x3), 8 (1x1) and 16 products."""
    module = apply(residual(), ClusterWeightsPass(table_share=100, dense_fan_in=fan_in))
    for_that = [
        op
        for op in ops_of(module, nn.LayerOp)
        if "option dense-fan-in" in str(op.attributes.get(KEPT_DENSE))
    ]
    assert len(for_that) == dense
    assert all(isinstance(op.weight.owner, ConstantOp) for op in for_that)


def test_the_same_in_every_run():
    modules = [apply(residual(), ClusterWeightsPass(table_share=100, seed=3)) for _ in range(2)]
    assert str(modules[0]) == str(modules[1])


SIZES = """
func.func @main(%x: tensor<1x64xf32>) -> tensor<1x64xf32> {
  %w = data.constant dense<0.0> : tensor<128x64xf32>
  %v = data.constant dense<0.0> : tensor<64x128xf32>
  %u = data.constant dense<0.0> : tensor<64x64xf32>
  %0 = nn.linear %x, %w : (tensor<1x64xf32>, tensor<128x64xf32>) -> tensor<1x128xf32> loc("wide")
  %1 = nn.linear %0, %v {cluster.layout = #cluster.layout<block = [1, 4], centroids = 4>} : (tensor<1x128xf32>, tensor<64x128xf32>) -> tensor<1x64xf32> loc("given")
  %2 = nn.linear %1, %u : (tensor<1x64xf32>, tensor<64x64xf32>) -> tensor<1x64xf32> loc("small")
  func.return %2 : tensor<1x64xf32>
}
"""  # noqa: E501


@pytest.mark.parametrize(
    "options,places",
    [
        ({"centroids": 65536}, ("small (256 for 1,024 blocks)", "wide (512 for 2,048 blocks)")),
        ({"centroids": 65536, "table_share": 1e6}, ("small (512 for 1,024 blocks)",)),
        ({"centroids": 256, "table_share": 0.5}, ()),
        ({"centroids": 400}, ("small (200 for 1,024 blocks)",)),
        ({"centroids": 100}, ()),
    ],
)
def test_more_centroids_than_there_are_blocks_for(options: dict[str, Any], places: tuple[str, ...]):
    """Fewer than the default are usual, and layouts by hand are what somebody wanted."""
    module = parse(SIZES)
    for constant in ops_of(module, ConstantOp):
        shape = constant.value.type.get_shape()
        values = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
        constant.properties["value"] = DenseAttr.from_array(values, f32)
    notes = cluster_weights(module, ClusterWeightsPass(iterations=2, **options))
    assert [note.kind for note in notes] == ["fewer-centroids"] * bool(places)
    for note in notes:
        assert note.places[: len(places)] == places
        assert f"fewer than the {options['centroids']:,} centroids" in note.line()
        assert not any(place.startswith("given") for place in note.places)


SHARED = """
func.func @main(%x: tensor<1x64xf32>) -> tensor<1x64xf32> {
  %w = data.constant dense<1.0> : tensor<64x64xf32>
  %0 = nn.linear %x, %w : (tensor<1x64xf32>, tensor<64x64xf32>) -> tensor<1x64xf32>
  %1 = nn.linear %0, %w : (tensor<1x64xf32>, tensor<64x64xf32>) -> tensor<1x64xf32>
  func.return %1 : tensor<1x64xf32>
}
"""


def test_shared_weights_stay_shared():
    module = parse(SHARED)
    (constant,) = ops_of(module, ConstantOp)
    values = np.random.default_rng(0).normal(0, 1, (64, 64))
    constant.properties["value"] = DenseAttr.from_array(values, f32)
    apply(module, ClusterWeightsPass())
    (lookup,) = ops_of(module, LookupOp)
    assert [op.weight.owner for op in ops_of(module, nn.LinearOp)] == [lookup, lookup]
    assert len(ops_of(module, ConstantOp)) == 3


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(value: float):
    module = residual()
    op = ops_of(module, nn.Conv2dOp)[1]
    constant = op.weight.owner
    assert isinstance(constant, ConstantOp)
    weight = constant.value.to_array().copy()
    weight[0, 0, 1, 1] = value
    constant.properties["value"] = DenseAttr.from_array(weight, Float32Type())
    message = r"'nn.conv2d' op at layer \"block.depthwise\" \(net.py:20\): the weight holds NaN"
    with pytest.raises(RecogError, match=message):
        apply(module, ClusterWeightsPass())


def test_weights_of_any_size_and_value():
    """Extremes do not overflow on the way."""
    for values in ([3e38, -3e38] * 64, [1e-45, 2e-45] * 64, [0.0, -0.0] * 64, [1e-20, 1e20] * 64):
        weight = np.array(values, np.float32).reshape(8, 16)
        layout = BlockLayout.of((8, 16), (1, 1), 16, 8)
        ops = nearest_pointers(weight, layout, ClusterWeightsPass()).ops()
        lookup = ops[-1]
        assert isinstance(lookup, LookupOp)
        found = looked_up(lookup)
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found, weight, rtol=1e-5, atol=1e-40)


@pytest.mark.parametrize(
    "option,value,range_",
    [
        ("centroids", 1, "[2, 65536]"),
        ("scalar_centroids", -1, "[0, 65536]"),
        ("channel_block", 0, "[1, 1024]"),
        ("linear_block", 2000, "[1, 1024]"),
        ("dense_fan_in", -1, "[0, 1024]"),
        ("table_share", -0.5, "[0.0, 1000000.0]"),
        ("weight_frac", 13, "[0, 12]"),
        ("weight_width", 17, "[2, 16]"),
        ("iterations", 0, "[1, 100000]"),
        ("seed", -1, "[0, 4294967295]"),
    ],
)
def test_bad_options(option: str, value: Any, range_: str):
    with pytest.raises(RecogError) as caught:
        ClusterWeightsPass(**{option: value})
    name = option.replace("_", "-")
    assert str(caught.value) == f"option {name} must be in {range_}, got {value}"
