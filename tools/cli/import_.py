"""Write a network as nn IR."""

from __future__ import annotations

import argparse

from recog.tools.cli.arguments import add_network, add_output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog import`."""
    add_network(parser)
    add_output(parser, "IR file to write")


def run(arguments: argparse.Namespace) -> int:
    """Import the network and write its IR."""
    from recog.tools.console import stage
    from recog.tools.module_files import load_network, write_module

    with stage(f"import {arguments.network}"):
        module = load_network(arguments.network)
    write_module(module, arguments.output or "/dev/stdout")
    return 0
