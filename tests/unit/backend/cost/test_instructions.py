"""Cycles and bytes of single instructions on a small chip, each counted by hand."""

from __future__ import annotations

import pytest
from chip_programs import SMALL_CHIP, dense_weights, program_of, tensors

from recog.backend.cost.instructions import InstructionCost, Storage, instruction_cost
from recog.dialects.chip import Queue


def costs_of(text: str, storage: Storage | None = None) -> list[InstructionCost]:
    program = program_of(text)
    scope = program.scope
    return [instruction_cost(op, scope, SMALL_CHIP, storage) for op in program.instructions]


def bytes_of(cost: InstructionCost) -> dict[tuple[str, str], int]:
    return {(each.memory, each.cause): each.bytes for each in cost.traffic}


CONV = f"""
chip.segment @tables tables dense<1> : tensor<216xui8>
{tensors(x=(6, 5, 5), y=(4, 5, 5))}
{dense_weights("w", 0, (4, 6, 3, 3))}
chip.ldw @tables {{size = 216, address = 0}}
chip.conv @y = @x, @w {{pad_top = 1, pad_left = 1, pad_bottom = 1, pad_right = 1}}
chip.halt
"""


def test_a_convolution():
    _, conv, halt = costs_of(CONV)
    # 1 tile of outputs, 3 of inputs, 9 taps, 5 rows of ceil(5 / 2) steps.
    assert conv.cycles["array"] == 1 * 3 * 9 * 5 * 3
    assert conv.products == 4 * 6 * 9 * 25
    # 15 steps of positions, 4 to a block: the weights are loaded 4 times.
    assert bytes_of(conv) == {
        ("activation_memory", "results"): 4 * 25,
        ("activation_memory", "operands"): 6 * 9 * 25,
        ("weight_memory", "weights"): 4 * 216,
        ("buffer", "accumulators"): 2 * 4 * (4 * 25 * 3 * 9),
    }
    assert conv.cycles["activation_memory"] == -(-(100 + 1350) // 16)
    assert conv.cycles["weight_memory"] == 4 * 216 // 8
    assert (conv.bound, conv.duration) == ("array", 405 + 10)
    assert conv.counts["mac"] == 5400
    assert conv.counts["vector"] == 100
    assert (halt.duration, halt.queue) == (0, Queue.CONTROL)


def test_clustered_weights_read_pointers_and_a_codebook_beside_the_array():
    text = f"""
chip.segment @pointers pointers dense<0> : tensor<3xui8>
chip.segment @tables tables dense<1> : tensor<36xui8>
{tensors(x=(3, 3, 3), y=(4, 1, 1))}
chip.codebook @book {{address = 3, entries = 4, block_h = 3, block_w = 3}}
chip.weights @w = @book {{pointer_bits = 2, out_channels = 4, in_channels = 3,
  kernel_h = 3, kernel_w = 3}}
chip.ldw @pointers {{size = 3, address = 0}}
chip.ldw @tables {{size = 36, address = 3}}
chip.conv @y = @x, @w
chip.halt
"""
    conv = costs_of(text)[2]
    found = bytes_of(conv)
    assert found["weight_memory", "pointers"] == 3
    assert found["weight_memory", "codebook"] == 36
    assert found["buffer", "codebook"] == 36 + 4 * 3 * 9
    # A codebook that is too large stays in weight memory, where its codes are read.
    large = text.replace("entries = 4", "entries = 8").replace("36", "72")
    found = bytes_of(costs_of(large)[2])
    assert found["weight_memory", "codebook"] == 4 * 3 * 9
    assert ("buffer", "codebook") not in found


def test_transfers_wait_for_dram_once_and_loads_run_once():
    text = f"""
chip.segment @tables tables dense<1> : tensor<64xui8>
chip.input @in {{address = 0, channels = 2, height = 5, width = 10}}
chip.output @out {{address = 100, channels = 2, height = 5, width = 10}}
{tensors(x=(2, 5, 10))}
chip.ldw @tables {{size = 64, address = 0}}
chip.dma.in @x = @in
chip.dma.out @out = @x
chip.halt
"""
    load, put, take, _ = costs_of(text)
    assert [each.op.EVERY_FRAME for each in (load, put, take)] == [False, True, True]
    assert bytes_of(load) == {("weight_memory", "loads"): 64, ("dram", "weights"): 64}
    assert bytes_of(put) == {("activation_memory", "results"): 100, ("dram", "inputs"): 100}
    assert bytes_of(take) == {("activation_memory", "operands"): 100, ("dram", "outputs"): 100}
    assert put.cycles == {"activation_memory": 7, "dram": 25}
    assert (put.duration, put.queue, take.queue) == (25 + 30, Queue.DMA_IN, Queue.DMA_OUT)
    assert (put.layer, take.layer) == ("in", "out")


@pytest.mark.parametrize(
    ("instruction", "shapes", "steps", "moved"),
    [
        ("chip.elt @y = @x, @x {mode = add}", {"y": (2, 4, 4)}, 32, 3 * 32),
        ("chip.copy @y = @x", {"y": (2, 4, 4)}, 32, 2 * 32),
        (
            "chip.pool @y = @x {mode = max, kernel_h = 2, kernel_w = 2}",
            {"y": (2, 3, 3)},
            18 * 4,
            18 + 32,
        ),
        ("chip.resize @y = @x {mode = nearest}", {"y": (2, 8, 8)}, 128, 128 + 32),
        (
            "chip.resize @y = @x {mode = bilinear, steps_h = 4, steps_w = 4}",
            {"y": (2, 8, 8)},
            4 * 128,
            128 + 32,
        ),
        ("chip.disp2depth @y = @x {log_numerator = 0}", {"y": (2, 4, 4)}, 32, 64),
        ("chip.zero @y", {"y": (2, 4, 4)}, 32, 32),
    ],
)
def test_steps_of_the_vector_unit(
    instruction: str, shapes: dict[str, tuple[int, int, int]], steps: int, moved: int
):
    text = f"{tensors(x=(2, 4, 4), **shapes)}\n{instruction}\nchip.halt"
    cost = costs_of(text)[0]
    assert cost.cycles["vector"] == -(-steps // 8)
    assert cost.counts == {"vector": steps, "activation_memory": moved}
    assert cost.queue is Queue.VECTOR


def test_a_correlation_is_products_without_weights():
    text = f"{tensors(l=(3, 2, 8), r=(3, 2, 8), y=(5, 2, 8))}\nchip.corr @y = @l, @r\nchip.halt"
    cost = costs_of(text)[0]
    assert cost.products == 5 * 16 * 3
    # 2 tiles of disparities, 2 of channels, 2 rows of 4 steps.
    assert cost.cycles["array"] == 2 * 2 * 2 * 4
    # Both images stream by once a tile of disparities.
    operands = bytes_of(cost)["activation_memory", "operands"]
    assert operands == 2 * (2 * 3 * 16)
    assert "weight_memory" not in cost.cycles


def test_a_transposed_convolution_is_one_for_each_phase():
    text = f"""
chip.segment @tables tables dense<1> : tensor<36xui8>
{tensors(x=(2, 3, 3), y=(2, 7, 7))}
{dense_weights("w", 0, (2, 2, 3, 3))}
chip.ldw @tables {{size = 36, address = 0}}
chip.deconv @y = @x, @w {{stride_h = 2, stride_w = 2}}
chip.halt
"""
    cost = costs_of(text)[1]
    # Of 7 positions along an axis 4 are reached by taps 0 and 2, 3 by tap 1.
    assert cost.products == 2 * 2 * (4 * 2 + 3 * 1) ** 2
    rows = [(4, 2), (3, 1)]
    steps = {4: 2, 3: 2}
    expected = sum(h * steps[w] * a * b for h, a in rows for w, b in rows)
    assert cost.cycles["array"] == expected


def test_other_storage_changes_bytes_and_the_row_of_products():
    plain, fp16 = costs_of(CONV)[1], costs_of(CONV, Storage(2, 2, "mac_fp16"))[1]
    assert fp16.cycles["array"] == plain.cycles["array"]
    for memory in ("activation_memory", "weight_memory"):
        assert fp16.moved(memory) == 2 * plain.moved(memory)
    assert fp16.counts["mac_fp16"] == plain.counts["mac"]
    assert "mac" not in fp16.counts


def test_wide_codes_have_a_row_of_their_own():
    text = CONV.replace(
        "channels = 6, height = 5, width = 5", "channels = 6, height = 5, width = 5, code_bits = 12"
    )
    text = text.replace("address = 150", "address = 300")
    conv = costs_of(text)[1]
    assert "mac" not in conv.counts
    assert conv.counts["mac_wide"] == 5400
    assert bytes_of(conv)["activation_memory", "operands"] == 2 * 6 * 9 * 25
