"""Commands whose work several processes share, which torchrun starts."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from recog.lowering.cluster.data_parallel import (
    joined_workers,
    started_by_torchrun,
    wait_for_all,
    worker_number,
)
from recog.tools.console import set_loudness
from recog.tools.diagnostics import UsageError

SHARED = "convert"


def check_shared(command: str | None) -> None:
    """Raise UsageError where torchrun starts a command that several processes cannot share."""
    if started_by_torchrun() and command != SHARED:
        raise UsageError(
            f"torchrun shares the tuning of recog {SHARED} among processes, and no other command",
            hint="call recog without torchrun",
        )


@contextmanager
def as_worker(arguments: argparse.Namespace) -> Generator[None, None, None]:
    """Within the context this process converts beside those that torchrun started with it. All but
    the first write nothing that stays, and print errors alone."""
    with joined_workers():
        if worker_number() == 0:
            wait_for_all()
            yield
            return
        with TemporaryDirectory(prefix="recog-") as folder, open(os.devnull, "w") as nowhere:
            own = Path(folder) / "converted"
            kept = Path(f"{os.path.realpath(arguments.output)}.partial")
            if arguments.resume and kept.is_dir():
                shutil.copytree(kept, f"{own}.partial")
            wait_for_all()
            arguments.output = str(own)
            set_loudness(quiet=True)
            with redirect_stdout(nowhere), _without_notes():
                yield


@contextmanager
def _without_notes() -> Generator[None, None, None]:
    """Leave the notes of standard error to the first process; errors are printed outside."""
    before = sys.stderr
    with open(os.devnull, "w") as sys.stderr:
        try:
            yield
        finally:
            sys.stderr = before
