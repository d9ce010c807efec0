"""Peaks, boxes and suppression from torch: one op each, with torch's values."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import nn as nn_dialect
from recog.dialects.errors import RecogError
from recog.frontend.functional import decode_boxes_2d, decode_boxes_3d, peaks, suppress
from recog.frontend.torch.importer import import_torch
from recog.lowering.pipeline import raise_torch

CAMERA, PRIORS = [700.0, 30.0, 12.0, 0.54], [1.5, 1.6, 3.9, 1.7, 0.6, 0.8]


class Calls(nn.Module):
    """A module that is one function of its inputs."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor):
        return self.function(*inputs)


def imported(function, *inputs: Tensor):
    module = import_torch(Calls(function).eval(), tuple(x[:1] for x in inputs))
    raise_torch(module)
    return module


def assert_same(function, *inputs: Tensor) -> list[str]:
    """Each result equals torch's; the names of the ops."""
    module = imported(function, *inputs)
    wanted = function(*inputs)
    found = run_nn(module, *inputs)
    for ours, theirs in zip(found, wanted if isinstance(wanted, tuple) else (wanted,), strict=True):
        assert ours.dtype == theirs.dtype
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    return [op.name for op in module.walk() if isinstance(op, nn_dialect.NnOp)]


def maps(seed: int, channels: int, *, frames: int = 3) -> Tensor:
    values = np.random.default_rng(seed).normal(size=(frames, channels, 5, 7))
    return torch.from_numpy(values.astype(np.float32))


def test_peaks_of_a_sigmoid_rank_logits():
    names = assert_same(lambda x: peaks(x.sigmoid(), 9), maps(0, 2))
    assert names == ["nn.peaks"]


def test_peaks_with_ties_and_fewer_than_k():
    heat = torch.zeros(3, 2, 5, 7)
    heat[0, 1, 2, 2:4] = 0.5
    heat[0, 0, 0, 0] = 0.5
    heat[1] = 0.25
    assert_same(lambda x: peaks(x, 9), heat)
    (scores, indices) = run_nn(imported(lambda x: peaks(x, 9), heat), heat)
    assert scores[0].tolist() == [0.5] * 3 + [0] * 6
    assert indices[0].tolist() == [0, 35 + 16, 35 + 17] + [0] * 6
    assert scores[2].tolist() == indices[2].tolist() == [0] * 9


def test_boxes_in_the_image():
    def decode(heat: Tensor, offset: Tensor, size: Tensor):
        return decode_boxes_2d(peaks(heat.sigmoid(), 8)[1], offset, size, 4)

    assert assert_same(decode, maps(0, 2), maps(1, 2), maps(2, 2))[-1] == "nn.decode_boxes_2d"


def test_boxes_in_space():
    def decode(heat: Tensor, disparity: Tensor, box: Tensor):
        indices = peaks(heat.sigmoid(), 8)[1]
        return decode_boxes_3d(indices, disparity, box, 4.0, CAMERA, PRIORS)

    disparity = maps(1, 1) * 3 + 2
    disparity[0] = 0
    assert_same(decode, maps(0, 2), disparity, maps(2, 7))


def test_suppression():
    def decode(heat: Tensor, offset: Tensor, size: Tensor):
        scores, indices = peaks(heat.sigmoid(), 12)
        boxes = decode_boxes_2d(indices, offset, size, 4.0)
        return suppress(boxes, scores, indices, 35, 0.3), boxes

    heads = maps(0, 2), maps(1, 2), maps(2, 2).abs()
    assert_same(decode, *heads)
    kept, _ = run_nn(imported(decode, *heads), *heads)
    assert 0 < int((kept > 0).sum()) < kept.numel()


def test_an_index_beyond_the_priors_is_an_error():
    def decode(heat: Tensor, disparity: Tensor, box: Tensor):
        indices = peaks(heat.sigmoid(), 8)[1]
        return decode_boxes_3d(indices, disparity, box, 4.0, CAMERA, PRIORS[:3])

    inputs = maps(0, 2), maps(1, 1), maps(2, 7)
    module = imported(decode, *inputs)
    with pytest.raises(RecogError, match="an index is beyond the 1 class with priors"):
        run_nn(module, *inputs)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: peaks(x, 71), "k must be from 1 to 70, the elements, got 71"),
        (lambda x: peaks(x, 0), "k must be from 1 to 70, the elements, got 0"),
        (
            lambda x: decode_boxes_2d(peaks(x, 4)[1], x, x, 0.0),
            "stride must be positive and finite, got 0.0",
        ),
        (
            lambda x: decode_boxes_3d(peaks(x, 4)[1], x[:, :1], x, 4.0, CAMERA, PRIORS),
            r"disparity and box must be \(1, 1, H, W\) and \(1, 7, H, W\)",
        ),
        (
            lambda x: suppress(x.flatten(2)[:, :, :4], peaks(x, 2)[0], peaks(x, 2)[1], 35, 1.5),
            r"iou must be in \[0, 1\], got 1.5",
        ),
    ],
)
def test_what_no_op_takes_is_named(function, message: str):
    with pytest.raises(RecogError, match=message):
        imported(function, maps(0, 2))


def test_an_archive_is_read_by_a_process_that_knows_no_operators(tmp_path: Path):
    exported = torch.export.export(Calls(lambda x: peaks(x, 2)).eval(), (maps(0, 1),))
    torch.export.save(exported, tmp_path / "peaks.pt2")
    code = (
        "import sys; from recog.frontend.torch.importer import import_pt2; import_pt2(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "peaks.pt2")], check=True)
