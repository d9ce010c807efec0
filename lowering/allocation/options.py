"""What the weights of a program may take, and what a person has chosen of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import floor
from typing import NamedTuple

from recog.dialects.cluster import Layout
from recog.lowering.common.layer_patterns import matches
from recog.lowering.common.options import OptionError, Options

UNITS = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
}
MOST_RATIO = 1e300
"""Beyond any, and a float."""
MOST_BYTES = 1 << 60
"""More than any memory has."""
_SIZE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z]*)\s*", re.ASCII)


class BeyondPossible(OptionError):
    """No program is as many times smaller as was asked.

    Attributes:
        most: how many times smaller the smallest is.
    """

    def __init__(self, most: float, reason: str):
        super().__init__("ratio", reason)
        self.most = most


class LayerLayout(NamedTuple):
    """A layout for all layers whose names match a pattern of * and ?."""

    pattern: str
    layout: Layout

    def matches(self, name: str) -> bool:
        """Whether it is for a layer of that name."""
        return matches([name], self.pattern)

    @property
    def why(self) -> str:
        """Why a layer of such a name has the layout."""
        return f"option layouts says so ({self.pattern!r})"


@dataclass(frozen=True, kw_only=True)
class LayoutOptions(Options):
    """How many bytes the weights of a program may take, and layouts for layers by name."""

    ratio: float | None = None
    """How many times smaller than the float weights those of the program are to be, all that it
    stores for them counted. Block and centroids of each layer are then chosen for that, by what
    they lose and cost, in place of those that the options of clustering give."""
    budget: str | None = None
    """Bytes that the weights of the program may take, in place of a ratio: 8MiB, 300kB, 65536."""
    share_tables: bool = True
    """Where a ratio or a budget is given, let layers share tables of centroids if they lose less
    so."""
    compare_recipes: bool = True
    """Where a ratio or a budget is given, cluster the network by simpler recipes of as many bytes
    too, the same number of centroids in all layers, and take one of them if it loses less on
    example inputs that nothing was chosen by."""
    layouts: str | None = None
    """Layouts of layers by name, which nothing changes: 'PATTERN: dense' or 'PATTERN: block 1x1x3x3
    centroids 256', perhaps with 'table NAME', which layers of that name share; several are divided
    by semicolons, and the first whose pattern (* and ?) matches counts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ratio is not None and not 0 < self.ratio < MOST_RATIO:
            raise OptionError("ratio", f"must be a finite number above 0, got {self.ratio}")
        if self.ratio is not None and self.budget is not None:
            raise OptionError("budget", "and a ratio both say how many bytes: give one of them")
        self.budget_bytes(1)
        self.layer_layouts()

    @property
    def allocates(self) -> bool:
        """Whether the layouts of layers are chosen for a number of bytes."""
        return self.ratio is not None or self.budget is not None

    def budget_bytes(self, float_bytes: int) -> int | None:
        """The bytes that weights may take which take so many in float; None where all may."""
        if self.ratio is not None:
            return floor(min(float_bytes / self.ratio, MOST_BYTES))
        return None if self.budget is None else parse_size(self.budget)

    def layer_layouts(self) -> list[LayerLayout]:
        """The layouts by name of layer, in their order."""
        parts = (self.layouts or "").split(";")
        return [_layer_layout(part) for part in parts if part.strip()]


def parse_size(text: str) -> int:
    """Bytes of a text such as 8MiB, 300kB or 65536. Raises OptionError."""
    match = _SIZE.fullmatch(text)
    unit = None if match is None else UNITS.get(match[2].lower())
    if match is None or unit is None:
        raise OptionError("budget", f"must be bytes, as 8MiB, 300kB or 65536, got {text!r}")
    return floor(min(float(match[1]) * unit, MOST_BYTES))


_BLOCK = re.compile(
    r"block\s+(?P<block>\d+(?:x\d+)*)\s+centroids\s+(?P<centroids>\d+)(?:\s+table\s+(?P<table>.+))?"
)


def _layer_layout(text: str) -> LayerLayout:
    pattern, colon, rest = text.strip().rpartition(":")
    pattern, rest = pattern.strip(), rest.strip()
    if not colon or not pattern:
        raise OptionError("layouts", f"must be 'PATTERN: LAYOUT; ...', got {text.strip()!r}")
    if rest == "dense":
        return LayerLayout(pattern, Layout())
    match = _BLOCK.fullmatch(rest)
    if match is None:
        raise OptionError(
            "layouts",
            f"of {pattern!r} must be 'dense' or 'block AxB centroids K', perhaps with 'table "
            f"NAME', got {rest!r}",
        )
    block = tuple(int(each) for each in match["block"].split("x"))
    try:
        return LayerLayout(pattern, Layout(block, int(match["centroids"]), match["table"]))
    except ValueError as error:
        raise OptionError("layouts", f"of {pattern!r}: {error}") from None


def layout_text(layout: Layout) -> str:
    """A layout as the option `layouts` takes it."""
    if not layout.block:
        return "dense"
    table = "" if layout.table is None else f" table {layout.table}"
    return f"block {'x'.join(map(str, layout.block))} centroids {layout.centroids}{table}"
