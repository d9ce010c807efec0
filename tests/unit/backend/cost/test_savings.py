"""The same network in other numbers and with its weights elsewhere, and shared products."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from chip_programs import SMALL_CHIP, program_of, tensors

from recog.backend.cost import program_cost
from recog.backend.cost.savings import TERMS, DesignCost, design_costs
from recog.backend.cost.sharing import shared_products
from recog.dialects.bits import pack_bits
from recog.dialects.chip import ChipTarget, ProgramOp

POINTERS = np.array([[0, 1], [0, 1], [0, 2], [3, 1]])
"""(O, I): input 0 has the kernels 0 and 3, input 1 the kernels 1 and 2."""


def clustered() -> ProgramOp:
    packed = ", ".join(str(byte) for byte in pack_bits(POINTERS, 2))
    return program_of(f"""
chip.segment @pointers pointers dense<[{packed}]> : tensor<2xui8>
chip.segment @tables tables dense<1> : tensor<36xui8>
chip.input @in {{address = 0, channels = 2, height = 4, width = 4}}
chip.output @out {{address = 32, channels = 4, height = 2, width = 2}}
{tensors(x=(2, 4, 4), y=(4, 2, 2))}
chip.codebook @book {{address = 2, entries = 4, block_h = 3, block_w = 3}}
chip.weights @w = @book {{pointer_bits = 2, out_channels = 4, in_channels = 2,
  kernel_h = 3, kernel_w = 3}}
chip.ldw @pointers {{size = 2, address = 0}}
chip.ldw @tables {{size = 36, address = 2}}
chip.dma.in @x = @in
chip.conv @y = @x, @w
chip.dma.out @out = @y
chip.halt
""")


def designs(chip: ChipTarget = SMALL_CHIP) -> dict[str, DesignCost]:
    program = clustered()
    found = design_costs(program, program_cost(program, chip))
    return {each.design.name: each for each in found}


def test_equal_kernels_of_an_input_are_computed_once():
    program = clustered()
    (sharing,) = shared_products(program).values()
    # 2 distinct of 4 for each input; an addition for each kernel of 9 products.
    assert sharing.products == 4 / 8
    assert sharing.additions == 1 / 9


def test_dense_weights_share_nothing():
    text = str(clustered()).replace("pointer_bits = 2, ", "").replace("entries = 4", "entries = 8")
    body = text.split("{", 1)[1].rsplit("}", 1)[0]
    body = body.replace("dense<1> : tensor<36xui8>", "dense<1> : tensor<72xui8>")
    body = body.replace("size = 36", "size = 72")
    assert shared_products(program_of(body)) == {}


def test_every_design_by_hand():
    found = designs()
    products, weights, biases = 4 * 4 * 18, 72, 4 * 4
    fp16, int8, streamed, own, shared = found.values()
    assert [each.weight_bytes for each in found.values()] == [
        2 * weights + biases,
        weights + biases,
        38,
        38,
        38,
    ]
    rows = ("mac_fp16", "mac_int8", "mac", "mac")
    for each, row in zip((fp16, int8, streamed, own), rows):
        assert dict(each.counts["products"])[row] == products
    assert shared.counts["products"]["mac"] == products // 2
    assert shared.counts["products"]["add"] == products // 9
    # Input and output through DRAM, and weights where they do not stay.
    assert own.counts["DRAM: activations"]["dram"] == 32 + 16
    assert fp16.counts["DRAM: activations"]["dram"] == 2 * (32 + 16)
    assert own.counts["DRAM: weights"]["dram"] == 0
    assert streamed.counts["DRAM: weights"]["dram"] == 38
    # What comes from DRAM is written to weight memory before it is read there.
    memory = [each.counts["weight memory"]["weight_memory"] for each in (streamed, own)]
    assert memory[0] - memory[1] == 38
    assert fp16.dram_cycles == -(-(2 * 48 + 2 * 72 + 16) // 4)


@pytest.mark.parametrize("table", ChipTarget().energy, ids=lambda each: each.name)
def test_each_step_to_the_program_costs_less(table):
    found = designs().values()
    sums = [sum(each.energy(table).values()) for each in found]
    assert sums == sorted(sums, reverse=True)
    assert all(set(each.energy(table)) == set(TERMS) for each in found)
    program = clustered()
    own = program_cost(program, SMALL_CHIP).energy(table)
    assert sums[3] == pytest.approx(own)


@pytest.mark.parametrize(
    ("room", "spilled"),
    [(64, 2 * 2 * 16), (95, 2 * 2 * 16), (96, 0)],
    ids=["too small", "a byte too small: all results still", "twice what is needed: nothing"],
)
def test_activations_that_are_too_large_go_through_dram(room: int, spilled: int):
    memories = [
        replace(memory, bytes=room) if memory.name == "activation_memory" else memory
        for memory in SMALL_CHIP.memories
    ]
    found = designs(replace(SMALL_CHIP, memories=tuple(memories)))
    # 48 bytes are needed at once, 96 as FP16: what the convolution gives, there and back.
    assert [each.spilled for each in found.values()] == [spilled, 0, 0, 0, 0]
