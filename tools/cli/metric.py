"""The metric that a command line names: its flags."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from recog.tools.diagnostics import UsageError

if TYPE_CHECKING:
    from recog.tools.compared_networks import ComparedNetworks
    from recog.tools.report.reported_frames import ReportedFrames

RESAMPLES = 1000
"""Draws of frames, unless --resamples says otherwise."""


def add_metric(group: Any) -> None:
    """--metric and --resamples, see `own_objective.find_metric` and `resamples`."""
    group.add_argument(
        "--metric",
        metavar="METRIC",
        help="also show what each layer, alone converted, costs at the network's outputs: "
        "accuracy (of the first output against integer targets), agreement (with the float "
        "network's own decisions), classification (accuracy, or agreement without targets), or "
        "file.py:function of outputs and targets (NumPy arrays (N, ...), a tuple of several "
        "outputs, None without targets) that returns a number or one number a frame, the larger "
        "the better",
    )
    group.add_argument(
        "--resamples",
        type=int,
        metavar="N",
        help="draws of frames for the 95 %% interval of each loss (paired bootstrap); 0 for none "
        f"(default: {RESAMPLES})",
    )


def resamples(arguments: argparse.Namespace, *, measured: bool) -> int:
    """How many draws --resamples asks for.

    Args:
        measured: whether there is a metric.

    Raises:
        UsageError: the flag is below 0, or has no effect.
    """
    if arguments.resamples is None:
        return RESAMPLES
    if not measured:
        raise UsageError("--resamples has no effect without a --metric")
    if arguments.resamples < 0:
        raise UsageError(f"must be at least 0, got {arguments.resamples}", where="--resamples")
    return arguments.resamples


def named_frames(networks: ComparedNetworks, arguments: argparse.Namespace) -> ReportedFrames:
    """The frames that --data or --task name, with their metric.

    Raises:
        RecogError: frames or targets that the network or the metric cannot take.
    """
    from recog.tools.own_objective import find_metric
    from recog.tools.report.reported_frames import frames_of_data, frames_of_task

    if arguments.task is not None:
        return frames_of_task(arguments.task, networks, arguments.scenes, arguments.frames)
    inputs, targets = networks.load_inputs(arguments.data)
    metric = None
    if arguments.metric is not None:
        metric = find_metric(arguments.metric, targets, f"data {arguments.data}")
    return frames_of_data(inputs, targets, metric)
