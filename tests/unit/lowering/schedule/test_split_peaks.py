"""Peaks of heat maps that memory does not hold: row by row, with the bits of one instruction."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from image_networks import CODES, PLENTY, ImageNetwork, chip_program, scheduled
from random_detectors import IMAGE, dim_frames
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import SSAValue
from xdsl.utils.exceptions import VerifyException

from recog.backend.assembly import assemble, disassemble, memory_use
from recog.backend.assembly.assembler import isa_of
from recog.backend.assembly.container import ROW_PEAKS
from recog.backend.cost import program_cost
from recog.backend.cost.instructions import instruction_cost
from recog.backend.machine import Machine
from recog.backend.machine.golden import GoldenRecorder
from recog.dialects import chip, lns
from recog.dialects.errors import RecogError
from recog.dialects.number_format import LnsFormat
from recog.lowering.select.allocation import aligned

WIDE = LnsFormat(16, 11, 1 << 14)
SCORES = LnsFormat(8, 4, 255, unsigned=True)
ENGINES = ("fast", "gemm", "reference")


def ranked(
    net: ImageNetwork, heat: SSAValue, count: int, *, sigmoid: bool = False
) -> tuple[SSAValue, SSAValue]:
    """Scores and indices of the highest peaks of a heat map."""
    peaks = lns.PeaksOp(heat, count, SCORES if sigmoid else None)
    net.block.add_op(peaks)
    scores, indices = peaks.results
    return scores, indices


def heat_network(
    shape: tuple[int, int, int],
    count: int,
    *,
    sigmoid: bool = False,
    format: LnsFormat = CODES,
    relu: bool = False,
    seed: int = 0,
) -> tuple[ImageNetwork, ModuleOp]:
    """The peaks of what two convolutions give."""
    classes, height, width = shape
    net = ImageNetwork((2, height, width), seed=seed)
    x = net.conv(net.inputs[0], 3)
    x = net.relu(x) if relu else x
    heat = net.conv(x, classes, 3, format=format)
    scores, indices = ranked(net, heat, count, sigmoid=sigmoid)
    return net, net.module(net.add_op(lns.DecodeOp(scores)), indices)


def instructions(program: chip.ProgramOp, kind: type[chip.InstructionOp]) -> list:
    return [op for op in program.instructions if isinstance(op, kind)]


def frames_of(net: ImageNetwork) -> list[np.ndarray]:
    """One of many codes, one of few, one where most is one plateau, one of zeros."""
    (dim,), (loud,) = dim_frames(net, 1), net.frames(1)
    few = np.where(dim % 7 == 0, (dim & 0x80) | 3, 0)
    flat = np.full_like(dim, 40)
    flat[..., : flat.shape[-1] // 3] = loud[..., : flat.shape[-1] // 3]
    return [np.concatenate([dim, few, flat, np.zeros_like(dim)])]


def assert_same_bits(
    net: ImageNetwork, module: ModuleOp, program: chip.ProgramOp
) -> list[np.ndarray]:
    """A program gives what the one gives that holds whole tensors, from its file too."""
    frames, file = frames_of(net), assemble(program)
    assert assemble(disassemble(file)) == file
    expected = list(Machine(chip_program(module, PLENTY), "reference").run_codes(*frames))
    for engine in ENGINES:
        found = Machine(file, engine).run_codes(*frames)
        for output, wanted in zip(found, expected, strict=True):
            np.testing.assert_array_equal(output, wanted)
    return expected


CASES: dict[str, tuple[tuple[int, int, int], int, dict]] = {
    "scores": ((9, 23, 31), 5, {}),
    "logits": ((9, 23, 31), 5, {"sigmoid": True}),
    "wide codes": ((6, 29, 19), 3, {"format": WIDE}),
    "wide logits": ((6, 29, 19), 3, {"format": WIDE, "sigmoid": True}),
    "few are positive": ((5, 40, 17), 4, {"relu": True, "seed": 3}),
    "one class": ((1, 37, 61), 2, {}),
    "one peak": ((4, 21, 13), 1, {}),
    "two rows": ((60, 2, 50), 4, {}),
    "one column": ((90, 25, 1), 3, {}),
    "more than a row has maxima": ((30, 17, 11), 9, {"seed": 5}),
}


@pytest.mark.parametrize("case", CASES)
def test_any_memory_gives_the_same_bits(case: str):
    shape, count, how = CASES[case]
    net, module = heat_network(shape, count, **how)
    whole = memory_use(chip_program(module, PLENTY))[1]
    split = 0
    for tenths in (9, 6, 4, 2, 1):
        program = scheduled(module, max(16, whole * tenths // 10))
        if program is not None:
            outputs = assert_same_bits(net, module, program)
            assert len(np.unique(outputs[1])) > 1
            split += bool(instructions(program, chip.PeaksRowsOp))
    assert split >= (1 if shape[1] > 2 else 0)


@pytest.mark.parametrize("seed", range(40))
def test_random_heat_maps_in_little_memory(seed: int):
    rng = np.random.default_rng(seed)
    sizes = (1, 2, 3, 7, 19, 31, 43)
    height, width = (int(each) for each in rng.choice(sizes, 2))
    classes = int(rng.choice([1, 3, 8, 24]))
    count = min(int(rng.choice([1, 2, 7, classes * width, 70])), classes * height * width)
    net, module = heat_network(
        (classes, height, width),
        count,
        sigmoid=rng.random() < 0.4,
        format=WIDE if rng.random() < 0.3 else CODES,
        relu=rng.random() < 0.3,
        seed=seed,
    )
    whole, made = memory_use(chip_program(module, PLENTY))[1], 0
    for tenths in (9, 5, 3, 2):
        program = scheduled(module, max(16, whole * tenths // 10))
        if program is not None:
            assert_same_bits(net, module, program)
            made += 1
    assert made or whole < 4000 or count > 30


def test_a_heat_map_is_ranked_as_it_comes():
    _, module = heat_network((9, 23, 31), 5)
    whole = chip_program(module, PLENTY)
    program = chip_program(module, 3000)
    assert len(instructions(whole, chip.PeaksOp)) == 1
    assert not instructions(program, chip.PeaksOp)
    rows = instructions(program, chip.PeaksRowsOp)
    assert sum(op.rows.value.data for op in rows) == 23
    assert len(rows) > 5
    assert len(instructions(program, chip.PeaksBestOp)) == 1
    assert not instructions(program, chip.SpillOp)
    assert memory_use(program)[1] <= 3000 < 9 * 23 * 31


def test_what_fits_keeps_its_instruction():
    _, module = heat_network((9, 23, 31), 5)
    memory = memory_use(chip_program(module, PLENTY))[1]
    program = chip_program(module, aligned(memory))
    assert instructions(program, chip.PeaksOp)
    assert isa_of(program) < ROW_PEAKS
    assert isa_of(chip_program(module, 3000)) == ROW_PEAKS


def test_many_peaks_of_narrow_maps_stay_whole():
    """What is found in its rows would take more than the map."""
    _, module = heat_network((2, 40, 6), 13)
    program = scheduled(module, 700)
    assert program is not None
    assert instructions(program, chip.PeaksOp)


def test_steps_of_layers_have_the_hashes_of_any_schedule():
    """What is found in rows is no step: `golden` names the same layers."""
    net, module = heat_network((9, 23, 31), 5)
    frames, hashes = dim_frames(net, 2), []
    for memory in (PLENTY, 6000, 3000):
        machine = Machine(assemble(chip_program(module, memory)))
        recorder = GoldenRecorder(machine.program, frames)
        machine.run_codes(*frames, observe=recorder.observe)
        steps = recorder.golden.steps
        hashes.append({number: step.hashes for number, step in steps.items()})
    assert hashes[0] == hashes[1] == hashes[2]
    assert list(hashes[0]) == [0, 1, 2]


def test_parts_are_of_the_layer_in_costs():
    """Eight neighbours and a comparison an element, as whole, then one a candidate."""
    _, module = heat_network((9, 23, 31), 5)
    for op in module.walk():
        if isinstance(op, lns.PeaksOp):
            op.attributes["layer"] = StringAttr("peaks")
    program, whole = chip_program(module, 3000), chip_program(module, PLENTY)
    parts = instructions(program, chip.PeaksRowsOp) + instructions(program, chip.PeaksBestOp)
    costs = [instruction_cost(op, program.scope, program.target.data) for op in parts]
    assert {each.layer for each in costs} == {"peaks"}
    (peaks,) = instructions(whole, chip.PeaksOp)
    steps = sum(op.vector_steps(program.scope) for op in parts)
    assert steps == peaks.vector_steps(whole.scope) + 5 * 23


def detector(height: int, width: int) -> tuple[ImageNetwork, ModuleOp]:
    """80 classes at a quarter of the frame, offsets, sizes and suppression, as in `detection2d`."""
    net = ImageNetwork((3, height, width))
    x = net.relu(net.conv(net.conv(net.inputs[0], 6, stride=2), 8, stride=2))
    x = net.add(net.conv(net.relu(net.conv(x, 8)), 8), x)
    heat = net.conv(net.relu(net.conv(x, 8)), 80, 1, format=WIDE)
    shape = net.relu(net.conv(x, 8))
    offset, size = net.conv(shape, 2, 1), net.conv(shape, 2, 1)
    scores, indices = ranked(net, heat, 6, sigmoid=True)
    boxes = net.add_op(lns.DecodeBoxes2dOp(indices, offset, size, IMAGE, 4))
    cells = height // 4 * (width // 4)
    kept = net.add_op(lns.SuppressOp(boxes, scores, indices, cells, 32768))
    return net, net.module(
        net.add_op(lns.DecodeOp(kept)), indices, net.add_op(lns.DecodeFixedOp(boxes))
    )


def test_a_detector_of_80_classes_whose_heat_does_not_fit():
    net, module = detector(96, 160)
    whole = chip_program(module, PLENTY)
    heat = 80 * 24 * 40 * 2
    program = chip_program(module, 40_000)
    assert memory_use(program)[1] <= 40_000 < heat
    assert instructions(program, chip.PeaksRowsOp)
    outputs = assert_same_bits(net, module, program)
    assert len(np.unique(outputs[1][0])) == 6
    assert np.unique(outputs[2]).size > 20
    moved = [program_cost(each).moved("dram") for each in (whole, program)]
    assert moved[0] == moved[1]


def without_a_row(program: chip.ProgramOp) -> None:
    instructions(program, chip.PeaksRowsOp)[3].detach()


def best_before_the_last_row(program: chip.ProgramOp) -> None:
    (best,) = instructions(program, chip.PeaksBestOp)
    best.detach()
    last = instructions(program, chip.PeaksRowsOp)[-1]
    program.body.block.insert_op_before(best, last)


def before_the_row_below(program: chip.ProgramOp) -> None:
    *_, layer = instructions(program, chip.ConvOp)
    last = instructions(program, chip.PeaksRowsOp)[-1]
    last.detach()
    program.body.block.insert_op_before(last, layer)


def rows_that_have_gone(program: chip.ProgramOp) -> None:
    first, *_, last = instructions(program, chip.PeaksRowsOp)
    first.detach()
    program.body.block.insert_op_after(first, last)


@pytest.mark.parametrize(
    "change",
    [without_a_row, best_before_the_last_row, before_the_row_below, rows_that_have_gone],
)
def test_mutants_are_refused(change: Callable[[chip.ProgramOp], None]):
    _, module = heat_network((9, 23, 31), 5)
    program = chip_program(module, 3000)
    program.verify()
    change(program)
    with pytest.raises((RecogError, VerifyException), match="is not there"):
        program.verify()
