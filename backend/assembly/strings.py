"""Reading and writing the parts of a program file that are not fixed-size records."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from recog.dialects.errors import RecogError
from recog.dialects.words import counted

MAX_STRING = 1024
"""Bytes of a name in a program file."""
MAX_SUFFIX = 32
"""Bytes of a name that `printable` leaves for what makes it unique."""


class Reader:
    """Reads a segment from its start to its end, and nothing beyond."""

    def __init__(self, content: bytes, what: str):
        self._content = content
        self._what = what
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next bytes; raises RecogError where the segment has fewer."""
        if size > len(self._content) - self._at:
            raise RecogError(f"the {self._what} segment ends too early")
        self._at += size
        return self._content[self._at - size : self._at]

    def number(self, size: int) -> int:
        """The next unsigned integer of `size` bytes."""
        return int.from_bytes(self.take(size), "little")

    def string(self) -> str:
        """The next string; raises RecogError unless it is a name that can be printed."""
        content = self.take(self.number(2))
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            raise RecogError(f"the {self._what} segment holds a string that is no UTF-8") from None
        check_string(text, self._what)
        return text

    def finish(self) -> None:
        """Raise RecogError unless everything was read."""
        if self._at != len(self._content):
            raise RecogError(
                f"the {self._what} segment has {counted(len(self._content) - self._at, 'byte')} "
                "too many"
            )


def printable(text: str) -> str:
    """`text` as a name that a program file holds: what has no glyph is escaped as in Python, and of
    a long one the end is kept, which tells files and layers apart."""
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text or "?"
    )
    content = shown.encode()
    if len(content) <= MAX_STRING - MAX_SUFFIX:
        return shown
    return "…" + content[MAX_SUFFIX - MAX_STRING :].decode("utf-8", "ignore")


def check_string(text: str, what: str) -> None:
    """Raise RecogError unless the string fits a program file and a line of text."""
    if not text or len(text.encode()) > MAX_STRING or not text.isprintable():
        raise RecogError(
            f"the {what} segment holds a name that is empty, longer than {MAX_STRING} bytes or "
            f"not printable: {text[:40]!r}"
        )


def pack_string(text: str, what: str) -> bytes:
    """The bytes that `Reader.string` reads."""
    check_string(text, what)
    content = text.encode()
    return struct.pack("<H", len(content)) + content


def pack_strings(texts: Iterable[str], what: str) -> bytes:
    return b"".join(pack_string(text, what) for text in texts)
