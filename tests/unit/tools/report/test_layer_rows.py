"""The order of a report's layers."""

from __future__ import annotations

from typing import Any

from recog.tools.report.layer_rows import with_views


def row(layer: str, op: str) -> dict[str, Any]:
    return {"layer": layer, "ops": [op]}


def test_views_stand_where_the_network_has_them():
    rows = [row("input", "dma.in"), row("conv", "conv"), row("fc", "conv"), row("out", "dma.out")]
    views = {name: row(name, "reshape") for name in ("first", "flat", "flat2", "last")}
    order = ["first", "conv", "flat", "flat2", "fc", "last"]
    found = [each["layer"] for each in with_views(rows, views, order)]
    assert found == ["input", "first", "conv", "flat", "flat2", "fc", "last", "out"]
    assert with_views(rows, {}, []) == rows
