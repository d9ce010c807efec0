"""Find the layers that lose accuracy: for each layer the signal-to-quantization-noise ratio (SQNR)
against the float network, once with this layer alone converted and once with all layers up to this
one converted; with --metric also what this layer alone costs in the task's own metric."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from recog.dialects.errors import RecogError
from recog.lowering.pipeline.stages import Stage
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
    from xdsl.dialects.builtin import ModuleOp

    from recog.lowering.check.metrics import Metric
    from recog.tools.console import Advance


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
    from recog.lowering.check.compare_layers import compare_layers
    from recog.lowering.check.sensitivity import Sensitivity
    from recog.tools.console import progress, stage
    from recog.tools.module_files import load_inputs
    from recog.tools.report.json_files import write_json
    from recog.tools.report.layer_table import comparison_record, print_layers

    _check(arguments)
    networks = _networks(arguments.network, arguments.converted)
    inputs, targets = load_inputs(arguments.data, networks.inputs)
    sensitivity = None
    if arguments.metric is not None:
        metric = _metric(arguments.metric, targets, f"data {arguments.data}")
        sensitivity = Sensitivity(
            metric, RESAMPLES if arguments.resamples is None else arguments.resamples
        )
    engine = engine_options(arguments)
    with stage(f"compare on {len(inputs[0])} inputs"), progress("layers", 1000) as advance:
        layers = compare_layers(
            networks.chip,
            networks.converted,
            inputs,
            host=networks.host,
            engine=engine,
            outputs=sensitivity,
            progress=_advancing(advance),
        )
    costs = None
    if sensitivity is not None:
        with stage(f"intervals of {len(layers)} losses"), progress("layers", 1000) as advance:
            costs = sensitivity.costs(_advancing(advance))
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


def _advancing(advance: Advance) -> Callable[[float], None]:
    """Moves a bar of 1000 steps to a share."""
    reached = 0

    def report(share: float) -> None:
        nonlocal reached
        now = int(1000 * share)
        advance(now - reached)
        reached = now

    return report


def _metric(spec: str, targets: np.ndarray | None, data: str) -> Metric:
    """The metric that the command line names."""
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


class _Networks(NamedTuple):
    """The float network, its batch norms folded as the converted one has them, and that.

    Where it is divided, `chip` is the chip's part, `host` the host's, and `inputs` how many the
    whole takes.
    """

    chip: ModuleOp
    host: ModuleOp | None
    converted: ModuleOp
    inputs: int


def _networks(network: str, converted: str) -> _Networks:
    from recog.lowering.pipeline import fold_network
    from recog.tools.conversion_folder import HOST_NAME
    from recog.tools.module_files import load_network

    folder = Path(converted) if Path(converted).is_dir() else None
    lns_file = converted if folder is None else _stage_file(folder, Stage.LNS)
    if lns_file is None:
        hint = "give the folder that recog convert wrote"
        raise RecogError(f"holds no stage *-{Stage.LNS}.mlir", where=converted, hint=hint)
    lns_module = load_network(str(lns_file))
    float_module = load_network(network)
    fold_network(float_module)
    balanced = None if folder is None else _balanced(folder, float_module)
    host_file = None if folder is None else folder / HOST_NAME
    if host_file is not None and not host_file.is_file():
        host_file = None
    found = _divided(float_module, lns_module, host_file)
    return found if balanced is None else found._replace(chip=balanced)


def _balanced(folder: Path, float_module: ModuleOp) -> ModuleOp | None:
    """What a folder was converted from, with the ranges of its channels evened out, as the
    converted layers have them; None where it was another network, or they were even."""
    from recog.tools.module_files import load_network

    folded, balanced = _stage_file(folder, Stage.FOLDED), _stage_file(folder, Stage.BALANCED)
    if folded is None or balanced is None:
        return None
    same = float_module.is_structurally_equivalent(load_network(str(folded)))
    return load_network(str(balanced)) if same else None


def _divided(float_module: ModuleOp, lns_module: ModuleOp, host_file: Path | None) -> _Networks:
    """The float network's parts, if it has two."""
    from recog.lowering.partition.join import join
    from recog.lowering.partition.partition import partition, split_modules
    from recog.tools.module_files import input_count, load_network

    inputs = input_count(float_module)
    if host_file is None and inputs == input_count(lns_module):
        return _Networks(float_module, None, lns_module, inputs)
    divided = float_module.clone()
    partition(divided)
    chip, host = split_modules(divided)
    works = host is not None and any(op.dialect_name() == "nn" for op in host.walk())
    if works or host_file is None:
        return _Networks(chip, host, lns_module, inputs)
    # The float network is a later stage: the chip's part already.
    host = load_network(str(host_file))
    taken = join(float_module, host).inputs
    return _Networks(float_module, host, lns_module, 1 + max(taken, default=-1))


def _stage_file(folder: Path, stage: Stage) -> Path | None:
    """The IR file of a stage in a folder that `recog convert` wrote."""
    return next(iter(sorted(folder.glob(f"*-{stage}.mlir"))), None)
