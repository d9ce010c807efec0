"""Constants as codes, exact against the oracle; networks as codes, close to float."""

from __future__ import annotations

from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scalar_oracle as oracle
from hypothesis import given
from hypothesis import strategies as st
from middle_networks import apply, images, ops_of, parse, randomize, residual
from xdsl.dialects.builtin import ModuleOp

from recog.backend.arithmetic.reference.definition import decode
from recog.backend.interpreters.lns import run_lns
from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import lns, nn
from recog.dialects.cluster import LookupOp
from recog.dialects.data import constant_array
from recog.dialects.errors import RecogError
from recog.dialects.lns import format_of
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.tensors import shape_of
from recog.lowering.check.compare_layers import sqnr_db
from recog.lowering.cluster.cluster_weights import ClusterWeightsPass
from recog.lowering.encode.calibrate import ActivationFormats, CalibratePass, calibrate
from recog.lowering.encode.encode_lns import EncodeLnsPass, encode_module
from recog.lowering.encode.prove_accumulators import ProveAccumulatorsPass

LAYER = """
!x = tensor<1xINPUTSxf32>
!w = tensor<OUTPUTSxINPUTSxf32>
!b = tensor<OUTPUTSxf32>
!y = tensor<1xOUTPUTSxf32>
func.func @main(%x: !x {lns.format = !lns.number<8, 4, bias = BIAS>}) -> !y {
  %w = data.constant dense<1.0> : !w
  %b = data.constant dense<1.0> : !b
  %y = nn.linear %x, %w, %b {lns.format = !lns.number<8, 4, bias = 60>} : (!x, !w, !b) -> !y
  func.return %y : !y
}
"""


def linear(inputs: int, outputs: int, bias: int, seed: int) -> ModuleOp:
    text = LAYER.replace("INPUTS", str(inputs)).replace("OUTPUTS", str(outputs))
    return randomize(parse(text.replace("BIAS", str(bias))), seed)


def stored(layer: nn.LinearOp | lns.LinearOp) -> tuple[np.ndarray, LnsFormat | None]:
    """What holds a layer's weights: the weight itself, or its codebook."""
    owner = layer.weight.owner
    value = owner.codebook if isinstance(owner, LookupOp) else layer.weight
    array = constant_array(value)
    assert array is not None
    return array, format_of(value) if isinstance(layer, lns.LinearOp) else None


def constant(value) -> np.ndarray:
    array = constant_array(value)
    assert array is not None
    return array


@st.composite
def weight_formats(draw: st.DrawFn) -> LnsFormat:
    """Of at most 16 octaves: the largest weight has the largest code, and sums must fit."""
    frac = draw(st.integers(0, 6))
    return LnsFormat(draw(st.integers(3, min(12, frac + 5))), frac)


@given(
    inputs=st.integers(1, 8),
    outputs=st.integers(1, 6),
    bias=st.integers(-100, 120),
    weights=weight_formats(),
    seed=st.integers(0, 999),
    clustered=st.booleans(),
)
def test_constants_are_exact(
    inputs: int, outputs: int, bias: int, weights: LnsFormat, seed: int, clustered: bool
):
    """Every code is the nearest to its weight or centroid, every initial value to its bias."""
    module = linear(inputs, outputs, bias, seed)
    if clustered:
        settings = ClusterWeightsPass(
            centroids=4, table_share=1e6, weight_frac=weights.frac, weight_width=16
        )
        apply(module, settings)
    (layer,) = ops_of(module, nn.LinearOp)
    values, _ = stored(layer)
    biases = constant(layer.bias)
    arithmetic = Arithmetic(6, 64)
    encode_module(module, weights, arithmetic)
    (encoded,) = ops_of(module, lns.LinearOp)
    codes, format = stored(encoded)
    assert format is not None
    for index in np.ndindex(*values.shape):
        channel = 0 if format.axis is None else index[0]
        assert codes[index] == oracle.encode(float(values[index]), format, channel)
    formats = format_of(encoded.input), format_of(encoded.weight)
    for channel, (value, integer) in enumerate(zip(biases, constant(encoded.bias))):
        assert integer == oracle.encode_bias(float(value), *formats, channel, arithmetic)


