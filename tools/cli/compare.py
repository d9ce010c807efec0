"""Find the layers that lose accuracy: for each layer the signal-to-quantization-noise ratio (SQNR)
against the float network, once with this layer alone converted and once with all layers up to this
one converted; with --metric also what this layer alone costs in the task's own metric."""

from __future__ import annotations

import argparse
from pathlib import Path

from recog.tools.cli.arguments import (
    NETWORK,
    add_data,
    add_engine,
    add_json,
    add_network,
    check_json,
    engine_options,
)
from recog.tools.cli.metric import add_metric, find_metric, resamples
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
    add_data(parser)
    add_json(parser)
    group = parser.add_argument_group("metric")
    add_metric(group)
    group.add_argument(
        "--sort",
        choices=["order", "loss"],
        default="order",
        help="rows in the network's order, or the largest loss first (default: order)",
    )
    add_engine(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print both ratios of every layer, and what it costs in the metric."""
    from recog.tools.compared_networks import compared_networks
    from recog.tools.report.json_files import write_json
    from recog.tools.report.layer_losses import layer_losses
    from recog.tools.report.layer_table import comparison_record, print_layers

    _check(arguments)
    networks = compared_networks(arguments.network, arguments.converted)
    inputs, targets = networks.load_inputs(arguments.data)
    metric = None
    if arguments.metric is not None:
        metric = find_metric(arguments.metric, targets, f"data {arguments.data}")
    layers, costs = layer_losses(
        *(networks, inputs, engine_options(arguments), metric),
        resamples(arguments, measured=metric is not None),
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
    resamples(arguments, measured=arguments.metric is not None)
    if arguments.sort == "loss" and arguments.metric is None:
        raise UsageError("--sort loss wants a --metric")
