"""Find the layers that lose accuracy: for each layer the signal-to-quantization-noise ratio (SQNR)
against the float network, once with this layer alone converted and once with all layers up to this
one converted."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
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

if TYPE_CHECKING:
    import numpy as np
    from xdsl.dialects.builtin import ModuleOp


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
    add_engine(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print both ratios of every layer."""
    from recog.lowering.check.compare_layers import compare_layers
    from recog.tools.console import stage
    from recog.tools.module_files import input_count, load_inputs
    from recog.tools.report.json_files import write_json
    from recog.tools.report.layer_table import layer_record, print_layers

    check_json(arguments)
    float_module, lns_module = _modules(arguments.network, arguments.converted)
    inputs, _ = load_inputs(arguments.data, input_count(float_module))
    if input_count(float_module) != input_count(lns_module):
        float_module, inputs = _chip_part(float_module, inputs)
    with stage(f"compare on {len(inputs[0])} inputs"):
        layers = compare_layers(float_module, lns_module, inputs, engine=engine_options(arguments))
    print_layers(layers)
    if arguments.json is not None:
        write_json(Path(arguments.json), {"rows": [layer_record(each) for each in layers]})
    return 0


def _modules(network: str, converted: str) -> tuple[ModuleOp, ModuleOp]:
    """The float module with its batch norms folded, as the converted one has them."""
    from recog.lowering.pipeline import Stage, fold_network
    from recog.tools.module_files import load_network

    path = Path(converted)
    if path.is_dir():
        found = sorted(path.glob(f"*-{Stage.LNS}.mlir"))
        if not found:
            hint = "give the folder that recog convert wrote"
            raise RecogError(f"holds no stage *-{Stage.LNS}.mlir", where=converted, hint=hint)
        path = found[0]
    float_module, lns_module = load_network(network), load_network(str(path))
    fold_network(float_module)
    return float_module, lns_module


def _chip_part(
    float_module: ModuleOp, inputs: Sequence[np.ndarray]
) -> tuple[ModuleOp, list[np.ndarray]]:
    """What the chip runs of a divided network, in float, and its inputs: the host gives some."""
    from recog.backend.split_network import SplitNetwork
    from recog.lowering.partition.partition import partition, split_modules
    from recog.lowering.pipeline import module_outputs

    partition(float_module)
    chip, host = split_modules(float_module)
    network = SplitNetwork(lambda *x: module_outputs(chip, x), host)
    return chip, list(network.chip_inputs(*inputs))
