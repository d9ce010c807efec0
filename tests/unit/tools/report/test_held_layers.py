"""Layers are read out of memory and compared in every element that a program computes, in stripes
and strips of any kind."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from image_networks import PLENTY, ImageNetwork, chip_program, divided, labelled, random_network
from random_detectors import random_detector
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    UnitAttr,
    i64,
)
from xdsl.ir import Attribute

from recog.backend.interpreters.lns import run_lns
from recog.backend.machine import Machine
from recog.dialects import chip, lns
from recog.dialects.chip.held_values import HOLDS, WHOLE, held_values
from recog.dialects.errors import RecogError
from recog.lowering.common.layer_names import label_of
from recog.tools.report.compare_bits import BitsCompared, LeftOut, compare_bits


def compared(
    module: ModuleOp, program: chip.ProgramOp, frames: list[np.ndarray], run: chip.ProgramOp | None
) -> BitsCompared:
    return compare_bits(module, ModuleOp([program.clone()]), Machine(run or program), frames)


def elements_of(module: ModuleOp, frames: list[np.ndarray]) -> int:
    total = 0

    def observe(op: object, results: tuple[np.ndarray, ...]) -> None:
        nonlocal total
        total += sum(result.size for result in results)

    run_lns(module, *frames, observe=observe)
    return total


def in_strips(module: ModuleOp) -> list[chip.ProgramOp]:
    """The network in strips of two widths, and as it fits half of the memory that it takes."""
    found = [divided(module, rows, strips) for rows, strips in ((1, 1), (2, 3))]
    used = max(
        op.address.value.data + op.extent
        for op in chip_program(module, PLENTY).descriptors
        if isinstance(op, chip.TensorOp)
    )
    with suppress(RecogError):  # a layer alone takes more
        found.append(chip_program(module, max(16, used // 32 * 16)))
    return [program for program in found if program is not None and HOLDS in program.attributes]


@pytest.mark.parametrize("seed", range(24))
def test_what_stripes_compute_is_compared(seed: int):
    net, module = random_network(seed, largest=19, pools=seed % 3 == 0)
    module, frames = labelled(module), net.frames(2)
    whole = compared(module, chip_program(module, PLENTY), frames, None)
    missing = sum(each.elements - each.computed for each in whole.left_out)
    assert whole.elements + 2 * missing == elements_of(module, frames)
    assert all(each.computed == 0 for each in whole.left_out)
    for program in in_strips(module):
        found = compared(module, program, frames, None)
        missing = sum(each.elements - each.computed for each in found.left_out)
        assert found.elements + 2 * missing == elements_of(module, frames)
        assert {each.layer for each in whole.left_out} <= {each.layer for each in found.left_out}


def resized() -> tuple[ImageNetwork, ModuleOp]:
    """Both kinds of resize, joined with what was before them; a layer of which no output needs
    every second row and column, and one that none needs."""
    net = ImageNetwork((2, 12, 12))
    first = net.conv(net.inputs[0], 3)
    half = net.conv(first, 3, 1, 2)
    near, smooth = net.resize(half, 12, 12), net.resize(half, 12, 12, "bilinear")
    joined = net.concat(near, net.inputs[0], smooth)
    net.relu(joined)
    return net, labelled(net.module(net.conv(joined, 2)))


def test_layers_that_are_not_computed_are_named():
    net, module = resized()
    program = divided(module, 2, 3)
    assert program is not None
    found = compared(module, program, net.frames(), None)
    relu = next(label_of(op) for op in module.walk() if isinstance(op, lns.ReluOp))
    conv, unused = found.left_out
    assert unused == LeftOut(str(relu), 0, 8 * 12 * 12)
    assert str(unused) == f'layer "{relu}" is not computed: no output needs it'
    assert (conv.layer, conv.elements) == ("0", 3 * 12 * 12)
    assert str(conv) == (
        f'layer "0": {conv.computed} of 432 elements are computed, no output needs the others'
    )
    every = elements_of(module, net.frames())
    assert found.elements == every - unused.elements - (conv.elements - conv.computed)


def changed(program: chip.ProgramOp, number: int) -> chip.ProgramOp:
    """The program with a ReLU too many in an instruction."""
    program = program.clone()
    program.instructions[number].properties["relu"] = UnitAttr()
    return program


def in_three_strips() -> tuple[ImageNetwork, ModuleOp, chip.ProgramOp]:
    net = ImageNetwork((2, 12, 12), seed=1)
    first = net.conv(net.inputs[0], 3)
    up = net.resize(net.conv(first, 3, stride=2), 12, 12, "bilinear")
    module = labelled(net.module(net.conv(net.concat(up, first), 2)))
    program = divided(module, 2, 3)
    assert program is not None
    return net, module, program


def test_a_changed_part_of_any_layer_is_found():
    """In strips that compute columns twice too, whichever of them is the wrong one."""
    net, module, program = in_three_strips()
    frames = net.frames(4)
    parts = [n for n, op in enumerate(program.instructions) if isinstance(op, chip.ConvOp)]
    assert len({label_of(program.instructions[n]) for n in parts}) == 3
    for number in parts:
        assert "relu" not in program.instructions[number].properties
        with pytest.raises(RecogError, match="bits") as caught:
            compared(module, program, frames, changed(program, number))
        label = label_of(program.instructions[number])
        assert str(caught.value.where) == f'layer "{label}"'


def moved(entry: Attribute) -> DictionaryAttr:
    """What is said to lie somewhere, said to lie where nothing does."""
    assert isinstance(entry, DictionaryAttr)
    return DictionaryAttr({**entry.data, "address": IntegerAttr(100_000, i64)})


def test_layers_held_where_nothing_is_written_are_errors():
    """They are not called unneeded, whichever of those it is that instructions compute."""
    net, module, program = in_three_strips()
    held = program.attributes[HOLDS]
    assert isinstance(held, ArrayAttr)
    made = {label_of(op) for op in program.instructions}
    for place, entry in enumerate(held.data):
        assert isinstance(entry, DictionaryAttr)
        label = entry.data["layer"]
        if not isinstance(label, StringAttr) or label.data not in made:
            continue
        entries = [*held.data[:place], moved(entry), *held.data[place + 1 :]]
        program.attributes[HOLDS] = ArrayAttr(entries)
        with pytest.raises(RecogError, match="where no instruction writes|some in none"):
            compared(module, program, net.frames(), None)


def test_a_strip_that_is_said_to_be_elsewhere_is_an_error():
    """Its columns were called unneeded, and compared with nothing."""
    net, module, program = in_three_strips()
    written = {
        tensor
        for op in program.instructions
        if "step" in op.attributes
        for name, tensor in op.tensor_fields(program.scope).items()
        if name == "output"
    }
    assert len(written) > 9
    for tensor in written:
        before = tensor.attributes[WHOLE]
        tensor.attributes[WHOLE] = moved(before)
        with pytest.raises(RecogError, match="some in none|where no instruction writes"):
            compared(module, program, net.frames(), None)
        tensor.attributes[WHOLE] = before


def test_ill_formed_places_are_errors():
    net, module = resized()
    program = divided(module, 2, 3)
    assert program is not None
    for value in (StringAttr("all"), DictionaryAttr({})):
        wrong = program.clone()
        tensor = next(op for op in wrong.descriptors if WHOLE in op.attributes)
        tensor.attributes[WHOLE] = value
        with pytest.raises(RecogError, match="must have an address and 3 strides"):
            compared(module, wrong, net.frames(), None)
    program.attributes[HOLDS] = StringAttr("all")
    with pytest.raises(RecogError, match="must be an array of dictionaries"):
        compared(module, program, net.frames(), None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("element_bytes", 3),
        ("address", -5),
        ("result", -1),
        ("shape", [1, 2]),
        ("shape", [3, 1 << 31, 12]),
        ("shape", [3, 0, 12]),
        ("strides", [1]),
        ("strides", [144, -12, 1]),
        ("layer", "1"),
    ],
)
@pytest.mark.parametrize("striped", [True, False])
def test_values_that_no_memory_holds_are_errors(
    field: str, value: int | str | list[int], striped: bool
):
    """No traceback, and no verdict, whatever the attributes say."""
    net, module = resized()
    program = divided(module, 2, 3) if striped else chip_program(module, PLENTY)
    assert program is not None
    op = next(op for op in program.walk() if HOLDS in op.attributes)
    held = op.attributes[HOLDS]
    assert isinstance(held, ArrayAttr)
    first, *others = held.data
    assert isinstance(first, DictionaryAttr)
    attribute = (
        StringAttr(value)
        if isinstance(value, str)
        else IntegerAttr(value, i64)
        if isinstance(value, int)
        else ArrayAttr([IntegerAttr(each, i64) for each in value])
    )
    op.attributes[HOLDS] = ArrayAttr([DictionaryAttr({**first.data, field: attribute}), *others])
    with pytest.raises(RecogError):
        compared(module, program, net.frames(), None)


def test_peaks_that_are_ranked_row_by_row_are_compared():
    """What is found in rows is no layer of the network: the heat map and the peaks are."""
    net = ImageNetwork((2, 23, 31))
    heat = net.conv(net.conv(net.inputs[0], 3), 9)
    peaks = lns.PeaksOp(heat, 5, None)
    net.block.add_op(peaks)
    module = labelled(net.module(*peaks.results))
    frames = net.frames(2)
    whole, program = (chip_program(module, memory) for memory in (PLENTY, 3000))
    assert any(isinstance(op, chip.PeaksRowsOp) for op in program.instructions)
    expected, found = (compared(module, each, frames, None) for each in (whole, program))
    assert found.elements == expected.elements
    assert found.left_out == expected.left_out
    assert found.elements >= 2 * 9 * 23 * 31


@pytest.mark.parametrize("seed", [1, 2, 6, 9])
def test_what_the_host_decodes_is_in_no_memory(seed: int):
    """Layers with labels on decoding too are compared: that it is right the outputs say."""
    net, module = random_detector(seed)
    module, frames = labelled(module), net.frames()
    decoders = lns.DecodeOp | lns.DecodeFixedOp
    decoded = {label_of(op) for op in module.walk() if isinstance(op, decoders)}
    for program in (chip_program(module, PLENTY), *in_strips(module)):
        assert compared(module, program, frames, None).elements > 0
        values = [value for op in program.walk() for value in held_values(op)]
        assert decoded
        assert not decoded & {value.layer for value in values}
