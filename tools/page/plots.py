"""The plots of the page as Vega-Lite specifications, each with its data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from recog.dialects.words import counted

Spec = dict[str, Any]
Row = Mapping[str, Any]

SIZES = {"pointers": "pointers", "codes": "dense codes", "table": "table", "biases": "biases"}
EXACT_DB = 100
"""Levels that differ from the float network by less are not beside those that differ by more."""
MICRO = 1e-6
"""Microjoules of a picojoule."""


def plots(record: Mapping[str, Any]) -> dict[str, Spec]:
    """The specifications by the name of their place in the page; those without data are left out.

    Args:
        record: what `conversion_record` gives.
    """
    layers = record["layers"]
    lossy = [row for row in record["rows"] if (row["sqnr_db"] or EXACT_DB) < EXACT_DB]
    found = {
        "levels-bytes": _levels(record["rows"], "weight_bytes", "bytes of weights", bars=True),
        "levels-sqnr": _levels(lossy, "sqnr_db", "SQNR of the output, dB"),
        "levels-lost": _lost(record["rows"]),
        "layer-bytes": _layer_bytes(layers),
        "layer-cycles": _layer_cycles(layers),
        "layer-energy": _layer_energy(layers),
        "layer-sqnr": _layer_sqnr(layers),
        "layer-loss": _layer_loss(layers, record.get("comparison", {}).get("metric")),
        "budget": _budget(record.get("plan")),
        "trials": _trials(record.get("search")),
        "schedule": _schedule(record),
        "roofline": _roofline(record["roofline"], layers),
    }
    return {name: spec for name, spec in found.items() if spec is not None}


def _spec(rows: Iterable[Row], height: int, **parts: Any) -> Spec:
    return {"width": "container", "height": height, "data": {"values": list(rows)}, **parts}


def _tip(field: str, title: str, form: str | None = None) -> Spec:
    kind = "nominal" if form is None else "quantitative"
    return {"field": field, "title": title, "type": kind} | ({"format": form} if form else {})


def _levels(rows: Sequence[Row], field: str, title: str, *, bars: bool = False) -> Spec | None:
    """A figure of each level: bars from nothing, or points."""
    known = [row for row in rows if row.get(field) is not None]
    if not known:
        return None
    form = ",d" if bars else ".2f"
    values = [{"level": row["level"], "value": row[field]} for row in known]
    x = {"field": "value", "type": "quantitative", "title": title, "scale": {"zero": bars}}
    encoding = {
        "y": {"field": "level", "type": "nominal", "sort": None, "title": None},
        "x": x | {"axis": {"tickCount": 5, "labelOverlap": "greedy", "labelSeparation": 8}},
    }
    text = {"field": "value", "type": "quantitative", "format": form}
    mark = {"type": "bar", "height": {"band": 0.7}} if bars else {"type": "point", "filled": True}
    label = {"type": "text", "align": "left", "dx": 6, "clip": False}
    return _spec(
        values,
        24 * len(values),
        encoding=encoding,
        layer=[{"mark": mark | {"size": 70}} if not bars else {"mark": mark},
               {"mark": label, "encoding": {"text": text}}],
    )  # fmt: skip


def _lost(rows: Sequence[Row]) -> Spec | None:
    """What each level after the float network loses, with its interval."""
    known = [row for row in rows[1:] if row["lost"] is not None]
    if not known:
        return None
    unit = "metric" if known[0]["metric"] is not None else "points of accuracy"
    values = [{name: row[name] for name in ("level", "lost", "low", "high")} for row in known]
    y = {"field": "level", "type": "nominal", "sort": None, "title": None}
    x = {"type": "quantitative", "title": f"lost, {unit}"}
    form = ".3~f"
    tips = [_tip("level", "level"), _tip("lost", "lost", form)]
    tips += [_tip("low", "at least", form), _tip("high", "at most", form)]
    span = {"x": {"field": "low", **x}, "x2": {"field": "high"}}
    text = {"field": "lost", "type": "quantitative", "format": form}
    at = {"x": {"field": "lost", **x}}
    layers = [
        *_spans(known, span),
        {"mark": {"type": "point", "filled": True, "size": 70}, "encoding": at},
        {"mark": {"type": "text", "dy": -10}, "encoding": {**at, "text": text}},
    ]
    return _spec(values, 30 * len(values), encoding={"y": y, "tooltip": tips}, layer=layers)


def _spans(rows: Sequence[Row], encoding: Spec) -> list[Spec]:
    """The layer of intervals, where there are any: Vega has no extent of none."""
    if all(row["low"] is None for row in rows):
        return []
    return [{"mark": {"type": "rule", "strokeWidth": 2}, "encoding": encoding}]


def _layer_axis(layers: Sequence[Row]) -> Spec:
    """Layers in their order, with names where there is room for them."""
    axis = {
        "labelAngle": -60,
        "labelLimit": 120,
        "labelOverlap": "greedy",
        "ticks": len(layers) < 80,
    }
    return {"field": "layer", "type": "nominal", "sort": None, "title": None, "axis": axis}


def _stacked(rows: Sequence[Row], layers: Sequence[Row], title: str, form: str) -> Spec | None:
    """Bars of `value`, stacked by `part`."""
    if not rows:
        return None
    y = {"field": "value", "type": "quantitative", "title": title, "axis": {"format": "~s"}}
    color = {"field": "part", "type": "nominal", "title": None, "sort": None}
    tips = [_tip("layer", "layer"), _tip("part", "of"), _tip("value", title, form)]
    encoding = {"x": _layer_axis(layers), "y": y, "color": color, "tooltip": tips}
    return _spec(rows, 220, mark={"type": "bar"}, encoding=encoding)


def _layer_bytes(layers: Sequence[Row]) -> Spec | None:
    known = [row for row in layers if row["weight_bytes"]]
    rows = [
        {"layer": row["layer"], "part": title, "value": row[name]}
        for row in known
        for name, title in SIZES.items()
        if row[name]
    ]
    return _stacked(rows, known, "bytes", ",d")


def _layer_cycles(layers: Sequence[Row]) -> Spec | None:
    known = [row for row in layers if row["cycles"]]
    rows = [{"layer": row["layer"], "part": row["bound"], "value": row["cycles"]} for row in known]
    return _stacked(rows, known, "cycles", ",d")


def _layer_energy(layers: Sequence[Row]) -> Spec | None:
    """Of the first table."""
    known = [row for row in layers if row["energy_pj"]]
    if not known:
        return None
    table = next(iter(known[0]["energy_pj"]))
    rows = [
        {"layer": row["layer"], "part": table, "value": MICRO * row["energy_pj"][table]}
        for row in known
    ]
    return _stacked(rows, known, "microjoules", ".3f")


def _layer_sqnr(layers: Sequence[Row]) -> Spec | None:
    kinds = {"alone_db": "this layer alone", "cumulative_db": "all up to here"}
    known = [row for row in layers if any(row[kind] is not None for kind in kinds)]
    rows = [
        {"layer": row["layer"], "part": title, "value": row[kind]}
        for row in known
        for kind, title in kinds.items()
        if row[kind] is not None
    ]
    if not rows:
        return None
    tips = [_tip("layer", "layer"), _tip("part", "converted"), _tip("value", "dB", ".1f")]
    encoding = {
        "x": _layer_axis(known),
        "y": {"field": "value", "type": "quantitative", "title": "SQNR, dB"},
        "color": {"field": "part", "type": "nominal", "title": None, "sort": None},
        "tooltip": tips,
    }
    return _spec(rows, 240, mark={"type": "line", "point": True}, encoding=encoding)


def _layer_loss(layers: Sequence[Row], metric: str | None) -> Spec | None:
    """What each layer alone costs, with the interval where there is one."""
    known = [row for row in layers if row["loss"] is not None]
    if not known:
        return None
    rows = [{name: row[name] for name in ("layer", "loss", "low", "high")} for row in known]
    form = ".4~g"
    tips = [_tip("layer", "layer"), _tip("loss", "lost", form)]
    tips += [_tip("low", "at least", form), _tip("high", "at most", form)]
    y = {"type": "quantitative", "title": f"lost, {metric}"}
    between = {"y": {"field": "low", **y}, "y2": {"field": "high"}}
    layers_of = [
        *_spans(known, between),
        {
            "mark": {"type": "point", "filled": True, "size": 55},
            "encoding": {"y": {"field": "loss", **y}},
        },
    ]
    x = _layer_axis(known)
    return _spec(rows, 240, encoding={"x": x, "tooltip": tips}, layer=layers_of)


def _trials(search: Row | None) -> Spec | None:
    """What programs of other sizes lost, that were tried to find the smallest within a loss."""
    if search is None:
        return None
    measured = [each for each in search["trials"] if each["lost"] is not None]
    names = ("bytes", "reached", "epochs", "lost", "low", "high")
    values = [{name: each[name] for name in names} for each in measured]
    longest = max((each["epochs"] for each in values), default=0)
    for each in values:
        each["tuning"] = "tuned in full" if each["epochs"] == longest else "tuned short"
    form = ".3~f"
    tips = [_tip("reached", "times smaller", ".1f"), _tip("bytes", "bytes", ",d")]
    tips += [_tip("epochs", "epochs", "d"), _tip("lost", "lost", form)]
    tips += [_tip("low", "at least", form), _tip("high", "at most", form)]
    y = {"type": "quantitative", "title": f"lost, {search['metric']}"}
    x = {
        "field": "reached",
        "type": "quantitative",
        "title": "times smaller than floats",
        "scale": {"type": "log", "nice": False, "padding": 20},
    }
    colour = {"field": "tuning", "type": "nominal", "title": None, "legend": {"orient": "top"}}
    span = {"y": {"field": "low", **y}, "y2": {"field": "high"}}
    marks = [
        *_spans(values, span),
        {"mark": {"type": "point", "filled": True, "size": 90},
         "encoding": {"y": {"field": "lost", **y}}},
    ]  # fmt: skip
    limit = {"type": "rule", "strokeDash": [4, 4], "color": "#d9534f"}
    layers = [
        {"layer": marks, "encoding": {"x": x, "color": colour, "tooltip": tips}},
        {"mark": limit, "encoding": {"y": {"datum": search["max_loss"]}}},
    ]
    return _spec(values, 220, layer=layers)


def _budget(plan: Row | None) -> Spec | None:
    """The predicted loss of other sizes, the size that was taken, and recipes."""
    if plan is None or not plan["curve"]:
        return None
    rows = [{**each, "what": "other sizes"} for each in plan["curve"]]
    chosen = {name: plan[name] for name in ("bytes", "ratio", "loss_db")}
    rows.append({**chosen, "what": "this one"})
    tips = [_tip("bytes", "bytes", ",d"), _tip("ratio", "times smaller", ".1f")]
    tips.append(_tip("loss_db", "loss, dB", ".1f"))
    encoding = {
        "x": {
            "field": "bytes",
            "type": "quantitative",
            "title": "bytes of weights",
            "scale": {"type": "log", "nice": False},
            "axis": {"format": "~s"},
        },
        "y": {
            "field": "loss_db",
            "type": "quantitative",
            "title": "predicted loss, dB",
            "scale": {"zero": False},
        },
        "tooltip": tips,
    }
    is_curve = {"filter": "datum.what == 'other sizes'"}
    is_chosen = {"filter": "datum.what == 'this one'"}
    layers = [
        {"mark": {"type": "line", "point": True}, "transform": [is_curve]},
        {
            "mark": {"type": "point", "filled": True, "size": 140, "color": "#d9534f"},
            "transform": [is_chosen],
        },
    ]
    return _spec(rows, 240, encoding=encoding, layer=layers)


def _schedule(record: Mapping[str, Any]) -> Spec | None:
    """What each queue does, above what lies in activation memory: both zoom together."""
    if not record["timeline"]:
        return None
    time = {"title": "cycles", "axis": {"format": "~s", "tickCount": 12}}
    by_layer = {
        "field": "shade",
        "type": "nominal",
        "legend": None,
        "scale": {"scheme": "tableau20"},
    }
    shades = {name: i % 20 for i, name in enumerate(_names(record))}
    spans = [{**each, "shade": shades[each["layer"]]} for each in record["timeline"]]
    stays = [
        {**each, "shade": shades[each["layer"]], "stop": each["address"] + each["bytes"]}
        for each in record["memory"]["stays"]
    ]
    end = max(each["end"] for each in spans)
    upper = {
        "width": 0,
        "height": 26 * len({each["queue"] for each in spans}),
        "data": {"values": spans},
        "params": [
            {
                "name": "zoom",
                "select": {"type": "interval", "encodings": ["x"]},
                "bind": "scales",
                "value": {"x": [0, end]},
            }
        ],
        "mark": {"type": "rect", "clip": True, "height": {"band": 0.8}},
        "encoding": {
            "x": {"field": "start", "type": "quantitative", **time}
            | {"title": None, "scale": {"domain": [0, end], "nice": False}},
            "x2": {"field": "end"},
            "y": {"field": "queue", "type": "nominal", "title": None, "sort": None},
            "color": by_layer,
            "tooltip": [
                *(_tip("layer", "layer"), _tip("op", "instruction"), _tip("bound", "bound by")),
                *(_tip("start", "from cycle", ",d"), _tip("end", "to cycle", ",d")),
                *(_tip("busy", "busy", ",d"), _tip("instructions", "instructions", ",d")),
            ],
        },
    }
    zoomed = {"domain": {"param": "zoom", "encoding": "x"}, "nice": False}
    x = {"type": "quantitative", "scale": zoomed, **time}
    y = {"type": "quantitative", "title": "bytes of activation memory", "axis": {"format": "~s"}}
    live = [{"cycle": cycle, "live": size} for cycle, size in record["memory"]["live"]]
    lower = {
        "width": 0,
        "height": 260,
        "layer": [
            {
                "data": {"values": stays},
                "mark": {"type": "rect", "clip": True, "opacity": 0.75, "stroke": "white"}
                | {"strokeWidth": 0.5},
                "encoding": {
                    "x": {"field": "start", **x},
                    "x2": {"field": "end"},
                    "y": {"field": "address", **y},
                    "y2": {"field": "stop"},
                    "color": by_layer,
                    "tooltip": [
                        *(_tip("layer", "layer"), _tip("tensor", "tensor")),
                        *(_tip("bytes", "bytes", ",d"), _tip("address", "from byte", ",d")),
                        *(_tip("start", "from cycle", ",d"), _tip("end", "to cycle", ",d")),
                    ],
                },
            },
            {
                "data": {"values": live},
                "mark": {"type": "line", "interpolate": "step-after", "color": "#d9534f"}
                | {"clip": True},
                "encoding": {"x": {"field": "cycle", **x}, "y": {"field": "live", **y}},
            },
        ],
    }
    return {"vconcat": [upper, lower], "spacing": 16}


def _roofline(roof: Row, layers: Sequence[Row]) -> Spec | None:
    """Each layer's products a cycle over its products a byte, under what array and memory do."""
    if not roof["layers"]:
        return None
    array, bandwidth = roof["array"], roof["bandwidth"]
    points = [
        {
            **each,
            "intensity": each["products"] / each["bytes"],
            "rate": each["products"] / each["cycles"],
        }
        for each in roof["layers"]
    ]
    intensities, rates = ([each[key] for each in points] for key in ("intensity", "rate"))
    low, high = min([1.0, *intensities]) / 2, 4 * max([array / bandwidth, *intensities])
    least = min([array / 100, *rates]) / 2
    first = max(low, least / bandwidth)
    edges = [(first, first * bandwidth), (array / bandwidth, array), (high, array)]
    log = {"type": "log", "nice": False}
    x = {"type": "quantitative", "title": "products a byte of activation memory"}
    x |= {"scale": {**log, "domain": [low, high]}, "axis": {"format": "~g"}}
    y = {"type": "quantitative", "title": "products a cycle"}
    y |= {"scale": {**log, "domain": [least, 2.0 * array]}, "axis": {"format": "~s"}}
    # The colours of the plot of cycles, which may have more of them.
    known = list(dict.fromkeys(row["bound"] for row in layers if row["cycles"]))
    color = {"field": "bound", "type": "nominal", "title": "bound by", "scale": {"domain": known}}
    used = [each for each in known if any(each == point["bound"] for point in points)]
    size = {"field": "cycles", "type": "quantitative", "legend": None}
    tips = [_tip("layer", "layer"), _tip("bound", "bound by"), _tip("cycles", "cycles", ",d")]
    tips += [_tip("rate", "products a cycle", ",.1f"), _tip("intensity", "a byte", ",.1f")]
    line = {
        "data": {"values": [{"intensity": a, "rate": b} for a, b in edges]},
        "mark": {"type": "line", "color": "#d9534f"},
        "encoding": {"x": {"field": "intensity", **x}, "y": {"field": "rate", **y}},
    }
    discs = {
        "mark": {"type": "point", "filled": True, "opacity": 0.7},
        "encoding": {
            "x": {"field": "intensity", **x},
            "y": {"field": "rate", **y},
            "color": color | {"legend": {"values": used}},
            "size": size | {"scale": {"type": "linear", "range": [30, 600]}},
            "tooltip": tips,
        },
    }
    said = f"{counted(len(points), 'layer')} under a roof of {counted(array, 'product')} a cycle"
    return _spec(points, 320, layer=[line, discs], description=said)


def _names(record: Mapping[str, Any]) -> list[str]:
    """The layers of a schedule, each once."""
    found = (*record["timeline"], *record["memory"]["stays"])
    return list(dict.fromkeys(each["layer"] for each in found))
