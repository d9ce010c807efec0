"""How sums of products are laid out on the array: which loops run side by side, which in turn.

    for each block of positions          as many as accumulators hold
      for each tile of groups            groups side by side, their weights on the diagonal
        for each tile of output channels
          for each tile of input channels
            for each tap                 the weights of these stay in the array
              for each step of positions `pixels` neighbouring outputs of a row: one cycle

Groups fit side by side while both their output channels and their input channels do. Of a
depthwise layer that is min(outputs, inputs) channels, which use one weight in a row of the array
each: the rest multiplies by zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from recog.dialects.chip import MacArray, Products


@dataclass(frozen=True)
class Loops:
    """Loops over an array.

    Attributes:
        output_tiles: times that the input streams by, for as many output channels each.
        cycles: of the array.
        blocks: times that all weights are loaded into the array.
        updates: additions to accumulators.
        streamed: elements of the input that go into the array.
    """

    output_tiles: int
    cycles: int
    blocks: int
    updates: int
    streamed: int


def map_products(products: Products, array: MacArray) -> Loops:
    """The loops of some sums of products on an array."""
    p = products
    side_by_side = max(1, min(array.outputs // p.outputs, array.inputs // p.inputs, p.groups))
    group_tiles = ceil_div(p.groups, side_by_side)
    output_tiles = ceil_div(p.outputs, array.outputs)
    input_tiles = ceil_div(p.inputs, array.inputs)
    steps = p.rows * ceil_div(p.columns, array.pixels)
    return Loops(
        output_tiles,
        group_tiles * output_tiles * input_tiles * p.taps * steps,
        ceil_div(steps, max(1, array.accumulators // array.pixels)),
        p.sums * input_tiles * p.taps,
        output_tiles * p.groups * p.inputs * p.taps * p.rows * p.columns,
    )


def ceil_div(count: int, size: int) -> int:
    """How many parts of `size` hold `count`."""
    return -(-count // size)
