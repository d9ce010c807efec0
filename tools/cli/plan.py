"""Say which layout each layer of a network would get for a ratio or a budget of bytes, what that
loses before tuning, and what other sizes would lose, without converting it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from recog.lowering.allocation.options import LayoutOptions
from recog.lowering.cluster.layouts import ClusterOptions
from recog.lowering.common.options import OptionError
from recog.lowering.common.shared_options import WeightFormatOptions
from recog.lowering.pipeline import ConversionOptions
from recog.lowering.select.convert_lns_to_chip import TargetOptions
from recog.tools.cli.arguments import DATA, add_json, add_network, check_json
from recog.tools.cli.conversion_options import METAVARS
from recog.tools.cli.dask_cluster import add_dask, dask_cluster
from recog.tools.cli.options import OptionGroup, add_options, given_options
from recog.tools.diagnostics import UsageError

if TYPE_CHECKING:
    from recog.lowering.allocation.plan import Plan

GROUPS = (
    OptionGroup("bytes", [LayoutOptions]),
    OptionGroup("weights", [ClusterOptions, WeightFormatOptions]),
    OptionGroup("chip", [TargetOptions]),
)
TAKEN = {name for group in GROUPS for cls in group.members for name in vars(cls)["__annotations__"]}
LEFT_OUT = tuple(set(ConversionOptions.__dataclass_fields__) - TAKEN)
"""Options of a conversion that decide no layout."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog plan`."""
    add_network(parser)
    parser.add_argument(
        "--data",
        metavar="FILE",
        help="example inputs, on which errors count as they show at the outputs (default: as "
        f"shares of each layer's energy): {DATA}",
    )
    add_dask(parser)
    add_json(parser)
    shown = {name: text for name, text in METAVARS.items() if name in TAKEN}
    add_options(parser, ConversionOptions, GROUPS, leave_out=LEFT_OUT, metavars=shown)


def run(arguments: argparse.Namespace) -> int:
    """Print the tables, write the file."""
    from recog.backend.interpreters.nn_runner import check_inputs
    from recog.lowering.common.data_files import naming_file
    from recog.tools.console import stage
    from recog.tools.module_files import input_count, load_inputs, load_network
    from recog.tools.report.json_files import write_json
    from recog.tools.report.plan_table import print_plan

    check_json(arguments)
    try:
        options = ConversionOptions(**given_options(arguments, ConversionOptions, LEFT_OUT))
    except OptionError as error:
        raise UsageError(str(error)) from None
    with stage(f"import {arguments.network}"):
        module = load_network(arguments.network)
    inputs = None
    if arguments.data is not None:
        inputs, _ = load_inputs(arguments.data, input_count(module))
        with naming_file(f"data {arguments.data}"):
            check_inputs(module, inputs)
    with dask_cluster(arguments.dask):
        plan = _planned(module, inputs, options)
    print_plan(plan)
    if arguments.json is not None:
        write_json(Path(arguments.json), plan.as_record())
    return 0


def _planned(
    module: ModuleOp, inputs: Sequence[np.ndarray] | None, options: ConversionOptions
) -> Plan:
    """What `convert` would choose, by the same steps up to there."""
    from recog.lowering.allocation.choose_layouts import ChooseLayoutsPass, choose_layouts
    from recog.lowering.balance.balance_ranges import balance_ranges
    from recog.lowering.common.options import taken_from
    from recog.lowering.pipeline import (
        BALANCING_FRAMES,
        SENSITIVITY_FRAMES,
        fold_network,
        some_frames,
        weight_bytes,
    )
    from recog.tools.console import stage

    float_bytes = weight_bytes(module)
    fold_network(module)
    module, inputs, elsewhere = _chip_part(module, inputs, options)
    if inputs is not None:
        with stage("balance"):
            examples = some_frames(inputs, BALANCING_FRAMES)
            balance_ranges(module, examples, options.balance_octaves, entry=options.entry)
        inputs = some_frames(inputs, SENSITIVITY_FRAMES)
    with stage("measure what layouts lose"):
        return choose_layouts(
            module,
            taken_from(options, ChooseLayoutsPass),
            inputs,
            float_bytes=float_bytes,
            elsewhere=elsewhere,
        )


def _chip_part(
    module: ModuleOp, inputs: Sequence[np.ndarray] | None, options: ConversionOptions
) -> tuple[ModuleOp, Sequence[np.ndarray] | None, int]:
    """The chip's part of a folded network, its inputs, and the bytes of the host's weights."""
    from recog.backend.split_network import SplitNetwork
    from recog.lowering.partition.partition import partition, split_modules
    from recog.lowering.pipeline import module_outputs, weight_bytes

    if not partition(module, options.entry):
        return module, inputs, 0
    chip_part, host = split_modules(module)
    elsewhere = 0 if host is None else weight_bytes(host)
    if inputs is not None:
        network = SplitNetwork(lambda *x: module_outputs(chip_part, x), host)
        inputs = network.chip_inputs(*inputs)
    return chip_part, inputs, elsewhere
