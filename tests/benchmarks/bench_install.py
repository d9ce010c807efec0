"""What installing recog takes: `make bench-install`.

Each set of extras is installed into an empty environment of its own, with the versions of
constraints.txt; printed are seconds of pip, packages, and the size of site-packages without pip.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from recog.tools.console import print_table

ROOT = Path(__file__).resolve().parents[2]
SETS = ("", "torch", "tasks,report", "tasks,report,onnx,sweep")
PIP = ("pip", "setuptools")
"""What an empty environment has already."""


def main() -> None:
    """Install each set of extras, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extras", nargs="*", default=SETS, metavar="NAMES")
    parser.add_argument("--pip-args", default="", help="more arguments for pip")
    given = parser.parse_args()
    rows = [_installed(extras, shlex.split(given.pip_args)) for extras in given.extras]
    print_table("Into an empty environment", ["pip install", "packages", "MB", "s"], rows)


def _installed(extras: str, pip_args: list[str]) -> list[str]:
    what = f".[{extras}]" if extras else "."
    with tempfile.TemporaryDirectory(prefix="recog-install-") as folder:
        venv.create(folder, with_pip=True)
        python = f"{folder}/bin/python"
        install = [python, "-m", "pip", "install", "-q", "-c", "constraints.txt", *pip_args, what]
        start = time.perf_counter()
        subprocess.run(install, cwd=ROOT, check=True)
        seconds = time.perf_counter() - start
        subprocess.run([f"{folder}/bin/recog", "--version"], check=True, stdout=sys.stderr)
        (packages,) = Path(folder).glob("lib/python*/site-packages")
        inside = [each for each in packages.iterdir() if each.name.split("-")[0] not in PIP]
        count = sum(each.suffix == ".dist-info" for each in inside)
        # Blocks of the disk, as `du` counts them.
        size = sum(each.lstat().st_blocks * 512 for top in inside for each in _files(top))
    return [what, str(count), f"{size / 1e6:,.0f}", f"{seconds:.0f}"]


def _files(top: Path) -> list[Path]:
    return [top] if top.is_file() else [each for each in top.rglob("*") if each.is_file()]


if __name__ == "__main__":
    main()
