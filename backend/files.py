"""Output files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import sys
import uuid
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal, overload


@overload
def atomic_write(
    path: str | os.PathLike[str], mode: Literal["w"] = "w"
) -> AbstractContextManager[IO[str]]: ...


@overload
def atomic_write(
    path: str | os.PathLike[str], mode: Literal["wb"]
) -> AbstractContextManager[IO[bytes]]: ...


def atomic_write(
    path: str | os.PathLike[str], mode: Literal["w", "wb"] = "w"
) -> AbstractContextManager[IO[Any]]:
    """Open `path` for writing so that it changes only if the `with` block succeeds.

    The content goes to a hidden file in the same folder, which replaces `path` at the end;
    after any exception it is removed and `path` is as before. Text is UTF-8 with `\\n` line
    ends, and is on the disk before the name changes. Symbolic links are followed; pipes and
    devices are written directly, and standard output goes on where it stands.

    Raises:
        OSError: naming `path`, before the block runs, where it cannot be written.
    """
    _check_named(path, "file")
    descriptor = _open_descriptor(path)
    if descriptor is not None:
        # Opened by its name, a regular file that the shell holds open would lose what is in it.
        return _continue(descriptor, mode)
    if os.path.abspath(path).startswith(("/dev/", "/proc/")):
        return _device(os.fspath(path), mode)
    target = Path(os.path.realpath(path))
    existing = _status(path)
    if existing is None or stat.S_ISREG(existing.st_mode):
        return _replace(target, os.fspath(path), mode)
    if stat.S_ISDIR(existing.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    return _device(os.fspath(path), mode)


_DESCRIPTOR = re.compile(r"/dev/(stdout|stderr)|(?:/dev|/proc/self)/fd/([0-9]+)")


def _open_descriptor(path: str | os.PathLike[str]) -> int | None:
    """The descriptor of this process that a path such as /dev/stdout names."""
    match = _DESCRIPTOR.fullmatch(os.path.abspath(path))
    if match is None:
        return None
    return {"stdout": 1, "stderr": 2}[match[1]] if match[1] else int(match[2])


def _continue(descriptor: int, mode: str) -> IO[Any]:
    """A stream that writes on where an open descriptor stands, and leaves it open."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    return _open(os.dup(descriptor), mode)


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says where there is no room for what is written; of no file by name."""


def is_draft(name: str) -> bool:
    """Whether a file has the name of what a killed process was writing."""
    return re.fullmatch(r"[.].+[.][0-9a-f]{12}[.]tmp", name) is not None


def check_output(path: str | os.PathLike[str]) -> None:
    """Raise the OSError that `atomic_write` would, before the hours that precede it."""
    _check_named(path, "file")
    if os.path.isdir(path):
        raise _os_error(errno.EISDIR, path)
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise _os_error(errno.ENOTDIR if os.path.exists(folder) else errno.ENOENT, path)
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise _os_error(errno.EACCES, path)


def check_output_folder(path: str | os.PathLike[str]) -> None:
    """Raise an OSError if no file can be written to a folder, which need not be there yet."""
    _check_named(path, "folder")
    folder = Path(os.path.realpath(path))
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise _os_error(errno.ENOTDIR, path)
    if not os.access(folder, os.W_OK):
        raise _os_error(errno.EACCES, path)


def _check_named(path: str | os.PathLike[str], what: str) -> None:
    if not os.fspath(path):
        raise FileNotFoundError(errno.ENOENT, f"a {what} name is expected", "''")


def _os_error(number: int, path: str | os.PathLike[str]) -> OSError:
    return OSError(number, os.strerror(number), os.fspath(path))


def _status(path: str | os.PathLike[str]) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def shown(path: Path) -> str:
    """A path as short as it can be said: from the current folder, if it is in there."""
    here = Path(os.path.realpath("."))
    return os.fspath(path.relative_to(here) if path.is_relative_to(here) else path)


def sync_folder(folder: Path) -> None:
    """Put a folder's names on the disk, where its file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _open(file: str | int, mode: str) -> IO[Any]:
    if mode == "wb":
        return open(file, "wb")
    return open(file, "w", encoding="utf-8", newline="\n")


@contextmanager
def _naming(path: str) -> Generator[None, None, None]:
    """Name the file where there is no room for it: the system does not."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL and error.filename is None:
            raise OSError(error.errno, error.strerror, path) from None
        raise


@contextmanager
def _device(path: str, mode: str) -> Generator[IO[Any], None, None]:
    """A pipe or a device, which is written as it is."""
    with _naming(path), _open(path, mode) as stream:
        yield stream


@contextmanager
def _replace(target: Path, shown: str, mode: str) -> Generator[IO[Any], None, None]:
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), shown)
    # Not tempfile.mkstemp: its files are private, a compiler's output follows the umask.
    draft = target.with_name(f".{target.name[:50]}.{uuid.uuid4().hex[:12]}.tmp")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError as error:
        raise OSError(error.errno, error.strerror, shown) from None
    try:
        with _naming(shown):
            with _open(descriptor, mode) as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            if target.exists():
                shutil.copymode(target, draft)
            os.replace(draft, target)
            sync_folder(target.parent)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
