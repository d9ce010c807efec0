"""Pictures as files: the page, the animation, bad input."""

from __future__ import annotations

import io
import math
import os
import re
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import numpy as np
import pytest
from picture_frames import (
    CELLS,
    HEIGHT,
    WIDTH,
    classification_frames,
    detection_frames,
    frames_of,
    segmentation_frames,
    texture,
    write,
)
from PIL import Image

from recog.dialects.errors import RecogError
from recog.frontend.tasks import get_task
from recog.frontend.tasks.segmentation import SegmentationTask
from recog.tools.pictures import Frames, drive_data, pictures_folder, write_pictures
from recog.tools.pictures.writer import Scores


@pytest.fixture(scope="module")
def drives() -> dict[str, Frames]:
    """Three frames of a drive of each task, both networks right."""
    stereo = drive_data(get_task("stereo3d"), 3)
    outputs = detection_frames("stereo3d").float_outputs
    outputs = [output.repeat(3, 0) for output in outputs]
    classes = np.zeros((3, HEIGHT, WIDTH), np.uint8)
    maps = [classes.astype(np.int64)]
    return {
        "stereo3d": Frames(stereo.images, stereo.truths, outputs, outputs),
        "detection2d": Frames(stereo.images[:1], stereo.truths, outputs[:3], outputs[:3]),
        "segmentation": Frames(stereo.images[:1], cast(Any, classes), maps, maps),
    }


def sources(page: str) -> list[str]:
    return re.findall(r'\b(?:src|srcset|href|data|action)="([^"]*)"', page)


@pytest.mark.parametrize("task", ["classification", "segmentation", "detection2d", "stereo3d"])
def test_files_are_whole_equal_for_equal_input_and_the_page_stands_alone(
    task: str, tmp_path: Path, drives: dict[str, Frames]
):
    ready = list[int]()
    drive = drives.get(task)
    options = {"drive": drive, "progress": ready.append}
    page = write(task, frames_of(task), tmp_path / "new" / "a", **options)
    assert page == tmp_path / "new" / "a" / "index.html"
    written = {path.name: path.read_bytes() for path in page.parent.iterdir()}
    pngs = [name for name in written if name.endswith(".png")]
    assert set(written) - set(pngs) == {"index.html"} | ({f"{task}-drive.webp"} if drive else set())
    assert len(ready) == len(pngs) + (3 if drive else 0)
    for name in pngs:
        Image.open(io.BytesIO(written[name])).verify()

    text = page.read_text()
    root = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>\n"))
    images = root.findall(".//img")
    assert len(images) >= len(pngs)
    assert all(source.startswith("data:image/") for source in sources(text))
    assert "default-src 'none'" in text
    assert not re.search(r"<script|<link|@import|url\(", text)
    for image in images:
        kind, data = image.attrib["src"].removeprefix("data:image/").split(";base64,")
        picture = Image.open(io.BytesIO(b64decode(data)))
        assert picture.format == kind.upper()
        if "width" in image.attrib:
            assert (str(picture.width), str(picture.height)) == (
                image.attrib["width"],
                image.attrib["height"],
            )
        assert image.attrib["alt"]

    again = write(task, frames_of(task), tmp_path / "b", **options)
    assert {path.name: path.read_bytes() for path in again.parent.iterdir()} == written


def test_the_drive_is_animated(tmp_path: Path, drives: dict[str, Frames]):
    write("stereo3d", detection_frames("stereo3d"), tmp_path, drive=drives["stereo3d"])
    moving: Any = Image.open(tmp_path / "stereo3d-drive.webp")
    assert (moving.n_frames, moving.info["loop"]) == (3, 0)
    moving.seek(1)
    moving.load()
    assert moving.info["duration"] == 100
    # Two rows of a camera's view and one from above.
    assert moving.width > 3 * WIDTH + 200
    assert moving.height > 2 * 3 * HEIGHT


def test_a_drive_is_only_of_road_scenes():
    with pytest.raises(RecogError, match="classification has no drive"):
        drive_data(get_task("classification"), 2)


def test_figures_are_of_frames_evenly_chosen_and_numbers_of_all(tmp_path: Path):
    page = write("segmentation", segmentation_frames(7), tmp_path, limit=3)
    names = sorted(path.name for path in tmp_path.glob("*.png"))
    assert names == [f"segmentation-{i:04d}.png" for i in (0, 3, 6)]
    assert "of 7 frames" in page.read_text()


def test_text_is_escaped(tmp_path: Path):
    hostile = "<script>alert('&\"')</script>\x00\ud800" + "x" * 300
    names = (hostile, "m&m")
    scores = {hostile: {"mIoU": 90.0, "<b>": math.nan}, "m&m": {"mIoU": 89.5}}
    options = {"title": hostile, "level_names": names, "scores": scores}
    text = write("segmentation", segmentation_frames(), tmp_path, **options).read_text()
    root = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>\n"))
    assert "<script" not in text
    assert root.findtext(".//h1") == hostile.replace("\x00", "?").replace("\ud800", "?")


@pytest.mark.parametrize(
    ("scores", "rows"),
    [
        (None, []),
        ({"b": 1.0, "mIoU": 2.0}, [["%", "mIoU", "b"], ["machine", "2.00", "1.00"]]),
        (
            {"float": {"mIoU": 95.004}, "lns": {"mIoU": 1.0}, "machine": {"mIoU": 94.0, "b": 2.0}},
            [
                ["%", "mIoU", "b"],
                ["float", "95.00", "–"],
                ["lns", "1.00", "–"],
                ["machine", "94.00", "2.00"],
                ["machine less float, points", "−1.00", "–"],
            ],
        ),
    ],
)
def test_the_table_of_scores(scores: Scores | None, rows: list[list[str]], tmp_path: Path):
    text = write("segmentation", segmentation_frames(), tmp_path, scores=scores).read_text()
    root = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>\n"))
    assert [[cell.text for cell in row] for row in root.iter("tr")] == rows


