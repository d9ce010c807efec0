"""Random road scenes: equal generators give equal scenes."""

from __future__ import annotations

import math

import numpy as np

from recog.frontend.scenes.geometry import Pose
from recog.frontend.scenes.world import (
    Light,
    Material,
    Road,
    SceneClass,
    Solid,
    Thing,
    World,
    footprints_touch,
)

NEAREST, FARTHEST = 5.0, 42.0
PEDESTRIAN_RANGE = (5.0, 20.0)
PAINTS = (
    (0.75, 0.75, 0.78), (0.92, 0.92, 0.92), (0.12, 0.12, 0.14), (0.35, 0.36, 0.4),
    (0.7, 0.1, 0.1), (0.1, 0.2, 0.55), (0.1, 0.35, 0.2), (0.75, 0.6, 0.15), (0.45, 0.3, 0.2),
)  # fmt: skip


def random_world(
    rng: np.random.Generator, *, length: float = 70.0, crowd: float = 1.0, moving: bool = False
) -> World:
    """A street of `length` metres seen from its start.

    Args:
        crowd: scales the number of road users.
        moving: vehicles on the road drive with their lane and pedestrians walk, for `World.at`.
    """
    road = _road(rng, length)
    pose = _pose(rng, road)
    light = _light(rng)
    things = _roadside(rng, road, length)
    users = list[Thing]()
    counts = rng.integers([1, 0, 0], [7, 3, 5]) * max(crowd * length / 70.0, 1.0)
    makers = [_car, _truck, _pedestrian]
    for make, count in zip(makers, counts):
        for _ in range(round(float(count))):
            _place(users, lambda make=make: make(rng, road, length, moving))
    return World(road, (*things, *users), light, pose)


def _place(users: list[Thing], make) -> None:
    for _ in range(6):
        thing = make()
        if not footprints_touch(thing, users, 0.35):
            users.append(thing)
            return


def _road(rng: np.random.Generator, length: float) -> Road:
    lanes = int(rng.integers(2, 4))
    width = float(rng.uniform(3.2, 3.7))
    own = int(rng.integers(0, lanes))
    bend = float(rng.uniform(-1, 1)) / 250 * min(1.0, 120.0 / length)
    return Road(
        curvature=bend,
        left=-(own + 0.5) * width,
        lanes=lanes,
        lane_width=width,
        sidewalk=float(rng.uniform(2.0, 3.5)),
        dash=float(rng.uniform(3.0, 4.5)),
        crossing=float(rng.uniform(9, 25)) if rng.random() < 0.25 else -1e3,
        shade=float(rng.uniform(0.22, 0.42)),
    )


def _pose(rng: np.random.Generator, road: Road) -> Pose:
    return Pose(
        float(rng.uniform(-0.4, 0.4)),
        0.0,
        float(rng.uniform(-0.06, 0.06)),
        float(rng.uniform(1.45, 1.55)),
    )


def _light(rng: np.random.Generator) -> Light:
    azimuth, elevation = rng.uniform(0, 2 * math.pi), rng.uniform(0.35, 1.2)
    sun = (
        math.cos(elevation) * math.sin(azimuth),
        -math.sin(elevation),
        math.cos(elevation) * math.cos(azimuth),
    )
    overcast = rng.random() < 0.35
    warm = rng.uniform(0, 0.12)
    grey = float(rng.uniform(0.6, 0.85))
    sky = (0.35, 0.55, 0.85) if not overcast else (grey, grey, grey + 0.02)
    horizon = (
        (0.78 + warm, 0.82, 0.88 - warm)
        if not overcast
        else (grey + 0.08, grey + 0.08, grey + 0.08)
    )
    return Light(
        sun=(float(sun[0]), float(sun[1]), float(sun[2])),
        sun_strength=0.1 if overcast else float(rng.uniform(0.45, 0.75)),
        ambient=float(rng.uniform(0.55, 0.75) if overcast else rng.uniform(0.35, 0.5)),
        sky=sky,
        horizon=horizon,
        fog=float(rng.exponential(0.004)) if rng.random() < 0.7 else float(rng.uniform(0, 0.03)),
        gain=float(rng.uniform(0.75, 1.45)),
        gamma=float(rng.uniform(0.75, 1.05)),
        noise=float(rng.uniform(1.0, 4.0)),
    )


