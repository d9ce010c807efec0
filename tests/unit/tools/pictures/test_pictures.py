"""Pictures: what is drawn where, in which colours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from picture_frames import (
    CAR,
    CAR_AHEAD,
    HEIGHT,
    NAMES,
    NO_OBJECTS,
    TRUCK,
    WIDTH,
    classification_frames,
    detection_frames,
    found,
    near,
    pixel,
    segmentation_frames,
    texture,
    write,
)
from PIL import Image

from recog.frontend.tasks.scene_data import CAMERA
from recog.tools.pictures import Frames
from recog.tools.pictures.birdseye import DEPTH, BirdsEye
from recog.tools.pictures.canvas import Canvas
from recog.tools.pictures.classification import ClassificationPictures
from recog.tools.pictures.clipping import clip_polygon_to, clip_segment
from recog.tools.pictures.detection import DetectionPictures
from recog.tools.pictures.frames import Detections, agreement, detections
from recog.tools.pictures.palette import (
    CONVERTED_RIGHT,
    DISAGREE,
    FLOAT_RIGHT,
    NEITHER_RIGHT,
    SAME,
    WRONG,
    class_palette,
)
from recog.tools.pictures.segmentation import SegmentationPictures
from recog.tools.pictures.stereo import StereoPictures, camera_view


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
    assert first.note == "3 of 4 labels alike"


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