@given(seed=st.integers(0, 999), format=weight_formats())
def test_scales_become_biases(seed: int, format: LnsFormat):
    """The encoded lookup is worth the float lookup, centroids rounded and nothing else."""
    module = linear(8, 6, 60, seed)
    settings = ClusterWeightsPass(
        centroids=4, table_share=1e6, weight_frac=format.frac, weight_width=16
    )
    apply(module, settings)
    if not ops_of(module, LookupOp):
        return
    (layer,) = ops_of(module, nn.LinearOp)
    (lookup,) = ops_of(module, LookupOp)
    pointers, scales = constant(lookup.pointers), constant(lookup.scales)
    encode_module(module, format, Arithmetic(6, 64))
    (encoded,) = ops_of(module, LookupOp)
    assert encoded.scales is None
    rounded = decode(constant(encoded.codebook), format_of(encoded.codebook))
    blocks = rounded[pointers].reshape(shape_of(layer.weight))
    codes = constant(encoded.codebook)[pointers].reshape(blocks.shape)
    found = decode(codes, format_of(encoded.output))
    np.testing.assert_allclose(found, blocks * scales[:, None], rtol=1e-6)


def converted(module: ModuleOp, formats: ActivationFormats | None = None, **options) -> ModuleOp:
    calibrate(module, [images(64)], formats or ActivationFormats())
    return apply(module, EncodeLnsPass(**options))


def test_the_network_keeps_its_values():
    x = images(32, seed=9)
    reference = run_nn(residual(), x)[0].numpy()
    (found,) = run_lns(converted(residual()), x)
    assert sqnr_db(reference, found) > 22
    fine = ActivationFormats(LnsFormat(12, 8), LnsFormat(12, 9, unsigned=True), LnsFormat(12, 8))
    options = {"weight_width": 12, "weight_frac": 8, "antilog_bits": 12, "accumulator_width": 48}
    (better,) = run_lns(converted(residual(), fine, **options), x)
    assert sqnr_db(reference, better) > 45


def test_clustered_networks_keep_the_values_of_the_clustered_float_network():
    module = apply(residual(), ClusterWeightsPass(table_share=100))
    assert ops_of(module, LookupOp)
    x = images(32, seed=9)
    reference = run_nn(module, x)[0].numpy()
    (found,) = run_lns(converted(module), x)
    assert sqnr_db(reference, found) > 22


def test_nothing_stays_float():
    module = converted(residual())
    assert not ops_of(module, nn.NnOp)
    assert len(ops_of(module, lns.EncodeOp)) == 1
    assert len(ops_of(module, lns.DecodeOp)) == 1


def test_the_data_option_calibrates_first(tmp_path: Path):
    path = tmp_path / "data.npy"
    np.save(path, images(5))
    both = apply(residual(), CalibratePass(data=str(path)), EncodeLnsPass())
    assert str(apply(residual(), EncodeLnsPass(data=str(path)))) == str(both)


SHARED = """
!v = tensor<1x4xf32>
!w = tensor<4x4xf32>
func.func @main(%x: !v {lns.format = !lns.number<8, 4, bias = 60>}) -> (!v, !v) {
  %w = data.constant dense<1.0> : !w
  %b = data.constant dense<1.0> : tensor<4xf32>
  %0 = nn.linear %x, %w, %b {lns.format = !lns.number<8, 4, bias = 60>}
    : (!v, !w, tensor<4xf32>) -> !v
  %1 = nn.linear %0, %w, %b {lns.format = !lns.number<8, 4, bias = 61>}
    : (!v, !w, tensor<4xf32>) -> !v
  %2 = nn.linear %1, %w, %b {lns.format = !lns.number<8, 4, bias = 61>}
    : (!v, !w, tensor<4xf32>) -> !v
  func.return %1, %2 : !v, !v
}
"""


@pytest.mark.parametrize("clustered", [False, True])
def test_shared_constants_stay_shared(clustered: bool):
    module = randomize(parse(SHARED))
    if clustered:
        apply(module, ClusterWeightsPass(centroids=4, table_share=100, linear_block=1))
        assert len(ops_of(module, LookupOp)) == 1
    apply(module, EncodeLnsPass())
    layers = ops_of(module, lns.LinearOp)
    assert len({layer.weight for layer in layers}) == 1
    # The bias counts in units of the layer's input: one for inputs of bias 60, one for 61.
    assert [layer.bias is layers[0].bias for layer in layers] == [True, True, False]
    constants = [op for op in module.walk() if op.name == "data.constant"]
    assert len(constants) == (4 if clustered else 3)
    assert len(ops_of(module, lns.EncodeOp)) == 1


