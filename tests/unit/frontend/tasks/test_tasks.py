"""The perception tasks: what they promise each other, their losses, targets and decoders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from recog.dialects.errors import RecogError
from recog.frontend.functional import decode_boxes_2d, decode_boxes_3d, peaks, suppress
from recog.frontend.scenes.dataset import stack_samples
from recog.frontend.scenes.sample import Sample, random_sample
from recog.frontend.tasks import TASK_NAMES, get_task, scene_data
from recog.frontend.tasks.base import Targets, Task
from recog.frontend.tasks.checkpoints import load_checkpoint, shipped_checkpoint
from recog.frontend.tasks.detection import SUPPRESSION_IOU
from recog.frontend.tasks.losses import two_hot
from recog.frontend.tasks.scene_data import CAMERA
from recog.frontend.tasks.targets import PRIORS, STRIDE
from recog.frontend.tasks.yolostereo import ANCHORS, YoloStereo3d

SCENE_TASKS = [name for name in TASK_NAMES if name != "classification"]
FRAMES = 6


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return [random_sample(np.random.default_rng([99, i]), CAMERA) for i in range(FRAMES)]


@pytest.fixture
def few(samples: list[Sample], monkeypatch: pytest.MonkeyPatch) -> list[Sample]:
    """Every split is these six frames."""

    def scenes(*arguments: object):
        return stack_samples(samples)

    for name in ("segmentation", "detection", "stereo"):
        monkeypatch.setattr(f"recog.frontend.tasks.{name}.scenes_of", scenes)
    return samples


@pytest.mark.parametrize("name", TASK_NAMES)
def test_a_task_is_whole(name: str, few: list[Sample]):
    torch.manual_seed(0)
    task = get_task(name)
    assert task.name == name
    network = task.network().eval()
    heads = task.heads(network)
    exported = torch.export.export(network, task.example_inputs())
    torch.export.export(heads, task.example_inputs())
    data = task.data("calibration", FRAMES)
    assert len(data) == FRAMES
    inputs = [torch.from_numpy(each) for each in data.inputs([0])]
    assert [each.shape for each in inputs] == [each.shape for each in task.example_inputs()]
    assert all(float(each.min()) >= 0 and float(each.max()) <= 1 for each in inputs)
    outputs = network(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    assert len(outputs) == len(task.output_names)
    found = exported.module()(*inputs)
    for a, b in zip(found if isinstance(found, tuple) else (found,), outputs):
        torch.testing.assert_close(a, b)
    assert len(heads(*inputs)) == len(task.head_names)
    scores = task.metric(task.predict(network, data), data.truths)
    assert task.metric_name in scores


@pytest.mark.parametrize("name", TASK_NAMES)
def test_the_loss_falls_and_reaches_every_weight(name: str, few: list[Sample]):
    torch.manual_seed(0)
    task = get_task(name)
    network = task.network().train()
    heads, data = task.heads(network), task.data("train", FRAMES)
    inputs, targets = (
        [torch.from_numpy(each) for each in data.inputs()],
        data.targets(range(FRAMES)),
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    losses = list[float]()
    for _ in range(4):
        loss = task.loss(heads(*inputs), targets)
        extra = task.auxiliary_loss(network, targets)
        loss = loss if extra is None else loss + extra
        optimizer.zero_grad()
        loss.backward()
        losses.append(float(loss.detach()))
        idle = [name for name, p in network.named_parameters() if p.grad is None]
        assert idle == []
        optimizer.step()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", TASK_NAMES)
def test_wrong_splits_are_refused(name: str):
    with pytest.raises(RecogError, match="no split 'validation'"):
        get_task(name).data("validation")


def test_wrong_tasks_are_refused():
    with pytest.raises(RecogError, match="one of classification"):
        get_task("depth")


def test_shipped_splits_come_from_the_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen = list[tuple[object, ...]]()

    def load(split: object, count: object, **options: object):
        seen.append((split, count, options["folder"]))
        return "scenes"

    monkeypatch.setattr(scene_data, "load_scenes", load)
    scene_data.scenes_of("test", 7, tmp_path, 1, None)
    assert seen == [(scene_data.SPLITS["test"], 7, tmp_path)]


def painted(targets: Targets, key: str, channels: int) -> Tensor:
    """Maps that hold an object's values in its cell and, as regressed maps do, around it."""
    n, _, height, width = targets["heat"].shape
    maps = torch.zeros(n, channels, height * width)
    values = targets[key].reshape(len(targets["cell"]), channels)
    for frame, cell, value in zip(targets["frame"], targets["cell"], values):
        maps[frame, :, cell] = value
    return maps.unflatten(2, (height, width))


def perfect_2d(task: Task, targets: Targets) -> list[np.ndarray]:
    scores, indices = peaks(targets["heat"], 32)
    scores = torch.where(scores > 0.99, scores, 0)
    box = painted(targets, "box_2d", 4)
    boxes = decode_boxes_2d(indices, box[:, :2], box[:, 2:], STRIDE)
    cells = box.shape[2] * box.shape[3]
    scores = suppress(boxes, scores, indices, cells, SUPPRESSION_IOU)
    return [scores.numpy(), indices.numpy(), boxes.numpy()]


