"""Locks: one holds, the others are refused or wait."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Event, Thread

import pytest

from recog.backend.locks import locked


def test_who_finds_it_held_may_refuse(tmp_path: Path):
    class BusyError(Exception):
        pass

    def refuse() -> None:
        raise BusyError

    with locked(tmp_path / "lock", refuse):
        with pytest.raises(BusyError), locked(tmp_path / "lock", refuse):
            pytest.fail("two hold it")
        assert os.listdir(tmp_path) == ["lock"]
    assert os.listdir(tmp_path) == []
    with locked(tmp_path / "lock", refuse):
        pass


def test_who_finds_it_held_may_wait(tmp_path: Path):
    order, waits = list[str](), [Event(), Event()]

    def second(number: int) -> None:
        with locked(tmp_path / "lock", waits[number].set):
            order.append("begin")
            order.append("end")

    threads = [Thread(target=second, args=(number,)) for number in range(2)]
    with locked(tmp_path / "lock", lambda: pytest.fail("nobody holds it")):
        for thread, wait in zip(threads, waits):
            thread.start()
            assert wait.wait(10)
        order.append("first")
    for thread in threads:
        thread.join(10)
    assert order == ["first", *["begin", "end"] * 2]
    assert os.listdir(tmp_path) == []
