"""A function on parts of frames: it is the network, imported for frames of that size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects.errors import RecogError
from recog.dialects.functions import find_function
from recog.dialects.number_format import LnsFormat
from recog.dialects.tensors import shape_of
from recog.dialects.verification import verify_module
from recog.frontend.torch.importer import import_torch
from recog.lowering.common import smaller_frames as under_test
from recog.lowering.common.batches import step_bytes
from recog.lowering.common.smaller_frames import SmallerFrames, smaller_frames
from recog.lowering.precision.output_noise import Noise, output_noise

HEIGHT, WIDTH = 256, 384


class EncoderDecoder(nn.Module):
    """Strides, poolings, a gate by the mean, a skip, and three ways up again."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(12, 8, 3, padding=1)
        self.down = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.gate = nn.Conv2d(8, 8, 1)
        self.wide = nn.Conv2d(8, 16, 3, padding=2, dilation=2)
        self.up = nn.ConvTranspose2d(4, 8, 2, stride=2)
        self.last = nn.Conv2d(16, 5, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        # Focus of YOLOv5: pixels to channels.
        x = torch.cat([x[..., a::2, b::2] for a in (0, 1) for b in (0, 1)], 1)
        stem = F.relu(self.stem(x))
        y = F.max_pool2d(F.relu(self.down(stem)), 3, 2, 1)
        y = y * torch.sigmoid(self.gate(F.adaptive_avg_pool2d(y, 1)))
        y = F.pixel_shuffle(self.wide(F.pad(y, (1, 2, 1, 2))[:, :, 1:-2, 1:-2]), 2)
        y = F.interpolate(self.up(y), scale_factor=0.5, mode="bilinear")
        y = F.interpolate(y, size=stem.shape[2:], mode="nearest")
        y = self.last(torch.cat([stem, y], 1))
        return y, y.flatten(2).transpose(1, 2)


class TwoCameras(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.second = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.second(F.relu(self.first(left)) - F.relu(self.first(right)))


class Classifier(nn.Module):
    """Its last layer holds for maps of one size only."""

    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(3, 1, 3, stride=8, padding=1)
        self.head = nn.Linear(HEIGHT * WIDTH // 64, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).flatten(1))


class OwnPositions(nn.Module):
    """Adds a value of its own to each position."""

    def __init__(self):
        super().__init__()
        self.map = nn.Parameter(torch.rand(1, 3, HEIGHT, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.map)


def imported(model: nn.Module, count: int, height: int = HEIGHT, width: int = WIDTH) -> ModuleOp:
    return import_torch(model.eval(), tuple(torch.rand(1, 3, height, width) for _ in range(count)))


def parts_of(
    model: nn.Module, count: int, monkeypatch: pytest.MonkeyPatch, limit: int = 1 << 20
) -> SmallerFrames | None:
    monkeypatch.setattr(under_test, "STEP_BYTES", limit)
    return smaller_frames(find_function(imported(model, count), "main"), 1)


@pytest.mark.parametrize("network,count", [(EncoderDecoder, 1), (TwoCameras, 2)])
def test_it_is_the_network_at_that_size(
    network: type[nn.Module], count: int, monkeypatch: pytest.MonkeyPatch
):
    torch.manual_seed(0)
    model = network()
    smaller = parts_of(model, count, monkeypatch)
    assert smaller is not None
    verify_module(smaller.module)
    height, width = smaller.size
    assert 64 <= height < HEIGHT
    assert 64 <= width < WIDTH
    same = imported(model, count, height, width)
    inputs = [np.random.default_rng(i).random((2, 3, HEIGHT, WIDTH), np.float32) for i in (0, 1)]
    places = set[bytes]()
    for number, part in enumerate(smaller.parts(inputs[:count], 4)):
        wanted, found = run_nn(same, *part), run_nn(smaller.module, *part)
        assert len(found) == len(wanted) > 0
        for a, b in zip(found, wanted):
            assert torch.equal(a, b)
        whole = inputs[0][number % 2]
        windows = np.lib.stride_tricks.sliding_window_view(whole, part[0].shape[1:])
        assert (windows[0, ::64, ::64] == part[0]).all(axis=(2, 3, 4)).sum() == 1
        places.add(part[0].tobytes())
    assert len(places) == 4


@pytest.mark.parametrize("network", [Classifier, OwnPositions])
def test_networks_of_one_size_have_none(network: type[nn.Module], monkeypatch: pytest.MonkeyPatch):
    assert parts_of(network(), 1, monkeypatch) is None


def halves(x: Tensor) -> Tensor:
    half = x.shape[2] // 2
    return torch.cat([x[:, :, half:], x[:, :, :half]], 2)


def pyramid(x: Tensor) -> Tensor:
    pooled = (F.adaptive_avg_pool2d(x, cells) for cells in (1, 2, 4))
    return torch.cat([x, *(F.interpolate(y, x.shape[2:]) for y in pooled)], 1)


def overlapping_halves(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, (x.shape[2] // 2, 1), stride=1)


def grid(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, c, 2, h // 2, w).sum(2)


def rows_of_channels(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return F.relu(x.view(n, c * h, w)).view(n, c // 2, 2, h, w)


def of_one_size(x: Tensor) -> Tensor:
    return F.interpolate(x, (128, 128))


def wider(x: Tensor) -> Tensor:
    return F.pad(x, (x.shape[3], 0, 0, 0))


def best_quarter(x: Tensor) -> Tensor:
    x = x.flatten(2)
    return x.topk(x.shape[2] // 4, 2)[0]


def upside_down(x: Tensor) -> Tensor:
    return torch.flip(x, (2,))


def new_axis(x: Tensor) -> Tensor:
    return F.relu(x.unsqueeze(2)).transpose(1, 2).squeeze(1)


def windows(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    x = x.view(n, c, h // 4, 4, w // 4, 4).permute(0, 2, 4, 3, 5, 1).reshape(-1, 16, c)
    return torch.softmax(x @ x.transpose(1, 2), -1) @ x


def rows_by_themselves(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    x = x.permute(0, 2, 3, 1).reshape(n * h, w, c)
    return F.relu(x).view(n, h, w, c)


def disparities(x: Tensor) -> Tensor:
    w = x.shape[3]
    return torch.stack([(x * F.pad(x, (d, 0))[..., :w]).mean(1) for d in range(12)], 1)


class After(nn.Module):
    """A function of what a layer computes of the image."""

    def __init__(self, function: Callable[[Tensor], Tensor]):
        super().__init__()
        self.function = function
        self.layer = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.layer(x))


@pytest.mark.parametrize(
    "function",
    [
        halves,
        pyramid,
        overlapping_halves,
        grid,
        rows_of_channels,
        of_one_size,
        wider,
        best_quarter,
        upside_down,
    ],
)
@pytest.mark.parametrize("share", [0.3, 0.6])
def test_sizes_that_follow_from_the_frame_have_none(
    function: Callable[[Tensor], Tensor], share: float, monkeypatch: pytest.MonkeyPatch
):
    module = imported(After(function), 1)
    limit = int(share * step_bytes(find_function(module, "main")))
    assert parts_of(After(function), 1, monkeypatch, limit) is None


@pytest.mark.parametrize("function", [new_axis, windows, rows_by_themselves, disparities])
def test_axes_taken_apart_are_those_of_that_size(
    function: Callable[[Tensor], Tensor], monkeypatch: pytest.MonkeyPatch
):
    model = After(function)
    smaller = parts_of(model, 1, monkeypatch)
    assert smaller is not None
    (part,) = smaller.parts([np.random.default_rng(0).random((1, 3, HEIGHT, WIDTH), np.float32)], 1)
    (wanted,), (found,) = (
        run_nn(imported(model, 1, *smaller.size), *part),
        run_nn(smaller.module, *part),
    )
    assert torch.equal(found, wanted)


def test_frames_that_fit_stay_whole(monkeypatch: pytest.MonkeyPatch):
    assert parts_of(EncoderDecoder(), 1, monkeypatch, 1 << 40) is None


def test_frames_smaller_than_a_part_stay_whole(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(under_test, "STEP_BYTES", 1)
    module = imported(EncoderDecoder(), 1, 48, 128)
    assert smaller_frames(find_function(module, "main"), 1) is None


def test_noise_on_parts_is_that_on_whole_frames(monkeypatch: pytest.MonkeyPatch):
    torch.manual_seed(0)
    module = imported(EncoderDecoder(), 1)
    function = find_function(module, "main")
    values = [op.results[0] for op in function.body.block.ops if op.name == "nn.relu"]
    weights = [op.operands[1] for op in function.body.block.ops if op.name == "nn.conv2d"]
    formats: dict[SSAValue, LnsFormat] = {
        value: LnsFormat(8, 4, 40) for value in (*function.args, *values)
    }
    random = np.random.default_rng(0)
    errors = {w: 0.01 * random.standard_normal(shape_of(w)) for w in weights}
    inputs = [random.random((8, 3, HEIGHT, WIDTH), np.float32)]

    def measured() -> Noise:
        return output_noise(module, function, inputs, formats, errors)

    whole = measured()
    monkeypatch.setattr(under_test, "STEP_BYTES", 8 << 20)
    parts = measured()
    for a, b in zip(whole, parts):
        assert set(a) == set(b)
        assert a != b
        for each, power in a.items():
            assert abs(10 * np.log10(b[each] / power)) < 3, each
    assert set(whole.values) == set(formats)


def test_a_part_of_another_size_is_refused(monkeypatch: pytest.MonkeyPatch):
    smaller = parts_of(TwoCameras(), 2, monkeypatch)
    assert smaller is not None
    x = np.zeros((1, 3, HEIGHT, WIDTH), np.float32)
    with pytest.raises(RecogError, match="shape"):
        run_nn(smaller.module, x, x)
