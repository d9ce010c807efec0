"""Reading back what a conversion has left in `report.json` and nowhere else."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

from recog.backend.input_files import read_input
from recog.dialects.errors import RecogError
from recog.tools.report.conversion_record import Measured
from recog.tools.report.layer_rows import COSTS

MAX_REPORT_BYTES = 1 << 28

NUMBER = (int, float)
MAYBE = (int, float, type(None))
ROW = {
    "level": str,
    "accuracy": MAYBE,
    "sqnr_db": MAYBE,
    "weight_bytes": int,
    "ratio": NUMBER,
    "metric": MAYBE,
    "lost": MAYBE,
    "low": MAYBE,
    "high": MAYBE,
}
NOTE = {"kind": str, "text": str, "advice": str, "count": int, "places": [str]}
PLAN = {
    "budget": (int, type(None)),
    "bytes": int,
    "ratio": NUMBER,
    "loss_db": NUMBER,
    "curve": [{"bytes": int, "ratio": NUMBER, "loss_db": NUMBER}],
    "layers": [{"layer": str, "layout": str, "why": str}],
}
SEARCH = {
    "max_loss": NUMBER,
    "metric": str,
    "trials": [
        {"ratio": NUMBER, "epochs": int, "reached": NUMBER, "bytes": int}
        | dict.fromkeys(("lost", "low", "high"), MAYBE)
    ],
}
COMPARISON = {
    "frames": int,
    "rows": [
        {"layer": str, "op": str, "alone_db": MAYBE, "cumulative_db": MAYBE}
        | dict.fromkeys(COSTS, MAYBE)
    ],
}
METRIC = {"metric": str, "float_metric": NUMBER}
"""Of a comparison that measures what layers cost in a metric."""

PANEL = {"label": str, "note": str, "width": int, "height": int, "image": str}
PICTURES = {
    "frames": int,
    "metric": (str, type(None)),
    "of": str,
    "caption": str,
    "legend": [[{"label": str, "colour": str, "style": str}]],
    "facts": [[str]],
    "figures": [{"title": str, "note": str, "rows": [[PANEL]]}],
}
COLOUR = re.compile("#[0-9a-f]{6}")
ADDRESS = re.compile("data:image/(png|webp);base64,[A-Za-z0-9+/]+={0,2}")
"""All that a page takes for a picture's address: nothing that it would load."""


def read_measured(path: Path, sha256: str, name: str) -> Measured:
    """What a report says that its folder does not: levels, notes, the plan, versions; and the
    comparison of layers and the pictures, where they are of this program.

    Args:
        path: the file; a conversion of which there is none was not measured.
        sha256: of the program.
        name: what a network is called whose report does not say.

    Raises:
        RecogError, OSError: naming the file and what is wrong with it, or that it is of another
            program.
    """
    if not path.is_file():
        return Measured(name)
    report = _read(path)
    check = _Check(str(path))
    check(report.get("network", name), str, "network")
    check(report.get("rows", []), [ROW], "rows")
    check(report.get("notes", []), [NOTE], "notes")
    check(report.get("plan", None), (dict, type(None)), "plan")
    versions = report.get("versions", {})
    check(versions, dict, "versions")
    check(list(versions.values()), [str], "versions")
    plan, comparison = report.get("plan"), report.get("comparison")
    search = report.get("search")
    if plan is not None:
        check(plan, PLAN, "plan")
    if search is not None:
        check(search, SEARCH, "search")
    if comparison is not None:
        check(comparison, COMPARISON, "comparison")
        if "metric" in comparison:
            check(comparison, METRIC, "comparison")
    pictures = report.get("pictures")
    if pictures is not None:
        check(pictures, PICTURES, "pictures")
        _check_pictures(pictures, str(path))
    program = report.get("program")
    known = cast(Any, program).get("sha256") if isinstance(program, dict) else None
    if known is not None and known != sha256:
        raise RecogError(
            "is of another program than the one beside it",
            where=str(path),
            hint="convert the network again, or remove the file: the page is then without levels",
        )
    same = known is not None
    return Measured(
        report.get("network", name),
        [{**dict.fromkeys(ROW), **row} for row in report.get("rows", [])],
        report.get("notes", []),
        plan,
        versions,
        comparison if same else None,
        pictures if same else None,
        search,
    )


def _check_pictures(pictures: Mapping[str, Any], where: str) -> None:
    """Raise RecogError where a page would hold something else than pictures."""
    panels = [each for figure in pictures["figures"] for row in figure["rows"] for each in row]
    fit = (
        all(COLOUR.fullmatch(key["colour"]) for keys in pictures["legend"] for key in keys)
        and all(len(fact) == 2 for fact in pictures["facts"])
        and all(ADDRESS.fullmatch(each["image"]) for each in panels)
        and all(min(each["width"], each["height"]) > 0 for each in panels)
    )
    if not fit:
        message = "is damaged: pictures has a value that no report has"
        raise RecogError(message, where=where, hint=MENDS)


def _read(path: Path) -> Mapping[str, Any]:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON")

    try:
        report = json.loads(read_input(path, MAX_REPORT_BYTES), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise RecogError(f"is damaged: {error}", where=str(path), hint=MENDS) from None
    if not isinstance(report, dict):
        raise RecogError("is damaged: no object", where=str(path), hint=MENDS)
    return cast(Mapping[str, Any], report)


MENDS = "convert the network again, or remove the file: the page is then without levels"


class _Check:
    """Holds what a file says to a pattern: a type or several, [pattern] of a list, {key: pattern}
    of an object, which may have more keys."""

    def __init__(self, where: str):
        self._where = where

    def __call__(self, value: Any, pattern: Any, key: str) -> None:
        if isinstance(pattern, list):
            self._is(value, list, key)
            for index, each in enumerate(value):
                self(each, pattern[0], f"{key}[{index}]")
        elif isinstance(pattern, dict):
            self._is(value, dict, key)
            for name, part in cast(Mapping[str, Any], pattern).items():
                unknown = None if part is MAYBE else _Missing  # earlier reports have less
                self(value.get(name, unknown), part, f"{key}.{name}")
        else:
            self._is(value, pattern, key)

    def _is(self, value: Any, kinds: type | tuple[type, ...], key: str) -> None:
        fits = isinstance(value, kinds) and not isinstance(value, bool)
        if not fits or (isinstance(value, float) and not math.isfinite(value)):
            what = "is missing" if value is _Missing else "has a value that no report has"
            raise RecogError(f"is damaged: {key} {what}", where=self._where, hint=MENDS)


class _Missing:
    """Stands for the value of a key that is not there."""
