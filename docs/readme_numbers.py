"""Write the numbers of README.md: the levels of the demo, from its report.

    make readme     # the demo, then this

The rows of build/demo/report.json go to docs/readme_numbers.json, and from there into README.md as
the table that the demo prints. A test holds README.md to the file.
"""

from __future__ import annotations

import io
import json
import math
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from recog.backend.arithmetic.fast import paths
from recog.backend.files import atomic_write
from recog.tools.console import print_table
from recog.tools.report.levels import LevelRow, level_table

ROOT = Path(__file__).resolve().parent.parent
NUMBERS, README = ROOT / "docs/readme_numbers.json", ROOT / "README.md"
NAMES = ("level", "accuracy", "sqnr_db", "weight_bytes", "ratio")
TABLE = re.compile(r"(?<=costs and saves:\n\n```\n).*?(?=```)", re.DOTALL)


def numbers_of(report: dict[str, Any]) -> dict[str, Any]:
    """What README.md says of a report of the demo, and which processor measured it."""
    levels = [{name: row[name] for name in NAMES} for row in report["rows"]]
    return {"command": "make demo", "processor": paths.host()[0], "levels": levels}


def filled(text: str, numbers: dict[str, Any]) -> str:
    """The text of README.md with these numbers."""
    if len(TABLE.findall(text)) != 1:
        raise ValueError("README.md has no table of the demo's levels")
    return TABLE.sub(lambda _: _table(numbers["levels"]), text)


def _table(levels: list[dict[str, Any]]) -> str:
    """The levels as the demo prints them. JSON has no infinity: null stands for it."""
    exact = [{**row, "sqnr_db": math.inf} if row["sqnr_db"] is None else row for row in levels]
    printed = io.StringIO()
    with redirect_stdout(printed):
        print_table(None, *level_table([LevelRow(**row) for row in exact]))
    return "".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines() if line.strip())


def main(report: str) -> None:
    """Fill in README.md from a report."""
    numbers = numbers_of(json.loads(Path(report).read_text()))
    with atomic_write(NUMBERS) as stream:
        stream.write(json.dumps(numbers, indent=1) + "\n")
    text = filled(README.read_text(), numbers)
    with atomic_write(README) as stream:
        stream.write(text)


if __name__ == "__main__":
    main(sys.argv[1])
