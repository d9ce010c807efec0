"""Say what a frame of a program costs on its chip: cycles, bytes and energy of each layer, what it
is bound by, and frames a second. docs/cost.md says how all of it is counted."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recog.tools.cli.arguments import (
    add_json,
    add_target,
    check_outputs,
    check_pictures,
    program_file,
)

if TYPE_CHECKING:
    from recog.backend.cost import ProgramCost
    from recog.backend.cost.savings import DesignCost

PICTURES = ("plot", "memory_map")
FILES = ("json", "csv", "trace", *PICTURES)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog cost`."""
    parser.add_argument(
        "program", metavar="PROGRAM", help="program file of recog convert, or its folder"
    )
    add_target(parser, "the chip (default: the one that the program is made for)")
    parser.add_argument(
        "--savings",
        action="store_true",
        help="also show, term by term, the energy of the same network in FP16 and int8 with its "
        "weights in DRAM, and of what each step from there to this program saves",
    )
    add_json(parser)
    parser.add_argument("--csv", metavar="FILE", help="also write a line a layer as CSV")
    parser.add_argument(
        "--trace",
        metavar="FILE",
        help="also write a timeline that https://ui.perfetto.dev opens: a track a queue",
    )
    parser.add_argument(
        "--plot", metavar="FILE.png", help="also draw the layers under the chip's roofline"
    )
    parser.add_argument(
        "--memory-map",
        metavar="FILE.png",
        help="also draw what lies in activation memory, and when",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the tables, write the files."""
    from recog.backend.assembly import load_program
    from recog.backend.chips import load_chip
    from recog.backend.cost import program_cost
    from recog.backend.cost.savings import design_costs
    from recog.dialects.chip import ChipTarget
    from recog.tools.console import progress
    from recog.tools.report.cost_table import print_cost, print_savings

    path = program_file(arguments.program)
    check_pictures(_named(arguments, PICTURES))
    check_outputs(_named(arguments, FILES), {"PROGRAM": path, "--target": arguments.target})
    with progress("load the program"):
        program = load_program(path)
    chip = program.target.data
    if arguments.target is not None:
        # As in a conversion, a description without arithmetic means that of the program.
        chip = load_chip(arguments.target, ChipTarget().computing(chip.arithmetic))
    with progress("add up what instructions cost"):
        cost = program_cost(program, chip, called=arguments.target)
    print_cost(cost)
    if arguments.savings:
        with progress("add up what they would cost otherwise"):
            designs = design_costs(program, cost)
        print_savings(cost, designs)
    else:
        designs = []
    with progress("write files"):
        _write_files(arguments, cost, designs)
    return 0


def _named(arguments: argparse.Namespace, files: Sequence[str]) -> dict[str, str | None]:
    """Files of the command line by their options."""
    return {f"--{name.replace('_', '-')}": getattr(arguments, name) for name in files}


def _write_files(
    arguments: argparse.Namespace, cost: ProgramCost, designs: Sequence[DesignCost]
) -> None:
    from recog.backend.files import atomic_write
    from recog.tools.report.cost_table import cost_record, savings_record, write_csv
    from recog.tools.report.cost_trace import trace_record
    from recog.tools.report.json_files import write_json

    name = Path(arguments.program).stem
    if arguments.json is not None:
        record = cost_record(cost)
        if designs:
            record["savings"] = savings_record(cost, designs)
        write_json(Path(arguments.json), record)
    if arguments.csv is not None:
        write_csv(Path(arguments.csv), cost)
    if arguments.trace is not None:
        write_json(Path(arguments.trace), trace_record(cost, name))
    if arguments.plot is None and arguments.memory_map is None:
        return
    from recog.tools.pictures.cost_plots import memory_map, roofline
    from recog.tools.pictures.figure import png_bytes

    for path, draw in ((arguments.plot, roofline), (arguments.memory_map, memory_map)):
        if path is not None:
            with atomic_write(path, "wb") as stream:
                stream.write(png_bytes(draw(cost, name)))
