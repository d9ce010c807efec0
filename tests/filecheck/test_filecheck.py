"""Every lit test as a pytest item: lit runs once, on the files that were selected."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
FILES = sorted(path.relative_to(HERE).as_posix() for path in HERE.rglob("*.mlir"))
WORKERS = 2


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
    paths = [str(HERE / file) for file in selected]
    lit = [sys.executable, "-c", "from lit.main import main; main()"]
    command = [*lit, "-q", f"-j{WORKERS}", "-o", str(report), *paths]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert report.exists(), f"lit failed to run:\n{run.stdout}\n{run.stderr}"
    results = json.loads(report.read_text())["tests"]
    return {result["name"].split(" :: ")[1]: result for result in results}


@pytest.mark.parametrize("file", FILES)
def test_lit(file: str, lit_results: dict[str, dict[str, str]]):
    result = lit_results.get(file)
    assert result is not None, f"lit did not find {file}"
    if result["code"] != "PASS":
        pytest.fail(f"lit says {result['code']}\n{result['output']}", pytrace=False)


def test_there_are_files():
    assert FILES
