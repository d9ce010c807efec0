"""Long windows in steps: the bits of one instruction, in the memory of a few rows."""

from __future__ import annotations

import numpy as np
import pytest
from image_networks import ImageNetwork, chip_program, random_pool
from xdsl.dialects.builtin import ModuleOp

from recog.backend.assembly import assemble, disassemble, memory_use
from recog.backend.machine import Machine
from recog.dialects import chip
from recog.dialects.errors import RecogError

PLENTY = 1 << 26


def scheduled(module: ModuleOp, memory: int) -> chip.ProgramOp | None:
    """The program for a memory, None where it is too small."""
    try:
        return chip_program(module, memory)
    except RecogError as error:
        if "is too small" in str(error):
            return None
        raise


def pools_of(program: chip.ProgramOp) -> set[tuple[str, tuple[int, int]]]:
    """The modes and windows of a program's pools."""
    found = (op for op in program.instructions if isinstance(op, chip.PoolOp))
    return {(op.mode.data, op.kernel) for op in found}


def assert_same_bits(net: ImageNetwork, module: ModuleOp, program: chip.ProgramOp) -> None:
    """A program gives what the one gives that holds whole tensors, from its file too."""
    frames = net.frames()
    file = assemble(program)
    assert assemble(disassemble(file)) == file
    expected = Machine(chip_program(module, PLENTY)).run_codes(*frames)
    for engine in ("fast", "gemm"):
        found = Machine(file, engine).run_codes(*frames)
        for output, wanted in zip(found, expected, strict=True):
            np.testing.assert_array_equal(output, wanted)


def pooled(seed: int) -> tuple[ImageNetwork, ModuleOp]:
    """A large pool between two convolutions, sometimes of what is read again later."""
    rng = np.random.default_rng(seed)
    sizes = (1, 2, 3, 7, 13, 31, 53, 97)
    shape = (int(rng.integers(1, 4)), *(int(each) for each in rng.choice(sizes, 2)))
    net = ImageNetwork(shape, seed=seed)
    x = net.conv(net.inputs[0], int(rng.integers(1, 5)))
    pool = random_pool(net, rng, x)
    results = [net.conv(pool, 2, 1)]
    if rng.random() < 0.5:
        results.append(net.mul(x, net.mean(x)))
    return net, net.module(*results)


@pytest.mark.parametrize("seed", range(40))
def test_random_pools_in_little_memory(seed: int):
    net, module = pooled(seed)
    whole = memory_use(chip_program(module, PLENTY))[1]
    made = 0
    for tenths in (1, 3, 6):
        program = scheduled(module, max(16, whole * tenths // 10))
        if program is not None:
            assert_same_bits(net, module, program)
            made += 1
    assert made or whole < 2000