def _roadside(rng: np.random.Generator, road: Road, length: float) -> list[Thing]:
    things = list[Thing]()
    for side in (-1, 1):
        edge = road.left - road.sidewalk if side < 0 else road.right + road.sidewalk
        z = float(rng.uniform(-4, 8))
        while z < length:
            extent = float(rng.uniform(7, 18))
            if rng.random() < 0.72:
                things.append(_building(rng, road, side, edge, z + extent / 2, extent))
            elif rng.random() < 0.8:
                things.append(_tree(rng, road, side, edge, z + extent / 2))
            z += extent + float(rng.uniform(0.5, 6))
        for _ in range(int(rng.integers(0, 3) * max(1.0, length / 70))):
            things.append(_tree(rng, road, side, edge, float(rng.uniform(8, length))))
    return things


def _beside(road: Road, z: float, lateral: float) -> tuple[float, float]:
    """x at a lateral offset, and the yaw of what stands along the road."""
    return road.centre(z) + lateral, road.heading(z) - math.pi / 2


def _building(
    rng: np.random.Generator, road: Road, side: int, edge: float, z: float, length: float
) -> Thing:
    depth, height = float(rng.uniform(8, 12)), float(rng.uniform(4, 15))
    lateral = edge + side * (float(rng.uniform(1.2, 6)) + depth / 2)
    x, yaw = _beside(road, z, lateral)
    shade = rng.uniform(0.35, 0.85)
    tints = np.clip(shade + rng.uniform(-0.12, 0.12, 3), 0.15, 0.95).tolist()
    colour = (tints[0], tints[1], tints[2])
    wall = Solid((0.0, 0.0, 0.0), (length / 2, height / 2, depth / 2), Material.WALL)
    size = (height, depth, length)
    texture = int(rng.integers(0, 1 << 16))
    return Thing(SceneClass.BUILDING, x, z, yaw, size, colour, (wall,), texture)


def _tree(rng: np.random.Generator, road: Road, side: int, edge: float, z: float) -> Thing:
    radius = float(rng.uniform(0.9, 1.9))
    bush = rng.random() < 0.35
    height = float(rng.uniform(1.0, 1.6)) if bush else float(rng.uniform(4.0, 7.0))
    crown = min(height / 2, radius * 1.2)
    x, yaw = _beside(road, z, edge + side * (radius + float(rng.uniform(0.3, 4))))
    leaves = Solid((0.0, crown - height / 2, 0.0), (radius, crown, radius), Material.LEAVES, True)
    trunk_half = height / 2 - crown / 2
    trunk = Solid((0.0, crown / 2, 0.0), (0.13, trunk_half, 0.13), Material.TRUNK)
    green = float(rng.uniform(0.25, 0.5))
    colour = (green * float(rng.uniform(0.4, 0.9)), green, green * float(rng.uniform(0.2, 0.5)))
    size = (height, 2 * radius, 2 * radius)
    solids = (leaves,) if bush else (leaves, trunk)
    texture = int(rng.integers(0, 1 << 16))
    return Thing(SceneClass.VEGETATION, x, z, yaw, size, colour, solids, texture)


def _spot(
    rng: np.random.Generator, road: Road, length: float, width: float, moving: bool
) -> tuple[float, float, float, float]:
    """z, lateral offset, yaw and speed of a vehicle: in a lane, parked, or standing across."""
    far = FARTHEST if length <= 70 else length
    # Uniform in the square root: near vehicles are larger, far ones more.
    z = float(rng.uniform(math.sqrt(NEAREST + 1), math.sqrt(far))) ** 2
    way = rng.random()
    along = road.heading(z) - math.pi / 2
    if way < 0.62:
        lane = int(rng.integers(0, road.lanes))
        lateral = road.left + (lane + 0.5) * road.lane_width
        oncoming = lane < road.lanes // 2
        slack = max(0.1, (road.lane_width - width) / 2 - 0.3)
        lateral += float(rng.uniform(-slack, slack))
        yaw = along + float(rng.normal(0, 0.04)) + (math.pi if oncoming else 0)
        speed = float(rng.uniform(5, 9)) * (-1 if oncoming else 1) if moving else 0.0
        return z, lateral, yaw, speed
    if way < 0.85 or moving:
        side = -1 if rng.random() < 0.5 else 1
        edge = road.left if side < 0 else road.right
        lateral = edge + side * (width / 2 + float(rng.uniform(-0.9, 0.3)))
        yaw = along + float(rng.normal(0, 0.05)) + (math.pi if rng.random() < 0.5 else 0)
        return z, lateral, yaw, 0.0
    lateral = float(rng.uniform(road.left - 1, road.right + 1))
    return z, lateral, float(rng.uniform(-math.pi, math.pi)), 0.0


