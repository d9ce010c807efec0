"""Draw a conversion as one HTML page that needs no network: sizes and losses by level, a table of
the layers, the network coloured by any column of it, the curve of budgets, the schedule, notes and
the recipe. `recog convert` has written it into its folder; this draws it anew, with --data what
each layer loses too. report.json beside it holds all that the page shows."""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recog.backend.files import check_output
from recog.frontend.user_code import located_in
from recog.lowering.pipeline.stages import Stage
from recog.tools.cli.arguments import (
    DATA,
    ON_STDOUT,
    add_engine,
    add_task_frames,
    check_task_frames,
    engine_options,
)
from recog.tools.cli.metric import add_metric, named_frames, resamples
from recog.tools.diagnostics import UsageError

if TYPE_CHECKING:
    from recog.backend.arithmetic.engine import EngineOptions
    from recog.tools.report.conversion_record import ConversionParts, Measured


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog report`."""
    parser.add_argument("folder", metavar="DIR", help="the folder that recog convert wrote")
    parser.add_argument(
        "--data",
        metavar="FILE",
        help="example inputs: adds each layer's signal-to-quantization-noise ratio against the "
        f"float network, alone and with all layers up to it: {DATA}",
    )
    add_metric(parser)
    add_task_frames(parser)
    parser.add_argument(
        "-o", "--output", metavar="FILE.html", help="the page (default: DIR/report.html)"
    )
    parser.add_argument(
        "--json", metavar="FILE", help=f"its content {ON_STDOUT} (default: DIR/report.json)"
    )
    add_engine(parser)


def run(arguments: argparse.Namespace) -> int:
    """Collect, write both files, say where they are."""
    from recog.backend.files import atomic_write
    from recog.tools.console import stage
    from recog.tools.conversion_folder import PAGE_NAME, REPORT_NAME, read_parts
    from recog.tools.page import html_page, require_libraries
    from recog.tools.report.conversion_record import conversion_record
    from recog.tools.report.json_files import write_json
    from recog.tools.report.stored_report import read_measured

    require_libraries()
    engine = engine_options(arguments)
    _check(arguments)
    folder = Path(arguments.folder)
    page = Path(arguments.output or folder / PAGE_NAME)
    content = Path(arguments.json or folder / REPORT_NAME)
    with stage(f"read {arguments.folder}"):
        parts = read_parts(folder)
        sha256 = hashlib.sha256(parts.program).hexdigest()
        measured = read_measured(folder / REPORT_NAME, sha256, folder.resolve().name)
    for path in (page, content):
        check_output(path)
    if arguments.data is not None or arguments.task is not None:
        with located_in((arguments.task or "").rpartition(":")[0]):
            measured = _measured(measured, parts, folder, arguments, engine)
    record = conversion_record(parts, measured)
    text = html_page(record)
    with atomic_write(page) as stream:
        stream.write(text)
        stream.flush()  # where there is no room for both, both stay as they are
        write_json(content, record)
    print(f"page: {page} ({len(text.encode()):,} bytes), its content in {content}")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Raise UsageError for a command line that makes no sense, before any work."""
    check_task_frames(arguments)
    measured = arguments.metric is not None or arguments.task is not None
    resamples(arguments, measured=measured)
    if arguments.metric is not None and arguments.data is None:
        raise UsageError("--metric wants --data to be measured on")


def _measured(
    measured: Measured,
    parts: ConversionParts,
    folder: Path,
    arguments: argparse.Namespace,
    engine: EngineOptions,
) -> Measured:
    """With what each layer loses on some data, against the float network in the folder, and
    pictures of its frames."""
    from recog.dialects.errors import RecogError
    from recog.tools.compared_networks import compared_networks, stage_file
    from recog.tools.report.layer_losses import layer_losses
    from recog.tools.report.layer_table import comparison_record
    from recog.tools.report.run_parts import outputs_of

    network = stage_file(folder, Stage.FLOAT)
    if network is None:
        raise RecogError(f"holds no *-{Stage.FLOAT}.mlir to compare with", where=str(folder))
    networks = compared_networks(str(network), str(folder))
    frames = named_frames(networks, arguments)
    draws = resamples(arguments, measured=frames.metric is not None)
    layers, costs = layer_losses(networks, frames.inputs, engine, frames.metric, draws)
    comparison = {"frames": len(frames.inputs[0]), **comparison_record(layers, costs)}
    pictures = frames.pictures(*outputs_of(parts, frames.inputs, engine))
    return replace(measured, comparison=comparison, pictures=pictures)
