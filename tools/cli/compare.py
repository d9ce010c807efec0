"""Find the layers that lose accuracy: for each layer the signal-to-quantization-noise ratio (SQNR)
against the float network, once with this layer alone converted and once with all layers up to this
one converted; with --metric also what this layer alone costs in the task's own metric."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from recog.dialects.errors import RecogError
from recog.tools.cli.arguments import (
    NETWORK,
    add_data,
    add_engine,
    add_json,
    add_network,
    check_json,
    engine_options,
)
from recog.tools.diagnostics import UsageError

if TYPE_CHECKING:
    import numpy as np

    from recog.lowering.check.metrics import Metric


RESAMPLES = 1000
"""Draws of frames, unless --resamples says otherwise."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog compare`."""
    add_network(parser, f"the float network: {NETWORK}")
    parser.add_argument(
        "converted",
        metavar="CONVERTED",
        help="the converted network: the folder that recog convert wrote, or an IR file of the "
        "lns dialect",
    )
    add_data(parser)
    add_json(parser)
    group = parser.add_argument_group("metric")
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
        "--sort",
        choices=["order", "loss"],
        default="order",
        help="rows in the network's order, or the largest loss first (default: order)",
    )
    group.add_argument(
        "--resamples",
        type=int,
        metavar="N",
        help="draws of frames for the 95 %% interval of each loss (paired bootstrap); 0 for none "
        f"(default: {RESAMPLES})",
    )
    add_engine(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print both ratios of every layer, and what it costs in the metric."""
    from recog.lowering.check.sensitivity import Sensitivity
    from recog.tools.compared_networks import compared_networks
    from recog.tools.console import by_share, progress, stage
    from recog.tools.report.json_files import write_json
    from recog.tools.report.layer_table import comparison_record, print_layers

    _check(arguments)
    networks = compared_networks(arguments.network, arguments.converted)
    inputs, targets = networks.load_inputs(arguments.data)
    sensitivity = None
    if arguments.metric is not None:
        metric = find_metric(arguments.metric, targets, f"data {arguments.data}")
        sensitivity = Sensitivity(
            metric, RESAMPLES if arguments.resamples is None else arguments.resamples
        )
    layers = networks.layers(inputs, engine_options(arguments), sensitivity)
    costs = None
    if sensitivity is not None:
        with stage(f"intervals of {len(layers)} losses"), progress("layers", 1000) as advance:
            costs = sensitivity.costs(by_share(advance))
        if arguments.sort == "loss":
            layers.sort(key=lambda each: -costs.layers[each.layer].loss)
    print_layers(layers, costs)
    if arguments.json is not None:
        write_json(Path(arguments.json), comparison_record(layers, costs))
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Raise what is wrong with the command line, before any work."""
    check_json(arguments)
    engine_options(arguments)
    if arguments.resamples is not None and arguments.metric is None:
        raise UsageError("--resamples has no effect without a --metric")
    if arguments.resamples is not None and arguments.resamples < 0:
        raise UsageError(f"must be at least 0, got {arguments.resamples}", where="--resamples")
    if arguments.sort == "loss" and arguments.metric is None:
        raise UsageError("--sort loss wants a --metric")


def find_metric(spec: str, targets: np.ndarray | None, data: str) -> Metric:
    """The metric that the command line names.

    Args:
        targets: of the frames (N, ...), where there are any.
        data: their file, for errors.

    Raises:
        RecogError: a function that is none, or targets that the metric cannot take.
    """
    from recog.frontend.user_code import load_function
    from recog.lowering.check.metrics import Accuracy, Agreement, UserMetric

    if spec == "agreement" or (spec == "classification" and targets is None):
        return Agreement()
    if spec in ("accuracy", "classification"):
        if targets is None:
            hint = "add an array targets of labels, or measure the agreement with the float network"
            raise RecogError("has no targets, which accuracy wants", where=data, hint=hint)
        return Accuracy(targets, data)
    wanted = "accuracy, agreement, classification or file.py:function"
    function = load_function(spec, wanted=wanted, example="scores.py:iou")
    return UserMetric(function, spec, targets)
