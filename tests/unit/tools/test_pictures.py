"""Pictures: what is drawn where, and the files and page that they end in."""

from __future__ import annotations

import io
import math
import re
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from recog.dialects.errors import RecogError
from recog.frontend.scenes.sample import Objects
from recog.frontend.tasks import get_task
from recog.frontend.tasks.scene_data import CAMERA
from recog.tools.pictures import Frames, drive_data, write_pictures
from recog.tools.pictures.birdseye import DEPTH, BirdsEye
from recog.tools.pictures.canvas import Canvas
from recog.tools.pictures.classification import ClassificationPictures
from recog.tools.pictures.clipping import clip_polygon_to, clip_segment
from recog.tools.pictures.detection import DetectionPictures
from recog.tools.pictures.figure import Panel
from recog.tools.pictures.frames import Detections, agreement, detections
from recog.tools.pictures.palette import (
    CONVERTED_RIGHT,
    DISAGREE,
    FLOAT_RIGHT,
    NEITHER_RIGHT,
    OBJECT_COLOURS,
    SAME,
    WRONG,
    Colour,
    class_palette,
)
from recog.tools.pictures.segmentation import SegmentationPictures
from recog.tools.pictures.stereo import StereoPictures, camera_view
from recog.tools.pictures.writer import Scores

NAMES = ("float", "machine")
HEIGHT, WIDTH = CAMERA.height, CAMERA.width
CELLS = HEIGHT * WIDTH // 16
CAR, TRUCK, PEDESTRIAN = OBJECT_COLOURS
NO_OBJECTS = Objects(
    np.empty(0, np.int64),
    np.empty((0, 4), np.float32),
    np.empty((0, 7), np.float32),
    np.empty(0, np.float32),
    np.empty(0, np.float32),
)
# 20 m ahead and 2 m to the right, seen from behind: it faces +z.
CAR_AHEAD = (2.0, 0.8, 20.0, 1.5, 1.8, 4.2, -math.pi / 2)


def texture(count: int, channels: int = 3) -> np.ndarray:
    """Pixels that differ from their neighbours, and from every line."""
    steps = np.arange(HEIGHT)[:, None] + 3 * np.arange(WIDTH)
    return np.broadcast_to((60 + steps % 30).astype(np.uint8), (count, channels, HEIGHT, WIDTH))


def one_object(label: int, box: tuple[float, ...], space: tuple[float, ...]) -> Objects:
    each = (np.float32([1.0]), np.float32([0.0]))
    return Objects(np.array([label]), np.float32([box]), np.float32([space]), *each)


def found(*rows: tuple[int, float, tuple[float, ...], tuple[float, ...]], k: int = 5) -> list:
    """Outputs of one frame of the stereo detector from label, score, box, box in space."""
    scores, indices = np.zeros((1, k), np.float32), np.zeros((1, k), np.int64)
    boxes, spaces = np.zeros((1, k, 4), np.float32), np.zeros((1, k, 7), np.float32)
    for i, (label, score, box, space) in enumerate(rows):
        scores[0, i], indices[0, i] = score, label * CELLS + 7
        boxes[0, i], spaces[0, i] = box, space
    return [scores, indices, boxes, spaces]


def pixel(panel: Panel | Image.Image, x: float, y: float) -> Colour:
    picture = panel.picture if isinstance(panel, Panel) else panel
    return picture.convert("RGB").getpixel((math.floor(x), math.floor(y)))  # pyright: ignore


def near(a: Colour, b: Colour, by: int = 12) -> bool:
    return max(abs(x - y) for x, y in zip(a, b)) <= by


def segmentation_frames(count: int = 2) -> Frames:
    rows = (np.arange(HEIGHT)[:, None] + np.arange(WIDTH)) // 8 % 9
    truth = np.stack([rows.astype(np.uint8)] * count)
    ours, theirs = truth.astype(np.int64), truth.astype(np.int64)
    ours[:, 10, 5] = (truth[:, 10, 5] + 1) % 9
    theirs[:, 20, 250] = (truth[:, 20, 250] + 1) % 9
    ours[:, 95, 0], theirs[:, 95, 0] = (truth[:, 95, 0] + 1) % 9, (truth[:, 95, 0] + 2) % 9
    # Wrong, but alike: no difference.
    ours[:, 40, 40] = theirs[:, 40, 40] = (truth[:, 40, 40] + 3) % 9
    return Frames((texture(count),), truth, [ours], [theirs])


