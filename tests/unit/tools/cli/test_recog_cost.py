"""recog cost: its tables and files, and what it says of wrong input."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from chip_programs import dense_weights, program_of, tensors
from PIL import Image
from xdsl.dialects.builtin import FileLineColLoc, IntAttr, NameLoc, StringAttr, UnknownLoc

from recog.backend.assembly import assemble
from recog.tools.cli.main import main


@pytest.fixture
def program(tmp_path: Path) -> Path:
    ir = program_of(f"""
chip.segment @tables tables dense<1> : tensor<144xui8>
chip.input @image {{address = 0, channels = 4, height = 6, width = 6}}
chip.output @out {{address = 144, channels = 4, height = 6, width = 6}}
{tensors(x=(4, 6, 6), a=(4, 6, 6), b=(4, 6, 6))}
{dense_weights("w", 0, (4, 4, 3, 3))}
chip.ldw @tables {{size = 144, address = 0}}
chip.dma.in @x = @image
chip.conv @a = @x, @w {{pad_top = 1, pad_left = 1, pad_bottom = 1, pad_right = 1}}
chip.elt @b = @a, @x {{mode = add}}
chip.dma.out @out = @b
chip.halt
""")
    place = FileLineColLoc(StringAttr("net.py"), IntAttr(7), IntAttr(0))
    for op in (ir.instructions[1], ir.instructions[4]):
        op.location = UnknownLoc()
    for op in ir.instructions[2:4]:
        op.location = NameLoc(StringAttr(f"block.{op.name}"), place)
    path = tmp_path / "net.recog"
    path.write_bytes(assemble(ir))
    return path


def test_files_are_neither_each_other_nor_the_program(
    program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    content, one = program.read_bytes(), str(tmp_path / "one")
    assert main(["cost", str(program), "--trace", one, "--csv", one]) == 2
    assert "--trace and --csv name the same file" in capsys.readouterr().err
    assert main(["cost", str(program), "--csv", str(program)]) == 2
    assert "--csv and PROGRAM name the same file" in capsys.readouterr().err
    assert program.read_bytes() == content
    assert not Path(one).exists()


@pytest.mark.parametrize("option", ["--csv", "--trace"])
def test_files_are_not_standard_output(
    option: str, program: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(program.parent)
    assert main(["cost", str(program), option, "-"]) == 2
    assert f"{option}: a file name is expected, got -" in capsys.readouterr().err
    assert not Path("-").exists()


def test_tables(program: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["cost", str(program), "--savings"]) == 0
    text = capsys.readouterr().out
    assert "On recog-1: 32 x 32 x 4 products a cycle, 800 MHz" in text
    lines = {line.split()[0]: line.split() for line in text.splitlines() if line.split()}
    # 9 taps of 6 rows of 2 steps, and the overhead.
    assert lines["block.chip.conv"][1:6] == ["conv", "4x6x6", "5,184", "124", "array"]
    assert lines["image"][1] == "dma.in"
    assert "horowitz_45nm (45 nm, 0.9 V)" in text
    assert "zigzag_tpu_like (not stated)" in text
    assert "Of what this program saves beside FP16, weights in DRAM," in text
    assert "Assumed: the same array" in text
    assert "FP16 activations get no schedule of their own" in text


def test_the_frame_on_another_chip(program: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["cost", str(program), "--target", "recog-edge"]) == 0
    text = capsys.readouterr().out
    assert "On recog-edge: 16 x 16 x 2 products a cycle, 400 MHz" in text
    assert "of 1,048,576 bytes at once" in text


def test_a_program_for_another_chip_on_the_default(tmp_path: Path, program: Path):
    """`--target recog-1` is the default chip, whatever the program was made for."""
    from recog.backend.assembly import load_program
    from recog.backend.chips import load_chip
    from recog.dialects.chip import TargetAttr

    ir = load_program(program)
    ir.properties["target"] = TargetAttr(load_chip("recog-edge"))
    path = tmp_path / "edge.recog"
    path.write_bytes(assemble(ir))
    for arguments, name in (([], "recog-edge"), (["--target", "recog-1"], "recog-1")):
        assert main(["cost", str(path), "--json", f"{tmp_path}/x.json", *arguments]) == 0
        assert json.loads((tmp_path / "x.json").read_text())["target"] == name


def test_a_program_for_a_chip_with_energies_of_its_own(tmp_path: Path, program: Path):
    """Its tables go along in the program, as `recog info` prints them for a file to begin with."""
    from recog.backend.assembly import load_program
    from recog.backend.chips import description, load_chip
    from recog.dialects.chip import TargetAttr

    text = description(load_chip("recog-1")).replace("45 nm, 0.9 V", "7 nm [guessed]")
    text += text[text.index("[energy.zig") :].replace("zigzag", "szag")
    (tmp_path / "mine.toml").write_text(text)
    ir = load_program(program)
    ir.properties["target"] = TargetAttr(load_chip(f"{tmp_path}/mine.toml"))
    path = tmp_path / "mine.recog"
    path.write_bytes(assemble(ir))
    assert main(["cost", str(path), "--json", f"{tmp_path}/x.json"]) == 0
    energies = json.loads((tmp_path / "x.json").read_text())["energy_pj"]
    assert {"horowitz_45nm", "zigzag_tpu_like", "szag_tpu_like"} == set(energies)


def test_json_and_csv(program: Path, tmp_path: Path):
    files = [f"{tmp_path}/cost.json", f"{tmp_path}/cost.csv"]
    assert main(["cost", str(program), "--json", files[0], "--csv", files[1], "--savings"]) == 0
    record = json.loads(Path(files[0]).read_text())
    layers = {each["layer"]: each for each in record["layers"]}
    assert list(layers) == ["image", "block.chip.conv", "block.chip.elt", "out"]
    assert layers["block.chip.conv"]["source"] == 'layer "block.chip.conv" (net.py:7)'
    assert sum(each["products"] for each in record["layers"]) == record["products"] == 5184
    moved = sum(each["bytes"] for each in record["traffic"] if each["memory"] == "dram")
    assert moved == record["dram_bytes"] == 2 * 144
    assert record["fps"] == pytest.approx(800e6 / record["period_cycles"])
    assert [each["design"] for each in record["savings"]][3] == "this program"
    rows = list(csv.DictReader(Path(files[1]).read_text().splitlines()))
    assert [row["layer"] for row in rows] == list(layers)
    for row in rows:
        assert int(row["cycles"]) == layers[row["layer"]]["cycles"]
    total = sum(float(row["horowitz_45nm_pj"]) for row in rows)
    assert total == pytest.approx(record["energy_pj"]["horowitz_45nm"])


def test_the_trace_is_one_that_perfetto_reads(program: Path, tmp_path: Path):
    path = tmp_path / "trace.json"
    assert main(["cost", str(program), "--trace", str(path)]) == 0
    events = json.loads(path.read_text())["traceEvents"]
    tracks = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert list(tracks.values()) == ["dma-in", "dma-out", "mac", "vector"]
    slices = [event for event in events if event["ph"] == "X"]
    assert [tracks[each["tid"]] for each in slices] == ["dma-in", "mac", "vector", "dma-out"]
    conv = slices[1]
    assert conv["name"] == "block.chip.conv"
    assert conv["args"]["source"] == 'layer "block.chip.conv" (net.py:7)'
    # The output comes from the sum; the input comes from nowhere in the source.
    said = [each["args"]["source"] for each in slices]
    assert said[0] == ""
    assert said[2] == said[3] == 'layer "block.chip.elt" (net.py:7)'
    assert conv["dur"] == 124 / 800
    assert conv["ts"] == slices[0]["dur"]
    counters = [event for event in events if event["ph"] == "C"]
    live = [e["args"]["bytes"] for e in counters if e["name"].startswith("live")]
    assert max(live) == 3 * 144
    assert live[-1] == 0
    dram = [e["args"]["bytes"] for e in counters if e["name"].startswith("DRAM")]
    assert dram == [0, 144, 288]


def test_pictures(program: Path, tmp_path: Path):
    files = [tmp_path / "roof.png", tmp_path / "map.png"]
    arguments = ["--plot", str(files[0]), "--memory-map", str(files[1])]
    assert main(["cost", str(program), *arguments]) == 0
    again = [path.read_bytes() for path in files]
    for path in files:
        with Image.open(path) as picture:
            assert picture.width > 1000
            colours = picture.convert("RGB").resize((200, 100)).getcolors(20_000)
            assert colours is not None
            assert len(colours) > 20
    assert main(["cost", str(program), *arguments]) == 0
    assert [path.read_bytes() for path in files] == again


@pytest.mark.parametrize("option", ["--plot", "--memory-map"])
@pytest.mark.parametrize("name", ["roof.jpg", "roof", "png"])
def test_pictures_are_png_files(
    option: str, name: str, program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """A PNG went into a file of any name, which viewers then refuse."""
    path = tmp_path / name
    assert main(["cost", str(program), option, str(path)]) == 2
    captured = capsys.readouterr()
    assert f"{option}: pictures are PNG files: the name must end in .png, got {path}" in (
        captured.err
    )
    assert not captured.out
    assert not path.exists()
    assert main(["cost", str(program), option, f"{path}.PNG"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "recog-2"], "a TOML file, or one of recog-1, recog-edge, recog-large"),
        (["--json", "/nowhere/x.json"], "/nowhere/x.json"),
        (["--plot", "/nowhere/x.png"], "/nowhere/x.png"),
        (["--target", "{folder}/tiny.toml"], "needs 144 bytes of weight_memory, the chip has 64"),
        (["--target", "{folder}/tiny.toml"], "recog convert --target {folder}/tiny.toml"),
    ],
)
def test_wrong_input(
    arguments: list[str],
    message: str,
    program: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    (tmp_path / "tiny.toml").write_text("weight_memory = 64\n")
    given = [each.format(folder=tmp_path) for each in arguments]
    assert main(["cost", str(program), *given]) == 1
    captured = capsys.readouterr()
    assert message.format(folder=tmp_path) in captured.err
    assert not captured.out


def test_what_is_no_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "x.recog"
    path.write_bytes(b"nothing")
    assert main(["cost", str(path)]) == 1
    assert str(path) in capsys.readouterr().err
