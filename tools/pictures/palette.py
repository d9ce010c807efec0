"""Colours. Those of objects and of differences stay apart for colour-blind eyes as well."""

from __future__ import annotations

from colorsys import hsv_to_rgb

import numpy as np

from recog.frontend.scenes.world import OBJECT_NAMES, SceneClass

Colour = tuple[int, int, int]

PAPER: Colour = (255, 255, 255)
INK: Colour = (28, 32, 40)
FAINT_INK: Colour = (108, 114, 126)
RULE: Colour = (217, 221, 228)
TRUTH: Colour = (255, 255, 255)

OBJECT_COLOURS: tuple[Colour, ...] = ((56, 189, 248), (251, 176, 36), (244, 114, 182))
"""Colours of car, truck and pedestrian, in the order of OBJECT_NAMES."""

CLASS_COLOURS: dict[SceneClass, Colour] = {
    SceneClass.SKY: (124, 178, 224),
    SceneClass.BUILDING: (96, 99, 112),
    SceneClass.ROAD: (126, 84, 134),
    SceneClass.MARKING: (244, 236, 214),
    SceneClass.SIDEWALK: (228, 116, 190),
    SceneClass.VEGETATION: (104, 156, 62),
    SceneClass.CAR: (34, 78, 204),
    SceneClass.TRUCK: (22, 186, 170),
    SceneClass.PEDESTRIAN: (228, 34, 60),
}
"""The class colours of Cityscapes (Cordts et al. 2016), with its near-blacks made brighter."""

SAME: Colour = (0, 0, 0)
FLOAT_RIGHT: Colour = (255, 122, 41)
CONVERTED_RIGHT: Colour = (77, 180, 255)
NEITHER_RIGHT: Colour = (236, 236, 236)

GROUND: Colour = (21, 26, 34)
GRID: Colour = (50, 58, 71)
GRID_TEXT: Colour = (139, 150, 168)
VIEW: Colour = (30, 37, 48)
EGO: Colour = (226, 232, 240)

WRONG: Colour = (214, 48, 49)
DISAGREE: Colour = (230, 145, 0)


def class_palette() -> np.ndarray:
    """uint8 (classes, 3)."""
    return np.array([CLASS_COLOURS[each] for each in SceneClass], np.uint8)


def label_palette(count: int) -> np.ndarray:
    """Colours of classes without names, uint8 (count, 3): neighbours are far apart."""
    # The golden angle never comes near a hue that it has had.
    found = [
        hsv_to_rgb(0.58 + 0.381966 * each % 1, (0.62, 0.85)[each % 2], (0.95, 0.7, 0.82)[each % 3])
        for each in range(count)
    ]
    return np.rint(255 * np.array(found).reshape(count, 3)).astype(np.uint8)


def object_colour(label: int) -> Colour:
    """The colour of a class of OBJECT_NAMES."""
    return OBJECT_COLOURS[label % len(OBJECT_NAMES)]


def readable_on(colour: Colour) -> Colour:
    """Dark or white text, whichever stands out on a colour."""
    red, green, blue = colour
    return (12, 16, 22) if 0.299 * red + 0.587 * green + 0.114 * blue > 120 else (255, 255, 255)


def css(colour: Colour) -> str:
    """#rrggbb"""
    return "#{:02x}{:02x}{:02x}".format(*colour)
