"""What shells complete, asked of a shell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from recog.tools.cli.main import COMMANDS, main


@pytest.fixture
def script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["completion", "bash"]) == 0
    path = tmp_path / "recog.bash"
    path.write_text(capsys.readouterr().out)
    return path


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["recog", ""], list(COMMANDS)),
        (["recog", "conv"], ["convert"]),
        (["recog", "convert", "--den"], ["--dense", "--dense-fan-in"]),
        (["recog", "completion", ""], ["bash", "zsh", "tcsh"]),
        (["recog", "run", "net"], ["net.recog"]),
        (["recog", "check", "--target", "ch"], ["chip.toml"]),
    ],
)
def test_bash(words: list[str], completed: list[str], script: Path, tmp_path: Path):
    for name in ("net.recog", "chip.toml"):
        (tmp_path / name).touch()
    line = " ".join(f"'{word}'" for word in words)
    ask = (
        f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; COMP_TYPE=9\n"
        "_shtab_recog; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    found = subprocess.run(
        ["bash", "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert set(completed) <= set(found.stdout.split())


def test_it_needs_no_torch():
    """`pip install recog` brings completion, and the help of every command."""
    code = (
        "import sys; sys.modules['torch'] = sys.modules['sklearn'] = None\n"
        "from recog.tools.cli.main import main\n"
        "sys.exit(main(['completion', 'bash']) or main(['eval', '--help']))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert "_shtab_recog" in run.stdout
