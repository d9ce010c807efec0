"""Show this processor, how the arithmetic runs on it, versions, and where compiled code is kept;
or, with --target, a chip that programs are made for."""

from __future__ import annotations

import argparse
import platform
from importlib.metadata import PackageNotFoundError, version

from recog.tools.cli.arguments import add_engine, add_target, engine_options

PACKAGES = ("recog", "numpy", "numba", "llvmlite", "torch", "xdsl")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog info`."""
    add_target(
        parser, "show this chip instead, as a TOML file that says all there is to say of one"
    )
    add_engine(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the processor, the engine's path and threads, versions, and the cache; or a chip."""
    if arguments.target is not None:
        from recog.backend.chips import description, load_chip

        print(description(load_chip(arguments.target)), end="")
        return 0
    from recog.backend.arithmetic.fast import paths
    from recog.backend.arithmetic.fast.cache import cache_folder
    from recog.tools.console import print_table

    engine = engine_options(arguments)
    path, threads = paths.chosen_path(engine.path), paths.thread_count(engine.threads)
    folder = cache_folder()
    rows = [
        ("processor", f"{paths.host()[0]} ({platform.machine()}), {paths.available_cores()} cores"),
        ("engine", engine.name),
        ("path", f"{path}, of: {', '.join(paths.available_paths())}"),
        ("threads", threads),
        ("compiled code", "not kept: no folder can be written" if folder is None else folder),
        ("python", platform.python_version()),
        *((package, _version(package)) for package in PACKAGES),
    ]
    print_table(None, ["", ""], rows, left=[""])
    return 0


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
