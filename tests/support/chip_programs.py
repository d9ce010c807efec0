"""Small chip programs for tests of what they cost, and a chip with numbers that divide easily."""

from __future__ import annotations

from recog.dialects import chip
from recog.dialects.chip import ChipTarget, ProgramOp
from recog.tools.context import make_context
from recog.tools.opt.ir_parser import parse_module

SMALL_CHIP = ChipTarget.from_toml(
    """
name = "small"
clock_mhz = 100
overhead = 10
[array]
outputs = 4
inputs = 2
pixels = 2
accumulators = 8
codebook = 64
[vector]
lanes = 8
[dma]
width = 4
latency = 20
[memory.weight_memory]
banks = 1
ports = 1
width = 8
[memory.activation_memory]
banks = 2
ports = 1
width = 8
[memory.dram]
width = 4
"""
)
"""16 products, 8 steps, 16 bytes of activations, 8 of weights and 4 of DRAM a cycle."""


def program_of(text: str) -> ProgramOp:
    """The program of a body in assembly text."""
    module = parse_module(make_context(), f"chip.program @main {{\n{text}\n}}".encode(), "x.mlir")
    (program,) = module.body.block.ops
    assert isinstance(program, chip.ProgramOp)
    return program


def tensors(**shapes: tuple[int, int, int]) -> str:
    """Tensors of these shapes one after the other, 8-bit codes."""
    lines, address = list[str](), 0
    for name, (channels, height, width) in shapes.items():
        lines.append(
            f"chip.tensor @{name} {{address = {address}, channels = {channels}, "
            f"height = {height}, width = {width}}}"
        )
        address += channels * height * width
    return "\n".join(lines)


def dense_weights(name: str, address: int, shape: tuple[int, int, int, int]) -> str:
    """Dense weights from `address` on."""
    outputs, inputs, height, width = shape
    return (
        f"chip.codebook @{name}.book {{address = {address}, "
        f"entries = {outputs * inputs * height * width}}}\n"
        f"chip.weights @{name} = @{name}.book {{out_channels = {outputs}, "
        f"in_channels = {inputs}, kernel_h = {height}, kernel_w = {width}}}"
    )


PORTS = "\n".join(
    f"chip.{kind} @{name} {{address = {address}, channels = 4, height = 4, width = 4}}"
    for kind, name, address in (
        ("input", "in1", 0),
        ("input", "in2", 64),
        ("output", "out1", 128),
        ("output", "out2", 192),
    )
)
"""Two inputs and two outputs of 64 bytes, one after the other in DRAM."""

IN_AND_OUT_TWICE = f"""
{PORTS}
{tensors(a=(4, 4, 4), b=(4, 4, 4))}
chip.dma.in @a = @in1
chip.dma.out @out1 = @a
chip.dma.in @b = @in2
chip.dma.out @out2 = @b
chip.halt
"""
"""Each input goes to an output by a tensor of its own, the second after the first."""
