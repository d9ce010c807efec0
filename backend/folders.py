"""Output folders that change as a whole or not at all."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import re
import shutil
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from recog.backend.files import check_output_folder, sync_folder
from recog.dialects.errors import RecogError


@contextmanager
def whole_folder(
    path: str | os.PathLike[str], is_ours: Callable[[str], bool]
) -> Generator[Path, None, None]:
    """A draft folder whose files replace those of the folder `path` when the block has succeeded.

    Files that are not ours stay. After an exception, or where the process is killed at any point,
    the folder is whole: as it was, or as it is to be. (Where the file system cannot exchange two
    names, there is a moment without it, which the next run mends.) Drafts that a killed process
    left behind are removed by the next one that writes there.

    Args:
        path: the folder; made, with those above it, where it is missing.
        is_ours: whether the file of that name is an output like those of the block, which goes
            unless the block writes it anew.

    Raises:
        RecogError: another process is writing to the folder.
        OSError: naming what cannot be written, before the block runs where that can be seen.
    """
    check_output_folder(path)
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target, os.fspath(path)):
        _recover(target)
        draft = _beside(target, "draft")
        draft.mkdir()
        try:
            yield draft
            _swap(target, draft, is_ours)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _beside(target: Path, what: str) -> Path:
    return target.with_name(f".{target.name[:50]}.{uuid.uuid4().hex[:12]}.{what}")


@contextmanager
def _locked(target: Path, shown: str) -> Generator[None, None, None]:
    """Hold the folder against other processes; the lock ends with this one, however it ends."""
    file = target.with_name(f".{target.name[:50]}.lock")
    descriptor = _open_lock(file, shown)
    try:
        yield
    finally:
        with suppress(OSError):
            file.unlink()
        os.close(descriptor)


def _open_lock(file: Path, shown: str) -> int:
    """A descriptor that holds the lock of that name; raises RecogError where another has it."""
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(file)):
                return descriptor
        except FileNotFoundError:
            pass
        except OSError as error:
            os.close(descriptor)
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            raise RecogError(
                "another process is writing to this folder",
                where=shown,
                hint="wait for it, or name another folder with -o",
            ) from None
        os.close(descriptor)  # its holder has removed it meanwhile: the name is another file's


def _recover(target: Path) -> None:
    """Finish, or take back, what a process did that was killed while it swapped."""
    name = re.escape(f".{target.name[:50]}.") + "[0-9a-f]{12}[.](draft|old)"
    left = [path for path in target.parent.iterdir() if re.fullmatch(name, path.name)]
    for path in left:
        if path.suffix == ".old" and not target.exists():
            os.rename(path, target)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _swap(target: Path, draft: Path, is_ours: Callable[[str], bool]) -> None:
    """Put the draft in the target's place, the target's other files moved into it."""
    if target.exists():
        shutil.copymode(target, draft)
        for path in target.iterdir():
            if not is_ours(path.name) and not (draft / path.name).exists():
                _link(path, draft / path.name)
    for path in draft.rglob("*"):
        if path.is_file() and not path.is_symlink():
            _sync(path)
    sync_folder(draft)
    if not target.exists():
        os.rename(draft, target)
    elif not _exchange(draft, target):
        old = _beside(target, "old")
        os.rename(target, old)
        os.rename(draft, target)
        shutil.rmtree(old, ignore_errors=True)
    sync_folder(target.parent)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step, where the system can (Linux; not every file system)."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return False
    at_cwd, exchange = -100, 2
    return renameat2(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), exchange) == 0


def _link(source: Path, copy: Path) -> None:
    """The same file under a second name, or a copy where the file system has no such thing."""
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, copy, symlinks=True, copy_function=_link_file)
    else:
        _link_file(str(source), str(copy))


def _link_file(source: str, copy: str) -> None:
    try:
        os.link(source, copy, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, copy, follow_symlinks=False)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
