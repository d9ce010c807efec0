"""How long passes take, for who asks: debug messages of the logger `recog`."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def timed(name: str) -> Generator[None, None, None]:
    """Log the seconds that a pass of this name takes."""
    start = time.perf_counter()
    yield
    logging.getLogger("recog").debug("%-40s %8.2f s", name, time.perf_counter() - start)
