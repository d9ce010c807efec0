"""The report of a conversion: its numbers, its page, and what it says of damaged folders."""

from __future__ import annotations

import builtins
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reported_network import EVIL, NETWORK

from recog.tools.cli.main import main
from recog.tools.page import html_page, libraries


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network of which a part stays on the host, and its conversion in `out`."""
    folder = tmp_path_factory.mktemp('<b>"&')
    (folder / "net.py").write_text(NETWORK)
    frames = np.random.default_rng(0).normal(size=(8, 3, 16, 16)).astype(np.float32)
    labels = np.array([0, 1, 2, 3, 4, 5, 6, 7])
    np.savez(folder / "frames.npz", inputs=frames, targets=labels)
    network, data = f"{folder}/net.py:make", f"{folder}/frames.npz"
    options = ["--ratio", "5", "--no-tune", "--layouts", "head: dense"]
    options += ["--json", f"{folder}/rows.json"]
    assert main(["convert", network, "--data", data, "-o", f"{folder}/out", *options]) == 0
    return folder


@pytest.fixture(scope="module")
def record(workspace: Path) -> dict[str, Any]:
    return json.loads((workspace / "out/report.json").read_text())


@pytest.fixture
def folder(workspace: Path, tmp_path: Path) -> Path:
    """A copy of the conversion, to damage."""
    return shutil.copytree(workspace / "out", tmp_path / "out")


def command(name: str, program: Path, tmp_path: Path) -> Any:
    """What a command writes with --json."""
    assert main([name, str(program), "--json", str(tmp_path / "x.json")]) == 0
    return json.loads((tmp_path / "x.json").read_text())


def test_costs_are_those_of_recog_cost(workspace: Path, record: dict[str, Any], tmp_path: Path):
    wanted = command("cost", workspace / "out/program.recog", tmp_path)
    layers = wanted.pop("layers")
    assert record["cost"] == wanted
    rows = record["layers"][: len(layers)]
    for ours, name in (("layer", "layer"), ("macs", "products"), ("cycles", "cycles")):
        assert [row[ours] for row in rows] == [layer[name] for layer in layers]
    for name in ("bound", "energy_pj", "shape", "ops", "source", "utilisation"):
        assert [row[name] for row in rows] == [layer[name] for layer in layers]
    spans = record["timeline"]
    assert max(span["end"] for span in spans) == wanted["cycles"]
    assert sum(span["busy"] for span in spans) == sum(wanted["queue_cycles"].values())
    assert max(size for _, size in record["memory"]["live"]) == wanted["amem_peak"]


def test_the_roofline_stands_beside_the_schedule(workspace: Path, record: dict[str, Any]):
    """No layer is above what the array, or activation memory at its products a byte, can do."""
    roof = record["roofline"]
    rows = {row["layer"]: row for row in record["layers"]}
    assert [each["layer"] for each in roof["layers"]] == [
        name for name, row in rows.items() if row["macs"]
    ]
    for each in roof["layers"]:
        row = rows[each["layer"]]
        assert (each["products"], each["cycles"]) == (row["macs"], row["cycles"])
        assert each["products"] <= each["cycles"] * roof["array"]
        assert each["bytes"] <= each["cycles"] * roof["bandwidth"]
    page = Page((workspace / "out/report.html").read_text())
    places = [each["data-plot"] for _, each in page.tags if "data-plot" in each]
    assert places[-2:] == ["schedule", "roofline"]
    spec = json.loads(page.scripts[0])["plots"]["roofline"]
    line, discs = spec["layer"]
    across, up = (discs["encoding"][axis]["scale"]["domain"] for axis in "xy")
    for point in (*spec["data"]["values"], *line["data"]["values"]):
        assert across[0] <= point["intensity"] <= across[1]
        assert up[0] <= point["rate"] <= up[1]
    # A program without products has none.
    empty = html_page(record | {"roofline": roof | {"layers": []}})
    assert 'data-plot="roofline"' not in empty


def test_bytes_are_those_of_recog_info(workspace: Path, record: dict[str, Any], tmp_path: Path):
    wanted = command("info", workspace / "out/program.recog", tmp_path)
    layers = {layer["layer"]: layer for layer in wanted.pop("layers")}
    assert record["bytes"] == wanted
    rows = [row for row in record["layers"] if row["weight_bytes"]]
    assert len(rows) == len(layers) == 3
    for row in rows:
        layer = layers[row["layer"]]
        for name in ("pointers", "codes", "table", "biases", "bits_a_weight"):
            assert row[name] == layer[name]
        assert row["weight_shape"] == layer["shape"]
    by_name = {row["layer"]: row for row in rows}
    assert by_name["head"]["layout"] == "dense"
    assert by_name["head"]["why_dense"] == "option layouts says so ('head')"
    assert by_name[EVIL]["layout"].endswith(" of 1x1x1x1")
    assert by_name[EVIL]["why_dense"] is None


def test_what_the_conversion_knew(workspace: Path, record: dict[str, Any]):
    assert json.loads((workspace / "rows.json").read_text()) == {"rows": record["rows"]}
    assert record["network"] == "net.py:make"
    assert [row["level"] for row in record["rows"]][-2:] == ["lns", "machine"]
    assert record["plan"]["ratio"] >= 5
    assert record["batch_norms"]["count"] == 2
    assert record["batch_norms"]["folded"] + len(record["batch_norms"]["kept"]) == 2
    assert record["versions"]["recog"]
    assert 'layout = "dense"' in record["recipe"]
    assert "the host runs the last" in " ".join(record["boundary"])


def test_a_program_has_one_ratio(workspace: Path, record: dict[str, Any]):
    """Batch norms and the host's part counted, as in the table of levels."""
    first, *_, last = record["rows"]
    assert last["ratio"] == first["weight_bytes"] / last["weight_bytes"]
    assert record["plan"]["float_bytes"] == first["weight_bytes"]
    assert "ratio" not in record["bytes"]
    assert record["bytes"]["folded_ratio"] != last["ratio"]
    page = (workspace / "out/report.html").read_text()
    assert f"smaller than the weights as floats</dt><dd>{last['ratio']:.1f}x</dd>" in page


