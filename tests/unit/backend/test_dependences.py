"""What instructions wait for: enough for every byte, and each of it needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pytest
from chip_programs import IN_AND_OUT_TWICE, PORTS, program_of, tensors
from chip_strategies import programs
from hypothesis import given
from image_networks import PLENTY, chip_program, divided, random_network
from touched_bytes import Clocks, bytes_of, conflicts
from xdsl.utils.exceptions import VerifyException

from recog.backend.assembly import assemble, disassemble, memory_use
from recog.backend.dependences import NONE, QUEUES, Hazard, Waits, dependences
from recog.backend.machine import Machine
from recog.backend.machine.interleaving import in_order
from recog.backend.machine.memory import FrameMemory, Place
from recog.dialects import chip
from recog.dialects.chip import Box, ProgramOp, Queue
from recog.dialects.chip.instructions import output_tensors
from recog.dialects.errors import RecogError


def waits_of(program: ProgramOp, **options: bool) -> list[Waits]:
    return list(dependences(program.instructions, program.scope, **options))


def shown(waits: Sequence[Waits]) -> list[dict[str, list[int]]]:
    """The instructions that are waited for, by why."""
    return [
        {
            why.name: sorted(each[each != NONE].tolist())
            for why, each in one.items()
            if max(each) >= 0
        }
        for one in waits
    ]


def random_programs(seed: int) -> list[ProgramOp]:
    """Schedules of a random network: in strips that keep columns, and in less and less memory."""
    _, module = random_network(seed)
    whole = memory_use(chip_program(module, PLENTY))[1]
    found = [divided(module, 1, 3)]
    for share in (1, 0.5, 0.15):
        try:
            found.append(chip_program(module, max(16, int(whole * share))))
        except RecogError:
            break
    return [disassemble(assemble(each)) for each in found if each is not None]


def test_data_is_waited_for():
    program = program_of(f"""
{PORTS}
{tensors(a=(4, 4, 4), b=(4, 4, 4))}
chip.dma.in @a = @in1
chip.elt @b = @a, @a {{mode = add}}
chip.dma.in @a = @in2
chip.zero @a
chip.dma.out @out1 = @a
chip.dma.out @out2 = @b
chip.halt
""")
    assert shown(waits_of(program)) == [
        {},
        {"RAW": [0]},
        {"WAR": [1], "WAW": [0]},
        {"WAR": [1], "WAW": [2]},
        {"RAW": [2, 3]},
        {"RAW": [1]},
        {"END": [2, 3, 5]},
    ]


def test_rows_are_waited_for_and_the_places_that_they_take():
    program = program_of("""
chip.input @in {address = 0, channels = 1, height = 4, width = 4}
chip.output @out {address = 64, channels = 1, height = 4, width = 4}
chip.tensor @x {address = 0, channels = 1, height = 4, width = 4, ring_rows = 2, ring = 1}
chip.dma.in @x = @in {rows = 1}
chip.dma.in @x = @in {first_row = 1, rows = 1}
chip.dma.out @out = @x {rows = 1}
chip.dma.out @out = @x {first_row = 1, rows = 1}
chip.dma.in @x = @in {first_row = 2, rows = 1}
chip.halt
""")
    assert shown(waits_of(program))[2:5] == [
        {"RAW": [0]},
        {"RAW": [1], "WAW": [2]},
        {"WAR": [2], "WAW": [0]},
    ]


def test_a_ring_is_lost_where_any_of_another_is_written():
    """@low lies beside @x, but is of the ring of @high."""
    text = """
chip.input @in {address = 0, channels = 1, height = 4, width = 4}
chip.output @out {address = 64, channels = 1, height = 4, width = 4}
chip.tensor @x {address = 16, channels = 1, height = 4, width = 4, ring = 1}
chip.tensor @low {address = 0, channels = 1, height = 4, width = 4, ring = 2}
chip.tensor @high {address = 16, channels = 1, height = 4, width = 4, ring = 2}
chip.dma.in @x = @in
chip.dma.out @out = @x
chip.zero @low
chip.zero @high
chip.halt
"""
    assert shown(waits_of(program_of(text)))[2] == {"WAR": [1], "WAW": [0]}
    apart = text.replace("width = 4, ring = 2", "width = 4")
    assert shown(waits_of(program_of(apart)))[2] == {}


def test_semaphores_and_loads_are_waited_for_and_all_by_the_end():
    program = program_of(f"""
