"""Output folders change as a whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from recog.backend import folders
from recog.backend.folders import held_folder, whole_folder
from recog.dialects.errors import RecogError


def ours(name: str) -> bool:
    return name.endswith(".ours")


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """A folder with outputs of an earlier run, and files that are the user's."""
    folder = tmp_path / "out"
    (folder / "notes").mkdir(parents=True)
    (folder / "a.ours").write_text("old a")
    (folder / "b.ours").write_text("old b")
    (folder / "notes" / "mine.txt").write_text("mine")
    (folder / "link").symlink_to("nowhere")
    return folder


def test_a_new_folder(tmp_path: Path):
    with whole_folder(tmp_path / "some" / "out", ours) as draft:
        (draft / "a.ours").write_text("a")
        assert not (tmp_path / "some" / "out").exists()
    assert tree(tmp_path) == {"some/out/a.ours": "a"}


@pytest.mark.parametrize("used", [True, False])
def test_folders_above_go_where_nothing_came_of_it(tmp_path: Path, used: bool):
    with pytest.raises(KeyboardInterrupt), held_folder(tmp_path / "new" / "deep" / "out") as held:
        if used:
            held.partial.mkdir()
        raise KeyboardInterrupt
    assert (tmp_path / "new" / "deep" / "out.partial").exists() == used
    assert os.listdir(tmp_path) == ["new"] * used


def test_what_is_ours_is_replaced_and_the_rest_stays(before: Path):
    with whole_folder(before, ours) as draft:
        (draft / "a.ours").write_text("new a")
    assert tree(before) == {"a.ours": "new a", "notes/mine.txt": "mine"}
    assert os.readlink(before / "link") == "nowhere"
    assert os.listdir(before.parent) == ["out"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_after_an_error_nothing_has_changed(before: Path, error: type[BaseException]):
    content = tree(before)
    with pytest.raises(error), whole_folder(before, ours) as draft:
        (draft / "a.ours").write_text("half")
        raise error
    assert tree(before) == content
    assert os.listdir(before.parent) == ["out"]


KILLED = """
import os, signal, sys
from pathlib import Path
from recog.backend import folders
when, path = sys.argv[1:]
real, calls = os.rename, []
def rename(*names):
    calls.append(names)
    if when == f"rename {len(calls)}":
        os.kill(os.getpid(), signal.SIGKILL)
    real(*names)
os.rename = rename
if when.startswith("rename"):
    folders._exchange = lambda one, other: False
with folders.whole_folder(path, lambda name: name.endswith(".ours")) as draft:
    (draft / "a.ours").write_text("new a")
    if when == "block":
        os.kill(os.getpid(), signal.SIGKILL)
if when == "end":
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("when", ["block", "rename 1", "rename 2", "end"])
def test_killed_at_any_point_the_folder_is_whole(before: Path, when: str):
    old = tree(before)
    run = subprocess.run([sys.executable, "-c", KILLED, when, str(before)], check=False)
    assert run.returncode == -signal.SIGKILL
    with whole_folder(before, ours) as draft:  # what the next run sees
        (draft / "b.ours").write_text("next")
        found = tree(before)
    assert found == ({"a.ours": "new a", "notes/mine.txt": "mine"} if when == "end" else old)
    assert tree(before) == {"b.ours": "next", "notes/mine.txt": "mine"}
    assert os.listdir(before.parent) == ["out"]


def test_names_are_exchanged_in_one_step(before: Path):
    """The folder is there at every moment: no rename touches it."""
    with (
        patch.object(folders.os, "rename", side_effect=AssertionError),
        whole_folder(before, ours) as draft,
    ):
        (draft / "a.ours").write_text("new a")
    assert tree(before) == {"a.ours": "new a", "notes/mine.txt": "mine"}


def test_two_at_once_are_not_mixed(before: Path):
    with whole_folder(before, ours) as draft:
        (draft / "a.ours").write_text("first")
        with (
            pytest.raises(RecogError, match="another process is writing"),
            whole_folder(before, ours),
        ):
            pytest.fail("two hold the folder")
    assert tree(before)["a.ours"] == "first"
    with whole_folder(before, ours) as draft:
        (draft / "a.ours").write_text("second")
    assert tree(before)["a.ours"] == "second"


def test_without_hard_links(before: Path):
    with (
        patch.object(folders.os, "link", side_effect=OSError),
        whole_folder(before, ours) as draft,
    ):
        (draft / "a.ours").write_text("new a")
    assert tree(before) == {"a.ours": "new a", "notes/mine.txt": "mine"}


def test_the_current_folder_is_changed_where_it_stands(
    before: Path, monkeypatch: pytest.MonkeyPatch
):
    """A shell that stands in it would find itself in a folder that is gone."""
    for place, name in ((before, "."), (before / "notes", "..")):
        monkeypatch.chdir(place)
        inode = before.stat().st_ino
        with whole_folder(name, ours) as draft:
            (draft / "a.ours").write_text("new a")
        assert before.stat().st_ino == inode
        assert tree(before) == {"a.ours": "new a", "notes/mine.txt": "mine"}
        assert os.listdir(before.parent) == ["out"]


def test_where_nothing_can_be_written_beside_it(before: Path):
    access = patch.object(folders.os, "access", lambda path, mode: Path(path) != before.parent)
    with access, whole_folder(before, ours) as draft:
        (draft / "a.ours").write_text("new a")
        assert draft.parent == before
    assert tree(before) == {"a.ours": "new a", "notes/mine.txt": "mine"}


def test_folders_whose_long_names_begin_alike_are_two(tmp_path: Path):
    one, two = tmp_path / ("x" * 200 + "1"), tmp_path / ("x" * 200 + "2")
    with whole_folder(one, ours) as first, whole_folder(two, ours) as second:
        (first / "a.ours").write_text("1")
        (second / "a.ours").write_text("2")
    assert tree(one) == {"a.ours": "1"}
    assert tree(two) == {"a.ours": "2"}


def test_what_is_no_folder_is_refused_first(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="Not a directory"), whole_folder(tmp_path / "file", ours):
        pytest.fail("the block ran")
    assert tree(tmp_path) == {"file": "x"}


def test_unfinished_work_is_beside_the_folder_until_it_is_discarded(before: Path):
    content = tree(before)
    with held_folder(before) as held:
        assert held.partial == before.with_name("out.partial")
        assert not held.discard_partial(ours)
        held.partial.mkdir()
        (held.partial / "a.ours").write_text("half")
        (held.partial / ".a.ours.0123456789ab.tmp").write_text("killed while it was written")
    assert tree(before) == content
    with held_folder(before) as held:
        assert (held.partial / "a.ours").read_text() == "half"
        (held.partial / "mine.txt").write_text("mine")
        assert held.discard_partial(ours)
        assert tree(held.partial) == {"mine.txt": "mine"}
        (held.partial / "mine.txt").unlink()
        assert not held.discard_partial(ours)
    assert os.listdir(before.parent) == ["out"]


def test_the_current_folder_holds_its_unfinished_work(
    before: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(before)
    with held_folder(".") as held:
        assert held.partial == before / "out.partial"
