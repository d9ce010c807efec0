"""List the ops of a network: which run on the chip, which stay on the host and why, which are not
supported and where they are. What recog convert would refuse is said in its words. The exit code
is 1 if something is not supported or refused."""

from __future__ import annotations

import argparse
from pathlib import Path

from recog.tools.cli.arguments import add_json, add_network, add_target, check_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog check`."""
    add_network(parser)
    add_target(parser, "the chip whose activation memory it has to fit (default: recog-1)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print where each op will run; 1 if the network cannot be imported whole.

    Raises:
        RecogError: what `recog convert` refuses the network with, after the table.
    """
    from recog.backend.chips import load_chip
    from recog.tools.console import print_table, stage
    from recog.tools.report.check_network import check_network, check_table
    from recog.tools.report.json_files import write_json

    check_json(arguments)
    target = None if arguments.target is None else load_chip(arguments.target)
    with stage(f"check {arguments.network}"):
        report = check_network(arguments.network, target)
    print_table(None, *check_table(report.rows), left=["runs on", "why", "first at"])
    for line in report.notes:
        print(line)
    if arguments.json is not None:
        write_json(Path(arguments.json), report.as_record())
    if report.refusal is not None:
        raise report.refusal
    return 0 if report.supported else 1
