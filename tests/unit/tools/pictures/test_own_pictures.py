"""Pictures of networks that the package does not know: what outputs look like, and the worst."""

from __future__ import annotations

import io
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

from recog.tools.pictures.look import find_look
from recog.tools.pictures.own_boxes import Boxes
from recog.tools.pictures.own_labels import Labels
from recog.tools.pictures.own_maps import ClassMaps, NumberMaps
from recog.tools.pictures.palette import label_palette
from recog.tools.pictures.seen import MOST_HEIGHT, Seen
from recog.tools.report import task_pictures as module
from recog.tools.report.stored_report import ADDRESS
from recog.tools.report.task_pictures import pictures_of, task_pictures, worst_first

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((4, 3, 16, 24), np.float32)


def seen(
    ours: Sequence[np.ndarray],
    theirs: Sequence[np.ndarray],
    names: Sequence[str] = (),
    targets: np.ndarray | None = None,
    images: np.ndarray = IMAGES,
) -> Seen:
    return Seen(images, ours, theirs, names or [f"output{i}" for i in range(len(ours))], targets)


def picture(panel: dict[str, Any]) -> Image.Image:
    assert ADDRESS.fullmatch(panel["image"])
    found = Image.open(io.BytesIO(b64decode(panel["image"].partition(",")[2])))
    assert found.size == (panel["width"], panel["height"])
    return found


LOGITS = np.array([[2, 1], [1, 2], [2, 1], [2, 0]], np.float32)
CHANGED = np.array([[2, 1.9], [2, 1], [1, 2], [2, 0]], np.float32)
"""Frame 1 goes from 1 to 0, frame 2 from 0 to 1; frame 0 is near the border, frame 3 is not."""


def test_labels_that_change_come_first():
    look = find_look(seen([LOGITS], [CHANGED]))
    assert isinstance(look, Labels)
    order = worst_first(look, None).tolist()
    assert sorted(order[:2]) == [1, 2]
    assert order[2:] == [0, 3]
    assert look.facts() == [("2 of 4", "frames have the same label in both")]


def test_labels_that_become_wrong_come_before_those_that_become_right():
    labels = np.array([0, 0, 0, 0])
    look = find_look(seen([LOGITS], [CHANGED], targets=labels))
    assert isinstance(look, Labels)
    assert worst_first(look, None).tolist() == [2, 1, 0, 3]
    assert [value for value, _ in look.facts()] == ["2 of 4", "3 of 4", "3 of 4"]
    record = task_pictures(seen([LOGITS], [CHANGED], targets=labels))
    assert record is not None
    (figure,) = record["figures"]
    said = [(panel["label"], panel["note"]) for panel in figure["rows"][0]]
    assert said == [
        ("#2: 0 \N{RIGHTWARDS ARROW} 1", "true 0"),
        ("#1: 1 \N{RIGHTWARDS ARROW} 0", "true 0"),
        ("#0: 0", "true 0"),
        ("#3: 0", "true 0"),
    ]


def test_a_class_a_frame_is_a_label():
    for shape in ((4,), (4, 1)):
        ours, theirs = np.array([3, 1, 2, 0]), np.array([3, 1, 0, 0])
        look = find_look(seen([ours.reshape(shape)], [theirs.reshape(shape)]))
        assert isinstance(look, Labels)
        assert worst_first(look, None)[0] == 2


def test_several_outputs_are_labels_only_with_targets():
    other = np.zeros((4, 7), np.float32)
    assert find_look(seen([LOGITS, other], [CHANGED, other])) is None
    assert isinstance(
        find_look(seen([LOGITS, other], [CHANGED, other], targets=np.zeros(4, int))), Labels
    )


def test_what_is_no_picture():
    assert find_look(seen([LOGITS], [CHANGED], images=RANDOM.random((4, 10)))) is None
    assert find_look(seen([LOGITS], [CHANGED], images=RANDOM.random((4, 7, 16, 16)))) is None
    assert find_look(seen([LOGITS[:, 0]], [CHANGED[:, 0]])) is None  # a number a frame
    assert find_look(seen([np.full((4, 2), np.nan)], [CHANGED])) is None


