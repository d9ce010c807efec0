"""Every lit test as a pytest item: lit runs once, on the files that were selected.

Files of `interpret` folders that only ask `recog-opt` for a pass pipeline run in this process,
which spares each the start of Python and torch; the first of each dialect goes to lit as well.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from recog.tools.opt.main import main

HERE = Path(__file__).resolve().parent
FILES = sorted(path.relative_to(HERE).as_posix() for path in HERE.rglob("*.mlir"))
WORKERS = 1 if "PYTEST_XDIST_WORKER" in os.environ else 2
RUN = re.compile(r"// RUN: (.*)")


def pipelines(file: str) -> list[str]:
    """The pipelines of a file whose RUN lines are all `recog-opt %s -p PIPELINE`; else none."""
    if "/interpret/" not in file:
        return []
    commands = [shlex.split(line) for line in RUN.findall((HERE / file).read_text())]
    if not all(len(words) == 4 and words[:3] == ["recog-opt", "%s", "-p"] for words in commands):
        return []
    return [words[3] for words in commands]


IN_PROCESS = [file for file in FILES if pipelines(file)]
FIRST = {file.split("/interpret/")[0]: file for file in reversed(IN_PROCESS)}
LIT_FILES = [file for file in FILES if file not in IN_PROCESS or file in FIRST.values()]


@pytest.fixture(scope="module")
def lit_results(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, str]]:
    """lit's result of each selected file, by its path below this folder."""
    selected = [
        item.callspec.params["file"]
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.path == request.path
        and "file" in getattr(getattr(item, "callspec", None), "params", {})
    ]
    report = tmp_path_factory.mktemp("lit") / "report.json"
    paths = [str(HERE / str(file)) for file in dict.fromkeys(selected) if file in LIT_FILES]
    lit = [sys.executable, "-c", "from lit.main import main; main()"]
    command = [*lit, "-q", f"-j{WORKERS}", "-o", str(report), *paths]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert report.exists(), f"lit failed to run:\n{run.stdout}\n{run.stderr}"
    results = json.loads(report.read_text())["tests"]
    return {result["name"].split(" :: ")[1]: result for result in results}


@pytest.mark.parametrize("file", LIT_FILES)
def test_lit(file: str, lit_results: dict[str, dict[str, str]]):
    result = lit_results.get(file)
    assert result is not None, f"lit did not find {file}"
    if result["code"] != "PASS":
        pytest.fail(f"lit says {result['code']}\n{result['output']}", pytrace=False)


@pytest.mark.parametrize("file", IN_PROCESS)
def test_interpret(file: str, capsys: pytest.CaptureFixture[str]):
    for pipeline in pipelines(file):
        code = main([str(HERE / file), "-p", pipeline])
        assert code == 0, capsys.readouterr().err


def test_there_are_files():
    assert LIT_FILES
    assert IN_PROCESS
