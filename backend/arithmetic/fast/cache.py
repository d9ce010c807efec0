"""Where compiled code is kept between runs: a private folder for each version of it.

That is RECOG_CACHE, or `recog` in the user's cache folder. What lies there is run, so the folder
must be the user's own and closed to others, and each file begins with a digest of its name and
content: what is damaged or stands in another's place is compiled anew. Where nothing can be kept,
code is compiled in each process, and a line on standard error says so.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from recog.backend.files import atomic_write

CACHE_VARIABLE = "RECOG_CACHE"
DIGEST_BYTES = 32


@lru_cache(maxsize=1)
def cache_folder() -> Path | None:
    """The folder for the code of these sources and compilers; None where none can be had."""
    parent = os.environ.get(CACHE_VARIABLE)
    if not parent:
        own = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        parent = f"{own}/recog"
    folder = Path(os.path.expanduser(parent)) / f"kernels-{_digest()}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        _check_private(folder)
        probe = folder / f".{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        print(
            f"recog: compiled code cannot be kept in {folder}: {error.strerror or error}; each run "
            f"compiles it anew (about half a minute). {CACHE_VARIABLE} names another folder.",
            file=sys.stderr,
        )
        return None
    return folder


def _check_private(folder: Path) -> None:
    """Close a folder of this user's to others; raise OSError where another could put files."""
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it is not this user's own")
    if stat.S_IMODE(status.st_mode) & 0o077:
        folder.chmod(0o700)
    above = os.stat(folder.parent)
    # In a sticky folder, such as /tmp, nobody replaces what is another's.
    open_to_others = above.st_mode & 0o022 and not above.st_mode & stat.S_ISVTX
    if open_to_others or above.st_uid not in (0, os.geteuid()):
        raise PermissionError(errno.EPERM, f"others can write in {folder.parent}")


COMPILED = (
    *("intrinsics", "kernels", "map_kernels", "narrow_kernels", "reencoding", "sharing"),
    "weight_kernels",
)
"""The modules that numba compiles."""


def _digest() -> str:
    """Of what numba compiles, and of the compilers; LLVM's kernels are kept by their text."""
    digest = hashlib.sha256()
    for name in COMPILED:
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    digest.update(f"{version('numba')} {version('llvmlite')} {version('numpy')}".encode())
    digest.update(b"files begin with a digest")
    return digest.hexdigest()[:16]


def load(name: str) -> bytes | None:
    """What is kept under a name, None where there is nothing or it is damaged."""
    folder = cache_folder()
    try:
        content = b"" if folder is None else (folder / name).read_bytes()
    except OSError:
        return None
    data = content[DIGEST_BYTES:]
    return data if content[:DIGEST_BYTES] == _content_digest(name, data) else None


def keep(name: str, data: bytes) -> None:
    """Keep something for other processes, if that is possible."""
    folder = cache_folder()
    if folder is None:
        return
    try:
        (folder / name).parent.mkdir(mode=0o700, exist_ok=True)
        with atomic_write(folder / name, "wb") as file:
            file.write(_content_digest(name, data) + data)
    except OSError:
        return


def _content_digest(name: str, data: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + data).digest()
