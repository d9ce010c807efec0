"""Detectors whose whole decode runs on the chip: from torch through the commands to boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from recog.backend.machine import Machine
from recog.dialects.errors import RecogError
from recog.frontend.functional import decode_boxes_2d, decode_boxes_3d, peaks, suppress
from recog.frontend.torch.importer import import_torch
from recog.lowering.check.compare_layers import compare_layers
from recog.lowering.pipeline import Conversion, ConversionOptions, convert
from recog.tools.cli.main import main
from recog.tools.report.compare_bits import compare_bits

CAMERA, PRIORS = (200.0, 32.0, 16.0, 0.5), [1.5, 1.6, 3.9, 1.7, 0.6, 0.8]
CLASSES, ROWS, STRIDE = 2, 10, 4.0


def biased(layer: nn.Conv2d, value: float) -> nn.Conv2d:
    """A layer with all biases this value."""
    if layer.bias is not None:
        nn.init.constant_(layer.bias, value)
    return layer


class Detector(nn.Module):
    """Blobs of red and of blue are objects; sizes and disparities follow the brightness."""

    def __init__(self, *, space: bool = False):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(
            nn.Conv2d(3, 12, 3, 2, 1), nn.ReLU(), nn.Conv2d(12, 16, 3, 2, 1), nn.ReLU()
        )
        self.heat, self.offset = nn.Conv2d(16, CLASSES, 1), nn.Conv2d(16, 2, 1)
        self.size, self.box = biased(nn.Conv2d(16, 2, 1), 1.8), nn.Conv2d(16, 7, 1)
        self.disparity = biased(nn.Conv2d(16, 1, 1), 6.0)
        self.space = space

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.body(x)
        heat = self.heat(x)
        scores, indices = peaks(heat.sigmoid(), ROWS)
        boxes = decode_boxes_2d(indices, self.offset(x), self.size(x), STRIDE)
        kept = suppress(boxes, scores, indices, heat.shape[2] * heat.shape[3], 0.3)
        found = {"scores": kept, "boxes": boxes, "indices": indices}
        if self.space:
            disparity = self.disparity(x).relu()
            found["space"] = decode_boxes_3d(
                indices, disparity, self.box(x), STRIDE, CAMERA, PRIORS
            )
        return found


def frames(count: int = 12) -> np.ndarray:
    """Noise with a few bright rectangles."""
    random = np.random.default_rng(0)
    images = random.normal(0, 0.1, (count, 3, 32, 64))
    for image in images:
        for _ in range(3):
            x, y = random.integers(0, 52), random.integers(0, 24)
            image[random.integers(0, 3), y : y + 8, x : x + 12] += random.uniform(1, 3)
    return images.astype(np.float32)


def converted(space: bool) -> Conversion:
    module = import_torch(Detector(space=space).eval(), torch.zeros(1, 3, 32, 64))
    return convert(module, [frames()], options=ConversionOptions(cluster=False))


@pytest.fixture(scope="module")
def conversion() -> Conversion:
    return converted(space=True)


def test_all_of_it_runs_on_the_chip_bit_for_bit(conversion: Conversion):
    assert conversion.host_part is None
    assert "split" not in conversion.stages
    machine = Machine(conversion.assemble())
    assert (
        compare_bits(conversion.lns_module, conversion.chip_module, machine, [frames()]).elements
        > 0
    )
    names = [op.name for op in machine.program.instructions]
    expected = ["chip.peaks", "chip.boxdec2d", "chip.nms", "chip.boxdec3d"]
    assert [name for name in names if name in expected] == expected


def test_rows_of_the_same_cells_are_where_torch_puts_them(conversion: Conversion):
    """Boxes within a pixel of the float network's, depths within 5 %; scores within 0.02."""
    with torch.no_grad():
        wanted = Detector(space=True).eval()(torch.from_numpy(frames()))
    scores, boxes, indices, space = Machine(conversion.assemble()).run(frames())
    assert indices.dtype == np.int64
    same = 0
    for frame, row in np.ndindex(indices.shape):
        there = np.flatnonzero(wanted["indices"][frame].numpy() == indices[frame, row])
        if len(there) != 1:
            continue
        same += 1
        other = int(there[0])
        assert np.abs(boxes[frame, row] - wanted["boxes"][frame, other].numpy()).max() < 1
        depth = float(wanted["space"][frame, other, 2])
        assert abs(space[frame, row, 2] / depth - 1) < 0.05
        score = float(wanted["scores"][frame, other])
        if score and scores[frame, row]:
            assert abs(scores[frame, row] - score) < 0.02
    assert same > 0.8 * indices.size
    assert 0 < (scores == 0).mean() < 1


def test_scores_are_ranked_and_nothing_overlaps_by_more(conversion: Conversion):
    scores, boxes, indices, _ = Machine(conversion.assemble()).run(frames())
    for frame in range(len(scores)):
        kept = np.flatnonzero(scores[frame])
        assert (np.diff(scores[frame][kept]) <= 0).all()
        for a in kept:
            for b in kept[kept > a]:
                if indices[frame, a] // 128 == indices[frame, b] // 128:
                    assert overlap(boxes[frame, a], boxes[frame, b]) <= 0.3 + 1e-4


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = np.prod(np.clip(high - low, 0, None))
    return shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared)


