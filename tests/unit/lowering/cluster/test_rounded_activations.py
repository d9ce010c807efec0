"""Activations rounded in the forward pass: the codes' values, straight through, as the chip's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from middle_networks import images, residual
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from recog.backend.arithmetic.reference.definition import decode, encode
from recog.backend.arithmetic.tables import encode_thresholds
from recog.backend.interpreters.lns import run_lns
from recog.backend.interpreters.nn_runner import NnRunner
from recog.dialects.functions import find_function
from recog.dialects.number_format import LnsFormat
from recog.lowering.check.compare_layers import sqnr_db
from recog.lowering.cluster.rounded_activations import RoundedActivations, rounded
from recog.lowering.encode.elementwise_fusion import find_chains
from recog.lowering.pipeline import ConversionOptions, Stage, convert
from recog.lowering.pipeline.expected_formats import expected_formats, of_function
from recog.lowering.precision.coded_values import coded_values

FORMATS = [
    LnsFormat(8, 4, 60),
    LnsFormat(8, 5, 100, unsigned=True),
    LnsFormat(6, 2, 10),
    LnsFormat(12, 7, 900),
]


def values(count: int = 20000) -> np.ndarray:
    random = np.random.default_rng(0)
    spread = random.normal(0, 1, count) * np.exp2(random.uniform(-12, 8, count))
    return spread.astype(np.float32)


@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_values_are_those_of_the_codes(format: LnsFormat):
    """But within 2^-10 of a threshold, where the neighbouring code may be taken."""
    x = values()
    thresholds = encode_thresholds(format)
    at = np.abs(np.abs(x)[:, None] / thresholds[None].astype(np.float32) - 1).min(1)
    exact = decode(encode(x.astype(np.float64), format), format, np.float32)
    found = rounded(torch.from_numpy(x), format).numpy()
    clear = at > 2.0**-10
    assert clear.mean() > 0.6
    np.testing.assert_array_equal(found[clear], exact[clear])
    near = np.abs(found - exact) <= np.abs(x) * (2 ** (1.01 / (1 << format.frac)) - 1)
    assert (near | (np.abs(x) < 1.01 * thresholds[0])).all()


@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_every_code_stays(format: LnsFormat):
    codes = np.arange(1 << format.width)
    magnitudes = codes if format.unsigned else codes & (format.sign_mask - 1)
    held = decode(codes[(magnitudes > 0) | (codes == 0)], format, np.float32)
    np.testing.assert_array_equal(rounded(torch.from_numpy(held), format).numpy(), held)


def test_the_gradient_passes():
    x = torch.from_numpy(values(100)).requires_grad_()
    weights = torch.arange(100.0)
    (rounded(x, FORMATS[0]) * weights).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, weights)


def test_images_keep_their_order_in_memory():
    x = torch.from_numpy(values(480)).reshape(2, 5, 6, 8)
    last = x.contiguous(memory_format=torch.channels_last)
    found = rounded(last, FORMATS[0])
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(found, rounded(x, FORMATS[0]))
    assert torch.equal(rounded(x.transpose(1, 3), FORMATS[0]), found.transpose(1, 3))


def test_what_is_not_finite_stays_seen():
    x = torch.tensor([1.0, float("nan"), float("inf"), -float("inf")])
    assert rounded(x, FORMATS[0]).isfinite().tolist() == [True, False, False, False]


def outputs(module: ModuleOp, formats: dict[SSAValue, LnsFormat], x: np.ndarray) -> np.ndarray:
    runner = NnRunner(module)
    rounding = RoundedActivations(runner.function, formats)
    with torch.no_grad():
        (y,) = runner(*rounding.inputs([torch.from_numpy(x)]), run=rounding.run)
    return y.numpy()


def test_the_network_computes_as_on_the_chip():
    """Most values are the chip's to the bit; the antilog's roundings lead to other codes."""
    x = images(512)
    options = ConversionOptions(cluster=False, extra_traffic=0.0, extra_weights=0.0)
    conversion = convert(residual(), [x], options=options)
    module = conversion.stages[Stage.ROUNDED]
    function = find_function(module, "main")
    wanted = run_lns(conversion.lns_module, x)[0]
    known = outputs(module, coded_values(function, find_chains(module)), x)
    assert (known == wanted).mean() > 0.5
    assert (outputs(module, {}, x) == wanted).mean() < 0.01
    assert sqnr_db(wanted, known) > 30


def test_formats_are_expected_from_the_float_network():
    """Those that calibration chooses after clustering, up to some steps of their ranges."""
    x, options = images(64), ConversionOptions(tune=False, centroids=8, table_share=100)
    conversion = convert(residual(), [x], options=options)
    float_module, after = conversion.float_module, conversion.stages[Stage.CALIBRATED]
    expected = of_function(
        expected_formats(float_module, [x], options), find_function(after, "main")
    )
    chosen = coded_values(find_function(after, "main"), find_chains(after))
    assert expected.keys() == chosen.keys()
    for value, format in chosen.items():
        assert expected[value].unsigned == format.unsigned
        assert (
            abs(
                expected[value].biases[0] / 2 ** expected[value].frac
                - format.biases[0] / 2**format.frac
            )
            < 1.5
        )
