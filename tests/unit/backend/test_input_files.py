"""Input files: what has no end is not begun, what has too much is not read."""

from __future__ import annotations

import io
import os
import socket
import threading
from pathlib import Path

import pytest

from recog.backend.input_files import BLOCK, check_input, open_input, read_at_most, read_input


def test_files_up_to_the_bound(tmp_path: Path):
    path = tmp_path / "x"
    path.write_bytes(b"1234")
    assert read_input(path, 4) == b"1234"
    with pytest.raises(OSError, match="has more than 3 bytes, which is the most") as caught:
        read_input(path, 3)
    assert caught.value.filename == str(path)
    with pytest.raises(FileNotFoundError):
        read_input(tmp_path / "y", 4)


def test_a_file_of_a_terabyte_is_not_read(tmp_path: Path):
    path = tmp_path / "x"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(OSError, match="has more than"):
        open_input(path, 1 << 32)


def test_links_are_followed(tmp_path: Path):
    (tmp_path / "x").write_bytes(b"1234")
    (tmp_path / "link").symlink_to("x")
    assert read_input(tmp_path / "link", 4) == b"1234"


def test_what_is_no_file_is_named(tmp_path: Path):
    pipe, plug = tmp_path / "pipe", tmp_path / "socket"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(plug))
        for path, words in (
            (tmp_path, "Is a directory"),
            (pipe, "this is a pipe, not a file"),
            (plug, "this is a socket, not a file"),
            (Path("/dev/zero"), "this is a device, not a file"),
        ):
            for reads in (check_input, open_input, read_input):
                with pytest.raises(OSError, match=words):
                    reads(path, 100)


def test_pipes_of_this_process_are_read_to_the_bound():
    reading, writing = os.pipe()
    os.write(writing, b"1234")
    os.close(writing)
    assert read_input(f"/dev/fd/{reading}", 4) == b"1234"
    os.close(reading)
    reading, writing = os.pipe()
    with pytest.raises(OSError, match="this is a pipe, not a file"):
        check_input(f"/dev/fd/{reading}", 4)
    with os.fdopen(writing, "wb", 0) as stream:
        endless = threading.Thread(target=lambda: _fill(stream))
        endless.start()
        with pytest.raises(OSError, match="has more than 100 bytes"):
            read_input(f"/dev/fd/{reading}", 100)
        os.close(reading)
        endless.join()


def _fill(stream: io.RawIOBase) -> None:
    try:
        while True:
            stream.write(b"x" * 4096)
    except BrokenPipeError:
        pass


def test_what_is_no_text_is_not_read_on():
    stream = io.BytesIO(b"a" * BLOCK + b"\0" * 10 * BLOCK)
    assert len(read_at_most(stream, 100 * BLOCK, "x", text=True)) == 2 * BLOCK
    assert len(read_at_most(stream, 100 * BLOCK, "x")) == 9 * BLOCK