chip.segment @tables tables dense<1> : tensor<16xui8>
{PORTS}
{tensors(a=(4, 4, 4), b=(4, 4, 4))}
chip.dma.in @a = @in1 {{signal = 1}}
chip.zero @b {{signal = 1}}
chip.ldw @tables {{size = 16, address = 0}}
chip.mark {{number = 1, wait = 1}}
chip.dma.out @out1 = @a {{wait = 1}}
chip.halt
""")
    assert shown(waits_of(program))[3:] == [
        {"LOAD": [2], "SIGNAL": [0]},
        {"RAW": [0], "LOAD": [2], "SIGNAL": [1]},
        {"LOAD": [2], "END": [1, 2, 3, 4]},
    ]


def test_an_input_of_the_host_waits_for_outputs_before_it():
    program = program_of(IN_AND_OUT_TWICE)
    assert shown(waits_of(program))[2] == {}
    assert shown(waits_of(program, host_computes=True))[2]["RAW"] == [1]


def test_outputs_that_lie_where_inputs_do():
    shared = IN_AND_OUT_TWICE.replace("@out1 {address = 128", "@out1 {address = 64")
    assert shown(waits_of(program_of(shared)))[2] == {"RAW": [1]}


# Enough


class TouchedBytes:
    """Runs programs and notes which bytes of activation memory and DRAM, one after the other, each
    instruction reads and writes: (2, instructions, bytes)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self._number, self._log = 0, list[tuple[int, int, Place, Box | None]]()
        for kind, method in enumerate((FrameMemory.read, FrameMemory.write)):
            monkeypatch.setattr(FrameMemory, method.__name__, self._noted(method, kind))

    def _noted(self, method: Callable[..., Any], kind: int) -> Callable[..., Any]:
        def call(memory: FrameMemory, tensor: Any, *rest: Any, **how: Any) -> Any:
            box = rest[kind] if len(rest) > kind else None
            place = tensor if isinstance(tensor, Place) else Place(tensor)
            self._log.append((self._number, kind, place, box))
            return method(memory, tensor, *rest, **how)

        return call

    def _ended(self, number: int, _: FrameMemory) -> None:
        self._number = number + 1

    def of(self, program: ProgramOp, frames: Sequence[np.ndarray]) -> np.ndarray:
        # The host reads outputs after the last instruction; inputs it wrote before the first.
        self._number, count = -1, len(program.instructions)
        machine = Machine(program)
        machine.run_codes(*frames, observe=self._ended)
        _, activation, dram = memory_use(program)
        masks = np.zeros((2, count, activation + dram), np.bool_)
        for number, kind, place, box in self._log:
            first = 0 if isinstance(place.op, chip.TensorOp) else activation
            if number in range(count):
                masks[kind, number, first + bytes_of(place, box)] = True
        self._log.clear()
        return masks


def test_what_the_machine_touches_has_an_order(monkeypatch: pytest.MonkeyPatch):
    """Of two instructions that use a byte which one of them writes, one has always ended."""
    touched, found = TouchedBytes(monkeypatch), Counter[str]()
    for seed in range(4):
        frames = random_network(seed)[0].frames()
        for program in random_programs(seed):
            masks = touched.of(program, frames)
            pairs = conflicts(*two_frames(program, masks))
            waits = list(dependences(program.instructions, program.scope, frames=2))
            assert unordered(program, waits, pairs) == []
            found["pairs"] += len(pairs)
            for why in (Hazard.RAW, Hazard.WAR):
                less = [{key: each[key] for key in each if key is not why} for each in waits]
                found[why.value] += bool(unordered(program, less, pairs))
    assert found["pairs"] > 10_000
    assert min(found[why.value] for why in (Hazard.RAW, Hazard.WAR)) > 8


def two_frames(program: ProgramOp, masks: np.ndarray) -> np.ndarray:
    """The bytes that two frames use, which have inputs and outputs of their own."""
    own = np.zeros(masks.shape[2], np.bool_)
    for port in program.ports:
        start = memory_use(program)[1] + port.address.value.data
        own[start : start + port.extent] = True
    shared, apart = masks[:, :, ~own], masks[:, :, own]
    second = np.concatenate([np.zeros_like(apart), apart], axis=2)
    first = np.concatenate([apart, np.zeros_like(apart)], axis=2)
    frames = [np.concatenate([shared, each], axis=2) for each in (first, second)]
    return np.concatenate(frames, axis=1)


