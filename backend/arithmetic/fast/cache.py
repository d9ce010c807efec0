"""Where compiled code is kept between runs: a folder for each version of it.

That is RECOG_CACHE, or `recog` in the user's cache folder. Where nothing can be written, code is
compiled anew in each process.
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from recog.backend.files import atomic_write

CACHE_VARIABLE = "RECOG_CACHE"


@lru_cache(maxsize=1)
def cache_folder() -> Path | None:
    """The folder for the code of these sources and compilers; None where none can be written."""
    parent = os.environ.get(CACHE_VARIABLE)
    if not parent:
        own = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        parent = f"{own}/recog"
    folder = Path(os.path.expanduser(parent)) / f"kernels-{_digest()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError:
        return None
    return folder


COMPILED = ("intrinsics", "kernels", "map_kernels", "narrow_kernels", "reencoding")
"""The modules that numba compiles."""


def _digest() -> str:
    """Of what numba compiles, and of the compilers; LLVM's kernels are kept by their text."""
    digest = hashlib.sha256()
    for name in COMPILED:
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    digest.update(f"{version('numba')} {version('llvmlite')} {version('numpy')}".encode())
    return digest.hexdigest()[:16]


def load(name: str) -> bytes | None:
    """What is kept under a name."""
    folder = cache_folder()
    try:
        return None if folder is None else (folder / name).read_bytes()
    except OSError:
        return None


def keep(name: str, data: bytes) -> None:
    """Keep something for other processes, if that is possible."""
    folder = cache_folder()
    if folder is None:
        return
    try:
        with atomic_write(folder / name, "wb") as file:
            file.write(data)
    except OSError:
        return