def test_the_comparison_picks_the_same_rows(conversion: Conversion):
    """Alone, each op that decodes is off by its rounding, not by rows that changed places."""
    rows = compare_layers(conversion.float_module, conversion.lns_module, [frames()])
    alone = {row.op: row.alone_db for row in rows}
    assert alone["lns.decode_boxes_2d"] > 60
    assert alone["lns.decode_boxes_3d"] > 60
    assert alone["lns.suppress"] > 60


class Halved(Detector):
    """Arithmetic on boxes, which are no codes."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        found = super().forward(x)
        return {"scores": found["scores"], "boxes": found["boxes"] * 0.5}


def test_arithmetic_on_boxes_is_the_hosts():
    module = import_torch(Halved().eval(), torch.zeros(1, 3, 32, 64))
    result = convert(module, [frames()], options=ConversionOptions(cluster=False))
    host = result.host_part
    assert host is not None
    ops = [op for op in host.walk() if op.dialect_name() == "nn"]
    assert [op.name for op in ops] == ["nn.mul"]
    assert "computes with fixed-point numbers" in str(ops[0].attributes["stays_because"])
    scores, boxes = result.network(Machine(result.assemble()).run)(frames())
    with torch.no_grad():
        wanted = Halved().eval()(torch.from_numpy(frames()))
    assert scores.shape == wanted["scores"].shape
    assert np.abs(np.sort(boxes, axis=1) - np.sort(wanted["boxes"].numpy(), axis=1)).max() < 16


def test_nan_is_refused(conversion: Conversion):
    bad = frames(1)
    bad[0, 0, 3, 3] = np.nan
    with pytest.raises(RecogError, match="holds NaN or infinity"):
        Machine(conversion.assemble()).run(bad)


class Bright(nn.Module):
    """Brightness above a half is an object; nothing is where all is dark."""

    def __init__(self):
        super().__init__()
        self.excess = biased(nn.Conv2d(1, 1, 1), -0.5)
        nn.init.ones_(self.excess.weight)
        self.shape = nn.Conv2d(1, 2, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        scores, indices = peaks(self.excess(x).relu(), 4)
        boxes = decode_boxes_2d(indices, self.shape(x), self.shape(x), 4.0)
        return suppress(boxes, scores, indices, 64, 0.5), boxes


def test_an_empty_scene_has_no_boxes_and_is_no_error():
    """Scores 0 in every row, at float and on the machine."""
    examples = np.random.default_rng(0).uniform(0, 1, (8, 1, 8, 8)).astype(np.float32)
    network = Bright().eval()
    module = import_torch(network, torch.zeros(1, 1, 8, 8))
    result = convert(module, [examples], options=ConversionOptions(cluster=False))
    machine = Machine(result.assemble())
    dark = np.zeros((2, 1, 8, 8), np.float32)
    scores, boxes = machine.run(dark)
    assert (scores == 0).all()
    assert np.isfinite(boxes).all()
    assert (machine.run(examples)[0] > 0).any()
    assert compare_bits(result.lns_module, result.chip_module, machine, [dark]).elements > 0


NETWORK = """
import sys
sys.path.insert(0, {folder!r})
import torch
from test_detection import Detector


def make():
    return Detector().eval(), torch.zeros(1, 3, 32, 64)
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detection")
    (folder / "net.py").write_text(NETWORK.format(folder=str(Path(__file__).parent)))
    np.save(folder / "frames.npy", frames())
    return folder


def test_the_commands_convert_run_and_compare(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Clustered and tuned toward what the float network gives its decoders."""
    net, data, out = f"{workspace}/net.py:make", f"{workspace}/frames.npy", workspace / "out"
    command = ["convert", net, "--data", data, "-o", str(out), "--centroids", "16"]
    assert main([*command, "--epochs", "2"]) == 0
    shown = capsys.readouterr()
    assert "host" not in shown.out
    assert not (out / "host.mlir").exists()
    program, outputs = str(out / "program.recog"), workspace / "outputs.npz"
    assert main(["run", program, "--data", data, "-o", str(outputs)]) == 0
    found = np.load(outputs)
    assert found.files == ["scores", "boxes", "indices"]
    expected = Machine(program).run(frames())
    for name, value in zip(found.files, expected, strict=True):
        assert np.array_equal(found[name], value)
    lns = sorted(out.glob("*-lns.mlir"))[0]
    tuned = sorted(out.glob("*-tuned.mlir"))[0]
    capsys.readouterr()
    assert main(["compare", str(tuned), str(lns), "--data", data]) == 0
    table = capsys.readouterr().out
    for name in ("lns.peaks", "lns.decode_boxes_2d", "lns.suppress"):
        assert name in table
