"""The layers that instructions of a schedule are parts of."""

from __future__ import annotations

from chip_programs import program_of, tensors

from recog.backend.cost import program_cost
from recog.backend.cost.labels import labels

STRIPS = f"""
chip.input @in {{address = 0, channels = 1, height = 4, width = 4}}
chip.output @out {{address = 16, channels = 1, height = 4, width = 4}}
{tensors(x=(1, 4, 4), r=(1, 4, 4), edge=(1, 4, 4), y=(1, 4, 4))}
chip.tensor @z.1 {{address = 64, channels = 1, height = 4, width = 4, ring_rows = 4, ring = 1}}
chip.tensor @view {{address = 64, channels = 1, height = 4, width = 4, ring_rows = 4, ring = 1}}
chip.tensor @z {{address = 80, channels = 1, height = 4, width = 4}}
chip.tensor @z.2 {{address = 96, channels = 1, height = 4, width = 4}}
chip.dma.in @x = @in
chip.copy @z.1 = @x attributes {{step = 0}}
chip.copy @z = @view
chip.copy @z.2 = @x attributes {{step = 0}}
chip.copy @edge = @x
chip.elt @r = @z, @z.2 {{mode = add}} attributes {{step = 1, layer = "block.sum"}}
chip.copy @y = @r
chip.dma.out @out = @y attributes {{step = 2}}
chip.halt
"""


def test_strips_of_a_step_and_copies_of_them_have_one_name():
    """@view shows the ring of @z.1; copies of what has a label have that one, however long."""
    program = program_of(STRIPS)
    found = labels(program.instructions, program.scope)
    assert found == ["in", "z", "z", "z", "in", "block.sum", "block.sum", "out", "chip.halt"]
    layers = {each.layer: each.ops for each in program_cost(program).layers}
    assert layers == {
        "in": ("dma.in", "copy"),
        "z": ("copy",),
        "block.sum": ("elt", "copy"),
        "out": ("dma.out",),
    }


def test_tensors_of_a_program_without_steps_have_their_own_names():
    """Each instruction is a step, and so are copies."""
    text = "\n".join(line.partition(" attributes")[0] for line in STRIPS.splitlines())
    program = program_of(text)
    found = labels(program.instructions, program.scope)
    assert found == ["in", "z.1", "z", "z.2", "edge", "r", "y", "out", "chip.halt"]
