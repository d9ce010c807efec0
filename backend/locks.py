"""Locks against other processes, which end with the one that holds them, however it ends."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def locked(file: Path, on_busy: Callable[[], None]) -> Generator[None, None, None]:
    """Hold the lock of a file, which is there only as long as somebody holds it.

    Args:
        on_busy: called where another process has the lock. To refuse, it raises; where it returns,
            this process waits for the other.
    """
    descriptor = _open_lock(file, on_busy)
    try:
        yield
    finally:
        with suppress(OSError):
            file.unlink()
        os.close(descriptor)


def _open_lock(file: Path, on_busy: Callable[[], None]) -> int:
    """A descriptor that holds the lock of that name."""
    asked = False
    while True:
        # The holder may have made the folder, and have removed it with the lock.
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            if not _try_lock(descriptor):
                if not asked:
                    on_busy()
                    asked = True
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(descriptor), os.stat(file)):
                return descriptor
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its holder has removed it meanwhile: the name is another file's


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        return False
    return True
