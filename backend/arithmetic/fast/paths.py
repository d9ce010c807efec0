"""Which form of the kernels this processor runs, on how many threads: chosen at run time.

Nothing here imports numba. Settings come from the environment, so that every command and test
can be forced onto a path: RECOG_ENGINE_PATH (avx512, avx2, portable) and RECOG_THREADS.
"""

from __future__ import annotations

import os
from functools import lru_cache

from recog.backend.arithmetic.fast.emit import Form
from recog.dialects.errors import RecogError

PATH_VARIABLE, THREADS_VARIABLE = "RECOG_ENGINE_PATH", "RECOG_THREADS"

FORMS = {
    "avx512": Form(16, 16, (16, 32, 64)),
    "avx2": Form(8, 8, (8, 32, 56)),
    "portable": Form(4, 0, (8, 32)),
}
"""Forms by path, the best first."""

NEEDS = {"avx512": ("avx512f", "avx512bw", "avx512vl"), "avx2": ("avx2",), "portable": ()}


@lru_cache(maxsize=1)
def host() -> tuple[str, dict[str, bool]]:
    """This processor's name for LLVM, and its features."""
    import llvmlite.binding as llvm

    try:
        features = dict(llvm.get_host_cpu_features())
    except RuntimeError:  # not known on every system
        features = {}
    return llvm.get_host_cpu_name(), features


def available_paths() -> list[str]:
    """The paths that this processor runs, the best first."""
    features = host()[1]
    return [path for path, needs in NEEDS.items() if all(features.get(name) for name in needs)]


def chosen_path() -> str:
    """The path to run: the best one, or that of the environment.

    Raises:
        RecogError: there is no such path, or this processor lacks what it needs.
    """
    wanted = os.environ.get(PATH_VARIABLE)
    if not wanted:
        return available_paths()[0]
    if wanted not in FORMS:
        raise RecogError(f"{PATH_VARIABLE} is '{wanted}'", hint=f"choose from: {', '.join(FORMS)}")
    missing = [name for name in NEEDS[wanted] if not host()[1].get(name)]
    if missing:
        raise RecogError(
            f"{PATH_VARIABLE} is '{wanted}', but this processor lacks {', '.join(missing)}",
            hint=f"it runs: {', '.join(available_paths())}",
        )
    return wanted


def thread_count() -> int:
    """How many threads the engine computes on: RECOG_THREADS, by default one a core.

    Raises:
        RecogError: the setting is no positive number.
    """
    wanted = os.environ.get(THREADS_VARIABLE)
    if not wanted:
        return available_cores()
    if not wanted.isdecimal() or not 1 <= int(wanted) <= 1024:
        raise RecogError(f"{THREADS_VARIABLE} is '{wanted}'", hint="give a number from 1 to 1024")
    return int(wanted)


def available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
