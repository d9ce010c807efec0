"""Divisions by what rounds to zero: as the chip has them, in every pass that computes on codes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from xdsl.dialects.builtin import ModuleOp

from recog.backend.arithmetic.encoding import encode
from recog.backend.arithmetic.reference.definition import decode
from recog.backend.interpreters.lns import run_lns
from recog.backend.interpreters.nn_runner import NnRunner
from recog.dialects.number_format import LnsFormat
from recog.frontend.torch.importer import import_torch
from recog.lowering.common.run_on_codes import run_on_codes
from recog.lowering.encode.calibrate import ActivationFormats, calibrate
from recog.lowering.encode.encode_lns import EncodeLnsPass
from recog.lowering.pipeline import ConversionOptions, convert
from recog.lowering.precision.coded_values import coded_values


class Quotient(torch.nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x / y


class Normalized(torch.nn.Module):
    """A quotient whose divisor is far below its largest value wherever the frame is dark."""

    def __init__(self):
        super().__init__()
        self.values = torch.nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.scales = torch.nn.Conv2d(3, 8, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.values(x) / (self.scales(x).abs() + 1e-3)


def half_dark() -> np.ndarray:
    frames = np.random.default_rng(0).normal(size=(8, 3, 16, 16)).astype(np.float32) * 800
    frames[:, :, :8] = 0
    return frames


def import_network(network: torch.nn.Module, *shapes: tuple[int, ...]) -> ModuleOp:
    torch.manual_seed(0)
    return import_torch(network.eval(), tuple(torch.zeros(shape) for shape in shapes))


@pytest.mark.parametrize("format", [LnsFormat(8, 4, 20), LnsFormat(8, 3, -9), LnsFormat(6, 0, 3)])
def test_as_the_lns_level_divides(format: LnsFormat):
    """Every code by every code, against the table of reciprocals and the product of `lns`."""
    values = decode(np.arange(1 << format.width), format, np.float32)
    x, y = np.repeat(values, len(values))[None], np.tile(values, len(values))[None]
    x, y = np.nan_to_num(x), np.nan_to_num(y)
    module = import_network(Quotient(), x.shape, y.shape)
    formats = ActivationFormats(signed=format, unsigned=format, output=LnsFormat(16, 8))
    calibrate(module, [x, np.where(y == 0, format.smallest, y).astype(np.float32)], formats)
    function = NnRunner(module, "main").function
    known = coded_values(function, {})
    codes = [known[argument] for argument in function.args]
    given = [decode(encode(v, f), f, np.float32) for v, f in zip((x, y), codes)]
    (computed,) = NnRunner(module, "main").walk(
        *map(torch.from_numpy, given), run=run_on_codes(known)
    )
    EncodeLnsPass().apply(None, module)  # pyright: ignore[reportArgumentType]
    (wanted,) = run_lns(module, *given)
    output = list(known.values())[-1]
    assert np.isfinite(np.asarray(computed)).all()
    rounded = encode(np.asarray(computed, np.float64), output)
    np.testing.assert_array_equal(decode(rounded, output, np.float32), np.asarray(wanted))


@pytest.mark.parametrize("cluster", [False, True])
def test_converts_and_says_so(cluster: bool):
    """On codes, much of the divisor is zero, and 0 / 0 is no NaN that stops a conversion."""
    options = ConversionOptions(epochs=1) if cluster else ConversionOptions(cluster=False)
    module = import_network(Normalized(), (1, 3, 16, 16))
    conversion = convert(module, [half_dark()], options=options)
    assert [note.kind for note in conversion.notes].count("zero-divisors") == 1
