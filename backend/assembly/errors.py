"""Errors that pass from the inside of a program to whoever gave it."""

from __future__ import annotations

from recog.dialects.errors import RecogError


def relocated(error: RecogError, where: str) -> RecogError:
    """The same error, said to be at `where` (a file, an instruction)."""
    message = f"{error.where}: {error.message}" if error.where else error.message
    return RecogError(message, where=where, hint=error.hint, op=error.op)
