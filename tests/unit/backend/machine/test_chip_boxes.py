"""Peaks, boxes and suppression: the machine gives the bits of the lns level, and refuses well."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lns_networks import random_codes
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue

from recog.backend.assembly import assemble, disassemble, find_program
from recog.backend.interpreters.lns import run_lns
from recog.backend.machine import Machine
from recog.dialects import lns
from recog.dialects.box_geometry import CameraGeometry, ImageGeometry
from recog.dialects.errors import RecogError
from recog.dialects.lns import number_tensor
from recog.dialects.number_format import LnsFormat
from recog.dialects.verification import verify_module
from recog.lowering.select.convert_lns_to_chip import ConvertLnsToChipPass

IMAGE, CAMERA = (
    ImageGeometry(1 << 18, 1 << 16),
    CameraGeometry(
        1 << 18, (1 << 20, 1 << 19), 700 << 16, 560000, -58000, tuple(range(-9000, 9000, 2000))
    ),
)
SCORES = LnsFormat(16, 12, 65535, unsigned=True)


@st.composite
def formats(draw) -> LnsFormat:
    width, frac = draw(st.sampled_from([3, 8, 13, 16])), draw(st.integers(0, 12))
    format = LnsFormat(width, frac, unsigned=draw(st.booleans()))
    return format.with_bias(format.max_magnitude - (draw(st.integers(-2, 6)) << frac))


class Maker:
    """Appends ops to a function whose arguments are maps of codes."""

    def __init__(self):
        self.block = Block()
        self.inputs: list[np.ndarray] = []

    def map(self, codes: np.ndarray, format: LnsFormat) -> SSAValue:
        self.inputs.append(codes)
        type_ = number_tensor((1, *codes.shape[1:]), format)
        return self.block.insert_arg(type_, len(self.block.args))

    def add(self, op: Operation) -> Operation:
        self.block.add_op(op)
        return op

    def module(self, *outputs: SSAValue) -> ModuleOp:
        self.add(ReturnOp(*outputs))
        types = [list(self.block.arg_types), [value.type for value in outputs]]
        module = ModuleOp([FuncOp("main", tuple(types), Region(self.block))])  # pyright: ignore
        verify_module(module)
        return module


def program_of(module: ModuleOp) -> bytes:
    copy = module.clone()
    ConvertLnsToChipPass().apply(Context(), copy)
    verify_module(copy)
    return assemble(find_program(copy))


@st.composite
def detectors(draw) -> tuple[ModuleOp, list[np.ndarray]]:
    """Heads as random codes, three frames each; all the ops that end a detector."""
    maker = Maker()
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 6))

    def head(channels: int, format: LnsFormat) -> SSAValue:
        codes = random_codes(random, (3, channels, height, width), format)
        if draw(st.integers(0, 4)) == 0:
            codes[0] = 0
        return maker.map(codes, format)

    heat = head(draw(st.integers(1, 3)), draw(formats()))
    k = draw(st.integers(1, min(8, prod(lns.shape_of(heat)))))
    sigmoid = draw(st.sampled_from([None, SCORES]))
    peaks = maker.add(lns.PeaksOp(heat, k, sigmoid))
    scores, indices = peaks.results
    heads = head(2, draw(formats())), head(2, draw(formats()))
    image = maker.add(lns.DecodeBoxes2dOp(indices, *heads, IMAGE, draw(st.integers(0, 12))))
    boxes = head(1, draw(formats())), head(7, draw(formats()))
    space = maker.add(lns.DecodeBoxes3dOp(indices, *boxes, CAMERA, draw(st.integers(0, 12))))
    overlap = draw(st.sampled_from([0, 1000, 32768, 65536]))
    kept = maker.add(lns.SuppressOp(image, scores, indices, height * width, overlap))
    outputs = [
        maker.add(lns.DecodeOp(kept)).results[0],
        maker.add(lns.DecodeFixedOp(image)).results[0],
        maker.add(lns.DecodeFixedOp(space)).results[0],
        *draw(st.sampled_from([[], [scores], [indices, image.results[0]]])),
    ]
    return maker.module(*outputs), maker.inputs


@given(detectors())
@settings(max_examples=settings().max_examples // 2)
def test_the_machine_gives_the_bits_of_lns(detector: tuple[ModuleOp, list[np.ndarray]]):
    module, inputs = detector
    expected = run_lns(module, *inputs)
    data = program_of(module)
    assert assemble(disassemble(data)) == data
    outputs = Machine(data).run(*inputs)
    assert len(outputs) == len(expected)
    for output, wanted in zip(outputs, expected):
        np.testing.assert_array_equal(output, wanted)
        assert output.dtype == wanted.dtype


def single_detector() -> tuple[ModuleOp, list[np.ndarray]]:
    maker, format = Maker(), LnsFormat(8, 4, 64)
    random = np.random.default_rng(0)
    maps = [
        maker.map(random_codes(random, (1, channels, 3, 4), format), format)
        for channels in (2, 1, 7)
    ]
    peaks = maker.add(lns.PeaksOp(maps[0], 3))
    space = maker.add(lns.DecodeBoxes3dOp(peaks.results[1], maps[1], maps[2], CAMERA))
    return maker.module(maker.add(lns.DecodeFixedOp(space)).results[0]), maker.inputs


def test_parameters_of_a_damaged_program_are_refused():
    """The words of the camera, in the IR of a program, with a stride of zero."""
    module, _ = single_detector()
    copy = module.clone()
    ConvertLnsToChipPass().apply(Context(), copy)
    program = find_program(copy)
    segment = program.segments[0]
    content = bytearray(segment.data)
    content[:4] = bytes(4)
    damaged = type(segment)(segment.sym_name.data, segment.kind.data, bytes(content))
    segment.properties["content"] = damaged.content
    with pytest.raises(RecogError, match=r"stride must be in \[1, 67108864\], got 0"):
        Machine(copy)


def test_indices_beyond_the_priors_stop_the_machine():
    """A program for one class more than its camera has priors for."""
    maker, format = Maker(), LnsFormat(8, 4, 64)
    codes = [np.full((1, channels, 2, 2), 70, np.uint8) for channels in (4, 1, 7)]
    codes[0][0, :3] = 0
    maps = [maker.map(each, format) for each in codes]
    peaks = maker.add(lns.PeaksOp(maps[0], 1))
    space = maker.add(lns.DecodeBoxes3dOp(peaks.results[1], maps[1], maps[2], CAMERA))
    module = maker.module(maker.add(lns.DecodeFixedOp(space)).results[0])
    with pytest.raises(RecogError, match="index 12 is beyond the 3 classes with priors"):
        run_lns(module, *maker.inputs)
    with pytest.raises(RecogError, match="index 12 is beyond the 3 classes with priors"):
        Machine(program_of(module)).run_codes(*maker.inputs)


def test_a_constant_box_has_no_instruction():
    maker, format = Maker(), LnsFormat(8, 4, 64)
    heat = maker.map(np.zeros((1, 1, 2, 2), np.uint8), format)
    scores, indices = maker.add(lns.PeaksOp(heat, 2)).results
    from recog.dialects.data import ConstantOp
    from recog.dialects.lns.fixed import FixedFormat, FixedType

    boxes = maker.add(
        ConstantOp.from_array(np.zeros((1, 2, 4), np.int32), FixedType(FixedFormat(4)))
    )
    kept = maker.add(lns.SuppressOp(boxes, scores, indices, 4, 0))
    with pytest.raises(RecogError, match="must be computed, not constant"):
        program_of(maker.module(kept.results[0]))
