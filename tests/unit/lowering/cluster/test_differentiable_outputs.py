"""Networks that end in boxes or indices are tuned by what their decoders take."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from xdsl.dialects.builtin import ModuleOp

from recog.dialects.functions import find_function
from recog.dialects.verification import verify_module
from recog.frontend.functional import decode_boxes_2d, peaks, suppress
from recog.frontend.torch.importer import import_torch
from recog.lowering.cluster.differentiable_outputs import heads_of, returning_heads
from recog.lowering.pipeline import ConversionOptions, Stage, convert, module_outputs, raise_torch

QUICK = ConversionOptions(
    centroids=4,
    scalar_centroids=3,
    carry_errors=False,  # as far off as clusters are, so that tuning has something to do
    epochs=30,
    batch=8,
    learning_rate=5e-3,
    reassign=0,
)


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU())
        self.heat, self.offset = nn.Conv2d(16, 2, 3, 1, 1), nn.Conv2d(16, 2, 1)
        self.size = nn.Conv2d(16, 2, 1)

    def forward(self, x: Tensor):
        x = self.body(x)
        heat, size = self.heat(x), self.size(x)
        scores, indices = peaks(heat.sigmoid(), 5)
        boxes = decode_boxes_2d(indices, self.offset(x), size, 2.0)
        return suppress(boxes, scores, indices, 64, 0.5), boxes, size


class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1), nn.ReLU(), nn.Conv2d(16, 4, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).argmax(1)


def imported(network: nn.Module) -> ModuleOp:
    module = import_torch(network.eval(), torch.zeros(1, 3, 16, 16))
    raise_torch(module)
    return module


def inputs() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(32, 3, 16, 16)).astype(np.float32)


def test_heads_are_what_decoders_take_and_what_is_returned_beside():
    heads = heads_of(find_function(imported(Detector()), "main"))
    assert [head.name_hint for head in heads] == ["heat", "offset", "size"]


def test_a_network_with_a_gradient_has_no_heads():
    module = imported(nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()))
    assert heads_of(find_function(module, "main")) == []
    with returning_heads(module) as found:
        assert not found


def test_the_function_is_as_before_after_an_error():
    module = imported(Detector())
    before = str(module)
    with pytest.raises(KeyError), returning_heads(module) as found:
        assert found
        verify_module(module)
        shapes = [output.shape for output in module_outputs(module, [inputs()])]
        assert shapes == [(32, 2, 8, 8)] * 3
        raise KeyError
    assert str(module) == before


@pytest.mark.parametrize("network", [Detector, Segmenter])
def test_tuning_brings_the_heads_closer(network: type[nn.Module]):
    x = inputs()
    conversion = convert(imported(network()), [x], options=QUICK)
    assert conversion.host_part is None

    def distance(stage: Stage) -> float:
        values = []
        for module in (conversion.stages[Stage.FOLDED], conversion.stages[stage]):
            with returning_heads(module):
                values.append(module_outputs(module, [x]))
        pairs = zip(*values, strict=True)
        return float(np.mean([((a - b) ** 2).mean() / a.var() for a, b in pairs]))

    assert distance(Stage.TUNED) < 0.9 * distance(Stage.CLUSTERED)
