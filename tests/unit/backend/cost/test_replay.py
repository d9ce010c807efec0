"""When instructions run: queues side by side, and what each waits for."""

from __future__ import annotations

import pytest
from chip_programs import IN_AND_OUT_TWICE, PORTS, SMALL_CHIP, dense_weights, program_of, tensors

from recog.backend import dependences
from recog.backend.cost import ProgramCost, program_cost
from recog.backend.cost.live import least_memory, live_bytes, peak_bytes, stays
from recog.dialects.chip import Queue
from recog.dialects.errors import RecogError


def cost_of(text: str) -> ProgramCost:
    return program_cost(program_of(text), SMALL_CHIP)


def spans(cost: ProgramCost) -> list[tuple[str, int, int]]:
    return [
        (each.cost.op.name.removeprefix("chip."), each.start, each.end)
        for each in cost.replay.slices
        if each.cost.queue is not Queue.CONTROL
    ]


def test_four_queues_run_beside_each_other():
    """The second input arrives while the first is convolved, and leaves while another is added."""
    cost = cost_of(f"""
chip.segment @tables tables dense<1> : tensor<16xui8>
{PORTS}
{tensors(a=(4, 4, 4), b=(4, 4, 4), c=(4, 4, 4), d=(4, 4, 4))}
{dense_weights("w", 0, (4, 4, 1, 1))}
chip.ldw @tables {{size = 16, address = 0}}
chip.dma.in @a = @in1
chip.dma.in @b = @in2
chip.conv @c = @a, @w
chip.elt @d = @b, @b {{mode = add}}
chip.dma.out @out1 = @c
chip.dma.out @out2 = @d
chip.halt
""")
    # 64 bytes at 4 a cycle and 30 before: 46. 1 x 2 tiles x 4 rows x 2 steps: 16 and 10.
    # 64 elements of 3 bytes at 16 a cycle: 12 and 10.
    assert spans(cost) == [
        ("dma.in", 0, 46),
        ("dma.in", 46, 92),
        ("conv", 46, 72),
        ("elt", 92, 114),
        ("dma.out", 72, 118),
        ("dma.out", 118, 164),
    ]
    assert cost.latency == 164
    # Each frame's transfers follow those of the frame before: the queues of DMA are the bound.
    assert cost.replay.period == 92
    assert cost.queues == {
        Queue.DMA_IN: 92,
        Queue.DMA_OUT: 92,
        Queue.MAC: 26,
        Queue.VECTOR: 22,
    }
    assert cost.busy["dram"] == 4 * 16
    assert cost.period == 92
    assert cost.frames_per_second == 100e6 / 92


def test_an_instruction_waits_for_what_it_overwrites_to_be_read():
    text = f"""
{PORTS}
{tensors(a=(4, 4, 4), b=(4, 4, 4))}
chip.tensor @again {{address = 0, channels = 4, height = 4, width = 4}}
chip.dma.in @a = @in1
chip.elt @b = @a, @a {{mode = add}}
chip.dma.in @again = @in2
chip.dma.out @out1 = @b
chip.dma.out @out2 = @again
chip.halt
"""
    cost = cost_of(text)
    assert spans(cost) == [
        ("dma.in", 0, 46),
        ("elt", 46, 68),
        ("dma.in", 68, 114),
        ("dma.out", 68, 114),
        ("dma.out", 114, 160),
    ]
    apart = text.replace("@again {address = 0,", "@again {address = 128,")
    assert spans(cost_of(apart))[2] == ("dma.in", 46, 92)


def test_parts_of_a_tensor_wait_for_the_whole_and_it_for_them():
    """A concatenation: two halves are written, the whole is read."""
    cost = cost_of(f"""
{PORTS}
{tensors(a=(4, 4, 4), low=(4, 4, 4), high=(4, 4, 4), y=(8, 4, 4))}
chip.tensor @both {{address = 64, channels = 8, height = 4, width = 4}}
chip.dma.in @a = @in1
chip.copy @low = @a
chip.copy @high = @a
chip.elt @y = @both, @both {{mode = add}}
chip.halt
""")
    names = spans(cost)
    assert names[3][1] == names[2][2]
    assert peak_bytes(cost.replay, cost.scope) == 128 + 128


def test_what_lies_in_memory_at_each_moment():
    cost = cost_of(f"""
{PORTS}
{tensors(a=(4, 4, 4), b=(4, 4, 4))}
chip.dma.in @a = @in1
chip.copy @b = @a
chip.dma.out @out1 = @b
chip.halt
""")
    # The copy: 64 steps at 8 a cycle, 128 bytes at 16, and 10.
    found = stays(cost.replay, cost.scope)
    assert [(each.name, each.start, each.end) for each in found] == [("a", 0, 64), ("b", 46, 110)]
    assert live_bytes(found) == [(0, 64), (46, 128), (64, 64), (110, 0)]
    assert peak_bytes(cost.replay, cost.scope) == 128
    assert least_memory(cost.costs, cost.scope) == 128


def test_what_lies_joined_has_the_name_of_the_tensor_not_the_layer_that_reads_it():
    cost = cost_of(f"""
{PORTS}
chip.tensor @a {{address = 0, channels = 4, height = 4, width = 4}}
chip.tensor @b {{address = 64, channels = 4, height = 4, width = 4}}
chip.tensor @joined {{address = 0, channels = 8, height = 4, width = 4}}
chip.tensor @c {{address = 128, channels = 8, height = 4, width = 4}}
chip.dma.in @a = @in1
chip.dma.in @b = @in2
chip.copy @c = @joined
chip.halt
""")
    found = {each.name: each.layer for each in stays(cost.replay, cost.scope)}
    assert found == {"a": "in1", "b": "in2", "joined": "joined", "c": "c"}