# Bad input.


def changed_output(frames: Frames, position: int, output: np.ndarray) -> Frames:
    outputs = list(frames.converted_outputs)
    outputs[position] = output
    return replace(frames, converted_outputs=outputs)


SEGMENTATION, DETECTION, STEREO = (
    segmentation_frames(),
    detection_frames(),
    detection_frames("stereo3d"),
)
NOT_FINITE = DETECTION.float_outputs[2] * np.float32(np.nan)
BAD = {
    "no frames": (
        "segmentation",
        Frames((texture(0),), [], [texture(0)], [texture(0)]),
        "no frames",
    ),
    "one image of a pair": (
        "stereo3d",
        replace(STEREO, images=STEREO.images[:1]),
        "1 image a frame, stereo 3D detection takes 2",
    ),
    "unequal pair": (
        "stereo3d",
        replace(STEREO, images=(texture(1), texture(1)[..., :128])),
        "make no pair",
    ),
    "fewer images": (
        "segmentation",
        replace(SEGMENTATION, images=(texture(1),)),
        r"images of shape \(1, 3, 96, 256\)",
    ),
    "image type": (
        "segmentation",
        replace(SEGMENTATION, images=(texture(2).astype(np.int32),)),
        "images of int32",
    ),
    "fewer outputs": (
        "detection2d",
        replace(DETECTION, float_outputs=DETECTION.float_outputs[:2]),
        "2 float outputs, expected scores, indices, boxes",
    ),
    "frames of outputs": (
        "detection2d",
        changed_output(DETECTION, 0, np.zeros((2, 5))),
        "converted output 'scores' of shape",
    ),
    "class map of another size": (
        "segmentation",
        changed_output(SEGMENTATION, 0, np.zeros((2, 48, 128), np.int64)),
        r"converted classes of shape \(2, 48, 128\), expected \(2, 96, 256\)",
    ),
    "class without a name": (
        "segmentation",
        changed_output(SEGMENTATION, 0, np.full((2, HEIGHT, WIDTH), 9)),
        "converted classes are not all integers from 0 to 8",
    ),
    "boxes in space for boxes": (
        "detection2d",
        changed_output(DETECTION, 2, np.zeros((1, 5, 7))),
        r"converted boxes of shape \(1, 5, 7\), expected \(1, 5, 4\)",
    ),
    "class of no object": (
        "detection2d",
        changed_output(DETECTION, 1, np.full((1, 5), 3 * CELLS)),
        "converted indices beyond 3 classes",
    ),
    "NaN in a box": ("detection2d", changed_output(DETECTION, 2, NOT_FINITE), "not finite"),
    "NaN for a score": (
        "detection2d",
        changed_output(DETECTION, 0, np.full((1, 5), np.nan)),
        "converted scores are not all numbers",
    ),
    "truths of another task": (
        "detection2d",
        replace(DETECTION, truths=[7]),
        "a truth of type int has no objects",
    ),
    "labels beyond the classes": (
        "classification",
        replace(classification_frames(), truths=[0, 1, 2, 10]),
        "true labels are not all integers from 0 to 9",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_belong_together_is_refused_before_anything_is_written(
    case: str, tmp_path: Path
):
    task, frames, message = BAD[case]
    with pytest.raises(RecogError, match=message):
        write(task, frames, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bad_arguments_are_refused(tmp_path: Path):
    with pytest.raises(RecogError, match="must be above 0, got 0"):
        write("segmentation", segmentation_frames(), tmp_path, limit=0)
    mixed = {"float": {"mIoU": 1.0}, "mIoU": 2.0}
    with pytest.raises(RecogError, match="scores of some levels"):
        write("segmentation", segmentation_frames(), tmp_path, scores=mixed)
    assert list(tmp_path.iterdir()) == []


def test_a_task_without_pictures_is_refused(tmp_path: Path):
    class Plain(SegmentationTask):
        pictures = None

    frames = segmentation_frames()
    outputs = (frames.float_outputs, frames.converted_outputs)
    with pytest.raises(RecogError, match="the task 'segmentation' has no pictures"):
        write_pictures(Plain(), frames.images, frames.truths, *outputs, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("task", ["classification", "detection2d", "segmentation", "stereo3d"])
def test_pictures_take_the_place_of_earlier_ones(task: str, tmp_path: Path):
    folder = tmp_path / "out"
    folder.mkdir()
    mine = ("notes.txt", "photo.png", f"{task}.png", f"{task}-mine-too.png", "index.html.bak")
    for name in mine:
        (folder / name).write_text("mine")
    drive = None if task == "classification" else frames_of(task)
    with pictures_folder(folder, task) as draft:
        write(task, frames_of(task), draft, drive=drive)
        written = set(os.listdir(draft))
    assert set(os.listdir(folder)) == written | set(mine)
    with pytest.raises(KeyboardInterrupt), pictures_folder(folder, task) as draft:
        write(task, frames_of(task), draft)
        raise KeyboardInterrupt
    assert set(os.listdir(folder)) == written | set(mine)
    with pictures_folder(folder, task):
        pass
    assert set(os.listdir(folder)) == set(mine)
