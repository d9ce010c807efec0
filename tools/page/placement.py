"""Where the nodes of a network stand in its drawing, layer below layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

NODE_WIDTH, NODE_HEIGHT = 172, 40
GAP_ACROSS, GAP_DOWN = 28, 26
BEND = 18
"""Pixels that an edge that passes nodes by takes of a row."""


class Point(NamedTuple):
    """Pixels, from the left and from the top."""

    x: float
    y: float


class Placement(NamedTuple):
    """A drawing.

    Attributes:
        nodes: the middle of each.
        edges: the points through which each goes, from the foot of a node to the head of another.
        width, height: of it all.
    """

    nodes: Sequence[Point]
    edges: Sequence[Sequence[Point]]
    width: float
    height: float


def place(count: int, edges: Sequence[tuple[int, int]]) -> Placement:
    """Place nodes in rows so that edges lead downwards and few cross (Sugiyama et al., 1981).

    Args:
        count: of nodes.
        edges: from and to, without a circle.
    """
    import igraph

    rows = _rows(count, edges)
    # Edges over several rows get a bend in each, so that they pass nodes by.
    chains, bends = list[list[int]](), list[int]()
    for start, end in edges:
        between = range(rows[start] + 1, rows[end])
        first = count + len(bends)
        bends += between
        chains.append([start, *range(first, first + len(between)), end])
    links = [pair for chain in chains for pair in zip(chain, chain[1:])]
    graph = igraph.Graph(count + len(bends), links, directed=True)
    found = graph.layout_sugiyama(layers=[*rows, *bends], maxiter=100).coords
    places = _spread([(x, int(y)) for x, y in found], count)
    width = max((place.x for place in places), default=0) + NODE_WIDTH / 2 + GAP_ACROSS
    height = max((place.y for place in places), default=0) + NODE_HEIGHT / 2 + GAP_DOWN
    lines = [_line([places[each] for each in chain]) for chain in chains]
    return Placement(places[:count], lines, width, height)


def _rows(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The longest way to each node."""
    followers: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for start, end in edges:
        followers[start].append(end)
        waiting[end] += 1
    rows = [0] * count
    ready = [node for node in range(count) if not waiting[node]]
    while ready:
        node = ready.pop()
        for other in followers[node]:
            rows[other] = max(rows[other], rows[node] + 1)
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    return rows


def _spread(found: Sequence[tuple[float, int]], count: int) -> list[Point]:
    """Pixels for places in units, with room for nodes, less of it for bends."""
    unit = _unit(found, count)
    left = min((x for x, _ in found), default=0)
    across = GAP_ACROSS + NODE_WIDTH / 2
    down = GAP_DOWN + NODE_HEIGHT / 2
    return [
        Point(across + (x - left) * unit, down + y * (NODE_HEIGHT + GAP_DOWN)) for x, y in found
    ]


def _unit(found: Sequence[tuple[float, int]], count: int) -> float:
    """Pixels of a unit across: as few as keep what stands side by side apart."""
    rows: dict[int, list[tuple[float, bool]]] = {}
    for index, (x, y) in enumerate(found):
        rows.setdefault(y, []).append((x, index < count))
    unit = float(BEND)
    for row in rows.values():
        row.sort()
        for (x, is_node), (other, also) in zip(row, row[1:]):
            room = (NODE_WIDTH / 2 if is_node else BEND / 2) + (
                NODE_WIDTH / 2 if also else BEND / 2
            )
            if other > x:
                unit = max(unit, (room + GAP_ACROSS / 2) / (other - x))
    return unit


def _line(chain: Sequence[Point]) -> list[Point]:
    """From the foot of the first to the head of the last, straight past the rows between."""
    half = NODE_HEIGHT / 2
    first, *between, last = chain
    points = [Point(first.x, first.y + half)]
    for each in between:
        points += [Point(each.x, each.y - half), Point(each.x, each.y + half)]
    return [*points, Point(last.x, last.y - half)]
