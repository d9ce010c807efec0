"""Long windows in steps: the bits of one instruction, in the memory of a few rows."""

from __future__ import annotations

import numpy as np
import pytest
from image_networks import ARITHMETIC, CODES, ImageNetwork, chip_program, random_pool, scheduled
from xdsl.dialects.builtin import ModuleOp, StringAttr

from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.engine import get_engine
from recog.backend.arithmetic.reference import definition
from recog.backend.assembly import assemble, disassemble, memory_use
from recog.backend.assembly.assembler import isa_of
from recog.backend.assembly.container import SUMS
from recog.backend.cost.instructions import instruction_cost
from recog.backend.machine import Machine
from recog.backend.machine.golden import GoldenRecorder
from recog.dialects import chip, lns
from recog.dialects.errors import RecogError
from recog.dialects.windows import PoolWindow
from recog.lowering.select.allocation import aligned

PLENTY = 1 << 26


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
    height, width = (int(each) for each in rng.choice(sizes, 2))
    net = ImageNetwork((int(rng.integers(1, 4)), height, width), seed=seed)
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


def excitation(height: int = 61, width: int = 47) -> tuple[ImageNetwork, ModuleOp]:
    """Squeeze and excitation: an image times what its means say of each channel."""
    net = ImageNetwork((3, height, width))
    x = net.conv(net.inputs[0], 6)
    gates = net.relu(net.conv(net.mean(x), 6, 1))
    return net, net.module(net.conv(net.mul(x, gates), 4))


def test_an_image_is_summed_as_it_comes():
    """Row by row, then 16 blocks of four rows, and four of those."""
    net, module = excitation()
    whole = chip_program(module, PLENTY)
    program = chip_program(module, 6000)
    assert pools_of(whole) == {("avg", (61, 47))}
    assert pools_of(program) == {("sum", (1, 47)), ("sum", (4, 1)), ("avg", (4, 1))}
    assert_same_bits(net, module, program)


def test_what_fits_keeps_its_instruction():
    _, module = excitation()
    memory = memory_use(chip_program(module, PLENTY))[1]
    program = chip_program(module, aligned(memory))
    assert pools_of(program) == {("avg", (61, 47))}
    assert isa_of(program) < SUMS
    assert isa_of(chip_program(module, 6000)) == SUMS


def test_steps_of_layers_have_the_hashes_of_any_schedule():
    """Partial sums are no step: `golden` names the same layers."""
    net, module = excitation()
    frames = net.frames(2)
    goldens = []
    for memory in (PLENTY, 20_000, 6000):
        machine = Machine(assemble(chip_program(module, memory)))
        recorder = GoldenRecorder(machine.program, frames)
        machine.run_codes(*frames, observe=recorder.observe)
        goldens.append(recorder.golden)
    assert goldens[0] == goldens[1] == goldens[2]


def test_parts_are_of_the_layer_in_costs():
    _, module = excitation()
    for op in module.walk():
        if isinstance(op, lns.AvgPool2dOp):
            op.attributes["layer"] = StringAttr("squeeze")
    program = chip_program(module, 6000)
    pools = [op for op in program.instructions if isinstance(op, chip.PoolOp)]
    costs = [instruction_cost(op, program.scope, program.target.data) for op in pools]
    assert {each.layer for each in costs} == {"squeeze"}
    whole = chip_program(module, PLENTY)
    (pool,) = (op for op in whole.instructions if isinstance(op, chip.PoolOp))
    steps = sum(op.vector_steps(program.scope) for op in pools)
    assert steps == pool.vector_steps(whole.scope) + 6 * (16 * 4 + 4 * 4 + 4)


@pytest.mark.parametrize(("height", "width"), [(1031, 3), (2, 2053), (1500, 1100), (1, 4099)])
@pytest.mark.parametrize("kind", ["max", "inside"])
def test_windows_of_more_than_1023(kind: str, height: int, width: int):
    """In several instructions, also where memory holds all: with the bits of the definition."""
    net = ImageNetwork((2, height, width))
    pool = net.pool(net.inputs[0], kind, (height, width), (1, 1))
    module = net.module(pool)
    frames = net.frames(1)
    program = chip_program(module, PLENTY)
    assert len(pools_of(program)) > 1
    window = PoolWindow(kernel=(height, width))
    codes = Codes(frames[0], CODES)
    if kind == "max":
        expected = definition.max_pool2d(codes, window)
    else:
        expected = get_engine("gemm").avg_pool2d(codes, window, CODES, ARITHMETIC)
    np.testing.assert_array_equal(Machine(program).run_codes(*frames)[0], expected)
    if height > width:  # of one or two rows memory holds all
        memory = memory_use(program)[1] // 10
        assert_same_bits(net, module, chip_program(module, memory))


def test_windows_that_are_too_large_are_refused():
    net = ImageNetwork((1, 3001, 2))
    pool = net.pool(net.inputs[0], "max", (1500, 1), (7, 1))
    with pytest.raises(RecogError, match="kernel_h must be in"):
        chip_program(net.module(pool), PLENTY)


def sums_program(accumulator: int, **fields: object) -> chip.ProgramOp:
    """The mean of two rows, of sums that lie where an input of integers came in."""
    shape = {"channels": 1, "height": 2, "width": 1}
    port = chip.InputOp(sym_name="in", address=0, code_bits=32, integer=True, **shape)
    raw = chip.TensorOp(sym_name="raw", address=0, code_bits=32, integer=True, **shape)
    sums = chip.TensorOp(sym_name="sums", address=0, integer=True, **(shape | {"sums": 3} | fields))
    mean = chip.TensorOp(sym_name="mean", address=64, channels=1)
    out = chip.OutputOp(sym_name="out", address=64, channels=1)
    body = [
        port,
        out,
        raw,
        sums,
        mean,
        chip.DmaInOp(output="raw", input="in"),
        chip.PoolOp(output="mean", input="sums", mode="avg", kernel_h=2, kernel_w=1, count=6),
        chip.DmaOutOp(output="out", input="mean"),
        chip.HaltOp(),
    ]
    target = chip.ChipTarget.from_values({"accumulator": accumulator})
    return chip.ProgramOp("main", body, target)


@pytest.mark.parametrize(
    ("values", "fields", "refused"),
    [
        ([0, 47_232], {}, None),  # three times the largest code's antilog, 15744
        ([0, -47_233], {}, "holds -47233, which no sum of 3 codes of"),
        ([47_233, 0], {}, "holds 47233, which no sum of 3 codes of"),
        ([-1, 0], {"unsigned": True}, "holds -1, which no sum of 3 codes of"),
    ],
)
def test_integers_that_are_no_sums_are_refused(
    values: list[int], fields: dict[str, object], refused: str | None
):
    frame = np.array(values, np.int32).reshape(1, 1, 2, 1)
    machine = Machine(sums_program(32, **fields))
    if refused is None:
        machine.run_codes(frame)
        return
    with pytest.raises(RecogError, match=refused):
        machine.run_codes(frame)


def test_sums_that_accumulators_do_not_hold_are_refused():
    frame = np.zeros((1, 1, 2, 1), np.int32)
    with pytest.raises(RecogError, match=r"the sum may reach 94464, accumulators hold 65535"):
        Machine(sums_program(17)).run_codes(frame)
