"""What decoders of boxes need in wide codes, and how far those reach."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from recog.dialects import nn as nn_dialect
from recog.dialects.functions import find_function
from recog.dialects.lns import NumberType
from recog.dialects.number_format import LnsFormat
from recog.frontend.functional import decode_boxes_2d, decode_boxes_3d, peaks, suppress
from recog.frontend.torch.importer import import_torch
from recog.lowering.encode.calibrate import FORMAT, ActivationFormats, calibrate
from recog.lowering.pipeline import module_outputs


class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Conv2d(3, 8, 3, 1, 1)
        self.all, self.disparity = nn.Conv2d(8, 13, 1), nn.Conv2d(8, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self.body(x).relu()
        heat, offset, size, box = self.all(x).split([2, 2, 2, 7], 1)
        scores, indices = peaks(heat.sigmoid(), 4)
        boxes = decode_boxes_2d(indices, offset, size, 4.0)
        camera, priors = [100.0, 8.0, 8.0, 1.0], [1.5] * 6
        space = decode_boxes_3d(indices, self.disparity(x).relu(), box, 4.0, camera, priors)
        return suppress(boxes, scores, indices, 256, 0.5), space


def format_of(op: nn_dialect.NnOp) -> LnsFormat:
    chosen = op.attributes[FORMAT]
    assert isinstance(chosen, NumberType)
    return chosen.format


def test_heads_are_wide_and_reach_twice_as_far_as_the_examples():
    module = import_torch(Heads().eval(), torch.zeros(1, 3, 16, 16))
    x = np.random.default_rng(0).normal(size=(4, 3, 16, 16)).astype(np.float32)
    calibrate(module, [x], ActivationFormats())
    ops = [op for op in find_function(module, "main").walk() if isinstance(op, nn_dialect.NnOp)]
    body, features, heads, disparity = (
        format_of(op)
        for op in ops
        if isinstance(op, nn_dialect.Conv2dOp | nn_dialect.ReluOp)
        if not isinstance(op, nn_dialect.Conv2dOp) or op.output.name_hint != "disparity"
    )
    assert (body.width, features.width) == (8, 8)
    assert (heads.width, heads.frac) == (16, 11)
    assert (disparity.width, disparity.frac, disparity.unsigned) == (16, 12, True)
    assert format_of(ops[-1]).width == format_of(ops[-2]).width == 16
    _, space = module_outputs(module, [x])
    largest = 100 / space[..., 2].min()
    reach = 2 ** ((disparity.max_magnitude - disparity.biases[0]) / 2**disparity.frac)
    assert 2 * largest * 0.999 < reach