def unordered(
    program: ProgramOp, waits: Sequence[Waits], pairs: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Those pairs of instructions of which neither has always ended when the other begins."""
    frames = len(waits) // len(program.instructions)
    clocks = Clocks(program.instructions * frames, waits)
    return [pair for pair in pairs if not clocks.ordered(*pair)]


@given(programs())
def test_what_any_instruction_touches_has_an_order(program: ProgramOp):
    """Tensors at random places, with any strides: by what instructions say that they touch."""
    instructions, scope = program.instructions, program.scope
    touched = list[tuple[int, bool, np.ndarray]]()
    for number, op in enumerate(instructions):
        boxes = op.touched(scope)
        for name, tensor in op.tensor_fields(scope).items():
            wrote = name in output_tensors(type(op))
            touched.append((number, wrote, bytes_of(Place(tensor), boxes[name])))
    names = {int(byte): place for place, byte in enumerate(_all(touched))}
    masks = np.zeros((2, len(instructions), len(names)), np.bool_)
    for number, wrote, each in touched:
        masks[int(wrote), number, [names[int(byte)] for byte in each]] = True
    assert unordered(program, waits_of(program), conflicts(*masks)) == []


def _all(touched: Sequence[tuple[int, bool, np.ndarray]]) -> list[int]:
    return np.unique(np.concatenate([np.zeros(0, int), *(each for *_, each in touched)])).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_every_frame_after_the_first_waits_alike(seed: int):
    for program in random_programs(seed):
        count = len(program.instructions)
        every = list(dependences(program.instructions, program.scope, frames=4))
        waits = [
            [np.maximum.reduce(list(each.values())) for each in every[count * frame :][:count]]
            for frame in range(4)
        ]
        second, third, last = (np.array(each) for each in waits[1:])
        np.testing.assert_array_equal(np.where(second == NONE, NONE, second + count), third)
        np.testing.assert_array_equal(np.where(third == NONE, NONE, third + count), last)
        assert (second >= 0).sum() > (np.array(waits[0]) >= 0).sum()


# Needed

IN_TURN = f"""
{PORTS}
{tensors(a=(4, 4, 4), b=(4, 4, 4))}
chip.dma.in @b = @in2
chip.dma.in @a = @in1
chip.copy @a = @b
chip.dma.out @out1 = @a
chip.dma.in @b = @in1
chip.dma.out @out2 = @b
chip.halt
"""


class Careless:
    """Runs a program in orders in which one instruction does not wait for what it should."""

    def __init__(self, program: ProgramOp, frames: Sequence[np.ndarray]):
        self.program, self.frames = program, frames
        self.waits = waits_of(program)
        self._clocks = Clocks(program.instructions, self.waits)
        self._expected = Machine(program).run_codes(*frames)

    def early(self, number: int, why: Hazard, queue: int) -> list[int] | None:
        """An order in which an instruction runs before one that it waits for; None where there are
        other reasons to wait for that one, or none to wait."""
        changed = {reason: each.copy() for reason, each in self.waits[number].items()}
        if why not in changed:
            return None
        awaited, changed[why][queue] = changed[why][queue], NONE
        ended = self._clocks.begin(number, changed)
        return self._clocks.with_early(number, ended) if ended[queue] < awaited else None

    def is_seen(self, order: Sequence[int]) -> bool:
        """Whether an order gives other bits, or is refused."""
        try:
            outputs = Machine(in_order(self.program, order)).run_codes(*self.frames)
        except (RecogError, VerifyException):
            return True
        return any(not np.array_equal(*each) for each in zip(outputs, self._expected))


@pytest.mark.parametrize(
    ("number", "why", "queue"),
    [
        (3, Hazard.RAW, Queue.VECTOR),
        (4, Hazard.WAR, Queue.VECTOR),
        (2, Hazard.WAW, Queue.DMA_IN),
    ],
)
def test_one_that_does_not_wait_gives_other_bits(number: int, why: Hazard, queue: Queue):
    frames = [np.full((1, 4, 4, 4), each, np.uint8) for each in (65, 66)]
    careless = Careless(program_of(IN_TURN), frames)
    order = careless.early(number, why, QUEUES[queue])
    assert order is not None
    assert careless.is_seen(order)


@pytest.mark.parametrize("why", [Hazard.RAW, Hazard.WAR])
def test_what_schedules_wait_for_is_needed(why: Hazard):
    """A hundred instructions that each do not wait once."""
    seen, generator = Counter[bool](), np.random.default_rng(0)
    for seed in range(4):
        frames = random_network(seed)[0].frames()
        for program in random_programs(seed)[:3]:
            careless = Careless(program, frames)
            numbers = generator.permutation(len(careless.waits)).tolist()
            places = [(number, queue) for number in numbers for queue in QUEUES.values()]
            orders = (careless.early(number, why, queue) for number, queue in places)
            for order in islice((each for each in orders if each is not None), 6):
                seen[careless.is_seen(order)] += 1
    assert seen[True] > 50
    assert seen[False] < 3
