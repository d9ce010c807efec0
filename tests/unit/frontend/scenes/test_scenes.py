"""Rendered road scenes: equal seeds, true labels, splits apart, files that survive damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recog.frontend.scenes import dataset
from recog.frontend.scenes.dataset import CALIBRATION, TEST, TRAIN, Split, load_scenes, scene
from recog.frontend.scenes.geometry import Camera, Pose, box_corners, project, wrap
from recog.frontend.scenes.sample import Sample, drive
from recog.frontend.scenes.world import OBJECT_CLASSES, SceneClass

CAMERA = Camera()
SMALL = Split("small", 9, 3)


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return [scene(TRAIN, i, CAMERA) for i in range(12)]


def same(a: Sample, b: Sample) -> bool:
    arrays = all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("left", "right", "classes", "disparity")
    )
    return arrays and np.array_equal(a.objects.boxes_3d, b.objects.boxes_3d)


def test_a_scene_is_its_seed(samples: list[Sample]):
    assert same(scene(TRAIN, 3, CAMERA), samples[3])
    assert not same(samples[3], samples[4])


def test_no_scene_is_in_two_splits():
    splits = (TRAIN, CALIBRATION, TEST)
    assert len({split.number for split in splits}) == 3
    assert TEST.count >= 300
    firsts = [scene(split, 0, CAMERA).left for split in splits]
    assert not any(np.array_equal(firsts[i], firsts[i - 1]) for i in range(3))


def test_shapes_and_ranges(samples: list[Sample]):
    for sample in samples:
        assert sample.left.shape == sample.right.shape == (3, 96, 256)
        assert sample.left.dtype == sample.classes.dtype == np.uint8
        assert sample.classes.max() <= max(SceneClass)
        sky = sample.classes == SceneClass.SKY
        assert (sample.disparity[sky] == 0).all()
        assert (sample.disparity[~sky] > 0).all()
    kinds = {int(kind) for sample in samples for kind in np.unique(sample.classes)}
    assert kinds == set(map(int, SceneClass))


def test_the_right_image_is_the_left_one_moved_by_the_disparity(samples: list[Sample]):
    u = np.arange(256)
    for sample in samples:
        left, right = (each.astype(float).mean(0) for each in (sample.left, sample.right))
        source = u - sample.disparity.astype(float)
        inside = (source >= 0) & (sample.classes != SceneClass.SKY)
        moved = np.stack([np.interp(s, u, row) for s, row in zip(source, right)])
        wrong = np.stack([np.interp(s + 3, u, row) for s, row in zip(source, right)])
        error = np.median(np.abs(moved - left)[inside])
        # The sensor's noise, at most 5 of 255; a scene of other disparities does not fit.
        assert error < 6
        assert error < np.median(np.abs(wrong - left)[inside])


def test_boxes_in_the_image_lie_within_projected_boxes(samples: list[Sample]):
    checked = 0
    for sample in samples:
        found = sample.objects
        corners = project(box_corners(found.boxes_3d), CAMERA)
        for box, label, points, truncation in zip(
            found.boxes_2d, found.labels, corners, found.truncation
        ):
            if truncation > 0 or found.boxes_3d[:, 2].min() < 1:
                continue
            low, high = points.min(0) - 1, points.max(0) + 2
            assert (box[:2] >= low).all()
            assert (box[2:] <= high).all()
            # Cars fill their boxes: nearly as high, and as wide where not seen at an angle.
            assert box[3] - box[1] > 0.6 * (high - low - 3)[1] - 2
            checked += int(label >= 0)
    assert checked > 15


def test_visible_objects_are_in_the_class_map(samples: list[Sample]):
    for sample in samples:
        found = sample.objects
        for label, box, visibility in zip(found.labels, found.boxes_2d, found.visibility):
            x1, y1, x2, y2 = box.astype(int)
            inside = sample.classes[y1:y2, x1:x2] == OBJECT_CLASSES[label]
            assert (visibility == 0) or inside.any()
            assert 0 <= visibility <= 1


def test_yaw_turns_as_kittis():
    box = np.array([0, 0, 10, 1.5, 1.6, 4.0, -np.pi / 2])  # facing away, along z
    corners = box_corners(box)
    np.testing.assert_allclose(corners[[0, 1], 2], 12, atol=1e-9)
    assert corners[0, 0] > 0  # front right is to the right of one who looks along z
    turned = Pose(heading=0.3).to_camera(np.array([10 * np.sin(0.3), 0, 10 * np.cos(0.3)]))
    np.testing.assert_allclose(turned, [0, 1.5, 10], atol=1e-6)
    assert wrap(-np.pi) == np.pi


def test_a_drive_moves_on_smoothly():
    frames = list(drive(4, CAMERA, seed=3))
    again = list(drive(4, CAMERA, seed=3))
    assert all(same(a, b) for a, b in zip(frames, again))
    labels = [(frame.classes == SceneClass.BUILDING).mean() for frame in frames]
    assert np.abs(np.diff(labels)).max() < 0.1
    moved = [np.abs(a.left.astype(int) - b.left).mean() for a, b in zip(frames, frames[1:])]
    assert all(1 < change < 40 for change in moved)


def test_files_are_kept_and_damage_is_repaired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ready = list[int]()
    fresh = load_scenes(SMALL, folder=tmp_path, progress=ready.append)
    (path,) = tmp_path.iterdir()
    assert ready == [3]
    path.write_bytes(path.read_bytes()[:5000])
    repaired = load_scenes(SMALL, folder=tmp_path)
    monkeypatch.setattr(dataset, "scene", lambda *arguments: pytest.fail("rendered again"))
    kept = load_scenes(SMALL, 2, folder=tmp_path)
    assert len(kept) == 2
    for found in (repaired, kept):
        assert all(same(found[i], fresh[i]) for i in range(len(found)))


def test_the_usual_scenes_are_the_first_of_all(tmp_path: Path):
    """A file that holds fewer scenes, written when there were no more, is rendered anew."""
    load_scenes(Split("small", 9, 2), folder=tmp_path)
    more = Split("small", 9, 3, usual=2)
    assert len(load_scenes(more, folder=tmp_path)) == 2
    every = load_scenes(more, 3, folder=tmp_path)
    assert len(every) == 3
    assert same(every[2], scene(more, 2, Camera()))


def test_scenes_without_objects_have_empty_arrays(tmp_path: Path):
    counts = [len(scene(TRAIN, i, Camera(24, 64, 55.0, 32.0, 10.0)).objects) for i in range(2)]
    assert all(count >= 0 for count in counts)
    lonely = Camera(8, 8, 2000.0, -4000.0, 4.0)  # looks past everything
    objects = scene(TRAIN, 0, lonely).objects
    assert (len(objects), objects.boxes_2d.shape, objects.boxes_3d.shape) == (0, (0, 4), (0, 7))
