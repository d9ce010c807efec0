"""What a scene consists of: road, things beside it, road users, light."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from recog.frontend.scenes.geometry import Pose


class SceneClass(IntEnum):
    """The value of a pixel in a class map."""

    SKY = 0
    BUILDING = 1
    ROAD = 2
    MARKING = 3
    SIDEWALK = 4
    VEGETATION = 5
    CAR = 6
    TRUCK = 7
    PEDESTRIAN = 8


CLASS_NAMES = tuple(each.name.lower() for each in SceneClass)
OBJECT_CLASSES = (SceneClass.CAR, SceneClass.TRUCK, SceneClass.PEDESTRIAN)
"""What detectors find; a detector's class is a position in this tuple."""
OBJECT_NAMES = tuple(each.name.lower() for each in OBJECT_CLASSES)


class Material(IntEnum):
    """How a surface is painted."""

    BODY = 0
    CABIN = 1
    CARGO = 2
    CLOTHES = 3
    SKIN = 4
    WALL = 5
    LEAVES = 6
    TRUNK = 7


@dataclass(frozen=True)
class Solid:
    """A box, or the ellipsoid within it, in its thing's own coordinates (length, height, width).

    centre and half in metres; the vertical axis points down from the middle of the thing.
    """

    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    material: Material
    round: bool = False


@dataclass(frozen=True)
class Thing:
    """Solids that stand on the ground at (x, z) and turn together."""

    kind: SceneClass
    x: float
    z: float
    yaw: float
    size: tuple[float, float, float]  # h, w, l
    colour: tuple[float, float, float]
    solids: tuple[Solid, ...]
    texture: int
    lane_offset: float = 0.0
    speed: float = 0.0  # along the road, metres a second; of pedestrians, across it

    @property
    def centre(self) -> np.ndarray:
        return np.array([self.x, -self.size[0] / 2, self.z], np.float32)


@dataclass(frozen=True)
class Road:
    """A road along z whose centre is at x = curvature * z² / 2."""

    curvature: float
    left: float  # lateral position of the left edge, metres
    lanes: int
    lane_width: float
    sidewalk: float
    dash: float
    crossing: float  # z of a zebra crossing; far away: none
    shade: float

    @property
    def right(self) -> float:
        return self.left + self.lanes * self.lane_width

    def centre(self, z: float) -> float:
        return self.curvature * z * z / 2

    def heading(self, z: float) -> float:
        return math.atan(self.curvature * z)


@dataclass(frozen=True)
class Light:
    """Sun, sky, fog and the sensor."""

    sun: tuple[float, float, float]  # unit vector toward the sun
    sun_strength: float
    ambient: float
    sky: tuple[float, float, float]
    horizon: tuple[float, float, float]
    fog: float  # 1 / metres
    gain: float
    gamma: float
    noise: float  # standard deviation in grey levels of a mid-grey


@dataclass(frozen=True)
class World:
    """A scene: everything but the camera."""

    road: Road
    things: tuple[Thing, ...]
    light: Light
    pose: Pose

    def at(self, seconds: float, pose: Pose) -> World:
        """Every road user moved on by so many seconds, seen from another pose."""
        things = [move(thing, self.road, seconds) for thing in self.things]
        return replace(self, things=tuple(things), pose=pose)

    @property
    def objects(self) -> list[Thing]:
        return [thing for thing in self.things if thing.kind in OBJECT_CLASSES]


def move(thing: Thing, road: Road, seconds: float) -> Thing:
    """Vehicles follow the road at their lane offset; pedestrians walk where they face."""
    if thing.speed == 0.0:
        return thing
    distance = thing.speed * seconds
    if thing.kind == SceneClass.PEDESTRIAN:
        x = thing.x + math.cos(thing.yaw) * distance
        return replace(thing, x=x, z=thing.z - math.sin(thing.yaw) * distance)
    z = thing.z + distance
    turn = road.heading(z) - road.heading(thing.z)
    return replace(thing, x=road.centre(z) + thing.lane_offset, z=z, yaw=thing.yaw + turn)


def footprints_touch(a: Thing, others: Sequence[Thing], margin: float) -> bool:
    """Whether `a` comes closer than `margin` to another thing, each as discs along its length."""
    own, radius = _discs(a)
    for other in others:
        theirs, their_radius = _discs(other)
        gaps = np.linalg.norm(own[:, None] - theirs[None], axis=-1)
        if gaps.min() < radius + their_radius + margin:
            return True
    return False


def _discs(thing: Thing) -> tuple[np.ndarray, float]:
    _, width, length = thing.size
    if width > length:
        width, length, yaw = length, width, thing.yaw + math.pi / 2
    else:
        yaw = thing.yaw
    reach = (length - width) / 2
    steps = np.linspace(-reach, reach, max(1, math.ceil(length / width)))
    centres = np.array([thing.x, thing.z]) + steps[:, None] * [math.cos(yaw), -math.sin(yaw)]
    return centres, width / 2
