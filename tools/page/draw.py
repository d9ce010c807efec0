"""Drawing the page from what `report.json` holds."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from recog.lowering.common.layer_names import module_of
from recog.tools.page.columns import Column, columns
from recog.tools.page.libraries import require_libraries, vega_script
from recog.tools.page.placement import NODE_HEIGHT, NODE_WIDTH, Placement, Point, place
from recog.tools.page.plots import plots

SHOWN = 25
"""Characters of a name that a node has room for."""


def html_page(record: Mapping[str, Any]) -> str:
    """The page of a conversion, which needs nothing beside it; equal records give equal pages.

    Texts in the record come from anyone: all are escaped, and no script runs but the page's own.

    Args:
        record: what `conversion_record` gives, or the same out of a file.

    Raises:
        RecogError: the extra `report` is not installed.
    """
    require_libraries()
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("recog.tools.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    layers = record["layers"]
    shown = columns(layers, record.get("comparison", {}).get("metric"))
    nodes = _nodes(record)
    data = {
        "plots": plots(record),
        "columns": [
            {"key": each.key, "title": each.title, "spread": each.spread}
            for each in shown
            if each.form is not None
        ],
        "values": [
            {each.key: each.value(layer) for each in shown if each.form is not None}
            for layer in layers
        ],
        "texts": [_node_text(layer, shown) for layer in layers],
    }
    scripts = [vega_script(), _file("page.js")]
    return environment.get_template("page.html").render(
        title=record["network"],
        record=record,
        columns=shown,
        nodes=nodes,
        placement=(placement := _placement(record)),
        lines=[_path(each) for each in placement.edges],
        plots=data["plots"],
        node_size=(NODE_WIDTH, NODE_HEIGHT),
        data=_json(data),
        scripts=scripts,
        hashes=[_hash(each) for each in scripts],
        style=_file("base.css") + _file("page.css"),
    )


def _file(name: str) -> str:
    return resources.files("recog.tools.page").joinpath(name).read_text("utf-8")


def _json(data: object) -> str:
    """JSON that cannot end the element which it stands in."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _hash(script: str) -> str:
    """What the page's policy knows a script by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _placement(record: Mapping[str, Any]) -> Placement:
    graph = record["graph"]
    return place(len(graph["nodes"]), [(start, end) for start, end in graph["edges"]])


def _nodes(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The nodes, each with the number of its row in the table of layers, None where it has none."""
    numbers = {layer["layer"]: index for index, layer in enumerate(record["layers"])}
    return [
        {
            **node,
            "short": _short(node["name"]),
            "kind": node["op"].partition(".")[2] or node["op"],
            "row": numbers.get(node["layer"], numbers.get(module_of(node["layer"] or ""))),
            "extents": "x".join(map(str, node["shape"])),
        }
        for node in record["graph"]["nodes"]
    ]


def _short(name: str) -> str:
    """A name that fits into a node: its end says most."""
    return name if len(name) <= SHOWN else f"…{name[1 - SHOWN :]}"


def _node_text(layer: Mapping[str, Any], shown: list[Column]) -> list[list[str]]:
    """What is known of a layer, in lines."""
    return [[each.title, text] for each in shown if (text := each.text(layer))]


def _path(points: Sequence[Point]) -> str:
    """A curve through some points, upright at each."""
    first, *rest = points
    parts = [f"M{first.x:.1f} {first.y:.1f}"]
    for before, each in zip(points, rest):
        middle = (before.y + each.y) / 2
        parts.append(
            f"C{before.x:.1f} {middle:.1f} {each.x:.1f} {middle:.1f} {each.x:.1f} {each.y:.1f}"
        )
    return "".join(parts)
