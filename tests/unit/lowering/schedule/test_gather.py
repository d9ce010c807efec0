"""Decoders of boxes take what they need of maps that memory does not hold."""

from __future__ import annotations

import numpy as np
import pytest
from image_networks import PLENTY, ImageNetwork, chip_program
from random_detectors import dim_frames
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.utils.exceptions import VerifyException

from recog.backend.assembly import assemble, disassemble, memory_use
from recog.backend.cost import program_cost
from recog.backend.machine import Machine
from recog.dialects import chip, lns
from recog.dialects.box_geometry import CameraGeometry, ImageGeometry
from recog.dialects.chip.fields import integer_field
from recog.dialects.errors import RecogError
from recog.lowering.select.allocation import aligned

IMAGE, CAMERA = (
    ImageGeometry(1 << 18, 1 << 16),
    CameraGeometry(
        1 << 18, (1 << 20, 1 << 19), 700 << 16, 560000, -58000, tuple(range(-9000, 9000, 2000))
    ),
)
PEAKS, CLASSES = 5, 2


def detector(
    height: int, width: int, *, joined: bool = False, seed: int = 0
) -> tuple[ImageNetwork, ModuleOp]:
    """A heat map of few bytes beside maps of boxes of many, in the image and in space.

    Args:
        joined: offsets and sizes are channels of one map.
    """
    net = ImageNetwork((3, height, width), seed=seed)
    features = net.relu(net.conv(net.inputs[0], 6))
    heat = net.conv(features, CLASSES, 1)
    peaks = lns.PeaksOp(heat, PEAKS, None)
    net.block.add_op(peaks)
    scores, indices = peaks.results
    both = net.conv(features, 4, 3)
    offset, size = both_halves(net, both) if joined else (net.conv(features, 2), both)
    if not joined:
        size = net.conv(both, 2, 1)
    image = net.add_op(lns.DecodeBoxes2dOp(indices, offset, size, IMAGE, 4))
    disparity, box = net.conv(features, 1), net.conv(net.conv(features, 7), 7)
    space = net.add_op(lns.DecodeBoxes3dOp(indices, disparity, box, CAMERA, 6))
    kept = net.add_op(lns.SuppressOp(image, scores, indices, height * width, 32768))
    return net, net.module(
        net.add_op(lns.DecodeOp(kept)),
        net.add_op(lns.DecodeFixedOp(image)),
        net.add_op(lns.DecodeFixedOp(space)),
    )


def both_halves(net: ImageNetwork, both: SSAValue) -> tuple[SSAValue, SSAValue]:
    shape = lns.shape_of(both)
    one, other = (
        net.add_op(lns.SliceOp(both, (0, first, 0, 0), (1, first + 2, *shape[2:]), (1, 1, 1, 1)))
        for first in (0, 2)
    )
    return one, other


def gathers(program: chip.ProgramOp) -> list[chip.GatherOp]:
    return [op for op in program.instructions if isinstance(op, chip.GatherOp)]


def outputs_of(file: bytes, frames: list[np.ndarray]) -> list[np.ndarray]:
    return list(Machine(file).run_codes(*frames))


@pytest.mark.parametrize("height,width,joined", [(19, 23, False), (29, 17, True)])
def test_any_memory_gives_the_same_bits(height: int, width: int, joined: bool):
    net, module = detector(height, width, joined=joined)
    whole = chip_program(module, PLENTY)
    assert not gathers(whole)
    frames, most = dim_frames(net, 3), aligned(memory_use(whole)[1])
    expected, counts = outputs_of(assemble(whole), frames), list[int]()
    assert all(len(np.unique(boxes)) > 20 for boxes in expected[1:])
    for share in (8, 5, 3, 2):
        program = chip_program(module, most * share // 8)
        file = assemble(program)
        assert assemble(disassemble(file)) == file
        assert memory_use(program)[1] <= most * share // 8
        counts.append(len(gathers(program)))
        for found, wanted in zip(outputs_of(file, frames), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
    assert counts[0] == 0
    assert max(counts) >= 2


def test_it_costs_an_access_for_each_element():
    _, module = detector(29, 17)
    program = chip_program(module, 5000)
    cost = program_cost(program)
    width = cost.chip.dma.width
    found = gathers(program)
    assert found
    for op in found:
        (each,) = (each for each in cost.costs if each.op is op)
        channels = program.scope.tensor(op.output).shape[0]
        assert each.moved("dram") == channels * PEAKS * width
        assert each.queue is chip.Queue.DMA_IN


def before_its_spill(program: chip.ProgramOp, gather: chip.GatherOp) -> None:
    gather.detach()
    layer = next(op for op in program.instructions if isinstance(op, chip.ConvOp))
    program.body.block.insert_op_before(gather, layer)


def without_a_spilled_row(program: chip.ProgramOp, gather: chip.GatherOp) -> None:
    spills = [op for op in program.instructions if isinstance(op, chip.SpillOp)]
    (one, *_) = (op for op in spills if op.output == gather.input)
    one.detach()
    one.erase()


def some_rows(program: chip.ProgramOp, gather: chip.GatherOp) -> None:
    gather.properties["rows"] = integer_field(1)


def of_another_plane(program: chip.ProgramOp, gather: chip.GatherOp) -> None:
    for op in program.instructions:
        if isinstance(op, chip.BoxdecOp):
            op.properties["map_height"] = integer_field(0)


@pytest.mark.parametrize(
    "change,words",
    [
        (before_its_spill, "is not there"),
        (without_a_spilled_row, "is not there"),
        (some_rows, "takes no rows"),
        (of_another_plane, "map_height and map_width go together"),
    ],
)
def test_mutants_are_refused(change, words: str):
    _, module = detector(29, 17)
    program = chip_program(module, 5000)
    change(program, gathers(program)[0])
    with pytest.raises((RecogError, VerifyException), match=words):
        program.verify()
