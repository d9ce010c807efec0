"""A scene as data: two images, and everything that is true of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from recog.frontend.scenes.geometry import Camera, Pose, box_corners, project, wrap
from recog.frontend.scenes.layout import random_world
from recog.frontend.scenes.render import Rendering, expose, render
from recog.frontend.scenes.world import OBJECT_CLASSES, SceneClass, Thing, World


@dataclass(frozen=True)
class Objects:
    """The road users in view of one left image.

    Attributes:
        labels: int64 (M,), positions in OBJECT_CLASSES.
        boxes_2d: float32 (M, 4), x1, y1, x2, y2 in pixels, around all of the object that is within
            the image, also where another one hides it.
        boxes_3d: float32 (M, 7), x, y, z of the centre in camera coordinates, h, w, l in metres,
            yaw.
        visibility: float32 (M,), the share of its pixels within the image that nothing hides.
        truncation: float32 (M,), the share of its projected box beyond the image's border.
    """

    labels: np.ndarray
    boxes_2d: np.ndarray
    boxes_3d: np.ndarray
    visibility: np.ndarray
    truncation: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Sample:
    """Rectified images uint8 (3, H, W); of the left one the class map uint8 (H, W), the disparity
    in pixels float16 (H, W), 0 for the sky, and the objects."""

    left: np.ndarray
    right: np.ndarray
    classes: np.ndarray
    disparity: np.ndarray
    objects: Objects


def random_sample(rng: np.random.Generator, camera: Camera) -> Sample:
    """A random street and what a camera sees of it."""
    return photograph(random_world(rng), camera, rng)


def photograph(world: World, camera: Camera, rng: np.random.Generator) -> Sample:
    """Both images of a world and their truth; `rng` makes the sensor's noise."""
    left = render(world, camera, world.pose)
    right = render(world, camera, world.pose.moved_right(camera.baseline))
    images = [
        np.ascontiguousarray(expose(view.radiance, world.light, rng).transpose(2, 0, 1))
        for view in (left, right)
    ]
    disparity = camera.focal * camera.baseline / left.depth
    objects = _objects(world, left, camera)
    return Sample(images[0], images[1], left.classes, disparity.astype(np.float16), objects)


def _objects(world: World, view: Rendering, camera: Camera) -> Objects:
    rows = list[tuple[int, list[float], list[float], float, float]]()
    for i, (thing, outline) in enumerate(zip(world.objects, view.outlines)):
        if outline is None:
            continue
        box = _box_in_camera(thing, world.pose)
        visible = int((view.objects == i).sum()) / outline[4]
        label = OBJECT_CLASSES.index(thing.kind)
        truncation = _truncation(np.array(box), camera)
        rows.append((label, [float(x) for x in outline[:4]], box, visible, truncation))
    columns = list(zip(*rows)) if rows else [[], np.empty((0, 4)), np.empty((0, 7)), [], []]
    kinds = (np.int64, np.float32, np.float32, np.float32, np.float32)
    return Objects(*(np.array(column, kind) for column, kind in zip(columns, kinds)))


def _box_in_camera(thing: Thing, pose: Pose) -> list[float]:
    centre = pose.to_camera(thing.centre)
    return [*map(float, centre), *thing.size, wrap(thing.yaw - pose.heading)]


def _truncation(box: np.ndarray, camera: Camera) -> float:
    pixels = project(box_corners(box), camera)
    low, high = pixels.min(0), pixels.max(0)
    frame = np.array([camera.width, camera.height])
    inside = np.clip(high, 0, frame) - np.clip(low, 0, frame)
    return 1 - float(inside.prod() / max((high - low).prod(), 1e-6))


def drive(
    frames: int, camera: Camera, *, seed: int = 0, rate: float = 10.0, speed: float = 7.0
) -> Iterator[Sample]:
    """A drive along a street with traffic, frame after frame.

    Args:
        rate: frames a second.
        speed: of the camera, metres a second.
    """
    rng = np.random.default_rng([3, seed])
    distance = frames / rate * speed
    world = random_world(rng, length=distance + 60, crowd=1.4, moving=True)
    world = replace(world, things=tuple(t for t in world.things if not _in_the_way(t, world)))
    for frame in range(frames):
        seconds = frame / rate
        z = speed * seconds
        sway = 0.15 * math.sin(seconds / 2)
        pose = Pose(world.road.centre(z) + sway, z, world.road.heading(z), world.pose.above_ground)
        yield photograph(world.at(seconds, pose), camera, rng)


def _in_the_way(thing: Thing, world: World) -> bool:
    """What stands, comes toward or is slower than the camera in its lane."""
    lateral = abs(thing.x - world.road.centre(thing.z))
    if thing.kind == SceneClass.PEDESTRIAN:
        return world.road.left < thing.x - world.road.centre(thing.z) < world.road.right
    return thing.kind in OBJECT_CLASSES and lateral < 2.2 and thing.speed < 7.5