def classification_frames() -> Frames:
    images = np.linspace(0, 1, 4 * 64, dtype=np.float32).reshape(4, 1, 8, 8)
    labels = [3, 1, 4, 1]
    logits = np.eye(10, dtype=np.float32)
    return Frames((images,), labels, [logits[[3, 1, 5, 2]]], [logits[[3, 7, 5, 2]]])


def detection_frames(task: str = "detection2d") -> Frames:
    box = (40.0, 30.0, 80.0, 60.0)
    row = (0, 0.9, box, CAR_AHEAD)
    outputs = found(row, (2, 0.5, (100.0, 20.0, 110.0, 50.0), (-3.0, 0.6, 12.0, 1.7, 0.6, 0.5, 0)))
    truth: list[Any] = [one_object(0, box, CAR_AHEAD)]
    if task == "detection2d":
        return Frames((texture(1),), truth, outputs[:3], outputs[:3])
    return Frames((texture(1), texture(1)), truth, outputs, outputs)


def frames_of(task: str) -> Frames:
    if task == "segmentation":
        return segmentation_frames()
    return classification_frames() if task == "classification" else detection_frames(task)


def write(task: str, frames: Frames, folder: Path, **options: Any) -> Path:
    each = (frames.images, frames.truths, frames.float_outputs, frames.converted_outputs)
    return write_pictures(get_task(task), *each, folder, **options)


# Segmentation.


def test_class_maps_show_every_pixel_in_its_colour_and_the_difference_is_black_where_equal():
    frames = segmentation_frames()
    (figure,) = SegmentationPictures(NAMES).figures(frames, [1])
    (left, right), (image, difference) = figure.rows
    for panel, classes in ((left, frames.float_outputs), (right, frames.converted_outputs)):
        shown = np.asarray(panel.picture.convert("RGB"))
        assert shown.shape == (3 * HEIGHT, 3 * WIDTH, 3)
        for dy, dx in ((0, 0), (2, 2)):
            assert np.array_equal(shown[dy::3, dx::3], class_palette()[classes[0][1]])
    assert np.array_equal(np.asarray(image.picture)[1::3, 1::3], frames.photo(1))

    shown = np.asarray(difference.picture.convert("RGB"))[1::3, 1::3]
    ours, theirs = frames.float_outputs[0][1], frames.converted_outputs[0][1]
    assert np.array_equal((shown == SAME).all(-1), ours == theirs)
    assert tuple(shown[10, 5]) == CONVERTED_RIGHT
    assert tuple(shown[20, 250]) == FLOAT_RIGHT
    assert tuple(shown[95, 0]) == NEITHER_RIGHT


def test_a_share_that_rounds_to_all_is_not_called_all():
    frames = segmentation_frames()
    (figure,) = SegmentationPictures(NAMES).figures(frames, [0])
    assert figure.note == "99.99 % of pixels agree"
    same = replace(frames, converted_outputs=frames.float_outputs)
    (figure,) = SegmentationPictures(NAMES).figures(same, [0])
    assert figure.note == "100.00 % of pixels agree"


# Boxes.


def test_boxes_lie_where_they_were_found_in_the_colours_of_their_classes():
    frames = replace(
        detection_frames(),
        float_outputs=found((0, 0.9, (40, 30, 80, 60), CAR_AHEAD))[:3],
        converted_outputs=found((1, 0.8, (150, 40, 200, 90), CAR_AHEAD))[:3],
        truths=[NO_OBJECTS],
    )
    (figure,) = DetectionPictures(NAMES).figures(frames, [0])
    ((left, right),) = figure.rows
    for x, y in ((40, 50), (80, 50), (60, 30), (60, 60)):
        assert near(pixel(left, 3 * x, 3 * y), CAR)
    for x, y in ((150, 80), (200, 60), (180, 90)):
        assert near(pixel(right, 3 * x, 3 * y), TRUCK)
        assert pixel(left, 3 * x, 3 * y) == tuple(frames.photo(0)[y, x])
    # Within the box there is nothing.
    assert pixel(left, 3 * 60, 3 * 50) == tuple(frames.photo(0)[50, 60])
    assert figure.note == "1 and 1 boxes, 0 in common"


