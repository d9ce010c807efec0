"""What a report draws of the perception tasks, and what single frames lose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from picture_frames import NO_OBJECTS, segmentation_frames
from picture_frames import frames_of as pictured

from recog.dialects.errors import RecogError
from recog.frontend.tasks import TASK_NAMES, get_task
from recog.frontend.tasks.base import TaskData
from recog.frontend.tasks.segmentation import SegmentationTask
from recog.lowering.check.metrics import MetricOfParts
from recog.lowering.check.sensitivity import Sensitivity
from recog.tools.pictures import Frames
from recog.tools.report.task_metric import frame_losses, task_metric
from recog.tools.report.task_pictures import MOST_WIDTH, pictures_of_task


def frames_of(name: str) -> Frames:
    found = pictured(name)
    if name != "stereo3d":
        return found
    return replace(found, truths=[SimpleNamespace(objects=each) for each in found.truths])


def data_of(frames: Frames) -> TaskData:
    def encode(_: Sequence[Any]) -> dict[str, Any]:
        return {}

    return TaskData(frames.images, frames.truths, encode)


@pytest.mark.parametrize("name", TASK_NAMES)
def test_every_task_is_drawn(name: str):
    frames, task = frames_of(name), get_task(name)
    record = pictures_of_task(task, data_of(frames), frames.float_outputs, frames.converted_outputs)
    assert record is not None
    assert record["frames"] == len(frames)
    assert record["metric"] == f"{task.metric_name} of a frame"
    panels = [each for figure in record["figures"] for row in figure["rows"] for each in row]
    assert panels
    assert all(0 < each["width"] <= MOST_WIDTH for each in panels)


def test_the_worst_frame_of_a_task_comes_first():
    task, frames = get_task("segmentation"), segmentation_frames(3)
    worse = np.array(frames.float_outputs[0])
    worse[1, :20] = (worse[1, :20] + 1) % 9
    worse[2, :5] = (worse[2, :5] + 1) % 9
    record = pictures_of_task(task, data_of(frames), frames.float_outputs, [worse])
    assert record is not None
    titles = [figure["title"] for figure in record["figures"]]
    assert [title.rpartition(" ")[2] for title in titles] == ["1", "2", "0"]
    lost = frame_losses(task, frames.truths, tuple(frames.float_outputs), (worse,))
    assert lost is not None
    assert lost[0] == 0
    assert lost[1] > lost[2] > 0
    for frame in (1, 2):
        alone = [
            task.metric([each[frame : frame + 1]], frames.truths[frame : frame + 1])["mIoU"]
            for each in (frames.float_outputs[0], worse)
        ]
        assert lost[frame] == pytest.approx(alone[0] - alone[1])


@pytest.mark.parametrize("name", TASK_NAMES)
def test_the_metric_of_a_task(name: str):
    """Of parts or of all frames, it is the task's own."""
    frames, task = frames_of(name), get_task(name)
    metric = task_metric(task, frames.truths)
    assert isinstance(metric, MetricOfParts)
    outputs, numbers = tuple(frames.converted_outputs), np.arange(len(frames))
    wanted = task.metric(outputs, frames.truths)[task.metric_name]
    assert metric.of(metric.parts(outputs, numbers)) == pytest.approx(wanted)
    assert metric.name == f"{task.metric_name} of {task.title}"


class OtherMetric(SegmentationTask):
    """What its frames contribute is of the metric that it no longer has."""

    def metric(self, outputs: Sequence[np.ndarray], truths: Sequence[Any]) -> dict[str, float]:
        return {"mIoU": float(np.mean(outputs[0] == np.stack(truths)))}


def test_a_metric_without_parts_is_of_all_frames():
    frames, task = segmentation_frames(), OtherMetric()
    metric, outputs = task_metric(task, frames.truths), tuple(frames.converted_outputs)
    assert not isinstance(metric, MetricOfParts)
    assert frame_losses(task, frames.truths, outputs, outputs) is None
    sensitivity = Sensitivity(metric, 10)
    sensitivity.begin(tuple(frames.float_outputs))
    sensitivity.add("layer", slice(0, len(frames)), tuple(np.stack(frames.truths)[None]))
    found = sensitivity.costs()
    assert found.float_metric == np.mean(frames.float_outputs[0] == np.stack(frames.truths))
    assert found.layers["layer"].metric == 1
    record = pictures_of_task(task, data_of(frames), frames.float_outputs, outputs)
    assert record is not None
    assert record["metric"] is None


def test_frames_without_an_object_have_no_precision():
    """Draws without one are left out of intervals; where no frame has one nothing is measured."""
    task, one = get_task("detection2d"), frames_of("detection2d")
    outputs = tuple(np.concatenate([each, np.zeros_like(each)]) for each in one.float_outputs)
    frames = slice(0, 2)
    sensitivity = Sensitivity(task_metric(task, [one.truths[0], NO_OBJECTS]), 200)
    sensitivity.begin(outputs)
    sensitivity.add("same", frames, outputs)
    sensitivity.add("nothing", frames, tuple(np.zeros_like(each) for each in outputs))
    same, nothing = sensitivity.costs().layers.values()
    assert (same.metric, same.loss, same.low, same.high) == (100, 0, 0, 0)
    assert (nothing.metric, nothing.loss, nothing.low, nothing.high) == (0, 100, 100, 100)
    without = Sensitivity(task_metric(task, [NO_OBJECTS, NO_OBJECTS]))
    with pytest.raises(RecogError, match="mAP50 of 2D detection: has no value on these frames"):
        without.begin(outputs)