def test_losses_have_intervals(record: dict[str, Any]):
    first, *rest = record["rows"]
    assert (first["lost"], first["low"], first["high"]) == (0, 0, 0)
    for row in rest:
        assert row["lost"] == pytest.approx(first["accuracy"] - row["accuracy"])
        assert row["low"] <= row["lost"] <= row["high"]


def test_a_report_of_an_earlier_version(folder: Path):
    """It had no losses, no network's name, and much less beside."""
    new = json.loads((folder / "report.json").read_text())
    rows = [dict(list(row.items())[:6]) for row in new["rows"]]
    (folder / "report.json").write_text(json.dumps({"rows": rows, "notes": new["notes"]}))
    assert main(["report", str(folder)]) == 0
    record = json.loads((folder / "report.json").read_text())
    # Without the plan the reason is what it has left on the layer.
    assert record["layers"] == [
        row
        if row["layer"] == "head"
        else row | {"why_dense": row["why_dense"] and "its cluster.layout says so"}
        for row in new["layers"]
    ]
    assert [row["lost"] for row in record["rows"]] == [None] * len(rows)
    assert "lost (95 % interval)" in (folder / "report.html").read_text()


def test_the_graph_joins_chip_and_host(record: dict[str, Any]):
    nodes, edges = record["graph"]["nodes"], record["graph"]["edges"]
    sides = [node["side"] for node in nodes]
    assert {"chip", "host", "input", "output"} == set(sides)
    assert all(start != end for start, end in edges)
    assert any(sides[start] == "chip" and sides[end] == "host" for start, end in edges)
    into = {end for _, end in edges}
    assert [i for i, side in enumerate(sides) if side == "input"] == [
        i for i in range(len(nodes)) if i not in into
    ]
    names = [node["name"] for node in nodes]
    both = {names[end] for start, end in edges if names[start] == "stem.0"}
    assert EVIL in both, "the skip connection"
    assert len(both) == 2


