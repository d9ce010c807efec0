"""The pages of docs/ are all on the site, and links lead somewhere (`make docs` checks anchors)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from recog.tools import console

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
OTHERS = ("*.md", "notebooks/*.ipynb", "tests/corpus/*.md")
DOCUMENTS = [*PAGES, *(path for each in OTHERS for path in sorted(ROOT.glob(each)))]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def links(text: str) -> list[str]:
    """Targets of links and pictures that are files, without anchors; none of blocks of code."""
    prose = re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)
    targets = [target.partition("#")[0] for target in LINK.findall(prose)]
    return [target for target in targets if target and ":" not in target]


def test_every_page_is_in_the_navigation():
    text = (ROOT / "docs/index.md").read_text()
    trees = re.findall(r"^```\{toctree\}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    listed = [line for tree in trees for line in tree.split() if not line.startswith(":")]
    named = [name for name in listed if (ROOT / f"docs/{name}.md").exists()]
    assert len(named) == len(set(named))
    pages = {str(page.relative_to(ROOT / "docs").with_suffix("")) for page in PAGES}
    assert pages - {"index"} == set(named)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(path: Path):
    targets = links(path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_links_are_seen():
    text = "![a](b.png) [c](d.md#e) [f](#g) [h](https://i.org)\n```\n[j](k)\n```\n[l](m)"
    assert links(text) == ["b.png", "d.md", "m"]
    assert sum(len(links(path.read_text())) for path in DOCUMENTS) > 40


def test_pictures_are_small():
    pictures = sorted((ROOT / "docs").rglob("*.png"))
    assert pictures
    large = {path.name for path in pictures if path.stat().st_size > 150_000}
    assert large <= {"stereo3d.png"}


def test_exit_codes_are_documented():
    rows = re.findall(r"^\| ([\d, ]+) \|", (ROOT / "docs/commands.md").read_text(), re.MULTILINE)
    listed = {int(code) for row in rows for code in row.split(",")}
    errors = {console.BAD_INPUT, console.BAD_USAGE, console.INTERRUPTED, console.BROKEN_PIPE}
    assert listed == {0, *errors, *(128 + number for number in console.STOPPING)}


def test_environment_variables_are_documented():
    listed = re.findall(r"^\| `(\w+)`", (ROOT / "docs/commands.md").read_text(), re.MULTILINE)
    rooms = ("dialects", "frontend", "lowering", "backend", "tools")
    sources = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    read = {name for path in sources for name in re.findall(r'"(RECOG_[A-Z_]+)"', path.read_text())}
    assert read == set(listed)


def test_the_readme_says_what_was_measured(monkeypatch: pytest.MonkeyPatch):
    """`make readme` writes both; a number that is changed by hand is found."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    from readme_numbers import NUMBERS, README, filled  # pyright: ignore[reportMissingImports]

    text, numbers = README.read_text(), json.loads(NUMBERS.read_text())
    assert filled(text, numbers) == text
    numbers["levels"][-1]["weight_bytes"] += 1
    assert filled(text, numbers) != text