def test_the_metric_counts_before_the_outputs():
    look = find_look(seen([LOGITS], [CHANGED]))
    assert look is not None
    assert worst_first(look, np.array([0.0, -1.0, 0.0, 5.0])).tolist() == [3, 2, 0, 1]


class Nearness:
    """A number a frame, or one for all."""

    name = "nearness"

    def __init__(self, *, of_all: bool):
        self._of_all = of_all

    def scores(
        self, outputs: tuple[np.ndarray, ...], reference: tuple[np.ndarray, ...], frames: np.ndarray
    ) -> np.ndarray:
        found = -np.abs(outputs[0] - LOGITS).sum(axis=1)
        return np.asarray(found.mean()) if self._of_all else found


def test_what_each_frame_loses_in_a_metric():
    record, of_all = (
        pictures_of([IMAGES], [LOGITS], [CHANGED], ["scores"], None, Nearness(of_all=each))
        for each in (False, True)
    )
    assert record is not None
    assert record["metric"] == "nearness"
    labels = [panel["label"] for panel in record["figures"][0]["rows"][0]]
    assert [label[:2] for label in labels] == ["#1", "#2", "#0", "#3"]
    assert of_all is not None
    assert of_all["metric"] is None


def test_class_maps_of_scores():
    ours = RANDOM.random((4, 3, 8, 12), np.float32)  # at half the image's size
    theirs = ours.copy()
    theirs[2, :, 0] = np.roll(theirs[2, :, 0], 1, axis=0)  # another class in a row of frame 2
    theirs[3, :, 0, :2] = np.roll(theirs[3, :, 0, :2], 1, axis=0)
    truth = ours.argmax(1)
    look = find_look(seen([ours], [theirs], targets=truth))
    assert isinstance(look, ClassMaps)
    assert look.differences().tolist() == [0, 0, 12 / 96, 2 / 96]
    assert look.facts()[1:] == [
        ("100.00 %", "of pixels right in float"),
        ("96.35 %", "of pixels right in machine"),
    ]
    record = task_pictures(seen([ours], [theirs], targets=truth))
    assert record is not None
    assert [figure["title"] for figure in record["figures"]] == [
        *("Frame 2", "Frame 3", "Frame 0", "Frame 1")
    ]
    panels = record["figures"][0]["rows"][0]
    assert [panel["label"] for panel in panels] == ["image", "float", "machine", "difference"]
    assert [panel["note"] for panel in panels] == ["", "100.00 % right", "87.50 % right", ""]
    drawn = np.asarray(picture(panels[1]).convert("RGB").resize((12, 8), Image.Resampling.NEAREST))
    assert np.array_equal(drawn, label_palette(3)[truth[2]])
    differ = np.asarray(picture(panels[3]).convert("RGB")).max(axis=2) > 0
    assert differ.mean() == 1 / 8
    assert differ[: len(differ) // 8].all()


def test_class_maps_without_truth_and_of_integers():
    ours = RANDOM.integers(0, 5, (4, 16, 24))
    theirs = np.where(RANDOM.random(ours.shape) < 0.1, 4, ours)
    for shape in ((4, 16, 24), (4, 1, 16, 24)):
        look = find_look(seen([ours.reshape(shape)], [theirs.reshape(shape)]))
        assert isinstance(look, ClassMaps)
        assert len(look.facts()) == 1
        assert look.differences() == pytest.approx((ours != theirs).mean(axis=(1, 2)))


def test_maps_of_numbers():
    ours = RANDOM.random((4, 1, 16, 24), np.float32)
    theirs = ours + np.array([0.1, 0, 0.3, 0.2], np.float32)[:, None, None, None]
    look = find_look(seen([ours], [theirs]))
    assert isinstance(look, NumberMaps)
    assert worst_first(look, None).tolist() == [2, 3, 0, 1]
    (figure,) = look.figures([2])
    black_to_white = np.asarray(figure.rows[0][3].picture)
    assert black_to_white.min() > 250  # by the largest difference everywhere


CORNERS = np.array([[[2, 2, 10, 12], [12, 4, 22, 14], [0, 0, 4, 4]]], np.float32)
SCORES = np.array([[0.9, 0.8, 0.1]], np.float32)
KINDS = np.array([[1, 0, 2]])


def boxes_of(*arrays: np.ndarray, names: Sequence[str] = ()) -> Boxes:
    one = IMAGES[:1]
    look = find_look(seen(arrays, arrays, names, images=one))
    assert isinstance(look, Boxes)
    return look


@pytest.mark.parametrize("kind", ["corners", "shares", "middles", "one array"])
def test_boxes_are_read_alike(kind: str):
    extent = np.array([24, 16, 24, 16], np.float32)
    middles = np.concatenate(
        [(CORNERS[..., :2] + CORNERS[..., 2:]) / 2, CORNERS[..., 2:] - CORNERS[..., :2]], -1
    )
    arrays = {
        "corners": (SCORES, CORNERS, KINDS),
        "shares": (CORNERS / extent, SCORES, KINDS.astype(np.float32)),
        "middles": (middles, SCORES, KINDS),
        "one array": (np.concatenate([CORNERS, SCORES[..., None], KINDS[..., None]], -1),),
    }[kind]
    look = boxes_of(*(np.asarray(each) for each in arrays))
    ours, theirs = look._found(0)
    assert len(ours) == len(theirs) == 2, "the third has too low a score"
    assert ours.boxes_2d == pytest.approx(CORNERS[0, [1, 0]], abs=1e-4)
    assert ours.labels.tolist() == [0, 1]
    assert look.differences() == pytest.approx([0], abs=1e-6)
    assert look.facts()[0][0] == "2 of 2"


def test_outputs_are_found_by_their_names():
    other = np.full_like(SCORES, 0.5)
    look = boxes_of(other, CORNERS, SCORES, names=["centerness", "boxes", "scores"])
    assert len(look._found(0)[0]) == 2
    assert len(boxes_of(CORNERS)._found(0)[0]) == 3, "boxes alone are all drawn"


def test_frames_whose_boxes_are_lost_come_first():
    boxes, scores = np.repeat(CORNERS, 4, 0), np.repeat(SCORES, 4, 0)
    theirs, lower = boxes.copy(), scores.copy()
    theirs[1] += [[0.5, 0, 0.5, 0]]  # a little aside
    lower[2] = 0  # none found
    lower[3, 0] = 0  # one of two
    look = find_look(seen([boxes, scores], [theirs, lower]))
    assert isinstance(look, Boxes)
    assert worst_first(look, None).tolist() == [2, 3, 1, 0]
    record = task_pictures(seen([boxes, scores], [theirs, lower]))
    assert record is not None
    first = record["figures"][0]
    assert [panel["note"] for panel in first["rows"][0]] == ["2 boxes", "0 boxes"]
    ours, theirs_drawn = (np.asarray(picture(each)) for each in first["rows"][0])
    assert (ours != theirs_drawn).any()


def test_images_in_any_range_of_numbers():
    pixels = RANDOM.integers(0, 256, (4, 3, 16, 24), np.uint8)
    pixels[0, 0, 0, :2] = 0, 255
    floats = pixels.astype(np.float32)
    for images in (pixels, floats, floats / 255, (floats / 255 - 0.45) / 0.22):
        shown = seen([LOGITS], [CHANGED], images=images).photo(1)
        assert shown.shape == (16, 24, 3)
        assert np.abs(shown.astype(int) - pixels[1].transpose(1, 2, 0)).max() <= 1
    grey = seen([LOGITS], [CHANGED], images=pixels[:, :1]).photo(1)
    assert np.array_equal(grey, pixels[1, :1].repeat(3, 0).transpose(1, 2, 0))


def numbers(shape: tuple[int, ...], kind: str, random: np.random.Generator) -> np.ndarray:
    """Numbers of a kind, some of them what a network should not give."""
    if kind == "bool":
        return random.random(shape) < 0.5
    if kind in ("int64", "uint8", "int32"):
        high = int(random.choice([2, 20, 250]))
        return random.integers(0, high, shape).astype(kind)
    found = random.normal(size=shape) * random.choice([0.0, 1.0, 300.0, 1e30])
    if random.random() < 0.3:
        found = np.abs(found).clip(0, 1)
    if random.random() < 0.3 and found.size:
        found.flat[int(random.integers(found.size))] = random.choice([np.nan, np.inf, -np.inf])
    return found.astype(kind)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(150))