def _car(rng: np.random.Generator, road: Road, length: float, moving: bool) -> Thing:
    h, w, l = rng.uniform([1.4, 1.62, 3.7], [1.68, 1.88, 4.7]).tolist()  # noqa: E741
    z, lateral, yaw, speed = _spot(rng, road, length, w, moving)
    split = float(rng.uniform(0.5, 0.58))
    body = Solid((0.0, h * (0.5 - split / 2), 0.0), (l / 2, h * split / 2, w / 2), Material.BODY)
    back = float(rng.uniform(0.02, 0.12)) * l
    cabin = Solid(
        (-back, -h * split / 2, 0.0),
        (l * float(rng.uniform(0.27, 0.35)), h * (1 - split) / 2, w * 0.45),
        Material.CABIN,
    )
    base = PAINTS[int(rng.integers(len(PAINTS)))]
    colour = tuple(float(np.clip(c + rng.uniform(-0.08, 0.08), 0.04, 0.97)) for c in base)
    return _vehicle(
        rng, road, SceneClass.CAR, z, lateral, yaw, speed, (h, w, l), colour, (body, cabin)
    )


def _truck(rng: np.random.Generator, road: Road, length: float, moving: bool) -> Thing:
    h, w, l = rng.uniform([2.9, 2.25, 6.0], [3.7, 2.55, 9.0]).tolist()  # noqa: E741
    z, lateral, yaw, speed = _spot(rng, road, length, w, moving)
    z = max(z, 11.0)
    front = 1.9
    low = h * float(rng.uniform(0.68, 0.85))
    cab = Solid(
        (l / 2 - front / 2, (h - low) / 2, 0.0), (front / 2, low / 2, w * 0.48), Material.CABIN
    )
    cargo = Solid(
        (-front / 2 - 0.1, -0.25, 0.0),
        (l / 2 - front / 2 - 0.1, h / 2 - 0.25, w / 2),
        Material.CARGO,
    )
    frame = Solid((0.0, h / 2 - 0.5, 0.0), (l / 2, 0.35, w * 0.46), Material.BODY)
    shade = rng.uniform(0.25, 0.9)
    colour = tuple(float(np.clip(shade + rng.uniform(-0.25, 0.25), 0.08, 0.95)) for _ in range(3))
    solids = (cab, cargo, frame)
    return _vehicle(rng, road, SceneClass.TRUCK, z, lateral, yaw, speed, (h, w, l), colour, solids)


def _vehicle(
    rng: np.random.Generator,
    road: Road,
    kind: SceneClass,
    z: float,
    lateral: float,
    yaw: float,
    speed: float,
    size: tuple[float, float, float],
    colour: tuple[float, ...],
    solids: tuple[Solid, ...],
) -> Thing:
    x = road.centre(z) + lateral
    texture = int(rng.integers(0, 1 << 16))
    paint = (colour[0], colour[1], colour[2])
    return Thing(kind, x, z, yaw, size, paint, solids, texture, lateral, speed)


def _pedestrian(rng: np.random.Generator, road: Road, length: float, moving: bool) -> Thing:
    h, w, l = rng.uniform([1.55, 0.5, 0.36], [1.9, 0.68, 0.6]).tolist()  # noqa: E741
    near, far = PEDESTRIAN_RANGE
    z = float(rng.uniform(near, far if length <= 70 else length))
    if rng.random() < 0.45:
        lateral = float(rng.uniform(road.left, road.right))
    elif rng.random() < 0.5:
        lateral = road.left - float(rng.uniform(0.4, road.sidewalk))
    else:
        lateral = road.right + float(rng.uniform(0.4, road.sidewalk))
    x, along = _beside(road, z, lateral)
    yaw = along + math.pi / 2 * int(rng.integers(0, 4)) + float(rng.normal(0, 0.3))
    head = 0.12 * h
    torso = Solid((0.0, -h * 0.13, 0.0), (l * 0.42, h * 0.2, w / 2), Material.CLOTHES)
    step = float(rng.uniform(0.0, 0.1))
    legs = [
        Solid(
            (side * step, h * 0.285, side * w * 0.22),
            (l * 0.3, h * 0.215, w * 0.17),
            Material.CLOTHES,
        )
        for side in (-1, 1)
    ]
    skull = Solid((0.0, -h / 2 + head * 0.72, 0.0), (0.11, head * 0.72, 0.1), Material.SKIN, True)
    colour = tuple(float(c) for c in rng.uniform(0.05, 0.9, 3))
    solids = (torso, *legs, skull)
    texture = int(rng.integers(0, 1 << 16))
    paint = (colour[0], colour[1], colour[2])
    speed = float(rng.uniform(0.7, 1.5)) if moving else 0.0
    return Thing(SceneClass.PEDESTRIAN, x, z, yaw, (h, w, l), paint, solids, texture, 0.0, speed)
