"""Which form of the kernels this processor runs, on how many threads: chosen at run time.

Nothing here imports numba. An engine is told, or reads it from the environment once, when it is
made: RECOG_ENGINE_PATH (avx512, avx2, portable) and RECOG_THREADS.
"""

from __future__ import annotations

import os
from functools import lru_cache

from recog.backend.arithmetic.fast.vector_ir import Form
from recog.dialects.errors import RecogError

PATH_VARIABLE, THREADS_VARIABLE = "RECOG_ENGINE_PATH", "RECOG_THREADS"

MAX_THREADS = 1024

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


def chosen_path(wanted: str | None = None) -> str:
    """The path to run: the one that is wanted, that of the environment, or else the best one.

    Raises:
        RecogError: there is no such path, or this processor lacks what it needs.
    """
    source = PATH_VARIABLE if wanted is None else "the engine's path"
    path = os.environ.get(PATH_VARIABLE) if wanted is None else wanted
    if not path:
        return available_paths()[0]
    if path not in FORMS:
        raise RecogError(f"{source} is '{path}'", hint=f"choose from: {', '.join(FORMS)}")
    missing = [name for name in NEEDS[path] if not host()[1].get(name)]
    if missing:
        raise RecogError(
            f"{source} is '{path}', but this processor lacks {', '.join(missing)}",
            hint=f"it runs: {', '.join(available_paths())}",
        )
    return path


def thread_count(wanted: int | None = None) -> int:
    """How many threads to compute on: those wanted, RECOG_THREADS, or else one a core.

    Raises:
        RecogError: the setting is no number from 1 to MAX_THREADS.
    """
    source = THREADS_VARIABLE if wanted is None else "the engine's number of threads"
    text = os.environ.get(THREADS_VARIABLE) if wanted is None else str(wanted)
    if not text:
        return available_cores()
    if not text.isdecimal() or not 1 <= int(text) <= MAX_THREADS:
        raise RecogError(f"{source} is '{text}'", hint=f"give a number from 1 to {MAX_THREADS}")
    return int(text)


def available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
