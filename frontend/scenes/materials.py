"""Colours of surfaces, as functions of the place on the surface: both eyes see the same."""

from __future__ import annotations

from functools import cache

import numpy as np

from recog.frontend.scenes.world import Light, Material, Road, SceneClass

TILE = 256


@cache
def noise_tile() -> np.ndarray:
    """(256, 256) smooth noise in [-1, 1] that repeats without a seam."""
    rng = np.random.default_rng(20)
    total = np.zeros((TILE, TILE), np.float32)
    for cells, amplitude in ((16, 0.9), (32, 0.8), (64, 0.7), (128, 0.6)):
        lattice = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
        total += amplitude * _stretch(_stretch(lattice).T).T
    return (total / np.abs(total).max()).astype(np.float32)


def _stretch(lattice: np.ndarray) -> np.ndarray:
    """Rows repeated to 256 with smooth steps between them."""
    cells = lattice.shape[0]
    at = np.arange(TILE) * cells / TILE
    low = at.astype(int)
    t = (at - low)[:, None].astype(np.float32)
    t = t * t * (3 - 2 * t)
    return lattice[low] * (1 - t) + lattice[(low + 1) % cells] * t


def noise(a: np.ndarray, b: np.ndarray, per_metre: float, shift: int = 0) -> np.ndarray:
    """Smooth noise over two coordinates in metres, bilinear, `per_metre` texels a metre."""
    tile = noise_tile()
    x = a * per_metre + (shift * 37 % 251)
    y = b * per_metre + (shift * 91 % 241)
    floor_x, floor_y = np.floor(x), np.floor(y)
    fx, fy = x - floor_x, y - floor_y
    column = floor_x.astype(np.int32) & (TILE - 1)
    row = floor_y.astype(np.int32) & (TILE - 1)
    flat = tile.ravel()
    right, below = (column + 1) & (TILE - 1), ((row + 1) & (TILE - 1)) * TILE
    row *= TILE
    top = flat[row + column] * (1 - fx) + flat[row + right] * fx
    bottom = flat[below + column] * (1 - fx) + flat[below + right] * fx
    return top * (1 - fy) + bottom * fy


