"""Find the layers that lose accuracy: for each layer the signal-to-quantization-noise ratio (SQNR)
against the float network, once with this layer alone converted and once with all layers up to this
one converted; with --metric or --task also what this layer alone costs in the task's own metric."""

from __future__ import annotations

import argparse
from pathlib import Path

from recog.frontend.user_code import located_in
from recog.tools.cli.arguments import (
    DATA,
    NETWORK,
    add_engine,
    add_json,
    add_network,
    add_task_frames,
    check_json,
    check_task_frames,
    engine_options,
)
from recog.tools.cli.metric import add_metric, named_frames, resamples
from recog.tools.diagnostics import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog compare`."""
    add_network(parser, f"the float network: {NETWORK}")
    parser.add_argument(
        "converted",
        metavar="CONVERTED",
        help="the converted network: the folder that recog convert wrote, or an IR file of the "
        "lns dialect",
    )
    parser.add_argument("--data", metavar="FILE", help=DATA)
    add_json(parser)
    group = parser.add_argument_group("metric")
    add_metric(group)
    group.add_argument(
        "--sort",
        choices=["order", "loss"],
        default="order",
        help="rows in the network's order, or the largest loss first (default: order)",
    )
    add_task_frames(parser)
    add_engine(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print both ratios of every layer, and what it costs in the metric."""
    from recog.tools.compared_networks import compared_networks
    from recog.tools.report.json_files import write_json
    from recog.tools.report.layer_losses import layer_losses
    from recog.tools.report.layer_table import comparison_record, print_layers

    _check(arguments)
    networks = compared_networks(arguments.network, arguments.converted)
    with located_in((arguments.task or "").rpartition(":")[0]):
        frames = named_frames(networks, arguments)
        layers, costs = layer_losses(
            *(networks, frames.inputs, engine_options(arguments), frames.metric),
            resamples(arguments, measured=frames.metric is not None),
        )
    if costs is not None and arguments.sort == "loss":
        layers.sort(key=lambda each: -costs.layers[each.layer].loss)
    print_layers(layers, costs)
    if arguments.json is not None:
        write_json(Path(arguments.json), comparison_record(layers, costs))
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Raise what is wrong with the command line, before any work."""
    check_json(arguments)
    engine_options(arguments)
    check_task_frames(arguments)
    if arguments.data is None and arguments.task is None:
        raise UsageError("wants frames: --data FILE, or the --task whose held-out frames to take")
    measured = arguments.metric is not None or arguments.task is not None
    resamples(arguments, measured=measured)
    if arguments.sort == "loss" and not measured:
        raise UsageError("--sort loss wants a --metric or a --task")
