"""Which values calibrate gives wide formats, and what formats those are."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch import nn as tnn

from recog.dialects import nn
from recog.dialects.functions import find_function
from recog.dialects.lns import NumberType
from recog.frontend.functional import soft_argmin
from recog.frontend.torch.importer import import_torch
from recog.lowering.encode.calibrate import FORMAT, ActivationFormats, calibrate
from recog.lowering.encode.precision_analysis import wide_values
from recog.lowering.pipeline import raise_torch


class Heads(tnn.Module):
    """A disparity of scaled logits, that is scaled, turned into a depth, enlarged, and mixed."""

    bins: Tensor

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = tnn.Conv2d(3, 8, 3, padding=1)
        self.logits, self.residual = tnn.Conv2d(8, 6, 1), tnn.Conv2d(8, 1, 1)
        self.mix = tnn.Conv2d(9, 4, 3, padding=1)
        self.again = tnn.Conv2d(1, 2, 1)
        self.register_buffer("bins", 1 + torch.arange(6.0))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self.body(x).relu()
        disparity = soft_argmin(2 * self.logits(x), self.bins, self.residual(x))
        large = tnn.functional.interpolate(4 * disparity, scale_factor=2, mode="bilinear")
        mixed = self.mix(torch.cat([x, disparity / 6], 1))
        return large, 10 / disparity, mixed, self.again(disparity / 3)


def test_wide_are_operands_of_the_decoder_and_what_follows_by_a_factor():
    module = import_torch(Heads().eval(), torch.zeros(1, 3, 8, 8))
    raise_torch(module)
    function = find_function(module, "main")
    wide = wide_values(function)
    by_name: dict[str, list[bool]] = {}
    for op in function.body.block.ops:
        if isinstance(op, nn.NnOp):
            by_name.setdefault(op.name, []).append(op.output in wide)
    # Logits and residual; not the body, the mixture, nor what a layer takes.
    assert by_name["nn.conv2d"] == [False, True, True, False, False]
    assert by_name["nn.expectation"] == [True]
    assert by_name["nn.resize"] == [True]
    assert by_name["nn.concat"] == [False]
    assert by_name["nn.relu"] == [False]
    assert by_name["nn.pow"] == [True]
    # 2 · logits, 4 · disparity, 10 · 1 / disparity; / 6 before a concatenation, / 3 before a layer.
    assert by_name["nn.mul"] == [True, True, True]
    assert by_name["nn.div"] == [True, False]


def test_wide_formats_are_those_that_the_options_say():
    module = import_torch(Heads().eval(), torch.zeros(1, 3, 8, 8))
    raise_torch(module)
    frames = np.random.default_rng(0).normal(size=(4, 3, 8, 8)).astype(np.float32)
    calibrate(module, [frames], ActivationFormats())
    formats: dict[str, set[tuple[int, int, bool]]] = {}
    for op in find_function(module, "main").body.block.ops:
        chosen = op.attributes.get(FORMAT)
        if isinstance(chosen, NumberType):
            format = chosen.format
            formats.setdefault(op.name, set()).add((format.width, format.frac, format.unsigned))
    assert formats["nn.expectation"] == formats["nn.resize"] == {(16, 11, False)}
    assert formats["nn.conv2d"] == {(8, 4, False), (16, 11, False)}
    assert formats["nn.relu"] == {(8, 5, True)}
