"""Output folders that change as a whole or not at all."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from recog.backend.files import check_output_folder, is_draft, sync_folder
from recog.backend.locks import locked
from recog.dialects.errors import RecogError


class HeldFolder:
    """An output folder that no other process writes to while this one holds it.

    Attributes:
        partial: the folder for work that is not finished, `DIR.partial` in everyone's sight: an
            interruption leaves it, and who finishes removes it.
    """

    def __init__(self, target: Path, place: Path):
        self._target, self._place = target, place
        self.partial = place / f"{target.name}.partial"

    @contextmanager
    def replaced(self, is_ours: Callable[[str], bool]) -> Generator[Path, None, None]:
        """A draft folder whose files replace those of the folder when the block has succeeded.

        See `whole_folder`.
        """
        draft = _new(self._place, _stem(self._target), "draft")
        draft.mkdir()
        try:
            yield draft
            _sync_tree(draft)
            if self._place == self._target:
                _move_into(self._target, draft, is_ours)
            else:
                _swap(self._target, draft, is_ours)
            sync_folder(self._place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def discard_partial(self, is_ours: Callable[[str], bool]) -> bool:
        """Remove the partial folder's files that are ours, and it if no others are in it.

        Returns whether there was one of ours.
        """
        if not self.partial.is_dir():
            return False
        found = [path for path in self.partial.iterdir() if is_ours(path.name)]
        for path in found:
            path.unlink()
        for path in self.partial.iterdir():
            if is_draft(path.name):
                path.unlink()
        with suppress(OSError):
            self.partial.rmdir()
        return bool(found)


@contextmanager
def kept_if_used(folder: Path) -> Generator[None, None, None]:
    """Make a folder, and those above it, where they are missing; those go again, however the block
    ends, that it has put nothing in."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for each in missing:
            with suppress(OSError):  # something is in it
                each.rmdir()


@contextmanager
def held_folder(path: str | os.PathLike[str]) -> Generator[HeldFolder, None, None]:
    """Hold the folder `path` against other processes, however this one ends.

    Drafts that a killed process left behind are removed.

    Args:
        path: the folder; those above it are made where they are missing.

    Raises:
        RecogError: another process is writing to the folder.
        OSError: naming what cannot be written, before the block runs where that can be seen.
    """
    check_output_folder(path)
    target = Path(os.path.realpath(path))
    stem = _stem(target)

    def refuse() -> NoReturn:
        raise RecogError(
            "another process is writing to this folder",
            where=os.fspath(path),
            hint="wait for it, or name another folder",
        )

    with kept_if_used(target.parent):
        place = target.parent if _can_be_moved(target) else target
        with locked(place / f"{stem}.lock", refuse):
            _recover(target, place, stem)
            yield HeldFolder(target, place)


@contextmanager
def whole_folder(
    path: str | os.PathLike[str], is_ours: Callable[[str], bool]
) -> Generator[Path, None, None]:
    """A draft folder whose files replace those of the folder `path` when the block has succeeded.

    Files that are not ours stay. After an exception, or where the process is killed at any point,
    the folder is whole: as it was, or as it is to be. (Where the file system cannot exchange two
    names, there is a moment without it, which the next run mends.)

    A folder that cannot be moved, since it is the current one, a mount, or in a folder where
    nothing can be written, is changed file by file at the end: each file is whole, not all of them.

    Args:
        path: the folder; made, with those above it, where it is missing.
        is_ours: whether the file of that name is an output like those of the block, which goes
            unless the block writes it anew.

    Raises:
        RecogError, OSError: as `held_folder` does.
    """
    with held_folder(path) as held, held.replaced(is_ours) as draft:
        yield draft


def _can_be_moved(target: Path) -> bool:
    """Whether another folder can take a folder's place, and nobody stands in it."""
    if not os.access(target.parent, os.W_OK) or os.path.ismount(target):
        return False
    here = Path(os.path.realpath("."))
    return target != here and target not in here.parents


def _stem(target: Path) -> str:
    """The beginning of the names of what stands beside a folder for a while: no other's has it."""
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]
    return f".{target.name[:40]}.{digest}"


def _new(place: Path, stem: str, what: str) -> Path:
    return place / f"{stem}.{uuid.uuid4().hex[:12]}.{what}"


def _recover(target: Path, place: Path, stem: str) -> None:
    """Finish, or take back, what a process did that was killed while it swapped."""
    name = re.escape(f"{stem}.") + "[0-9a-f]{12}[.](draft|old)"
    left = [path for path in place.iterdir() if re.fullmatch(name, path.name)]
    for path in left:
        if path.suffix == ".old" and not target.exists():
            os.rename(path, target)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _swap(target: Path, draft: Path, is_ours: Callable[[str], bool]) -> None:
    """Put the draft in the target's place, the target's other files moved into it."""
    if not target.exists():
        os.rename(draft, target)
        return
    shutil.copymode(target, draft)
    for path in target.iterdir():
        if not is_ours(path.name) and not (draft / path.name).exists():
            link(path, draft / path.name)
    if not _exchange(draft, target):
        old = _new(target.parent, _stem(target), "old")
        os.rename(target, old)
        os.rename(draft, target)
        shutil.rmtree(old, ignore_errors=True)


def _move_into(target: Path, draft: Path, is_ours: Callable[[str], bool]) -> None:
    """Move the draft's files into the target, in place of those that are ours."""
    for path in list(target.iterdir()):
        if is_ours(path.name) and path.is_file() and not (draft / path.name).exists():
            path.unlink()
    for path in draft.iterdir():
        os.replace(path, target / path.name)


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            _sync(path)
    sync_folder(folder)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step, where the system can (Linux; not every file system)."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return False
    at_cwd, exchange = -100, 2
    return renameat2(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), exchange) == 0


def link(source: Path, copy: Path) -> None:
    """The same file under a second name, or a copy where the file system has no such thing."""
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, copy, symlinks=True, copy_function=_link_file)
    else:
        _link_file(str(source), str(copy))


def _link_file(source: str, copy: str) -> None:
    try:
        os.link(source, copy, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, copy, follow_symlinks=False)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
