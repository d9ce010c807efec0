"""The frames that a report looks at: a user's data, or a perception task's held-out frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from recog.dialects.errors import RecogError
from recog.dialects.words import counted
from recog.lowering.check.metrics import Metric, MetricOfParts
from recog.tools.compared_networks import ComparedNetworks
from recog.tools.report.task_frames import load_frames
from recog.tools.report.task_pictures import pictures_of

Arrays = Sequence[np.ndarray]


class ReportedFrames(NamedTuple):
    """Inputs (N, ...) of a network, what scores its outputs, and what draws them.

    `pictures` takes the outputs in float, those of the machine and their names.
    """

    inputs: list[np.ndarray]
    metric: Metric | MetricOfParts | None
    pictures: Callable[[Arrays, Arrays, Sequence[str]], dict[str, Any] | None]


def frames_of_data(
    inputs: list[np.ndarray], targets: np.ndarray | None, metric: Metric | None
) -> ReportedFrames:
    """A user's own frames."""

    def pictures(ours: Arrays, theirs: Arrays, names: Sequence[str]) -> dict[str, Any] | None:
        return pictures_of(inputs, ours, theirs, names, targets, metric)

    return ReportedFrames(inputs, metric, pictures)


def frames_of_task(
    spec: str, networks: ComparedNetworks, scenes: str, count: int | None
) -> ReportedFrames:
    """The first held-out frames of a task.

    Args:
        spec: as `find_task` takes it.
        scenes: folder of rendered road scenes.

    Raises:
        RecogError: the network takes other frames.
    """
    from recog.frontend.tasks import find_task
    from recog.lowering.check.float_network import FloatNetwork
    from recog.tools.report.task_metric import task_metric
    from recog.tools.report.task_pictures import pictures_of_task

    task = find_task(spec)
    if networks.inputs != len(task.example_inputs()):
        message = f"{counted(len(task.example_inputs()), 'image')} a frame, the network takes"
        raise RecogError(f"{message} {counted(networks.inputs, 'input')}", where=task.title)
    data = load_frames(task, "test", scenes, count)
    inputs = list(data.inputs())
    FloatNetwork(networks.chip, networks.host).check(inputs)

    def pictures(ours: Arrays, theirs: Arrays, names: Sequence[str]) -> dict[str, Any] | None:
        return pictures_of_task(task, data, ours, theirs)

    return ReportedFrames(inputs, task_metric(task, data.truths), pictures)