TWO_LIMITS = """
!v = tensor<1x4xf32>
!p = tensor<4x4xui2>
!c = tensor<4x1xf32>
func.func @main(%x: !v {lns.format = !lns.number<8, 4, bias = 60>}) -> (!v, !v) {
  %p = data.constant dense<[[0, 1, 2, 3], [3, 2, 1, 0], [0, 1, 0, 1], [2, 3, 2, 3]]> : !p
  %q = data.constant dense<[[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]]> : !p
  %c = data.constant dense<[[1.0], [-0.75], [0.5], [-0.25]]> : !c
  %v = cluster.lookup %p, %c {block = array<i64: 1, 1>} : (!p, !c) -> tensor<4x4xf32>
  %w = cluster.lookup %q, %c {block = array<i64: 1, 1>} : (!p, !c) -> tensor<4x4xf32>
  %0 = nn.linear %x, %v {lns.format = !lns.number<8, 4, bias = FIRST>}
    : (!v, tensor<4x4xf32>) -> !v
  %1 = nn.linear %0, %w {lns.format = !lns.number<8, 4, bias = 61>}
    : (!v, tensor<4x4xf32>) -> !v
  func.return %0, %1 : !v, !v
}
"""


@pytest.mark.parametrize("first", [-40, 200])
def test_a_codebook_has_one_bias_whichever_layer_limits_it(first: int):
    """The accumulators of the two layers leave it other biases; a second table is not planned."""
    module = parse(TWO_LIMITS.replace("FIRST", str(first)))
    apply(module, EncodeLnsPass(accumulator_width=20))
    first_layer, second_layer = ops_of(module, lns.LinearOp)
    codebooks = set[object]()
    for layer in (first_layer, second_layer):
        assert isinstance(layer.weight.owner, LookupOp)
        codebooks.add(layer.weight.owner.codebook)
    assert len(codebooks) == 1
    apply(module, ProveAccumulatorsPass())


def test_weights_of_small_channels_keep_their_precision():
    """A bias per output channel: a channel a million times smaller loses nothing."""
    module = linear(16, 2, 60, 0)
    constants = [op for op in module.walk() if op.name == "data.constant"]
    weight = constant(constants[0].results[0]).copy()
    weight[1] = weight[0] * 2.0**-20
    from xdsl.dialects.builtin import f32

    from recog.dialects.data import DenseAttr

    constants[0].properties["value"] = DenseAttr.from_array(weight, f32)
    constants[1].properties["value"] = DenseAttr.from_array(np.zeros(2), f32)
    encode_module(module, LnsFormat(8, 4), Arithmetic())
    (layer,) = ops_of(module, lns.LinearOp)
    codes = constant(layer.weight)
    assert (codes[0] == codes[1]).all()
    first, second = format_of(layer.weight).biases
    assert second - first == 20 * 16


def test_weight_biases_clip_at_most_half_a_step():
    module = linear(64, 8, 60, 3)
    (layer,) = ops_of(module, nn.LinearOp)
    weight = constant(layer.weight)
    encode_module(module, LnsFormat(8, 4), Arithmetic())
    (encoded,) = ops_of(module, lns.LinearOp)
    values = decode(constant(encoded.weight), format_of(encoded.weight))
    for before, after in zip(np.abs(weight).max(axis=1), np.abs(values).max(axis=1)):
        assert -1.5 <= log2(after / before) * 16 <= 0.5


@pytest.mark.parametrize(
    "options,message",
    [
        ({"weight_width": 1}, r"option weight-width must be in \[2, 16\], got 1"),
        ({"weight_frac": 13}, r"option weight-frac must be in \[0, 12\], got 13"),
        ({"antilog_bits": 1}, r"option antilog-bits must be in \[2, 12\], got 1"),
        ({"accumulator_width": 65}, r"option accumulator-width must be in \[16, 64\], got 65"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str):
    with pytest.raises(RecogError, match=message):
        EncodeLnsPass(**options)
