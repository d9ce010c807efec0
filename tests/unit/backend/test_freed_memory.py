"""Memory that the C library holds for the process."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from recog.backend.freed_memory import give_back_freed_memory


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_freed_arrays_leave_the_process():
    size = 1 << 20
    np.ones(24 << 20, np.uint8)  # freed, it raises the size from which glibc maps arrays alone
    arrays = [np.ones(size, np.uint8) for _ in range(200)]
    kept = arrays[-1]  # above the others, so that the heap's end does not fall
    del arrays
    before = _resident()
    give_back_freed_memory()
    assert before - _resident() > 100 * size
    assert kept.all()
