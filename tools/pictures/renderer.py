"""The interface of the pictures of one task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from recog.tools.pictures.figure import Figure, Legend
from recog.tools.pictures.frames import Frames

Fact = tuple[str, str]
"""A number that stands for all frames: its value, and what it says."""


class Renderer(Protocol):
    """The pictures of one task."""

    @property
    def caption(self) -> str:
        """What the figures show, in plain sentences."""
        ...

    @property
    def legend(self) -> Legend:
        """The legend of every figure."""
        ...

    def check(self, frames: Frames, where: str) -> None:
        """Raise RecogError where outputs or truths cannot be drawn."""
        ...

    def facts(self, frames: Frames) -> list[Fact]:
        """Numbers over all frames."""
        ...

    def figures(self, frames: Frames, chosen: Sequence[int]) -> list[Figure]:
        """Figures of the chosen frames."""
        ...

    def moment(self, frames: Frames, frame: int) -> Figure:
        """One frame of an animation, smaller than a figure; all are of one size."""
        ...
