"""Stereo networks from torch to disparities, depths and boxes on the machine, bit for bit."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recog.backend.machine import Machine
from recog.dialects import nn as nn_dialect
from recog.dialects.errors import RecogError
from recog.frontend.functional import correlation, soft_argmin
from recog.frontend.tasks.stereo import StereoNet
from recog.frontend.tasks.yolostereo import YoloStereo3d
from recog.frontend.torch.importer import import_torch
from recog.lowering.partition.partition import partition, split_modules
from recog.lowering.pipeline import Conversion, ConversionOptions, convert, fold_network
from recog.tools.cli.main import main
from recog.tools.report.compare_bits import compare_bits

HEIGHT, WIDTH = 32, 64
DENSE = ConversionOptions(cluster=False)


class Matcher(nn.Module):
    """Both images in one batch; correlations, a volume with 3D layers, disparity and depth."""

    bins: Tensor

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(
            nn.Conv2d(3, 12, 3, 2, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU()
        )
        self.reduce = nn.Conv2d(12, 4, 1)
        self.mix = nn.Sequential(nn.Conv3d(8, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU())
        self.join = nn.Sequential(nn.Conv2d(8 + 12 + 16, 16, 3, padding=1), nn.ReLU())
        self.logits, self.residual = nn.Conv2d(16, 12, 1), nn.Conv2d(16, 1, 1)
        self.register_buffer("bins", 2.0 + 1.5 * torch.arange(12.0))

    def forward(self, left: Tensor, right: Tensor) -> dict[str, Tensor]:
        n = left.shape[0]
        both = self.body(torch.cat([left, right], 0))
        left, right = both[:n], both[n:]
        matches = correlation(left, right, 8)
        pair = self.reduce(left), self.reduce(right)
        moved = [F.pad(pair[1], (d, 0))[..., : left.shape[3]] for d in range(4)]
        volume = torch.stack([torch.cat([pair[0], each], 1) for each in moved], 2)
        volume = self.mix(volume).flatten(1, 2)
        x = self.join(torch.cat([matches, left, volume], 1))
        disparity = soft_argmin(4 * self.logits(x), self.bins, self.residual(x))
        full = 2 * F.interpolate(disparity, scale_factor=2, mode="bilinear", align_corners=False)
        return {"disparity": full, "depth": 389.6 / (2 * disparity)}


def pairs(count: int = 8) -> list[np.ndarray]:
    """Textured planes: the right image is the left one moved by a few pixels."""
    random = np.random.default_rng(0)
    left = random.uniform(0, 1, (count, 3, HEIGHT, WIDTH)).astype(np.float32)
    right = np.stack([np.roll(each, -int(random.integers(0, 12)), 2) for each in left])
    return [left, right]


def tensors(count: int = 1) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(x) for x in pairs(count))


@pytest.fixture(scope="module")
def conversion() -> Conversion:
    return convert(import_torch(Matcher().eval(), tensors()), pairs(), options=DENSE)


def test_all_of_it_runs_on_the_chip_bit_for_bit(conversion: Conversion):
    assert conversion.host_part is None
    machine = Machine(conversion.assemble())
    assert (
        compare_bits(conversion.lns_module, conversion.chip_module, machine, pairs()).elements > 0
    )
    names = {op.name for op in machine.program.instructions}
    assert {"chip.corr", "chip.expect.add", "chip.disp2depth"} <= names


def test_disparities_and_depths_are_near_those_of_floats(conversion: Conversion):
    """What 8-bit features leave of them; the heads themselves add no more than 16 bits do."""
    with torch.no_grad():
        wanted = Matcher().eval()(*tensors(8))
    disparity, depth = Machine(conversion.assemble()).run(*pairs())
    assert disparity.shape == (8, 1, HEIGHT, WIDTH)
    assert np.abs(disparity - wanted["disparity"].numpy()).max() < 1.0
    assert np.sqrt(((disparity - wanted["disparity"].numpy()) ** 2).mean()) < 0.25
    ratio = depth / wanted["depth"].numpy()
    assert np.abs(np.log(ratio)).max() < 0.06


def test_the_stereo_detector_runs_on_the_chip_whole():
    """The network of the task: left and right to boxes in space, without a host's part."""
    torch.manual_seed(0)
    module = import_torch(StereoNet().eval(), tensors())
    result = convert(module, pairs(), options=DENSE)
    assert result.host_part is None
    machine = Machine(result.assemble())
    assert compare_bits(result.lns_module, result.chip_module, machine, pairs(3)).elements > 0
    names = [op.name for op in machine.program.instructions]
    decode = ["chip.expect.add", "chip.peaks", "chip.boxdec2d", "chip.boxdec3d", "chip.nms"]
    assert names.count("chip.corr") == 2
    assert all(names.count(name) == 1 for name in decode)


def test_a_pair_that_does_not_fit_is_refused(conversion: Conversion):
    machine = Machine(conversion.assemble())
    left, right = pairs(2)
    with pytest.raises(RecogError, match="the program takes 2 inputs"):
        machine.run(left)
    with pytest.raises(RecogError, match="different numbers of frames"):
        machine.run(left, right[:1])
    with pytest.raises(RecogError, match="has shape"):
        machine.run(left, right[..., :-2])


NETWORK = """
import sys
sys.path.insert(0, {folder!r})
from test_stereo import Matcher, tensors


def make():
    return Matcher().eval(), tensors()
"""


def test_the_commands_take_two_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "net.py").write_text(NETWORK.format(folder=str(Path(__file__).parent)))
    left, right = pairs(6)
    np.savez(tmp_path / "pairs.npz", input0=left, input1=right)
    data, out = str(tmp_path / "pairs.npz"), tmp_path / "out"
    command = ["convert", f"{tmp_path}/net.py:make", "--data", data, "-o", str(out)]
    assert main([*command, "--centroids", "16", "--epochs", "1"]) == 0
    assert not (out / "host.mlir").exists()
    program, outputs = str(out / "program.recog"), tmp_path / "outputs.npz"
    assert main(["run", program, "--data", data, "-o", str(outputs)]) == 0
    expected = Machine(program).run(left, right)
    found = np.load(outputs)
    for name, value in zip(["disparity", "depth"], expected, strict=True):
        assert np.array_equal(found[name], value)
    capsys.readouterr()
    assert (
        main(["compare", str(sorted(out.glob("*-tuned.mlir"))[0]), str(out), "--data", data]) == 0
    )
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("lns.correlation", "lns.expectation", "lns.reciprocal"))


def test_the_full_size_detector_is_whole_up_to_its_peaks():
    """Backbone, correlations, volume, ghosts and heads on the chip; anchors' decode on the host."""
    torch.manual_seed(0)
    images = torch.rand(2, 1, 3, 288, 1280)
    module = import_torch(YoloStereo3d(8, 8).eval(), (images[0], images[1]))
    fold_network(module)
    assert partition(module)
    chip_part, host = split_modules(module)
    on_chip = Counter(op.name for op in chip_part.walk())
    assert (on_chip["nn.correlation"], on_chip["nn.peaks"], on_chip["nn.avg_pool2d"]) == (2, 1, 2)
    assert not {"nn.batch_norm", "nn.conv3d"} & set(on_chip)
    assert host is not None
    on_host = Counter(op.name for op in host.walk())
    assert not {"nn.conv2d", "nn.relu", "nn.max_pool2d"} & set(on_host)
    # Left and right share the weights of the backbone, and planes those of a 3D layer.
    weights = Counter(op.weight for op in chip_part.walk() if isinstance(op, nn_dialect.Conv2dOp))
    assert sorted(set(weights.values())) == [1, 2, 12]
