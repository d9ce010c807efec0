"""Output files appear whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from recog.backend.files import atomic_write, check_output, check_output_folder


def test_writes_text_and_bytes(tmp_path: Path):
    with atomic_write(tmp_path / "a.txt") as text:
        text.write("μ\n")
    with atomic_write(tmp_path / "b.bin", "wb") as binary:
        binary.write(b"\x00\r\n")
    assert (tmp_path / "a.txt").read_bytes() == "μ\n".encode()
    assert (tmp_path / "b.bin").read_bytes() == b"\x00\r\n"
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "b.bin"]


def test_changes_nothing_until_the_end(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with atomic_write(path) as stream:
        stream.write("after")
        stream.flush()
        assert path.read_text() == "before"
    assert path.read_text() == "after"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, OSError])
@pytest.mark.parametrize("exists", [False, True])
def test_leaves_nothing_after_an_error(tmp_path: Path, error: type[BaseException], exists: bool):
    path = tmp_path / "a.txt"
    if exists:
        path.write_text("before")
    with pytest.raises(error), atomic_write(path) as stream:
        stream.write("half")
        raise error
    assert os.listdir(tmp_path) == (["a.txt"] if exists else [])
    assert not exists or path.read_text() == "before"


def test_mode_follows_umask_or_the_old_file(tmp_path: Path):
    old = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "new"):
            pass
        (tmp_path / "old").touch()
        (tmp_path / "old").chmod(0o755)
        with atomic_write(tmp_path / "old"):
            pass
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o755


def test_follows_symbolic_links(tmp_path: Path):
    (tmp_path / "real").write_text("before")
    (tmp_path / "link").symlink_to("real")
    with atomic_write(tmp_path / "link") as stream:
        stream.write("after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "after"


def test_devices_are_written_directly():
    with atomic_write("/dev/null", "wb") as stream:
        stream.write(b"x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


APPEND = """
import sys
from recog.backend.files import atomic_write
print("printed")
for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/stderr"):
    with atomic_write(name) as stream:
        stream.write(name + "\\n")
print("after")
"""


def test_standard_output_goes_on_where_it_stands(tmp_path: Path):
    """As in `command >> log.txt` and `(echo a; command) > file`."""
    log = tmp_path / "log.txt"
    log.write_text("before\n")
    with open(log, "a") as stream:
        subprocess.run([sys.executable, "-c", APPEND], stdout=stream, stderr=stream, check=True)
    lines = ["before", "printed", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/stderr"]
    assert log.read_text().splitlines() == [*lines, "after"]


def test_long_names(tmp_path: Path):
    path = tmp_path / ("x" * 255)
    with atomic_write(path) as stream:
        stream.write("y")
    assert path.read_text() == "y"


@pytest.mark.parametrize(
    ("name", "error"),
    [("missing/a.txt", FileNotFoundError), (".", IsADirectoryError), ("x" * 300, OSError)],
)
def test_errors_name_the_path_and_come_first(tmp_path: Path, name: str, error: type[OSError]):
    path = str(tmp_path / name)
    entered = False
    with pytest.raises(error) as caught, atomic_write(path):
        entered = True
    assert not entered
    assert caught.value.filename == path
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_named():
    with pytest.raises(OSError, match="No space left"), atomic_write("/dev/full") as stream:
        stream.write("x")


def test_a_file_beyond_the_limit_is_named_and_gone(tmp_path: Path):
    """`ulimit -f` and quotas say so at the write, without a name."""
    program = (
        "import resource, signal\n"
        "from recog.backend.files import atomic_write\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try:\n"
        f"    with atomic_write({str(tmp_path / 'large')!r}) as stream: stream.write('x' * 101)\n"
        "except OSError as error: print(error.filename)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout == f"{tmp_path / 'large'}\n", run.stderr
    assert list(tmp_path.iterdir()) == []


def test_outputs_are_checked_before_they_are_computed(tmp_path: Path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "new", tmp_path / "file", Path("/dev/null")):
        check_output(path)
    for path in (tmp_path / "new", tmp_path / "some" / "new", tmp_path):
        check_output_folder(path)
    assert os.listdir(tmp_path) == ["file"]
    for path in (tmp_path, tmp_path / "none" / "x", tmp_path / "file" / "x", ""):
        with pytest.raises(OSError, match="directory|expected") as error:
            check_output(path)
        assert error.value.filename == (str(path) or "''")
    for path in (tmp_path / "file", tmp_path / "file" / "x" / "y", ""):
        with pytest.raises(OSError, match="directory|expected") as error:
            check_output_folder(path)
        assert error.value.filename == (str(path) or "''")


def test_no_name_is_no_file():
    with pytest.raises(FileNotFoundError, match="a file name is expected"), atomic_write(""):
        pass
