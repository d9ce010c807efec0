"""docs/guides/schedule.md: its commands run, and print what stands below them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recog.tools.cli.main import main

TEXT = (Path(__file__).resolve().parents[2] / "docs/guides/schedule.md").read_text()
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$|^((?: {4}\S[^\n]*\n)+)", re.MULTILINE | re.DOTALL)
FIGURES = {
    "cycles": r"^frame: ([\d,]+) cycles",
    "products": r"^products: ([\d,]+),",
    "activation memory": r"^activation memory: at most ([\d,]+) of",
    "DRAM": r"^DRAM: ([\d,]+) bytes a frame",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the guide's network is."""
    folder = tmp_path_factory.mktemp("guide")
    (network,) = (code for kind, code, _ in BLOCK.findall(TEXT) if kind == "mlir")
    (folder / "net.mlir").write_text(network)
    return folder


@pytest.fixture(scope="module")
def printed(folder: Path) -> list[tuple[str, str]]:
    """What each block of commands prints, all run in one shell, and what the guide says."""
    said, commands = list[str](), list[str]()
    for kind, code, block in BLOCK.findall(TEXT):
        if block:
            commands.append(re.sub("^    ", "", block, flags=re.MULTILINE))
            said.append("")
        elif not kind:
            assert not said[-1], "two outputs of one block"
            said[-1] = code
    script = "exec 2>&1\n" + "printf '%%%%\\n'\n".join(commands)
    commands_of = str(Path(sys.executable).parent)
    path = os.pathsep.join([commands_of, os.environ.get("PATH", "")])
    run = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    found = run.stdout.split("%%\n")
    assert len(found) == len(said)
    return list(zip(found, said))


def test_commands_print_what_the_guide_says(printed: list[tuple[str, str]]):
    assert sum(bool(said) for _, said in printed) == 4
    for found, said in printed:
        assert found == said


def test_a_wrong_row_would_show_in_the_outputs(printed: list[tuple[str, str]], folder: Path):
    """They are compared to say that a schedule changes no bit: equal rows would say nothing."""
    frames = np.load(folder / "plan.npy")[:, 0]
    for frame in frames:
        assert len(np.unique(frame, axis=0)) == len(frame)
    assert not np.array_equal(*frames)


def test_figures_are_those_of_the_programs(
    printed: list[tuple[str, str]], folder: Path, capsys: pytest.CaptureFixture[str]
):
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in TEXT.splitlines()
        if line.count("|") == 7
    ]
    columns = {name: rows[0].index(name) for name in FIGURES}
    assert len(rows) == 8
    for row in rows[2:]:
        assert main(["cost", str(folder / f"{row[0].strip('`')}.recog")]) == 0
        text = capsys.readouterr().out
        for name, pattern in FIGURES.items():
            (figure,) = re.findall(pattern, text, re.MULTILINE)
            assert (row[0], name, row[columns[name]]) == (row[0], name, figure)
