"""Ways to choose the layouts of all layers: by prediction, or the same wherever it fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from recog.dialects.cluster import Layout
from recog.lowering.allocation.allocate import Allocation, Allocator, Choice
from recog.lowering.allocation.candidates import table_name
from recog.lowering.allocation.curves import MOST, sizes_to_offer
from recog.lowering.cluster.layouts import ClusterOptions

PLANNED = "by what layers lose"
MEASURED = "by what layers lose, as measured in round"
"""With the number of the round: each is chosen by what all before it lost."""
UNIFORM = "as many centroids in each layer"
POOLED = "one table for each block"
ANY_TABLE = 1e6
"""Share of pointers' bits that a table may have: here the budget says what is too large."""


class Recipe(NamedTuple):
    """A choice for each layer, and the bytes of all weights of the program."""

    name: str
    choices: Sequence[Choice]
    bytes: int


class Budget(NamedTuple):
    """What all weights may take.

    Attributes:
        tables: bytes of the tables that layers may share, by name.
        room: bytes that are not for layers.
        bytes: in all; None for any number.
    """

    tables: Mapping[str, int]
    room: int
    bytes: int | None

    def allocation(self, choices: Sequence[Sequence[Choice]]) -> Allocation | None:
        """The choices that lose least; None where nothing is small enough."""
        allocator = Allocator(choices, self.tables)
        if self.bytes is None:
            return allocator.least()
        return None if self.bytes < self.room else allocator.within(self.bytes - self.room)

    def recipe(self, name: str, choices: Sequence[Choice]) -> Recipe:
        """A choice for each layer, with its bytes."""
        used = {each.layout.table for each in choices if each.layout.table is not None}
        own = sum(each.bytes for each in choices) + sum(self.tables[each] for each in used)
        return Recipe(name, choices, self.room + own)


def uniform_recipes(
    shapes: Sequence[tuple[int, ...]],
    choices: Sequence[Sequence[Choice]],
    budget: Budget,
    options: ClusterOptions,
) -> Iterator[Recipe]:
    """The largest recipes of one number of centroids that fit a budget.

    Args:
        choices: what each layer may have.
    """
    for name in (UNIFORM, POOLED):
        for count in sizes_to_offer(MOST, 1 << 30)[::-1]:
            clusters = replace(options, centroids=count, table_share=ANY_TABLE)
            shared = name == POOLED
            each = zip(shapes, choices)
            found = [_uniform_choice(*pair, clusters, shared=shared) for pair in each]
            if shared and all(choice.layout.table is None for choice in found):
                continue
            recipe = budget.recipe(name, found)
            if budget.bytes is None or recipe.bytes <= budget.bytes:
                yield recipe
                break


def _uniform_choice(
    shape: tuple[int, ...], choices: Sequence[Choice], options: ClusterOptions, *, shared: bool
) -> Choice:
    """That of the choices which the options of clustering come to, or the next smaller."""
    if len(choices) == 1:
        return choices[0]
    block = options.block_of(shape)
    pooled = table_name(Layout(block, options.centroids))
    for each in choices if shared else ():
        if each.layout.table == pooled:
            return each
    usual = options.layout_of(shape)
    fitting = [
        each
        for each in choices
        if usual is not None
        and (each.layout.block, each.layout.table) == (usual.block, None)
        and each.layout.centroids <= usual.centroids
    ]
    return max(fitting, key=lambda each: each.layout.centroids, default=choices[0])
