"""Channels that change places, a few groups of them: rows of their images come and go."""

from __future__ import annotations

import numpy as np
import pytest
from image_networks import ImageNetwork, chip_program
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.utils.exceptions import VerifyException

from recog.backend.assembly import assemble, disassemble, memory_use
from recog.backend.machine import Machine
from recog.dialects import chip, lns
from recog.dialects.chip.fields import integer_field
from recog.dialects.errors import RecogError
from recog.dialects.tensors import shape_of

PLENTY = 1 << 26


def shuffle(net: ImageNetwork, x: SSAValue, groups: int) -> SSAValue:
    """(1, groups * each, H, W): the first channel of each group, then the second ones, ..."""
    _, channels, *image = shape_of(x)
    parts = net.add_op(lns.ReshapeOp(x, (1, groups, channels // groups, *image)))
    turned = net.add_op(lns.PermuteOp(parts, (0, 2, 1, 3, 4)))
    return net.add_op(lns.ReshapeOp(turned, (1, channels, *image)))


def shuffled(seed: int) -> tuple[ImageNetwork, ModuleOp]:
    """Shuffled channels between convolutions, also joined with others, read again later, or an
    output."""
    rng = np.random.default_rng(seed)
    groups, each = (int(n) for n in rng.integers(2, 6, 2))
    height, width = (int(n) for n in rng.choice((5, 7, 13, 31), 2))
    net = ImageNetwork((2, height, width), seed=seed)
    x = net.conv(net.inputs[0], groups * each)
    moved = shuffle(net, x, groups)
    results = [net.conv(moved, 3)]
    if seed % 3 == 0:
        results.append(net.conv(net.concat(moved, net.conv(net.inputs[0], 2)), 2))
    if seed % 3 == 1:
        results.append(net.conv(net.add(moved, x), 2, 5))
    if seed % 4 == 0:
        results.append(moved)
    if seed % 5 == 0:
        results.append(net.conv(shuffle(net, net.concat(moved, x), 2 * each), 2))
    return net, net.module(*results)


@pytest.mark.parametrize("seed", range(20))
def test_any_memory_gives_the_same_bits(seed: int):
    net, module = shuffled(seed)
    frames, plenty = net.frames(), chip_program(module, PLENTY)
    expected, whole = Machine(plenty).run_codes(*frames), memory_use(plenty)[1]
    made = 0
    for tenths in (2, 4, 7):
        try:
            file = assemble(chip_program(module, whole * tenths // 10))
        except RecogError as error:
            assert "is too small" in str(error)  # noqa: PT017
            continue
        made += 1
        assert assemble(disassemble(file)) == file
        for engine in ("fast", "gemm"):
            found = Machine(file, engine).run_codes(*frames)
            for output, wanted in zip(found, expected, strict=True):
                np.testing.assert_array_equal(output, wanted)
    assert made


def test_a_large_frame_takes_few_rows():
    """Of 20 channels of 200x300, less than 30 rows together."""
    net = ImageNetwork((2, 200, 300))
    x = net.conv(net.inputs[0], 20)
    module = net.module(net.conv(shuffle(net, x, 2), 3))
    chip_program(module, 20 * 30 * 300)


def striped(groups: int = 2, channels: int = 6) -> chip.ProgramOp:
    """A program that shuffles channels a few rows at a time."""
    net = ImageNetwork((2, 40, 9))
    x = net.conv(net.inputs[0], channels)
    return chip_program(net.module(net.conv(shuffle(net, x, groups), 3)), 2000)


def test_every_copy_is_needed():
    """Of the channels between those that others write, none counts as written."""
    program = striped()
    scope = program.scope
    copies = [op for op in program.instructions if isinstance(op, chip.CopyOp)]
    strides = {scope.tensor(op.input).strides[0] for op in copies}
    assert any(stride != scope.tensor(copies[0].output).strides[0] for stride in strides)
    for number in range(len(copies)):
        other = program.clone()
        found = [op for op in other.instructions if isinstance(op, chip.CopyOp)]
        found[number].detach()
        with pytest.raises((RecogError, VerifyException), match="is not there"):
            Machine(other).run_codes(np.zeros((1, 2, 40, 9), np.uint8))


def test_channels_of_a_ring_that_do_not_meet_are_refused():
    program = striped(groups=3)
    scope = program.scope
    sources = {scope.tensor(op.input) for op in program.instructions if isinstance(op, chip.CopyOp)}
    tensor = next(each for each in sources if each.strides[0] > each.held_rows * each.strides[1])
    tensor.properties["channel_stride"] = integer_field(tensor.strides[0] + 9)
    with pytest.raises(VerifyException, match="of one lie .* bytes apart, no multiple of"):
        program.verify()
