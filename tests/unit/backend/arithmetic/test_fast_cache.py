"""Kept code: of this user alone, and compiled anew where it is damaged."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from recog.backend.arithmetic.fast import cache
from recog.backend.arithmetic.fast.assembly import Kernels
from recog.backend.arithmetic.fast.intrinsics import jit


def twice(x: np.ndarray) -> float:
    return 2 * x.sum()


class Touch:
    def __init__(self, path: Path):
        self.path = str(path)

    def __reduce__(self):
        return (exec, (f"open({self.path!r}, 'w')",))


@pytest.fixture
def parent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The folder that RECOG_CACHE names; tests of this file look there alone."""
    parent = tmp_path / "cache"
    monkeypatch.setenv(cache.CACHE_VARIABLE, str(parent))
    cache.cache_folder.cache_clear()
    yield parent
    cache.cache_folder.cache_clear()


def kept_files(parent: Path) -> list[Path]:
    return sorted(path for path in parent.rglob("*") if path.is_file())


def test_the_folder_is_private(parent: Path):
    folder = cache.cache_folder()
    assert folder is not None
    assert folder.stat().st_mode & 0o777 == 0o700


def test_an_open_folder_is_closed(parent: Path):
    folder = cache.cache_folder()
    assert folder is not None
    folder.chmod(0o777)
    cache.cache_folder.cache_clear()
    assert cache.cache_folder() == folder
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_link_is_not_followed(parent: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = cache.cache_folder()
    assert folder is not None
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    cache.cache_folder.cache_clear()
    assert cache.cache_folder() is None
    assert "not this user's own" in capsys.readouterr().err


def test_where_others_can_write_nothing_is_kept(parent: Path, capsys: pytest.CaptureFixture[str]):
    parent.mkdir(parents=True)
    parent.chmod(0o777)
    assert cache.cache_folder() is None
    message = capsys.readouterr().err
    assert f"others can write in {parent}" in message
    assert "each run compiles it anew" in message
    cache.cache_folder.cache_clear()
    parent.chmod(0o1777)  # as /tmp: nobody replaces what is another's
    assert cache.cache_folder() is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files away takes root")
def test_a_folder_of_another_user_is_not_used(parent: Path, capsys: pytest.CaptureFixture[str]):
    folder = cache.cache_folder()
    assert folder is not None
    os.chown(folder, 12345, -1)
    cache.cache_folder.cache_clear()
    assert cache.cache_folder() is None
    assert "not this user's own" in capsys.readouterr().err


def test_damage_is_seen_in_every_byte(parent: Path):
    cache.keep("code", b"0123456789")
    (file,) = kept_files(parent)
    good = file.read_bytes()
    for i in range(len(good)):
        file.write_bytes(good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :])
        assert cache.load("code") is None
        file.write_bytes(good[:i])
        assert cache.load("code") is None
    file.write_bytes(good)
    assert cache.load("code") == b"0123456789"


def test_a_file_in_anothers_place_is_not_taken(parent: Path):
    cache.keep("one", b"1")
    cache.keep("two", b"2")
    one, two = kept_files(parent)
    two.write_bytes(one.read_bytes())
    assert cache.load("one") == b"1"
    assert cache.load("two") is None


def test_kernels_are_compiled_anew(parent: Path):
    name = "mac_8"
    assert Kernels("portable").address(name)
    (file,) = [path for path in kept_files(parent) if path.suffix == ".o"]
    good = file.read_bytes()
    for damaged in (good[: len(good) // 2], bytes([good[40] ^ 255]).join([good[:40], good[41:]])):
        file.write_bytes(damaged)
        assert Kernels("portable").address(name)
        assert file.read_bytes() == good


def test_compiled_functions_are_kept_and_healed(parent: Path, tmp_path: Path):
    x = np.arange(4.0)
    first = jit(twice)
    assert first(x) == 12
    assert sum(first.stats.cache_misses.values()) == 1
    second = jit(twice)
    assert second(x) == 12
    assert sum(second.stats.cache_hits.values()) == 1
    mark = tmp_path / "ran"
    for file in kept_files(parent):
        content = file.read_bytes()
        for damaged in (b"", content[:50], content[:-1] + b"x", pickle.dumps(Touch(mark))):
            file.write_bytes(damaged)
            again = jit(twice)
            assert again(x) == 12
            assert sum(again.stats.cache_misses.values()) == 1
            assert not mark.exists()
    healed = jit(twice)
    assert healed(x) == 12
    assert sum(healed.stats.cache_hits.values()) == 1
