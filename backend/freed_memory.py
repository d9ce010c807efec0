"""Memory that a process has freed, and the C library still holds for it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any


def give_back_freed_memory() -> None:
    """Give the system back what is free, so that other sizes find room in it.

    glibc keeps freed arrays of up to 32 MiB for others of their size: the values of a network's
    large frames leave gigabytes behind. Other C libraries are left as they are.
    """
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], Any] | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # TypeError: Windows has no library of no name
        return None
