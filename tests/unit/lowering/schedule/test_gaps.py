"""A plan that fits memory but for gaps between tensors is made again with some bytes left free."""

from __future__ import annotations

import re

import numpy as np
import pytest
from image_networks import PLENTY, ImageNetwork, chip_program
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from recog.backend.assembly import memory_use
from recog.backend.machine import Machine
from recog.dialects import chip
from recog.dialects.chip import ChipTarget
from recog.dialects.errors import RecogError
from recog.lowering.common.options import OptionError
from recog.lowering.schedule import place_tensors
from recog.lowering.schedule.place_tensors import GapsError, PlaceTensorsPass
from recog.lowering.schedule.plan_cascades import PlanCascadesPass, plan_cascades
from recog.lowering.schedule.schedule import TRIES, SchedulePass


def branches(seed: int = 0) -> tuple[ImageNetwork, ModuleOp]:
    """Maps of several sizes that live for different times."""
    net = ImageNetwork((3, 13, 11), seed=seed)
    x = net.relu(net.conv(net.inputs[0], 6))
    kept = [net.conv(x, channels, kernel) for channels, kernel in ((7, 3), (2, 1))]
    return net, net.module(net.mean(net.conv(kept[0], 5)), net.conv(net.concat(*kept), 2))


@pytest.fixture
def wasteful(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An allocator that leaves 160 bytes between tensors; how often it ran."""
    runs: list[int] = []
    allocate = place_tensors.allocate

    def with_gap(buffers) -> int:
        runs.append(len(buffers))
        total = allocate(buffers)
        top = max(buffers, key=lambda each: each.end)
        top.address += 160
        return max(total, top.end)

    monkeypatch.setattr(place_tensors, "allocate", with_gap)
    return runs


def test_gaps_are_made_up_for(wasteful: list[int]):
    net, module = branches()
    whole = chip_program(module, PLENTY)
    frames = net.frames(2)
    expected = Machine(whole).run_codes(*frames)
    most = memory_use(whole)[1]
    for memory in range(most // 2, most, most // 4):
        program = chip_program(module, memory)
        assert memory_use(program)[1] <= memory
        for found, wanted in zip(Machine(program).run_codes(*frames), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
    assert len(wasteful) > len(range(most // 2, most, most // 4))


def test_the_first_error_is_what_is_said(monkeypatch: pytest.MonkeyPatch):
    spares: list[int] = []
    plan = PlanCascadesPass.apply

    def noted(self: PlanCascadesPass, ctx: Context, op: ModuleOp) -> None:
        spares.append(self.spare)
        plan(self, ctx, op)

    def never(self: PlaceTensorsPass, ctx: Context, op: ModuleOp) -> None:
        error = GapsError(f"gaps, try {len(spares)}")
        error.spare = 32 * len(spares)
        raise error

    monkeypatch.setattr(PlanCascadesPass, "apply", noted)
    monkeypatch.setattr(PlaceTensorsPass, "apply", never)
    _, module = branches()
    with pytest.raises(RecogError, match="gaps, try 1"):
        chip_program(module, 1200)
    assert spares == [32 * each for each in range(TRIES)]


def test_what_is_left_free_is_in_range():
    with pytest.raises(OptionError, match="spare"):
        PlanCascadesPass(spare=-1)


def test_programs_with_places_stay():
    _, module = branches()
    program = chip_program(module, PLENTY)
    owner = program.parent_op()
    assert isinstance(owner, ModuleOp)
    SchedulePass().apply(Context(), owner)
    assert program.parent_op() is owner
    assert isinstance(program, chip.ProgramOp)


def test_a_refusal_counts_what_is_left_free():
    """The memory that it names would do with as many bytes left free; it was that without."""
    _, module = branches()

    def planned(memory: int) -> None:
        program = chip_program(module, 16, schedule=False)
        program.target = chip.TargetAttr(ChipTarget.from_values({"activation_memory": memory}))
        plan_cascades(program, spare=1600)

    with pytest.raises(RecogError, match="with 1,600 of the chip's left free") as error:
        planned(1616)
    enough = re.search(r"activation_memory = (\d+) would do", str(error.value.hint))
    assert enough is not None
    planned(int(enough[1]))
    with pytest.raises(RecogError, match="is too small"):
        planned(int(enough[1]) - 1600)
