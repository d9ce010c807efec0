"""An analytic ray caster: two rays a pixel, exact intersections, no meshes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recog.frontend.scenes import materials
from recog.frontend.scenes.geometry import Camera, Pose, box_axes, box_corners, project
from recog.frontend.scenes.world import Light, SceneClass, Solid, Thing, World

SAMPLES = ((-0.25, -0.25), (0.25, 0.25))
"""Where in a pixel rays pass, x and y from its centre. The first one's hit labels the pixel."""
FAR = 1e4


@dataclass(frozen=True)
class Rendering:
    """One view. Classes uint8 (H, W); depth along z float32 (H, W), inf for the sky; `objects`
    int16 (H, W) is the index into `World.objects` of what is seen, -1 elsewhere; `outlines` holds
    for each object its pixels as if nothing stood before it: x1, y1, x2, y2 and their number, None
    out of view. Radiance float32 (H, W, 3) before the sensor."""

    radiance: np.ndarray
    classes: np.ndarray
    depth: np.ndarray
    objects: np.ndarray
    outlines: list[tuple[int, int, int, int, int] | None]


def render(world: World, camera: Camera, pose: Pose) -> Rendering:
    """What a camera at `pose` sees of the world."""
    return _Canvas(world, camera, pose).finish()


def expose(radiance: np.ndarray, light: Light, rng: np.random.Generator) -> np.ndarray:
    """The sensor: gain, gamma, noise that grows with light; uint8 (H, W, 3)."""
    level = np.clip(radiance * light.gain * float(rng.uniform(0.985, 1.015)), 0, 1.2)
    level = np.power(level, light.gamma)
    sigma = light.noise / 255 * np.sqrt(0.4 + 1.2 * level)
    noisy = level + sigma * rng.standard_normal(level.shape, dtype=np.float32)
    return (np.clip(noisy, 0, 1) * 255 + 0.5).astype(np.uint8)