def test_boxes_of_low_scores_are_left_out():
    outputs = found((0, 0.29, (40, 30, 80, 60), CAR_AHEAD), (0, 0.3, (90, 30, 99, 60), CAR_AHEAD))
    assert detections(outputs, 0, (HEIGHT, WIDTH)).boxes_2d.tolist() == [[90, 30, 99, 60]]


def test_the_truth_is_dashed():
    frames = replace(detection_frames(), float_outputs=found()[:3], converted_outputs=found()[:3])
    (figure,) = DetectionPictures(NAMES).figures(frames, [0])
    edge = [pixel(figure.rows[0][0], 3 * 40, y) for y in range(3 * 32, 3 * 58)]
    white = [near(colour, (255, 255, 255), 60) for colour in edge]
    assert 0.25 < np.mean(white) < 0.75


def test_boxes_in_common_are_of_one_class_and_overlap_by_half():
    box = np.array([[0.0, 0, 10, 10], [0, 0, 10, 10]])
    a = Detections(np.array([0, 1]), np.array([0.9, 0.8]), box)
    b = Detections(np.array([0, 0]), np.array([0.9, 0.8]), box + [0, 0, 0, 1])
    assert agreement(a, b) == "2 and 2 boxes, 1 in common (mean IoU 0.909)"
    assert agreement(a, replace(a, boxes_2d=box + 30)) == "2 and 2 boxes, 0 in common"


def project_by_hand(x: float, y: float, z: float) -> tuple[float, float]:
    return 220.0 * x / z + 128.0, 220.0 * y / z + 38.0


def space(*boxes: tuple[float, ...], label: int = 0) -> Detections:
    count = len(boxes)
    each = (np.full(count, label), np.full(count, 0.9), np.zeros((count, 4)))
    return Detections(*each, np.array(boxes, np.float64).reshape(count, 7))


def test_boxes_in_space_land_where_the_camera_sees_their_corners():
    photo = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    view = camera_view(photo, space(CAR_AHEAD), CAMERA, 4)
    x, y, z, h, w, length, _ = CAR_AHEAD
    for side in (-w / 2, w / 2):
        for up in (-h / 2, h / 2):
            u, v = project_by_hand(x + side, y + up, z - length / 2)
            assert near(pixel(view, 4 * u, 4 * v), CAR, 40)
    # The front, away from the camera, is filled; the rear's corner beside it is not.
    u, v = project_by_hand(x, y, z + length / 2)
    front = pixel(view, 4 * u, 4 * v)
    assert front[2] > 90 > front[0]
    u, v = project_by_hand(x + w / 2 - 0.15, y, z - length / 2)
    assert pixel(view, 4 * u, 4 * v) == (40, 40, 40)


@pytest.mark.parametrize(
    ("box", "seen"),
    [
        ((0.0, 1.0, -8.0, 1.5, 1.8, 4.2, 0.3), False),
        ((0.3, 0.5, 1.0, 1.5, 1.8, 4.2, 1.0), True),
        ((1e6, 1e6, 1.0, 1e3, 1e3, 1e3, 3.0), False),
        ((0.0, 0.0, 1e6, 1.9e6, 1.9e6, 1.9e6, 3.0), True),
        ((0.0, 0.0, 180224.0, 1.5, 1.8, 4.2, 0.0), True),
        ((0.0, 0.0, 9.0, 0.0, 0.0, 0.0, 0.0), True),
    ],
)
def test_boxes_behind_across_and_far_beyond_the_view_are_cut_off(
    box: tuple[float, ...], seen: bool
):
    photo = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    view = camera_view(photo, space(box), CAMERA, 2)
    assert np.any(np.asarray(view) != 40) == seen
    BirdsEye(96, CAMERA).picture(space(box), np.empty((0, 7)))