def ground(
    road: Road, x: np.ndarray, z: np.ndarray, depth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Colours (N, 3) and classes (N,) of ground points; detail fades with depth."""
    lateral = x - road.curvature * z * z / 2
    detail = noise(x, z, 9.0) * np.minimum(1, 9 / depth) + 0.8 * noise(x, z, 1.3, 3)
    on_road = (lateral > road.left) & (lateral < road.right)
    kerb = np.where(lateral < road.left, road.left - lateral, lateral - road.right)
    walk = ~on_road & (kerb < road.sidewalk)
    marking = on_road & _marked(road, lateral, z)

    colour = np.empty((*x.shape, 3), np.float32)
    colour[:] = (0.3, 0.42, 0.16)
    colour *= (1 + 0.4 * detail)[..., None]
    classes = np.full(x.shape, SceneClass.VEGETATION, np.uint8)
    asphalt = road.shade * (1 + 0.2 * detail)
    slabs = 0.58 * (1 + 0.14 * detail) * np.where(kerb < 0.25, 1.2, 1.0)
    slabs = np.where((z % 1.2 < 0.06) & (depth < 25), slabs * 0.8, slabs)
    for mask, shade, kind in (
        (on_road, asphalt, SceneClass.ROAD),
        (walk, slabs, SceneClass.SIDEWALK),
        (marking, 0.9 + 0.08 * detail, SceneClass.MARKING),
    ):
        colour[mask] = shade[mask, None]
        classes[mask] = kind
    return colour, classes


def _marked(road: Road, lateral: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Solid lines at the edges, dashes between the lanes, zebra stripes."""
    from_left = lateral - road.left
    line = (from_left > 0.15) & (from_left < 0.37)
    line |= (road.right - lateral > 0.15) & (road.right - lateral < 0.37)
    inner = (from_left > road.lane_width / 2) & (road.right - lateral > road.lane_width / 2)
    across = (from_left + road.lane_width / 2) % road.lane_width - road.lane_width / 2
    line |= inner & (np.abs(across) < 0.11) & (z % (2 * road.dash) < road.dash)
    zebra = (np.abs(z - road.crossing) < 1.8) & (from_left > 0.5) & (road.right - lateral > 0.5)
    line = np.where(zebra, from_left % 1.1 < 0.55, line)
    return line


def sky(light: Light, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Colours (N, 3) along rays: from the horizon's to the sky's, with clouds."""
    up = np.clip(-dy * 3.2, 0, 1)[..., None]
    clear = np.array(light.horizon, np.float32) * (1 - up) + np.array(light.sky, np.float32) * up
    clouds = np.clip(noise(dx, dy * 3, 60.0, 11), 0, 1)[..., None] * 0.35
    return (clear * (1 - clouds) + clouds).astype(np.float32)


def paint(
    material: Material,
    colour: tuple[float, float, float],
    local: np.ndarray,
    half: tuple[float, float, float],
    axis: np.ndarray,
    depth: np.ndarray,
    texture: int,
) -> np.ndarray:
    """Colours (N, 3) of points on a solid.

    Args:
        local: (N, 3) along its length (forward), height (down) and width, from its centre.
        half: its half extents.
        axis: (N,) 0, 1, 2: which face's normal; front and rear, top and bottom, or sides.
    """
    base = np.empty(local.shape, np.float32)
    base[:] = colour
    a, b, c = local[:, 0], local[:, 1], local[:, 2]
    along = np.where(axis == 0, c, a)
    down = np.where(axis == 1, c, b)
    fade = np.minimum(1, 12 / depth)
    grain = noise(along, down, 14.0, texture) * fade
    match material:
        case Material.BODY:
            _car_body(base, a, b, c, half, axis)
            base *= (1 + 0.16 * grain)[:, None]
        case Material.CABIN:
            _windows(base, a, b, c, half, axis, grain)
        case Material.CARGO:
            stripes = np.where((along + 20) % 1.0 < 0.08, 0.7, 1.0) * (1 + 0.15 * grain)
            band = np.abs(b) < half[1] * 0.25
            base[band] = base[band][:, ::-1] * 0.7 + 0.15
            base *= stripes[:, None]
        case Material.WALL:
            _wall(base, along, b, half, axis, fade, texture)
            base *= (1 + 0.2 * noise(along, down, 4.0, texture) * fade)[:, None]
        case Material.LEAVES:
            leafy = noise(a + 0.7 * c, b, 8.0, texture) + 0.6 * noise(c, b, 22.0, texture) * fade
            base *= np.clip(1 + 0.8 * leafy, 0.25, 1.9)[:, None]
        case Material.TRUNK:
            base[:] = (0.3, 0.22, 0.15)
            base *= (1 + 0.4 * grain)[:, None]
        case Material.SKIN:
            base[:] = (0.72, 0.53, 0.42)
            base[(b < -half[1] * 0.35) | (a < 0)] = (0.2, 0.14, 0.1)
        case _:
            folds = 1 + 0.3 * grain
            base *= folds[:, None]
    return base


def _car_body(base, a, b, c, half, axis) -> None:
    side, front, rear = axis == 2, (axis == 0) & (a > 0), (axis == 0) & (a < 0)
    base[(b > half[1] * 0.55) & (axis != 1)] *= 0.45
    radius = 0.34
    for at in (-0.62, 0.62):
        from_hub = (a - at * half[0]) ** 2 + (b - half[1] + radius) ** 2
        base[side & (from_hub < radius**2)] = 0.06
        base[side & (from_hub < (0.55 * radius) ** 2)] = 0.5
    lamp = (np.abs(c) > half[2] * 0.55) & (b < half[1] * 0.1) & (b > -half[1] * 0.6)
    base[front & lamp] = (0.98, 0.97, 0.85)
    base[rear & lamp] = (0.75, 0.06, 0.05)
    grille = (np.abs(c) < half[2] * 0.45) & (np.abs(b) < half[1] * 0.4)
    base[front & grille] = 0.1
    base[rear & (np.abs(c) < half[2] * 0.25) & (np.abs(b) < half[1] * 0.25)] = 0.85


def _windows(base, a, b, c, half, axis, grain) -> None:
    along = np.where(axis == 0, c / half[2], a / half[0])
    glass = (axis != 1) & (np.abs(along) < 0.9) & (b < half[1] * 0.8) & (b > -half[1] * 0.75)
    glass &= ~((axis == 2) & (np.abs(along + 0.05) < 0.06))
    base *= (1 + 0.12 * grain)[:, None]
    base[glass] = np.array([0.14, 0.18, 0.22]) * (1 + 0.5 * grain[glass])[:, None]


def _wall(base, along, b, half, axis, fade, texture) -> None:
    storey, bay = 3.0, 2.2 + (texture % 5) * 0.4
    up = half[1] - b
    window = ((up % storey) > 1.0) & ((up % storey) < 2.4) & (up > 0.5)
    window &= (along % bay > bay * 0.25) & (along % bay < bay * 0.72) & (axis != 1)
    lit = ((np.floor(up / storey) * 7 + np.floor(along / bay) * 13 + texture) % 9) < 1
    strength = np.minimum(1, 1.5 * fade)[window, None]
    pane = np.where(lit[window, None], (0.85, 0.75, 0.5), (0.2, 0.25, 0.32))
    base[window] = base[window] * (1 - strength) + pane * strength