class Page(HTMLParser):
    """The page's elements, and the texts of its scripts and cells."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.scripts, self.cells = list[tuple[str, Any]](), list[str](), list[str]()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "td", "th", "title", "text"):
            (self.scripts if tag == "script" else self.cells).append("")

    def handle_data(self, data: str) -> None:
        last = self.tags[-1][0] if self.tags else ""
        if last == "script" and self.scripts[-1] == "":
            self.scripts[-1] = data
        elif last in ("td", "th", "title", "text"):
            self.cells[-1] += data


def test_untrusted_texts_are_escaped(workspace: Path, record: dict[str, Any]):
    text = (workspace / "out/report.html").read_text()
    page = Page(text)
    assert len(page.scripts) == 3, "the data, Vega and the page's own"
    assert "alert(1)" not in "".join(page.scripts[1:])
    data = json.loads(page.scripts[0])
    assert any(EVIL in dict(lines).get("source", "") for lines in data["texts"])
    assert any(cell == EVIL for cell in page.cells), "the name as text"
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    loads = [value for _, each in page.tags for name, value in each.items() if name in ("src",)]
    assert loads
    assert all(re.fullmatch(r"data:image/(png|webp);base64,[\w+/=]+", each) for each in loads)
    # Of every text in the record: none stands in the page as it is.
    evil = json.loads(json.dumps(record).replace("net.py:make", "<svg onload=alert(2)>'\\\"&"))
    for note in (evil["notes"], evil["boundary"]):
        note[:] = []
    evil["notes"] = [{**dict.fromkeys(("kind", "text", "advice"), EVIL), "places": [EVIL] * 4}]
    evil["boundary"], evil["versions"], evil["recipe"] = [EVIL], {EVIL: EVIL}, EVIL
    evil["batch_norms"]["kept"] = [{"place": EVIL, "why": EVIL}]
    evil["pictures"] |= {"caption": EVIL, "facts": [[EVIL, EVIL]], "metric": EVIL}
    evil["pictures"]["legend"] = [[{"label": EVIL, "colour": "#000000", "style": EVIL}]]
    for figure in evil["pictures"]["figures"]:
        figure |= {"title": EVIL, "note": EVIL}
        figure["rows"][0][0] |= {"label": EVIL, "note": EVIL, "image": f'"{EVIL}'}
    evil["rows"][0]["level"] = evil["cost"]["target"] = EVIL
    page = Page(html_page(evil))
    assert len(page.scripts) == 3
    assert "svg onload" not in "".join(tag for tag, _ in page.tags)
    assert [tag for tag, _ in page.tags if tag == "svg"] == ["svg"]


def test_the_page_loads_nothing_and_runs_only_its_scripts(workspace: Path):
    import base64
    import hashlib

    text = (workspace / "out/report.html").read_text()
    page = Page(text)
    policy = next(
        each["content"] for tag, each in page.tags if tag == "meta" and "http-equiv" in each
    )
    assert policy.startswith("default-src 'none'")
    for script in page.scripts[1:]:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert not re.search(r"<(link|iframe|object|embed)\b", text.replace(page.scripts[1], ""))


def test_report_draws_the_same_again(workspace: Path, folder: Path):
    """From the files what the conversion drew from memory, byte for byte."""
    before = {name: (folder / name).read_bytes() for name in ("report.json", "report.html")}
    (folder / "report.html").unlink()
    assert main(["report", str(folder)]) == 0
    for name, content in before.items():
        assert (folder / name).read_bytes() == content


def test_data_adds_what_each_layer_loses(
    workspace: Path, folder: Path, capsys: pytest.CaptureFixture[str]
):
    data, json_file = f"{workspace}/frames.npz", f"{folder.parent}/compared.json"
    network = f"{folder}/0-float.mlir"
    assert main(["compare", network, str(folder), "--data", data, "--json", json_file]) == 0
    wanted = json.loads(Path(json_file).read_text())["rows"]
    assert main(["report", str(folder), "--data", data]) == 0
    record = json.loads((folder / "report.json").read_text())
    rows = {row["layer"]: row for row in record["layers"]}
    for each in wanted:
        for key in ("alone_db", "cumulative_db"):
            assert rows[each["layer"]][key] == each[key]
    assert "SQNR up to here" in (folder / "report.html").read_text()
    # It stays known.
    assert main(["report", str(folder)]) == 0
    assert json.loads((folder / "report.json").read_text()) == record


def test_a_report_of_another_program_is_no_report_of_this_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    """Its levels were measured on that one."""
    record = json.loads((folder / "report.json").read_text())
    record["program"]["sha256"] = "0"
    (folder / "report.json").write_text(json.dumps(record))
    before = [(folder / name).read_bytes() for name in ("report.json", "report.html")]
    assert main(["report", str(folder)]) == 1
    said = capsys.readouterr().err
    assert "report.json: is of another program than the one beside it\n  hint: convert" in said
    assert before == [(folder / name).read_bytes() for name in ("report.json", "report.html")]
    (folder / "report.json").unlink()
    assert main(["report", str(folder)]) == 0
    assert json.loads((folder / "report.json").read_text())["rows"] == []
    ratio = "smaller than the weights as floats, batch norms folded</dt>"
    assert ratio in (folder / "report.html").read_text()


SCORES = """
def nearness(outputs, targets):
    return 10 * outputs[0][:, 0] - targets