def test_whatever_comes_out_is_drawn_or_not(seed: int):
    """A conversion of hours does not end for a picture."""
    random = np.random.default_rng(seed)
    frames = int(random.integers(1, 4))
    kinds = ["float32", "float64", "int64", "uint8", "int32", "bool"]
    shapes = [
        *((), (1,), (2,), (7,), (5, 4), (5, 5), (5, 6), (5,), (1, 1), (8, 8), (0,), (0, 4)),
        *((1, 8, 8), (3, 8, 8), (3, 5, 9), (300, 4, 4), (2, 3, 4, 5)),
    ]

    usual = [[(7,)], [(5, 4), (5,), (5,)], [(5, 6)], [(1, 8, 8)], [()]]
    any_of = random.integers(len(shapes), size=int(random.integers(1, 4))).tolist()
    chosen = usual[seed % 5] if seed % 2 else [shapes[i] for i in any_of]
    ours = [numbers((frames, *shape), str(random.choice(kinds)), random) for shape in chosen]
    theirs = [
        numbers(each.shape, str(each.dtype), random) if random.random() < 0.9 else each[:, None]
        for each in ours
    ]
    targets = random.choice(["none", "labels", "map", "numbers"])
    known = {
        "none": None,
        "labels": random.integers(-1, 9, frames),
        "map": random.integers(0, 9, (frames, 8, 8)),
        "numbers": random.normal(size=(frames, 3)),
    }[str(targets)]
    images = numbers((frames, int(random.choice([1, 3])), 8, 12), str(random.choice(kinds)), random)
    record = task_pictures(seen(ours, theirs, targets=known, images=images))
    if record is None:
        return
    for figure in record["figures"]:
        for panel in (panel for row in figure["rows"] for panel in row):
            picture(panel).load()


