"""Splits of random scenes, rendered once and kept on disk."""

from __future__ import annotations

import os
import signal
import sys
import zipfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import active_children, get_context
from pathlib import Path

import numpy as np

from recog.backend.files import atomic_write
from recog.frontend.scenes.geometry import Camera
from recog.frontend.scenes.sample import Objects, Sample, random_sample

GENERATOR_VERSION = 1
"""Part of the cached files' names: raise it when scenes change."""
CHUNK = 100
DEFAULT_FOLDER = Path("build/scenes")


@dataclass(frozen=True)
class Split:
    """Scenes that no other split has: the seed of scene i is (version, number, i).

    Attributes:
        usual: how many are taken where no number is given, by default all.
    """

    name: str
    number: int
    count: int
    usual: int | None = None


TRAIN = Split("train", 0, 4000)
CALIBRATION = Split("calibration", 1, 128)
TEST = Split("test", 2, 8000, 320)
SPLITS = {split.name: split for split in (TRAIN, CALIBRATION, TEST)}


@dataclass(frozen=True)
class SceneSet:
    """Scenes as stacked arrays: images uint8 (N, 3, H, W), classes uint8 (N, H, W), disparity
    float16 (N, H, W), and a list of the objects of each."""

    left: np.ndarray
    right: np.ndarray
    classes: np.ndarray
    disparity: np.ndarray
    objects: list[Objects]

    def __len__(self) -> int:
        return len(self.left)

    def __getitem__(self, index: int) -> Sample:
        return Sample(
            self.left[index],
            self.right[index],
            self.classes[index],
            self.disparity[index],
            self.objects[index],
        )


def scene(split: Split, index: int, camera: Camera) -> Sample:
    """Scene `index` of a split: always the same."""
    rng = np.random.default_rng([GENERATOR_VERSION, split.number, index])
    return random_sample(rng, camera)


def load_scenes(
    split: Split,
    count: int | None = None,
    *,
    camera: Camera | None = None,
    folder: str | os.PathLike[str] = DEFAULT_FOLDER,
    processes: int = 1,
    progress: Callable[[int], None] | None = None,
) -> SceneSet:
    """The first `count` scenes of a split (default: its usual ones), rendered where they are not
    in `folder`.

    Files are written whole or not at all, a hundred scenes each; a damaged one is rendered anew.

    Args:
        progress: called with the number of scenes that became ready.
    """
    camera = camera or Camera()
    wanted = (split.usual or split.count) if count is None else count
    count = min(wanted, split.count)
    starts = range(0, count, CHUNK)
    load = partial(_load_chunk, split, camera, Path(folder))
    chunks = list[SceneSet]()
    Path(folder).mkdir(parents=True, exist_ok=True)
    for start, chunk in zip(starts, _each(load, starts, processes)):
        chunks.append(chunk)
        if progress is not None:
            progress(min(CHUNK, count - start))
    return _joined(chunks, count)


def _each(
    load: Callable[[int], SceneSet], starts: Sequence[int], processes: int
) -> Iterable[SceneSet]:
    if processes <= 1 or len(starts) <= 1:
        yield from map(load, starts)
        return
    # Forked children of a process with threads may hang.
    context, others = get_context("spawn"), active_children()
    with ProcessPoolExecutor(processes, context, _end_with_the_parent) as pool:
        try:
            yield from pool.map(load, starts)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in active_children():
                if worker not in others:
                    worker.terminate()
            raise


def _end_with_the_parent() -> None:
    """In a worker: leave Ctrl-C to the parent, and end in order when that says so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))


def _load_chunk(split: Split, camera: Camera, folder: Path, start: int) -> SceneSet:
    size = f"{camera.height}x{camera.width}"
    path = folder / f"v{GENERATOR_VERSION}-{size}-{split.name}-{start:05d}.npz"
    stop = min(start + CHUNK, split.count)
    try:
        if len(found := _read(path)) == stop - start:
            return found
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass
    chunk = stack_samples([scene(split, index, camera) for index in range(start, stop)])
    with atomic_write(path, "wb") as stream:
        np.savez(stream, allow_pickle=False, **_as_arrays(chunk))
    return chunk


def stack_samples(samples: Sequence[Sample]) -> SceneSet:
    """Samples of one size as a set."""
    arrays = {
        name: np.stack([getattr(sample, name) for sample in samples]) for name in _IMAGE_FIELDS
    }
    return SceneSet(**arrays, objects=[sample.objects for sample in samples])


_IMAGE_FIELDS = ("left", "right", "classes", "disparity")
_OBJECT_FIELDS = ("labels", "boxes_2d", "boxes_3d", "visibility", "truncation")


def _as_arrays(chunk: SceneSet) -> dict[str, np.ndarray]:
    found = {name: getattr(chunk, name) for name in _IMAGE_FIELDS}
    found["counts"] = np.array([len(objects) for objects in chunk.objects])
    for name in _OBJECT_FIELDS:
        found[name] = np.concatenate([getattr(objects, name) for objects in chunk.objects])
    return found


def _read(path: Path) -> SceneSet:
    with np.load(path) as file:
        ends = np.cumsum(file["counts"])[:-1]
        columns = [np.split(file[name], ends) for name in _OBJECT_FIELDS]
        objects = [Objects(*values) for values in zip(*columns)]
        return SceneSet(**{name: file[name] for name in _IMAGE_FIELDS}, objects=objects)


def _joined(chunks: Sequence[SceneSet], count: int) -> SceneSet:
    arrays = {
        name: np.concatenate([getattr(chunk, name) for chunk in chunks])[:count]
        for name in _IMAGE_FIELDS
    }
    return SceneSet(**arrays, objects=[each for chunk in chunks for each in chunk.objects][:count])