"""


def test_a_metric_adds_what_each_layer_costs_alone(workspace: Path, folder: Path):
    """The numbers of `recog compare --metric`; they stay known, and are columns and a plot."""
    (workspace / "scores.py").write_text(SCORES)
    measured = ["--data", f"{workspace}/frames.npz", "--metric", f"{workspace}/scores.py:nearness"]
    network, table = f"{folder}/0-float.mlir", folder.parent / "compared.json"
    assert main(["compare", network, str(folder), *measured, "--json", str(table)]) == 0
    wanted = json.loads(table.read_text())
    assert main(["report", str(folder), *measured]) == 0
    record = json.loads((folder / "report.json").read_text())
    assert record["comparison"] == {"frames": 8, **wanted}
    rows = {row["layer"]: row for row in record["layers"]}
    assert any(each["loss"] for each in wanted["rows"])
    for each in wanted["rows"]:
        row = rows[each["layer"]]
        for key in ("metric", "loss", "low", "high"):
            assert row[key] == each[key]
    page = Page((folder / "report.html").read_text())
    data = json.loads(page.scripts[0])
    assert {"key": "loss", "title": "lost alone", "spread": False} in data["columns"]
    assert [each["loss"] for each in data["values"]] == [row["loss"] for row in record["layers"]]
    assert "layer-loss" in data["plots"]
    assert main(["report", str(folder)]) == 0
    assert json.loads((folder / "report.json").read_text()) == record
    # Without a metric there is no such column.
    assert main(["report", str(folder), *measured[:2]]) == 0
    assert "lost alone" not in (folder / "report.html").read_text()


def test_a_loss_of_nothing_anywhere_is_shown(workspace: Path, folder: Path):
    (workspace / "scores.py").write_text("def same(outputs, targets):\n    return 1.0\n")
    metric = ["--metric", f"{workspace}/scores.py:same", "--resamples", "0"]
    assert main(["report", str(folder), "--data", f"{workspace}/frames.npz", *metric]) == 0
    text = (folder / "report.html").read_text()
    assert "lost alone</th>" in text
    assert "lost alone, 95 %" not in text


def test_a_metric_wants_data(folder: Path, capsys: pytest.CaptureFixture[str]):
    before = (folder / "report.html").read_bytes()
    assert main(["report", str(folder), "--metric", "agreement"]) == 2
    assert "--metric wants --data" in capsys.readouterr().err
    assert main(["report", str(folder), "--resamples", "3"]) == 2
    assert "--resamples has no effect without a --metric" in capsys.readouterr().err
    assert (folder / "report.html").read_bytes() == before


def test_pictures_of_frames(workspace: Path, folder: Path):
    """Of the data that the conversion was measured on, then of that of the report."""
    record = json.loads((folder / "report.json").read_text())
    pictures = record["pictures"]
    assert (pictures["of"], pictures["frames"], pictures["metric"]) == ("labels", 8, None)
    assert len(pictures["facts"]) == 3
    shown = [panel for row in pictures["figures"][0]["rows"] for panel in row]
    page = Page((folder / "report.html").read_text())
    images = [each["src"] for tag, each in page.tags if tag == "img"]
    assert images == [panel["image"] for panel in shown]
    assert len(images) == 8
    few = np.load(workspace / "frames.npz")["inputs"][:3]
    np.savez(folder.parent / "few.npz", inputs=few, targets=np.array([0, 1, 2]))
    assert main(["report", str(folder), "--data", str(folder.parent / "few.npz")]) == 0
    again = json.loads((folder / "report.json").read_text())["pictures"]
    assert again["frames"] == 3
    labels = {panel["label"] for row in again["figures"][0]["rows"] for panel in row}
    assert labels < {panel["label"] for panel in shown}
    # The outputs say nothing that could be drawn without targets.
    np.save(folder.parent / "few.npy", few)
    assert main(["report", str(folder), "--data", str(folder.parent / "few.npy")]) == 0
    assert "pictures" not in json.loads((folder / "report.json").read_text())
    assert 'id="frames"' not in (folder / "report.html").read_text()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("image", "https://example.org/a.png"),
        ("image", 'data:image/png;base64,AA"onerror='),
        ("width", 0),
        ("height", "1"),
    ],
)
def test_pictures_that_are_none(
    key: str, value: object, folder: Path, capsys: pytest.CaptureFixture[str]
):
    record = json.loads((folder / "report.json").read_text())
    record["pictures"]["figures"][0]["rows"][0][0][key] = value
    (folder / "report.json").write_text(json.dumps(record))
    assert main(["report", str(folder)]) == 1
    error = capsys.readouterr().err
    assert "report.json: is damaged: pictures" in error
    assert "has a value that no report has" in error


def test_other_places_for_the_files(folder: Path, tmp_path: Path):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    page, content = tmp_path / "a.html", tmp_path / "b.json"
    assert main(["report", str(folder), "-o", str(page), "--json", str(content)]) == 0
    assert page.read_bytes() == before["report.html"]
    assert content.read_bytes() == before["report.json"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_without_its_report(folder: Path):
    (folder / "report.json").unlink()
    assert main(["report", str(folder)]) == 0
    record = json.loads((folder / "report.json").read_text())
    assert record["rows"] == []
    assert record["network"] == "out"
    assert record["layers"][1]["cycles"] > 0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("program.recog", None, "holds no program.recog"),
        ("recipe.toml", None, "holds no recipe.toml"),
        ("program.recog", "junk", "program.recog"),
        ("report.json", "{", "report.json: is damaged"),
        ("report.json", "[]", "is damaged: no object"),
        ("report.json", '{"rows": 5}', "is damaged: rows has a value that no report has"),
        ("report.json", '{"rows": [{"level": "a"}]}', "rows[0].weight_bytes is missing"),
        ("report.json", '{"network": 1e999}', "network has a value"),
        ("report.json", '{"notes": [NaN]}', "NaN is no JSON"),
        (
            "report.json",
            '{"comparison": {"frames": 1, "rows": [], "metric": 3}}',
            "comparison.metric has a value",
        ),
        ("report.json", '{"plan": []}', "plan has a value"),
        ("report.json", '{"versions": {"recog": 1}}', "versions[0] has a value"),
        ("report.json", "[" * 100_000, "is damaged"),
    ],
)
def test_damaged_folders(
    name: str, content: str | None, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
):
    page = (folder / "report.html").read_bytes()
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    assert main(["report", str(folder)]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "internal error" not in error
    assert (folder / "report.html").read_bytes() == page


def test_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["report", str(tmp_path / "none")]) == 1
    assert "there is no such folder" in capsys.readouterr().err
    for stage in ("7-lns.mlir", "6-lns.mlir"):
        assert not (tmp_path / stage).exists()


def test_without_the_extra(
    workspace: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    """A conversion is whole without a page; who asks for the page is told what it needs."""
    real = builtins.__import__
    wanted = dict(libraries.LIBRARIES)

    def refuse(name: str, *args: Any) -> Any:
        assert name.partition(".")[0] not in wanted
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.setattr(libraries, "find_spec", lambda name: None if name == "igraph" else name)
    assert main(["report", str(folder)]) == 1
    error = capsys.readouterr().err
    assert "needs the Python package igraph" in error
    assert "pip install 'recog[report]'" in error
    out = folder.parent / "dense"
    data = ["--data", f"{workspace}/frames.npz", "--dense", "-o", str(out)]
    assert main(["convert", f"{workspace}/net.py:make", *data]) == 0
    shown = capsys.readouterr().out
    assert "note: no report.html without igraph; pip install 'recog[report]'" in shown
    assert not (out / "report.html").exists()
    layers = json.loads((out / "report.json").read_text())["layers"]
    assert {row["why_dense"] for row in layers if row["weight_bytes"]} == {
        "the conversion gives each weight a code of its own (--dense)"
    }