@pytest.mark.parametrize("shape", [(4096, 4), (4, 4096), (1031, 6)])
def test_frames_far_higher_or_wider_than_usual(shape: tuple[int, int]):
    """A frame of 6 columns is not enlarged to those of others: no WebP has 49,488 rows."""
    images, scores = (RANDOM.random((1, channels, *shape), np.float32) for channels in (3, 5))
    for output in (scores, scores[:, 0], scores.mean((2, 3))):
        record = task_pictures(seen([output], [output + 0.5], images=images))
        assert record is not None
        for figure in record["figures"]:
            for panel in (panel for row in figure["rows"] for panel in row):
                assert max(picture(panel).size) <= MOST_HEIGHT


def test_pictures_stay_small(monkeypatch: pytest.MonkeyPatch):
    ours = RANDOM.random((4, 3, 16, 24), np.float32)
    large = RANDOM.random((4, 3, 320, 480), np.float32)
    record = task_pictures(seen([ours], [ours], images=large))
    assert record is not None
    assert len(record["figures"]) == 4
    assert record["figures"][0]["rows"][0][0]["width"] == 288
    monkeypatch.setattr(module, "MOST_BYTES", 1)
    record = task_pictures(seen([ours], [ours], images=large))
    assert record is not None
    assert len(record["figures"]) == 1, "one always"
