"""Whatever turns the queues take, a program gives the bits of program order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations

import numpy as np
import pytest
from chip_programs import PORTS, program_of, tensors
from chip_strategies import programs
from hypothesis import given
from hypothesis import strategies as st
from image_networks import PLENTY, ImageNetwork, chip_program, divided, random_network
from xdsl.dialects.builtin import ModuleOp

from recog.backend.assembly import assemble, memory_use
from recog.backend.dependences import QUEUES, dependences
from recog.backend.machine import Machine
from recog.backend.machine.golden import GoldenRecorder
from recog.backend.machine.interleaving import Pick, interleaved, legal_order, random_pick
from recog.dialects import chip
from recog.dialects.chip import ProgramOp
from recog.dialects.errors import RecogError

FARTHEST: dict[str, Pick] = {"behind": min, "ahead": max}
"""The queue that is furthest behind, and the one that is furthest ahead."""


def same_bits(program: ProgramOp, whole: ProgramOp, frames: Sequence[np.ndarray], pick: Pick):
    outputs = Machine(assemble(interleaved(program, pick))).run_codes(*frames)
    for output, wanted in zip(outputs, Machine(whole).run_codes(*frames), strict=True):
        np.testing.assert_array_equal(output, wanted)


def scheduled(module: ModuleOp, seed: int) -> list[ProgramOp]:
    """A network in little memory, and in strips that keep columns."""
    whole = memory_use(chip_program(module, PLENTY))[1]
    found = [divided(module, 1 + seed % 3, 2 + seed % 4)]
    for share in (0.6, 0.2, 0.08):
        try:
            found.append(chip_program(module, max(16, int(whole * share))))
        except RecogError:
            break
    return [each for each in found if each is not None]


@pytest.mark.parametrize("seed", range(10))
def test_random_networks(seed: int):
    """Prime sizes, strides, dilation 4, skips that are added and joined: `fuzz_schedules` goes
    on."""
    net, module = random_network(seed)
    whole, frames = chip_program(module, PLENTY), net.frames()
    for place, program in enumerate([whole, *scheduled(module, seed)]):
        same_bits(program, whole, frames, random_pick(seed * 10 + place))


@pytest.mark.parametrize("pick", FARTHEST.values(), ids=FARTHEST)
@pytest.mark.parametrize("seed", [8, 23, 29, 35])
def test_queues_that_run_as_far_apart_as_they_can(seed: int, pick: Pick):
    """Orders that the replay once took for legal, in which a row was lost."""
    net, module = random_network(seed)
    whole, frames = chip_program(module, PLENTY), net.frames()
    for program in scheduled(module, seed):
        same_bits(program, whole, frames, pick)


def dilated() -> tuple[ImageNetwork, ModuleOp]:
    """Prime sizes, dilation 4, and two skips of which one is joined."""
    net = ImageNetwork((3, 23, 37))
    a = net.conv(net.inputs[0], 4)
    b = net.conv(a, 4, dilation=4)
    c = net.conv(net.concat(a, net.conv(b, 3, 5)), 4, dilation=4)
    d = net.max_pool(net.add(c, b), 3, 2)
    return net, net.module(net.concat(d, net.conv(d, 3)), net.argmax(c))


@pytest.mark.parametrize(("rows", "strips"), [(1, 1), (1, 5), (3, 4)])
def test_one_row_stripes_with_wide_windows(rows: int, strips: int):
    net, module = dilated()
    whole, frames, program = (
        chip_program(module, PLENTY),
        net.frames(),
        divided(module, rows, strips),
    )
    assert program is not None
    kept = any(isinstance(op, chip.CopyOp) for op in program.instructions)
    assert kept or strips == 1
    for pick in (random_pick(rows), *FARTHEST.values()):
        same_bits(program, whole, frames, pick)


def test_what_was_spilled_is_filled():
    net, module = random_network(8)
    whole, frames = chip_program(module, PLENTY), net.frames()
    program = chip_program(module, memory_use(whole)[1] // 12)
    assert any(isinstance(op, chip.SpillOp) for op in program.instructions)
    for queues in list(permutations(QUEUES.values(), 2))[::3]:
        same_bits(program, whole, frames, one_first(program, queues))


def one_first(program: ProgramOp, queues: Sequence[int]) -> Pick:
    """Always a queue that comes first, if it has something to run."""
    order = {queue: place for place, queue in enumerate(queues)}
    place_of = [order.get(QUEUES[op.QUEUE], len(order)) for op in program.instructions]
    return lambda numbers: min(numbers, key=lambda number: place_of[number])


def test_orders_differ_and_follow_from_their_seed():
    program = divided(dilated()[1], 2, 3)
    assert program is not None
    texts = [str(interleaved(program, random_pick(seed))) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    order = legal_order(program.instructions, dependences(program.instructions, program.scope), max)
    assert sorted(order) == list(range(len(order))) != order
    ahead = [number - place for place, number in enumerate(order)]
    assert max(ahead) > 20
    assert np.count_nonzero(ahead) > len(order) // 2


def test_each_layer_gives_what_it_gave():
    net, module = random_network(3)
    whole, frames = chip_program(module, PLENTY), net.frames()
    golden = []
    for program in (whole, *(interleaved(each, max) for each in (whole, *scheduled(module, 3)))):
        machine = Machine(program)
        recorder = GoldenRecorder(machine.program, frames)
        machine.run_codes(*frames, observe=recorder.observe)
        golden.append({number: step.hashes for number, step in recorder.golden.steps.items()})
    assert len(golden) > 3
    assert golden == golden[:1] * len(golden)


@given(programs(), st.randoms(use_true_random=False))
def test_no_order_gets_stuck(program: ProgramOp, chance):
    """Whatever runs next of what may, all runs in the end, each queue's in their order."""
    instructions = program.instructions
    waits = list(dependences(instructions, program.scope, host_computes=True))
    for pick in (
        chance.choice,
        min,
        max,
        *(one_first(program, [each]) for each in QUEUES.values()),
    ):
        order = legal_order(instructions, waits, pick)
        assert sorted(order) == list(range(len(instructions)))
        for queue in QUEUES:
            own = [number for number in order if instructions[number].QUEUE is queue]
            assert own == sorted(own)
    assert legal_order(instructions, waits, min) == list(range(len(instructions)))


IN_PARTS = f"""
{PORTS}
{tensors(a=(4, 4, 4), b=(4, 4, 4), c=(4, 4, 4))}
chip.dma.in @a = @in1
chip.copy @b = @a
chip.dma.out @out1 = @b
chip.dma.in @c = @in2
chip.dma.out @out2 = @c
chip.halt
"""


def of_host(program: ProgramOp, frames: np.ndarray) -> np.ndarray:
    """What a program gives whose host gives its first output back."""

    def host(number: int, outputs: Callable[[], Sequence[np.ndarray]]) -> np.ndarray:
        return outputs()[0]

    return Machine(program).run_with_host(frames, frames=len(frames), host=host)[1]


def test_the_host_finds_the_outputs_that_it_needs():
    program, frames = program_of(IN_PARTS), np.full((2, 4, 4, 4), 65, np.uint8)
    queue = one_first(program, [QUEUES[chip.Queue.DMA_IN]])
    np.testing.assert_array_equal(of_host(program, frames), frames)
    together = interleaved(program, queue, host_computes=True)
    np.testing.assert_array_equal(of_host(together, frames), frames)
    assert not np.array_equal(of_host(interleaved(program, queue), frames), frames)