def test_a_view_of_a_ring_has_the_layer_that_writes_the_ring():
    cost = cost_of(f"""
{PORTS}
chip.tensor @a {{address = 0, channels = 4, height = 4, width = 4, ring_rows = 4, ring = 1}}
chip.tensor @half {{address = 0, channels = 2, height = 4, width = 4, ring_rows = 4, ring = 1}}
chip.tensor @b {{address = 64, channels = 2, height = 4, width = 4}}
chip.dma.in @a = @in1
chip.copy @b = @half
chip.halt
""")
    found = {each.name: each.layer for each in stays(cost.replay, cost.scope)}
    assert found == {"a": "in1", "half": "in1", "b": "b"}


def test_the_least_memory_knows_no_time():
    """In time the second input comes while the first is used; in program order after it."""
    cost = cost_of(IN_AND_OUT_TWICE)
    assert least_memory(cost.costs, cost.scope) == 64
    assert peak_bytes(cost.replay, cost.scope) == 128


def ring(name: str, number: int, address: int, rows: int) -> str:
    """A tensor of 2 x 16 x 8, of which so many rows are in memory."""
    return (
        f"chip.tensor @{name} {{address = {address}, channels = 2, height = 16, width = 8, "
        f"ring_rows = {rows}, ring = {number}}}"
    )


def cascade(rows: int) -> str:
    """Two layers on rings: an input of 16 rows arrives `rows` at a time, 3 rows make one."""
    lines = [
        f"""
chip.segment @tables tables dense<1> : tensor<40xui8>
chip.input @in1 {{address = 0, channels = 2, height = 16, width = 8}}
chip.output @out1 {{address = 256, channels = 2, height = 16, width = 8}}
{ring("x", 1, 0, min(rows + 2, 16))}
{ring("a", 2, 512, rows)}
{ring("y", 3, 1024, rows)}
{dense_weights("w", 0, (2, 2, 3, 3))}
{dense_weights("v", 36, (2, 2, 1, 1))}
chip.ldw @tables {{size = 40, address = 0}}
"""
    ]
    pads = ", ".join(f"pad_{side} = 1" for side in ("top", "left", "bottom", "right"))
    for first in range(0, 16, rows):
        part = f"first_row = {first}, rows = {rows}"
        loaded, needed = (first + 1 if first else 0), min(first + rows + 1, 16)
        lines += [
            f"chip.dma.in @x = @in1 {{first_row = {loaded}, rows = {needed - loaded}}}",
            f"chip.conv @a = @x, @w {{{pads}, {part}}}",
            f"chip.conv @y = @a, @v {{{part}}}",
            f"chip.dma.out @out1 = @y {{{part}}}",
        ]
    return "\n".join(lines) + "\nchip.halt"


def test_rows_of_rings_overlap_and_cost_together_what_all_rows_cost():
    whole, parts = cost_of(cascade(16)), cost_of(cascade(4))
    for resource in ("array", "dram"):
        assert parts.busy[resource] == whole.busy[resource]
    assert parts.products == whole.products
    for cause in ("inputs", "outputs"):
        assert parts.traffic["dram", cause] == whole.traffic["dram", cause] == 256
    # A row of x takes the place of one that all later rows can do without.
    named = spans(parts)
    conv, arrival = named[1], named[4]
    assert conv[0] == "conv"
    assert arrival[:2] == ("dma.in", conv[2])
    # The first rows leave before the last ones have arrived.
    assert named[3][2] < named[12][2]


def test_what_is_put_aside_waits_in_dram():
    cost = cost_of("""
chip.input @in1 {address = 0, channels = 4, height = 4, width = 4}
chip.buffer @aside {address = 64, channels = 4, height = 4, width = 4}
chip.tensor @a {address = 0, channels = 4, height = 4, width = 4}
chip.tensor @b {address = 64, channels = 4, height = 4, width = 4}
chip.dma.in @a = @in1
chip.spill @aside = @a
chip.fill @b = @aside
chip.halt
""")
    assert spans(cost) == [("dma.in", 0, 46), ("spill", 46, 92), ("fill", 92, 138)]
    assert cost.traffic["dram", "spills"] == cost.traffic["dram", "fills"] == 64
    assert [each.layer for each in cost.layers] == ["in1", "aside"]


def test_a_program_that_would_take_hours_is_refused(monkeypatch: pytest.MonkeyPatch):
    text = f"{tensors(a=(4, 4, 4))}\n" + "\n".join(
        f"chip.tensor @b{number} {{address = 0, channels = 4, height = 4, width = 4}}\n"
        for number in range(20)
    )
    text += "\n".join(f"chip.copy @b{number} = @a" for number in range(20)) + "\nchip.halt"
    monkeypatch.setattr(dependences, "MAX_PAIRS", 100)
    with pytest.raises(RecogError, match="more than 100 pairs of tensors that share bytes"):
        cost_of(text)
    monkeypatch.setattr(dependences, "MAX_ROWS", 80)
    with pytest.raises(RecogError, match="more than 80 rows of tensors"):
        cost_of(text)
