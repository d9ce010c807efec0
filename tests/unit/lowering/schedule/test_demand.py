"""How far each step of a cascade is when, and what memory holds for that."""

from __future__ import annotations

import numpy as np
import pytest
from image_networks import chain, chip_program, skips
from xdsl.dialects.builtin import ModuleOp

from recog.lowering.schedule.demand import Cascade, Rows
from recog.lowering.schedule.network import Network
from recog.lowering.schedule.unplaced import show_outputs_as_made


def whole_cascade(module: ModuleOp) -> Cascade:
    program = chip_program(module, 1_000, schedule=False)
    show_outputs_as_made(program)
    network = Network(program)
    return Cascade(network, 0, len(network.steps))


def test_no_ring_holds_more_at_the_start_than_later():
    """Ten convolutions look 30 rows ahead in all; each ring holds a window and what is next."""
    cascade = whole_cascade(chain(135, 240)[1])
    rows = Rows(cascade, 1)
    held = {unit.name: rows.held(unit) for unit in cascade.units}
    assert held.pop("input") == 9  # of stride 8 in all
    assert max(held.values()) == 6


@pytest.mark.parametrize("height", [1, 2, 8])
def test_rows_advance_evenly_from_before_the_first_row_of_a_target(height: int):
    cascade = whole_cascade(skips(136, 240, full=True)[1])
    rows = Rows(cascade, height)
    target = rows.steps[cascade.numbers[-1]]
    assert rows.times > -(-136 // height)
    (started,) = np.nonzero(target == 0)
    assert len(started) > 1
    for done in (*rows.steps.values(), *rows.loads.values()):
        assert (done[0], done[-1]) in ((0, 136), (0, 68), (0, 34), (0, 17))
        advance = np.diff(done)
        assert advance.min() >= 0
        assert advance.max() <= max(height, 8) + 1


@pytest.mark.parametrize("height", [1, 3])
def test_what_a_step_reads_is_there(height: int):
    cascade = whole_cascade(skips(72, 80)[1])
    rows = Rows(cascade, height)
    results = [
        (rows.steps[number], write, number)
        for number in cascade.numbers
        for write in cascade.network.steps[number].writes
    ]
    results += [
        (rows.loads[load.tensor.sym_name.data], (load.unit, load.tensor), -1)
        for load in cascade.loads
    ]
    for written, write, number in results:
        for reader, read in cascade.meeting_readers(*write, number):
            done = rows.steps[reader]
            assert (written >= np.where(done > 0, read.rows.high(done), 0)).all()