def test_targets_decode_to_the_true_boxes_2d(few: list[Sample]):
    task = get_task("detection2d")
    data = task.data("test")
    targets = data.targets(range(FRAMES))
    assert len(targets["cell"]) >= 10
    scores = task.metric(perfect_2d(task, targets), data.truths)
    assert scores["car"] == 100
    assert scores["mAP50"] > 99


def test_targets_decode_to_the_true_boxes_3d(few: list[Sample]):
    task = get_task("stereo3d")
    data = task.data("test")
    targets = data.targets(range(FRAMES))
    outputs = perfect_2d(task, targets)
    disparity, box = painted(targets, "disparity", 1), painted(targets, "box_3d", 7)
    indices = torch.from_numpy(outputs[1])
    boxes = decode_boxes_3d(indices, disparity, box, STRIDE, CAMERA.parameters, PRIORS).numpy()
    scores = task.metric([*outputs, boxes], data.truths)
    assert scores == {"car BEV AP50": 100, "car BEV AP25": 100, "car 3D AP50": 100}
    boxes[..., 2] *= 1.3  # 30 % too far
    assert task.metric([*outputs, boxes], data.truths)["car BEV AP50"] < 50


def test_missed_and_false_objects_cost(few: list[Sample]):
    task = get_task("detection2d")
    data = task.data("test")
    scores, indices, boxes = perfect_2d(task, data.targets(range(FRAMES)))
    half = scores.copy()
    half[::2] = 0
    assert task.metric([half, indices, boxes], data.truths)["car"] < 80
    assert task.metric([scores, indices, boxes + 30], data.truths)["car"] < 30
    nothing = task.metric([0 * scores, indices, boxes], data.truths)
    assert nothing["mAP50"] == 0


def test_segmentation_scores_its_own_truth(few: list[Sample]):
    task = get_task("segmentation")
    truths = task.data("test").truths
    found = np.stack([*truths]).astype(np.int64)
    assert task.metric([found], truths)["mIoU"] == 100
    found[found == 6] = 7
    assert task.metric([found], truths)["car"] == 0


@pytest.mark.parametrize(
    ("name", "least"),
    [("classification", 98), ("segmentation", 85), ("detection2d", 80), ("stereo3d", 40)],
)
def test_shipped_networks_work(name: str, least: float, few: list[Sample]):
    # Far below what they score on 320 scenes: six scenes say little, but not nothing.
    task = get_task(name)
    network, data = load_checkpoint(task), task.data("test")
    assert task.metric(task.predict(network, data), data.truths)[task.metric_name] > least


def test_shipped_networks_are_small():
    sizes = [shipped_checkpoint(name).stat().st_size for name in TASK_NAMES]
    assert sum(sizes) < 8e6


def test_two_hot_weights_have_the_value_as_mean():
    bins = torch.arange(24) * 2.0
    values = torch.tensor([0.0, 0.5, 13.0, 45.9, 60.0])
    weights = two_hot(values, bins)
    torch.testing.assert_close(weights.sum(1), torch.ones(5))
    torch.testing.assert_close(weights @ bins, values.clamp(max=46.0))


def test_the_full_size_detector():
    with torch.device("meta"):
        model = YoloStereo3d()
    assert 58e6 < sum(p.numel() for p in model.parameters()) < 60.5e6
    assert model.anchors.shape == (ANCHORS * 18 * 80, 4)


def test_full_size_boxes_by_hand():
    model = YoloStereo3d(8, 8)
    place = torch.tensor([[5 * 18 * 80 + 3 * 80 + 7]])  # anchor 5, row 3, column 7
    found = torch.zeros(1, 12, 1)
    found[0, 7:9, 0] = torch.tensor([1.0, 0.0])  # sin 2a, cos 2a: a = 45 degrees
    label = torch.tensor([[1]])
    boxes_2d, boxes_3d = model.decode(label, place, found, torch.tensor([[1.0]]))
    side = 24 * 2 ** (5 / 4)
    width, height = side / 0.5**0.5, side * 0.5**0.5
    expected = [120 - width / 2, 56 - height / 2, 120 + width / 2, 56 + height / 2]
    torch.testing.assert_close(boxes_2d[0, 0], torch.tensor(expected))
    z = 721.5 * 1.76 / height
    x, y = (120 - 609.6) * z / 721.5, (56 - 72.9) * z / 721.5
    yaw = np.pi / 4 + np.arctan2(x, z)
    expected = torch.tensor([x, y, z, 1.76, 0.66, 0.84, yaw])
    torch.testing.assert_close(boxes_3d[0, 0], expected.float(), rtol=1e-5, atol=1e-4)
    _, turned = model.decode(label, place, found, torch.tensor([[-1.0]]))
    assert float(turned[0, 0, 6] - boxes_3d[0, 0, 6]) == pytest.approx(np.pi, abs=1e-5)
