"""convert-lns-to-chip: the machine gives the lns level's bits on every network."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from lns_networks import Network, networks
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from recog.backend.assembly import assemble, disassemble, find_program
from recog.backend.interpreters.lns import run_lns
from recog.backend.machine import Machine
from recog.backend.machine import machine as machine_module
from recog.dialects import chip
from recog.dialects.chip.fields import ReferenceField
from recog.dialects.chip.records import layout
from recog.dialects.verification import verify_module
from recog.lowering.select.convert_lns_to_chip import ConvertLnsToChipPass
from recog.tools.context import make_context
from recog.tools.opt.ir_parser import parse_module

few = settings(max_examples=settings().max_examples // 5)
"""For what is slow, or the same in most examples."""


def lowered(module: ModuleOp) -> chip.ProgramOp:
    copy = module.clone()
    ConvertLnsToChipPass().apply(Context(), copy)
    verify_module(copy)
    return find_program(copy)


def as_tuple(outputs) -> tuple[np.ndarray, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


@given(networks())
def test_the_machine_gives_the_bits_of_lns(network: Network):
    verify_module(network.module)
    expected = run_lns(network.module, *network.inputs)
    data = assemble(lowered(network.module))
    assert assemble(disassemble(data)) == data
    machine = Machine(data)
    outputs = as_tuple(machine.run(*network.inputs))
    assert len(outputs) == len(expected)
    for output, wanted in zip(outputs, expected):
        np.testing.assert_array_equal(output, wanted)
        assert output.dtype == wanted.dtype
    for frame in range(3):
        alone = as_tuple(machine.run(*(x[frame : frame + 1] for x in network.inputs)))
        for output, single in zip(outputs, alone):
            np.testing.assert_array_equal(output[frame : frame + 1], single)


@given(networks())
def test_no_instruction_writes_what_it_reads(network: Network):
    program = lowered(network.module)
    tensors = {op.sym_name.data: op for op in program.descriptors if isinstance(op, chip.TensorOp)}
    for op in program.instructions:
        touched = {"input": set[int](), "output": set[int]()}
        for field, _ in layout(type(op)):
            if isinstance(field, ReferenceField) and field.target == "chip.tensor":
                name = op.properties[field.name].string_value()  # pyright: ignore
                touched[field.role] |= bytes_of(tensors[name])
        assert not touched["input"] & touched["output"]


def bytes_of(tensor: chip.TensorOp) -> set[int]:
    start, sizes, strides = tensor.address.value.data, tensor.shape, tensor.strides
    index = np.indices((*sizes, tensor.element_bytes)).reshape(4, -1)
    return {int(byte) for byte in start + np.dot([*strides, 1], index)}


@given(networks())
@few
def test_chunks_of_frames_do_not_show(network: Network):
    data = assemble(lowered(network.module))
    frames = [np.concatenate([x] * 3) for x in network.inputs]
    together = as_tuple(Machine(data).run(*frames))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine_module, "WORKING_BYTES", 600)
        apart = as_tuple(Machine(data).run(*frames))
    for one, other in zip(together, apart):
        np.testing.assert_array_equal(one, other)


@given(networks())
@few
def test_both_engines_give_the_same_bits(network: Network):
    data = assemble(lowered(network.module))
    frames = [x[:1] for x in network.inputs]
    quick = as_tuple(Machine(data, "gemm").run(*frames))
    plain = as_tuple(Machine(data, "reference").run(*frames))
    for one, other in zip(quick, plain):
        np.testing.assert_array_equal(one, other)


@given(networks())
@few
def test_lowering_twice_gives_equal_bytes(network: Network):
    assert assemble(lowered(network.module)) == assemble(lowered(network.module))


EDGE = """
!n = !lns.number<8, 4, bias = 99>
func.func @main(%x: tensor<1x2x3x4x!n>) -> tensor<1x2x4x4x!n> {
  %y = lns.relu %x : (tensor<1x2x3x4x!n>) -> tensor<1x2x3x4x!n>
  %t = lns.permute %y {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x2x3x4x!n>) -> tensor<1x2x4x3x!n>
  %edge = lns.slice %t {starts = array<i64: 0, 0, 0, 0>, stops = array<i64: 1, 2, 4, 1>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x2x4x3x!n>) -> tensor<1x2x4x1x!n>
  %z = lns.concat %edge, %t {axis = 3 : i64} : (tensor<1x2x4x1x!n>, tensor<1x2x4x3x!n>) -> tensor<1x2x4x4x!n>
  func.return %z : tensor<1x2x4x4x!n>
}
"""  # noqa: E501


def test_a_view_that_is_joined_with_a_part_of_itself():
    """As replicate padding does; the permuted value lies where the concatenation wants it."""
    module = parse_module(make_context(), EDGE.encode(), "edge.mlir")
    x = np.random.default_rng(0).integers(1, 100, (3, 2, 3, 4), dtype=np.uint8)
    (expected,) = run_lns(module, x)
    np.testing.assert_array_equal(Machine(assemble(lowered(module))).run(x), expected)
