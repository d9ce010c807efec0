"""What a sweep found: a table of the front, and a folder with all points and their recipes."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recog.backend.files import atomic_write
from recog.backend.folders import whole_folder
from recog.backend.locks import locked
from recog.dialects.words import counted
from recog.tools.console import print_table
from recog.tools.pictures.figure import png_bytes
from recog.tools.pictures.front_plot import PlotPoint, front_plot
from recog.tools.recipe import recipe_text
from recog.tools.report.json_files import write_json
from recog.tools.sweep.measured import OBJECTIVES, Measured
from recog.tools.sweep.space import Space
from recog.tools.sweep.study import Row

TABLE_NAME, RECORD_NAME, PLOT_NAME, RECIPES_NAME = FILES = (
    "points.csv",
    "points.json",
    "front.png",
    "recipes",
)
UNITS = {
    "loss": "loss",
    "bytes": "weight bytes",
    "cycles": "cycles a frame",
    "energy": "uJ a frame",
}
SHOWN_REASONS = 5


@dataclass(frozen=True)
class SweepResults:
    """All that a sweep found so far.

    Attributes:
        rows: the finished trials.
        objectives: what was to be small, of `OBJECTIVES`.
        about: of what, and how: for JSON.
    """

    space: Space
    rows: Sequence[Row]
    objectives: Sequence[str]
    about: Mapping[str, Any]

    def front(self) -> list[tuple[Row, Measured]]:
        """The points that no other beats, in the order of the first objective."""
        found = [(each, each.measured) for each in self.points() if each.on_front]
        kept = [(row, measured) for row, measured in found if measured is not None]
        return sorted(kept, key=lambda pair: [getattr(pair[1], name) for name in self.objectives])

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **self.about,
            "objectives": list(self.objectives),
            "parameters": [each.name for each in self.space.parameters],
            "points": [
                {
                    "trial": row.number,
                    "values": dict(row.values),
                    **({} if row.measured is None else row.measured.as_record()),
                    "on_front": row.on_front,
                    "recipe": _recipe_name(row),
                    "reason": row.reason,
                }
                for row in self.rows
            ],
        }

    def points(self) -> list[Row]:
        """The trials that did not fail."""
        return [each for each in self.rows if each.measured is not None]


def print_results(results: SweepResults) -> None:
    """Print the front, and why trials failed."""
    names = [each.name for each in results.space.parameters]
    rows = [
        [row.number, *(_shown(row.values[name]) for name in names), *_cells(measured)]
        for row, measured in results.front()
    ]
    points = len(results.points())
    title = (
        f"Pareto front of {', '.join(results.objectives)}: {len(rows)} of "
        f"{counted(points, 'point')}"
    )
    print_table(title, ["trial", *names, *(UNITS[name] for name in OBJECTIVES)], rows)
    reasons = Counter(each.reason for each in results.rows if each.measured is None)
    for reason, count in reasons.most_common(SHOWN_REASONS):
        first = (reason or "").split("\n")[0]
        print(f"failed: {counted(count, 'trial')}: {first}")


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _cells(measured: Measured) -> list[str]:
    return [
        f"{measured.loss:.3f}",
        f"{measured.bytes:,}",
        f"{measured.cycles:,}",
        f"{measured.energy:.2f}",
    ]


def write_results(folder: str, results: SweepResults) -> None:
    """Write table, record, plot and recipes, in place of an earlier sweep's.

    Raises:
        RecogError, OSError: as `whole_folder` does.
    """
    parent = Path(os.path.realpath(folder)).parent
    parent.mkdir(parents=True, exist_ok=True)
    # Processes that work on one study end at the same time: each waits for the others.
    with (
        locked(parent / f".{Path(os.path.realpath(folder)).name}.sweep.lock", lambda: None),
        whole_folder(folder, FILES.__contains__) as draft,
    ):
        recipes = draft / RECIPES_NAME
        recipes.mkdir()
        for row in results.points():
            _write_recipe(recipes, results.space, row)
        _write_table(draft / TABLE_NAME, results)
        write_json(draft / RECORD_NAME, results.as_record())
        with atomic_write(draft / PLOT_NAME, "wb") as stream:
            stream.write(png_bytes(_plot(results)))


def _write_recipe(folder: Path, space: Space, row: Row) -> None:
    point = space.point(row.values)
    target = f"{_stem(row)}.target.toml"
    with atomic_write(folder / f"{_stem(row)}.toml") as stream:
        stream.write(recipe_text(point.on(target)))
    if point.chip is not None:
        with atomic_write(folder / target) as stream:
            stream.write(point.chip.to_file())


def _stem(row: Row) -> str:
    return f"{row.number:03}"


def _recipe_name(row: Row) -> str | None:
    return None if row.measured is None else f"{RECIPES_NAME}/{_stem(row)}.toml"


def _write_table(path: Path, results: SweepResults) -> None:
    names = [each.name for each in results.space.parameters]
    with atomic_write(path) as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["trial", *names, *OBJECTIVES, "on_front", "recipe", "reason"])
        for row in results.rows:
            measured = {} if row.measured is None else row.measured.as_record()
            table.writerow(
                [
                    row.number,
                    *(row.values.get(name) for name in names),
                    *(measured.get(name) for name in OBJECTIVES),
                    int(row.on_front),
                    _recipe_name(row),
                    row.reason,
                ]
            )


def _plot(results: SweepResults) -> Any:
    """The first objective over each of the others; one alone over bytes, or over the loss."""
    up, *across = results.objectives
    across = across or ["loss" if up == "bytes" else "bytes"]
    points = [
        PlotPoint(str(row.number), row.measured.as_record(), row.on_front)
        for row in results.rows
        if row.measured is not None
    ]
    failed = len(results.rows) - len(points)
    note = f"{counted(len(points), 'point')}, {len(results.front())} on the front"
    note += f", {failed} failed" if failed else ""
    return front_plot(points, [(name, up) for name in across], UNITS, note)
