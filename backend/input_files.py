"""Input files: nothing that has no end, and of the rest no more than a bound."""

from __future__ import annotations

import errno
import os
import re
import stat
from typing import IO, Protocol

GIVEN = re.compile(r"/dev/stdin|(?:/dev|/proc/self)/fd/[0-9]+")
"""Descriptors of this process, such as a shell makes of `<(command)`."""

BLOCK = 1 << 20


class Readable(Protocol):
    """What bytes are read from: a file, a pipe, what a packed file unpacks to."""

    def read(self, size: int, /) -> bytes: ...


def check_input(path: str | os.PathLike[str], most: int, *, streams: bool = False) -> None:
    """Raise OSError for what is no regular file, or has more than `most` bytes, before it is read.

    Args:
        streams: whether a pipe that this process was given, by a name of `GIVEN`, will do.
    """
    status = os.stat(path)
    mode = status.st_mode
    if stat.S_ISREG(mode):
        if status.st_size > most:
            raise _too_large(most, path)
        return
    if stat.S_ISDIR(mode):
        raise _error(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if streams and GIVEN.fullmatch(os.path.abspath(path)):
        return
    kind = "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
    raise _error(errno.EINVAL, f"this is {kind}, not a file", path)


def open_input(path: str | os.PathLike[str], most: int) -> IO[bytes]:
    """Open a regular file, or a pipe that this process was given, to read its bytes.

    Raises:
        OSError: naming the path; it is something else, larger, or cannot be opened.
    """
    check_input(path, most, streams=True)
    return open(path, "rb")


def read_input(path: str | os.PathLike[str], most: int) -> bytes:
    """The bytes of an input file; raises OSError as `open_input`, or where there are more."""
    with open_input(path, most) as stream:
        return read_at_most(stream, most, path)


def read_at_most(
    stream: Readable, most: int, name: str | os.PathLike[str], *, text: bool = False
) -> bytes:
    """What a stream has, up to its end.

    Args:
        most: bytes that it may have.
        name: what to call it in errors.
        text: give up where a block has a zero byte, as no text has: what was read until then.

    Raises:
        OSError: it has more.
    """
    blocks, size = list[bytes](), 0
    while block := stream.read(min(BLOCK, most + 1 - size)):
        blocks.append(block)
        size += len(block)
        if size > most:
            raise _too_large(most, name)
        if text and b"\0" in block:
            break
    return b"".join(blocks)


def _too_large(most: int, path: str | os.PathLike[str]) -> OSError:
    return _error(errno.EFBIG, f"has more than {most:,} bytes, which is the most", path)


def _error(number: int, text: str, path: str | os.PathLike[str]) -> OSError:
    return OSError(number, text, os.fspath(path))
