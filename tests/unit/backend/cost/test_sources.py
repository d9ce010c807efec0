"""Where transfers come from, which say nothing of their own."""

from __future__ import annotations

from chip_programs import program_of, tensors
from xdsl.dialects.builtin import FileLineColLoc, IntAttr, StringAttr, UnknownLoc

from recog.backend.cost import ProgramCost, program_cost
from recog.backend.cost.sources import sources
from recog.dialects.chip import ProgramOp


def sources_of(program: ProgramOp) -> list[tuple[str, str]]:
    cost: ProgramCost = program_cost(program)
    found = sources(cost.costs, cost.scope)
    assert len(found) == len(cost.costs)
    names = [each.op.name.removeprefix("chip.") for each in cost.costs]
    return list(zip(names, found))


def test_transfers_come_from_what_computed_their_tensor():
    program = program_of(f"""
chip.input @image {{address = 0, channels = 4, height = 4, width = 4}}
chip.output @out {{address = 64, channels = 4, height = 4, width = 4}}
chip.output @same {{address = 128, channels = 4, height = 4, width = 4}}
chip.buffer @aside {{address = 192, channels = 4, height = 4, width = 4}}
{tensors(x=(4, 4, 4), y=(4, 4, 4), z=(4, 4, 4))}
chip.tensor @again {{address = 64, channels = 4, height = 4, width = 4}}
chip.tensor @kept {{address = 128, channels = 4, height = 4, width = 4}}
chip.dma.in @x = @image
chip.dma.out @same = @x
chip.elt @y = @x, @x {{mode = add}}
chip.spill @aside = @y
chip.elt @y = @x, @x {{mode = add}}
chip.fill @again = @aside
chip.copy @kept = @again
chip.dma.out @out = @kept
chip.halt
""")
    lines = {2: 7, 4: 8}
    for number, op in enumerate(program.instructions):
        op.location = UnknownLoc()
        if number in lines:
            place = (StringAttr("net.py"), IntAttr(lines[number]), IntAttr(0))
            op.location = FileLineColLoc(*place)
    assert sources_of(program) == [
        ("dma.in", ""),
        ("dma.out", ""),
        ("elt", "net.py:7"),
        ("spill", "net.py:7"),
        ("elt", "net.py:8"),
        ("fill", "net.py:7"),
        ("copy", "net.py:7"),
        ("dma.out", "net.py:7"),
        ("halt", ""),
    ]