def test_from_above_a_box_lies_at_its_metres_and_its_heading_points_ahead():
    view = BirdsEye(384, CAMERA)
    empty = view.picture(space(), np.empty((0, 7)))
    picture = view.picture(space(CAR_AHEAD), np.empty((0, 7)))
    x, _, z, _, w, length, _ = CAR_AHEAD

    def at(x: float, z: float) -> tuple[float, float]:
        return view.width / 2 + x * view.pixels_per_metre, (DEPTH - z) * view.pixels_per_metre

    for side, along in ((w / 2, 1.0), (-w / 2, -1.0), (0.4, length / 2), (0.4, -length / 2)):
        assert near(pixel(picture, *at(x + side, z + along)), CAR, 70)
    assert near(pixel(picture, *at(x, z + length / 2 + 0.4)), CAR, 70)
    for nothing in (at(x, z - length / 2 - 0.5), at(-x, z), at(x, z + length)):
        assert pixel(picture, *nothing) == pixel(empty, *nothing)
    assert view.pixels_per_metre * length > 30


# Empty scenes and classes.


@pytest.mark.parametrize("task", ["detection2d", "stereo3d"])
def test_an_empty_scene_shows_the_image_alone(task: str, tmp_path: Path):
    outputs = found()[: 3 if task == "detection2d" else 4]
    images = (texture(1),) if task == "detection2d" else (texture(1), texture(1))
    frames = Frames(images, [NO_OBJECTS], outputs, outputs)
    renderer = (DetectionPictures if task == "detection2d" else StereoPictures)(NAMES)
    (figure,) = renderer.figures(frames, [0])
    assert figure.note == "no boxes in either"
    for row in figure.rows:
        shown = np.asarray(row[0].picture)
        scale = shown.shape[0] // HEIGHT
        assert np.array_equal(shown, frames.photo(0).repeat(scale, 0).repeat(scale, 1))
    assert "no boxes in either" in write(task, frames, tmp_path).read_text()


def test_digits_are_framed_where_a_network_errs():
    first, errors = ClassificationPictures(NAMES).figures(classification_frames(), [0])
    (panel,) = first.rows[0]
    corners = [pixel(panel, 8 + 78 * i + 1, 8 + 1) for i in range(4)]
    assert near(corners[1], DISAGREE)
    assert near(corners[2], WRONG)
    assert near(corners[3], WRONG)
    assert not near(corners[0], WRONG, 60)
    assert not near(corners[0], DISAGREE, 60)
    assert errors.title == "Every image that float or machine gets wrong"
    assert errors.rows[0][0].picture.width == 3 * 78 - 14 + 16
    assert first.note == "3 of 4 labels agree"


# Lines and labels.


def test_lines_and_polygons_are_cut_at_the_border():
    rng = np.random.default_rng(3)
    bounds = (0.0, 0.0, 10.0, 6.0)
    for _ in range(300):
        start, end = rng.uniform(-20, 30, (2, 2))
        cut = clip_segment(start, end, bounds)
        steps = start + np.linspace(0, 1, 500)[:, None] * (end - start)
        inside = ((steps >= 0) & (steps <= (10, 6))).all(1)
        if cut is None:
            assert not inside.any()
            continue
        assert (cut >= -1e-9).all()
        assert (cut <= (10 + 1e-9, 6 + 1e-9)).all()
        expected = inside.mean() * np.linalg.norm(end - start)
        assert np.linalg.norm(cut[1] - cut[0]) == pytest.approx(expected, abs=0.3)
    around = np.array([[-5.0, -5], [40, -5], [40, 40], [-5, 40]])
    assert sorted(map(tuple, clip_polygon_to(around, bounds))) == [(0, 0), (0, 6), (10, 0), (10, 6)]
    assert len(clip_polygon_to(around + 100, bounds)) == 0


def test_labels_stay_within_the_picture_and_apart():
    base = Image.new("RGB", (120, 60), (0, 0, 0))
    canvas = Canvas(base)
    for colour in ((255, 0, 0), (0, 255, 0)):
        canvas.label("car 0.50", (100.0, 2.0, 140.0, 20.0), colour, 12)
    shown = np.asarray(canvas.picture()).astype(int)
    red, green = ((shown[..., i] > 200) & (shown[..., 1 - i] < 60) for i in (0, 1))
    assert red.sum() > 300
    assert abs(int(red.sum()) - int(green.sum())) < 60


# Files.


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
        "segmentation": Frames(stereo.images[:1], classes, maps, maps),
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
        "1 images a frame, stereo 3D detection takes 2",
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
