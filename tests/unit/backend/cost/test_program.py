"""A frame as a whole: sums over layers, what bounds it, and programs that do not fit a chip."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from chip_programs import SMALL_CHIP, dense_weights, program_of, tensors

from recog.backend.cost import RESOURCES, program_cost
from recog.dialects.chip import ChipTarget, ProgramOp
from recog.dialects.errors import RecogError


@pytest.fixture
def network() -> ProgramOp:
    """Every queue, every memory; the residual sum has the label of its convolution."""
    return program_of(f"""
chip.segment @tables tables dense<1> : tensor<160xui8>
chip.input @in {{address = 0, channels = 4, height = 6, width = 6}}
chip.output @out {{address = 144, channels = 4, height = 3, width = 3}}
{tensors(x=(4, 6, 6), a=(4, 6, 6), b=(4, 6, 6), c=(4, 3, 3))}
{dense_weights("w", 0, (4, 4, 3, 3))}
chip.ldw @tables {{size = 160, address = 0}}
chip.dma.in @x = @in
chip.conv @a = @x, @w {{pad_top = 1, pad_left = 1, pad_bottom = 1, pad_right = 1}}
  attributes {{layer = "block"}}
chip.elt @b = @a, @x {{mode = add}} attributes {{layer = "block"}}
chip.pool @c = @b {{mode = max, kernel_h = 2, kernel_w = 2, stride_h = 2, stride_w = 2}}
  attributes {{layer = "pool"}}
chip.dma.out @out = @c
chip.halt
""")


def test_layers_add_up_to_the_frame(network: ProgramOp):
    cost = program_cost(network, SMALL_CHIP)
    assert [each.layer for each in cost.layers] == ["in", "block", "pool", "out"]
    assert cost.layers[1].ops == ("conv", "elt")
    assert cost.layers[1].shape == (4, 6, 6)
    for key, size in cost.traffic.items():
        assert sum(each.traffic.get(key, 0) for each in cost.layers) == size
    for table in cost.chip.energy:
        total = sum(each.energy(table) for each in cost.layers)
        assert total == pytest.approx(cost.energy(table))
    assert sum(each.products for each in cost.layers) == cost.products == 144 * 36
    assert sum(each.cycles for each in cost.layers) == sum(cost.queues.values())
    # What the counts of energy say of memories are the bytes of the traffic.
    for memory in ("activation_memory", "weight_memory", "dram", "buffer"):
        assert cost.counts[memory] == cost.moved(memory)
    assert cost.moved("dram") == 4 * 36 + 4 * 9


def test_energy_is_counts_times_rows(network: ProgramOp):
    cost = program_cost(network, SMALL_CHIP)
    table = cost.chip.energy[0]
    sram = (cost.moved("activation_memory") + cost.moved("weight_memory")) * 12.5
    other = cost.moved("buffer") * 1.25 + cost.moved("dram") * 162.5
    # Encoded sums, sums of the residual, 4 comparisons a window.
    steps = 144 + 144 + 36 * 4
    expected = sram + other + cost.products * 0.288 + steps * 0.3
    assert cost.energy(table) == pytest.approx(expected)


def test_weights_load_once_and_are_in_no_frame(network: ProgramOp):
    cost = program_cost(network, SMALL_CHIP)
    assert [each.op.name for each in cost.loads] == ["chip.ldw"]
    assert not any(cause == "loads" for _, cause in cost.traffic)


STARVED = {
    "array": {"array": replace(SMALL_CHIP.array, outputs=1, inputs=1, pixels=1)},
    "vector": {"vector": replace(SMALL_CHIP.vector, lanes=1)},
    "dram": {"dma": replace(SMALL_CHIP.dma, width=1, latency=0)},
}


@pytest.mark.parametrize("resource", RESOURCES)
def test_each_resource_can_be_the_bound(network: ProgramOp, resource: str):
    """A chip with plenty of all but one thing: the frame takes as long as that is busy."""
    wide = [replace(memory, banks=1024, width=4096) for memory in SMALL_CHIP.memories]
    plenty = replace(
        SMALL_CHIP,
        overhead=0,
        memories=tuple(wide),
        array=replace(SMALL_CHIP.array, outputs=64, inputs=64, pixels=64, accumulators=4096),
        vector=replace(SMALL_CHIP.vector, lanes=4096),
        dma=replace(SMALL_CHIP.dma, width=4096, latency=0),
    )
    if resource in STARVED:
        chip = replace(plenty, **STARVED[resource])
    else:
        memories = [
            replace(memory, banks=1, width=1) if memory.name == resource else memory
            for memory in plenty.memories
        ]
        chip = replace(plenty, memories=tuple(memories))
    cost = program_cost(network, chip)
    bounds = {each.bound for each in cost.costs if each.cycles.get(resource, 0) > 1}
    assert bounds == {resource}
    assert max(cost.busy, key=lambda name: cost.busy[name]) == resource
    assert cost.period >= cost.busy[resource]


def test_the_period_is_no_shorter_than_any_resource_is_busy(network: ProgramOp):
    """DMA in and out share DRAM, which no single queue shows."""
    slow = replace(SMALL_CHIP.dma, width=1, latency=0)
    cost = program_cost(network, replace(SMALL_CHIP, dma=slow, overhead=0))
    assert cost.period >= cost.busy["dram"] == 4 * 36 + 4 * 9


def test_a_program_that_does_not_fit_is_refused(network: ProgramOp):
    small = ChipTarget.from_toml("weight_memory = 128", SMALL_CHIP)
    with pytest.raises(RecogError, match="needs 160 bytes of weight_memory, the chip has 128") as e:
        program_cost(network, small)
    assert e.value.where == "target small"
    assert e.value.hint == "convert the network for this chip: recog convert --target small"
    other = ChipTarget.from_toml("accumulator = 40\nantilog_bits = 8", SMALL_CHIP)
    with pytest.raises(RecogError, match="antilog_bits 6, not 8, accumulator 32, not 40"):
        program_cost(network, other)
    other = ChipTarget.from_toml("mitchell = true", SMALL_CHIP)
    with pytest.raises(RecogError, match="mitchell false, not true"):
        program_cost(network, other)


def test_a_chip_with_another_antilog_is_named_so(network: ProgramOp):
    coarse = replace(SMALL_CHIP, fine_antilog_bits=0)
    words = r"made for fine_antilog_bits \d+, not 0$"
    with pytest.raises(RecogError) as error:
        program_cost(network, coarse)
    assert re.search(words, error.value.message)


def test_a_program_that_does_nothing_takes_no_time():
    cost = program_cost(program_of("chip.halt"))
    assert (cost.latency, cost.period, cost.products, cost.layers) == (0, 1, 0, [])