class _Canvas:
    def __init__(self, world: World, camera: Camera, pose: Pose):
        self.world, self.camera, self.pose = world, camera, pose
        offsets = np.array(SAMPLES, np.float32)
        u = np.arange(camera.width, dtype=np.float32)[None, None] + offsets[:, 0, None, None]
        v = np.arange(camera.height, dtype=np.float32)[None, :, None] + offsets[:, 1, None, None]
        shape = (len(SAMPLES), camera.height, camera.width)
        x = np.broadcast_to((u - camera.cu) / camera.focal, shape)
        y = np.broadcast_to((v - camera.cv) / camera.focal, shape)
        c, s = np.cos(np.float32(pose.heading)), np.sin(np.float32(pose.heading))
        # Along each ray the camera's z grows by 1 a unit: t is the depth.
        self.rays = np.stack([c * x + s, y, c - s * x])
        self.depth = np.full(shape, FAR, np.float32)
        self.colour = np.empty((*shape, 3), np.float32)
        self.classes = np.zeros(shape, np.uint8)
        self.owner = np.full(shape, -1, np.int16)
        self.outlines: list[tuple[int, int, int, int, int] | None] = []

    def finish(self) -> Rendering:
        self.draw_background()
        index = 0
        for thing in self.world.things:
            is_object = any(thing is each for each in self.world.objects)
            self.draw_thing(thing, index if is_object else -1)
            index += is_object
        radiance = self.in_fog().mean(0)
        depth = np.where(self.classes[0] == SceneClass.SKY, np.inf, self.depth[0])
        classes, owner = self.classes[0], self.owner[0]
        return Rendering(radiance, classes, depth.astype(np.float32), owner, self.outlines)

    def in_fog(self) -> np.ndarray:
        light = self.world.light
        clear = np.exp(-light.fog * np.minimum(self.depth, 400))[..., None]
        return self.colour * clear + np.array(light.horizon, np.float32) * 0.95 * (1 - clear)

    def draw_background(self) -> None:
        dx, dy, dz = self.rays
        light = self.world.light
        self.colour[:] = materials.sky(light, dx / np.maximum(dz, 0.1), dy)
        below = dy > self.pose.above_ground / 220.0
        x, y, z = (ray[below] for ray in self.rays)
        t = self.pose.above_ground / y
        x, z = self.pose.x + t * x, self.pose.z + t * z
        colour, classes = materials.ground(self.world.road, x, z, t)
        lit = light.sun_strength * -light.sun[1] * (1 - self.shadows(x, z))
        self.colour[below] = colour * (light.ambient + lit)[:, None]
        self.classes[below] = classes
        self.depth[below] = t

    def shadows(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """1 where a thing stands between a ground point and the sun, else 0; soft beneath."""
        dark = np.zeros(x.shape, np.float32)
        sun = np.array(self.world.light.sun, np.float32)
        for thing in self.world.things:
            h, w, l = thing.size  # noqa: E741
            reach = h * np.hypot(sun[0], sun[2]) / -sun[1] + max(w, l)
            near = (np.abs(x - thing.x) < reach) & (np.abs(z - thing.z) < reach)
            if not near.any():
                continue
            axes = box_axes(thing.yaw)
            from_x, from_z = x[near] - thing.x, z[near] - thing.z
            direction = axes @ sun
            along, across = (
                from_x * axes[0, 0] + from_z * axes[0, 2],
                from_x * axes[2, 0] + from_z * axes[2, 2],
            )
            enter, leave = np.zeros_like(along), np.full_like(along, h / -direction[1])
            for at, step, half in ((along, direction[0], l / 2), (across, direction[2], w / 2)):
                step = step if abs(step) > 1e-5 else 1e-5
                a, b = (-half - at) / step, (half - at) / step
                enter, leave = (
                    np.maximum(enter, np.minimum(a, b)),
                    np.minimum(leave, np.maximum(a, b)),
                )
            dark[near] = np.maximum(dark[near], enter < leave)
        return dark

    def draw_thing(self, thing: Thing, index: int) -> None:
        """All its solids, and for a road user (index ≥ 0) its outline."""
        seen = np.zeros(self.depth.shape[1:], bool)
        axes = box_axes(thing.yaw)
        for solid in thing.solids:
            centre = thing.centre + np.array(solid.centre, np.float32) @ axes
            self.draw_solid(thing, solid, centre, axes, index, seen)
        if index < 0:
            return
        rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
        if not rows.size:
            self.outlines.append(None)
            return
        corners = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
        self.outlines.append((*corners, int(seen.sum())))

    def window(
        self, centre: np.ndarray, half: tuple[float, float, float], yaw: float
    ) -> tuple[slice, slice] | None:
        """The rows and columns in which a solid can be seen."""
        h, w, l = 2 * half[1], 2 * half[2], 2 * half[0]  # noqa: E741
        corners = self.pose.to_camera(box_corners(np.array([*centre, h, w, l, yaw])))
        if (corners[:, 2] < 0.1).all():
            return None
        pixels = project(corners, self.camera)
        u1, v1 = np.floor(pixels.min(0) - 1).astype(int)
        u2, v2 = np.ceil(pixels.max(0) + 2).astype(int)
        rows = slice(max(v1, 0), min(v2, self.camera.height))
        columns = slice(max(u1, 0), min(u2, self.camera.width))
        return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None

    def draw_solid(
        self,
        thing: Thing,
        solid: Solid,
        centre: np.ndarray,
        axes: np.ndarray,
        index: int,
        seen: np.ndarray,
    ) -> None:
        window = self.window(centre, solid.half, thing.yaw)
        if window is None:
            return
        at = (slice(None), *window)
        origin = axes @ (self.pose.origin - centre)
        rays = np.tensordot(axes, self.rays[(slice(None), *at)], 1)
        find = _hit_ellipsoid if solid.round else _hit_box
        t = find(origin, rays, np.array(solid.half, np.float32))
        seen[window] |= np.isfinite(t[0])
        closer = t < self.depth[at]
        if not closer.any():
            return
        depth = t[closer]
        local = origin + depth[:, None] * rays[:, closer].T
        normal, axis = _normals(local, np.array(solid.half, np.float32), solid.round)
        colour = materials.paint(
            solid.material, thing.colour, local, solid.half, axis, depth, thing.texture
        )
        light = self.world.light
        facing = np.maximum(normal @ (axes @ np.array(light.sun, np.float32)), 0)
        from_above = 0.85 + 0.15 * -normal[:, 1]
        shade = light.ambient * from_above + light.sun_strength * facing
        self.colour[at][closer] = colour * shade[:, None]
        self.depth[at][closer] = depth
        self.classes[at][closer] = thing.kind
        self.owner[at][closer] = index


def _hit_box(origin: np.ndarray, rays: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Depth of the first hit of each ray with a box about 0, inf without one."""
    enter = np.full(rays.shape[1:], 0.1, np.float32)
    leave = np.full(rays.shape[1:], np.inf, np.float32)
    for axis in range(3):
        ray = np.where(np.abs(rays[axis]) < 1e-6, np.float32(1e-6), rays[axis])
        a, b = (-half[axis] - origin[axis]) / ray, (half[axis] - origin[axis]) / ray
        enter = np.maximum(enter, np.minimum(a, b))
        leave = np.minimum(leave, np.maximum(a, b))
    return np.where(enter < leave, enter, np.inf)


def _hit_ellipsoid(origin: np.ndarray, rays: np.ndarray, half: np.ndarray) -> np.ndarray:
    scaled = rays / half[:, None, None, None]
    start = origin / half
    a = (scaled**2).sum(0)
    b = np.tensordot(start, scaled, 1)
    root = b**2 - a * (start @ start - 1)
    t = (-b - np.sqrt(np.maximum(root, 0))) / a
    return np.where((root > 0) & (t > 0.1), t, np.inf).astype(np.float32)


def _normals(local: np.ndarray, half: np.ndarray, is_round: bool) -> tuple[np.ndarray, np.ndarray]:
    """Outward normals (N, 3) and the axis (N,) each points along most."""
    relative = local / half
    axis = np.abs(relative).argmax(1)
    if is_round:
        outward = local / half**2
        return outward / np.linalg.norm(outward, axis=1, keepdims=True), axis
    normal = np.zeros_like(local)
    rows = np.arange(len(local))
    normal[rows, axis] = np.sign(relative[rows, axis])
    return normal, axis
