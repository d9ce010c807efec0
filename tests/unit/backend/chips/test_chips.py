"""The chips that ship, chips of a user's files, and what is said of files that describe none."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from recog.backend.chips import CHIPS, MAX_BYTES, description, load_chip
from recog.dialects.chip import ChipTarget
from recog.dialects.errors import RecogError


def test_every_file_beside_the_loader_is_a_chip_of_its_name():
    folder = resources.files("recog.backend.chips")
    files = sorted(each.name for each in folder.iterdir() if each.name.endswith(".toml"))
    assert files == [f"{name}.toml" for name in CHIPS[1:]]
    for name in CHIPS:
        assert load_chip(name).name == name
    assert load_chip("recog-1") == ChipTarget()


def test_the_sizes_that_the_documents_name():
    edge, large = load_chip("recog-edge"), load_chip("recog-large")
    assert edge.size("activation_memory") == 1 << 20
    assert (edge.array.size, large.array.size) == (512, 65536)
    assert edge.energy == large.energy == ChipTarget().energy


@pytest.mark.parametrize("name", CHIPS)
def test_a_description_is_a_file_of_the_same_chip(name: str, tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(description(load_chip(name)))
    assert load_chip(str(path)) == load_chip(name)


def test_what_a_file_leaves_open_is_the_default_s(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\n[array]\npixels = 1\n')
    default = ChipTarget(accumulator=40, clock_mhz=100)
    chip = load_chip(str(path), default)
    assert (chip.name, chip.accumulator, chip.clock_mhz) == ("mine", 40, 100)
    assert load_chip("recog-edge", default).accumulator == 40


def test_a_third_memory_is_described_too():
    chip = ChipTarget.from_toml("[memory.rings]\nbytes = 4096\nbanks = 8")
    assert ChipTarget.from_toml(description(chip)) == chip


def test_a_chip_without_fine_antilog_bits_is_described_too():
    chip = ChipTarget(fine_antilog_bits=0, clock_mhz=100)
    assert ChipTarget.from_toml(description(chip)) == chip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"clock_mhz = 0", "clock_mhz must be in"),
        (b"name = \nclock_mhz = 3", "not TOML: Invalid value \\(at line 1, column 8\\)"),
        (b"[array]\nrows = 3", "array has no 'rows', expected: outputs, inputs"),
        (b"\xff\xfe", "not TOML: not UTF-8 text"),
        (b"x = " + b"1" * 5000, "not a target|not TOML|digits"),
        (b"#" * (MAX_BYTES + 1), "has more than 1,048,576 bytes"),
    ],
)
def test_a_wrong_file_is_named(content: bytes, message: str, tmp_path: Path):
    path = tmp_path / "wrong.toml"
    path.write_bytes(content)
    with pytest.raises(RecogError, match=message) as caught:
        load_chip(str(path))
    assert caught.value.where == f"target {path}"


@pytest.mark.parametrize("path", ["recog-2", "/", "a\0b"])
def test_what_is_no_file_is_answered_with_the_names(path: str):
    with pytest.raises(RecogError, match="a TOML file, or one of recog-1, recog-edge, recog-large"):
        load_chip(path)
