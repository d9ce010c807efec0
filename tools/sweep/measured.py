"""What a point of a sweep loses and costs: what a sweep may aim at."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Measured:
    """What a point loses and costs, all the smaller the better.

    Attributes:
        loss: by how much the metric is below the float network's.
        bytes: of the weights as the program and the host hold them.
        cycles: of a frame alone.
        energy: of a frame in microjoules, in the chip's first table of energy.
    """

    loss: float
    bytes: int
    cycles: int
    energy: float

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


OBJECTIVES = tuple(Measured.__dataclass_fields__)
