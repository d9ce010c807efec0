"""An argmax whose indices only the host takes: in memory they have as few bytes as they need, and
the host gets what the network gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from recog.backend.arithmetic.engine import ENGINES
from recog.backend.assembly import assemble, find_program, load_program
from recog.backend.assembly.assembler import isa_of, memory_use
from recog.backend.assembly.container import read_container, write_container
from recog.backend.cost import program_cost
from recog.backend.interpreters.lns import run_lns
from recog.backend.machine import Machine
from recog.dialects import chip
from recog.dialects.errors import RecogError
from recog.dialects.shapes import reduced_shape
from recog.dialects.tensors import integer
from recog.lowering.select.convert_lns_to_chip import ConvertLnsToChipPass
from recog.tools.context import make_context
from recog.tools.opt.ir_parser import parse_module

NUMBER = "!n = !lns.number<8, 4, bias = 99>\n"


def parsed(text: str) -> ModuleOp:
    return parse_module(make_context(), (NUMBER + text).encode(), "test.mlir")


def argmax_of(
    shape: tuple[int, ...], axis: int = 1, element: str = "i64", *, keepdims: bool = False
) -> ModuleOp:
    result = "x".join(map(str, reduced_shape(shape, [axis], keepdims)))
    kept = ", keepdims" if keepdims else ""
    x, y = f"tensor<{'x'.join(map(str, shape))}x!n>", f"tensor<{result}x{element}>"
    return parsed(f"""
func.func @main(%x: {x}) -> {y} {{
  %i = lns.argmax %x {{axis = {axis} : i64{kept}}} : ({x}) -> {y}
  func.return %i : {y}
}}""")


def lowered(module: ModuleOp, memory: int | None = None) -> chip.ProgramOp:
    copy = module.clone()
    ConvertLnsToChipPass(activation_memory=memory).apply(Context(), copy)
    return load_program(copy)


def output_of(program: chip.ProgramOp) -> chip.OutputOp:
    return next(op for op in program.ports if isinstance(op, chip.OutputOp))


def codes_of(shape: tuple[int, ...], frames: int = 2, *, last: bool = False) -> np.ndarray:
    """Codes of few values, so that many are equal; `last` makes the last class the largest."""
    codes = np.random.default_rng(0).integers(0, 4, (frames, *shape[1:]), np.uint8)
    if last:
        codes[:, -1] = 9
    return codes


def check(module: ModuleOp, *frames: np.ndarray, memory: int | None = None) -> chip.ProgramOp:
    """The program of a module, whose outputs are those of the lns level on every engine."""
    program = lowered(module, memory)
    expected = run_lns(module, *frames, engine="reference")
    for engine in ENGINES:
        for run in (Machine(program, engine).run, Machine(program, engine).run_codes):
            found = run(*frames)
            found = found if isinstance(found, tuple) else (found,)
            assert [each.dtype for each in found] == [each.dtype for each in expected]
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, other)
    return program


@pytest.mark.parametrize(
    ("classes", "bits"), [(1, 8), (2, 8), (128, 8), (129, 8), (256, 8), (257, 16), (65537, 32)]
)
def test_the_fewest_whole_bytes_that_hold_the_indices(classes: int, bits: int):
    shape = (1, classes, 1, 3)
    program = check(argmax_of(shape), codes_of(shape, last=True))
    port = output_of(program)
    fields = (port.code_bits, port.host_bits)
    assert [each.value.data for each in fields] == [bits, 64]
    assert port.unsigned is not None
    assert port.extent == 3 * bits // 8
    assert isa_of(program) == (3, 2)


def test_the_last_of_65536():
    shape = (1, 1 << 16)
    codes = codes_of(shape, last=True)
    program = check(argmax_of(shape), codes)
    assert output_of(program).code_bits.value.data == 16
    assert Machine(program).run_codes(codes)[0].tolist() == [65535, 65535]


@pytest.mark.parametrize("element", ["i8", "i16", "i32", "i64"])
def test_the_host_takes_what_the_network_gives(element: str):
    shape = (1, 5, 2, 3)
    port = output_of(check(argmax_of(shape, element=element), codes_of(shape)))
    width = int(element[1:])
    assert port.code_bits.value.data == 8
    assert port.host_bits.value.data == (width if width > 8 else 0)
    assert (port.unsigned is None) == (width == 8)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((1, 4, 3, 5), 1), ((1, 4, 3, 5), 2), ((1, 4, 3, 5), 3), ((1, 4, 3), 2)],
)
@pytest.mark.parametrize("keepdims", [False, True])
def test_along_any_axis(shape: tuple[int, ...], axis: int, keepdims: bool):
    check(argmax_of(shape, axis, keepdims=keepdims), codes_of(shape, frames=3))


def test_the_lowest_of_equals_and_no_frames():
    shape = (1, 200, 2, 2)
    program = lowered(argmax_of(shape))
    codes = np.full((2, 200, 2, 2), 5, np.uint8)
    assert Machine(program).run_codes(codes)[0].tolist() == [[[0, 0], [0, 0]]] * 2
    codes[1, 150:] = 7
    assert Machine(program).run_codes(codes)[0][1].tolist() == [[150, 150], [150, 150]]
    none = Machine(program).run(codes[:0])
    assert isinstance(none, np.ndarray)
    assert (none.dtype, none.shape) == (np.int64, (0, 2, 2))


def test_one_that_two_outputs_give():
    x, y = "tensor<1x5x2x3x!n>", "tensor<1x2x3xi64>"
    module = parsed(f"""
func.func @main(%x: {x}) -> ({y}, {x}, {y}) {{
  %r = lns.relu %x : ({x}) -> {x}
  %i = lns.argmax %r : ({x}) -> {y}
  func.return %i, %r, %i : {y}, {x}, {y}
}}""")
    program = check(module, codes_of((1, 5, 2, 3)))
    widths = [op.host_bits.value.data for op in program.ports if isinstance(op, chip.OutputOp)]
    assert widths == [64, 0, 64]


@pytest.mark.parametrize("given", [False, True])
def test_what_boxes_are_decoded_at_stays_wide(given: bool):
    """Also where the host takes it too."""
    boxes, indices = "tensor<1x3x4x!lns.fixed<32, 8>>", "tensor<1x3xi64>"
    results, types = ("%b, %i", f"{boxes}, {indices}") if given else ("%b", boxes)
    module = parsed(f"""
func.func @main(%x: tensor<1x6x3x!n>, %o: tensor<1x2x2x3x!n>) -> ({types}) {{
  %i = lns.argmax %x : (tensor<1x6x3x!n>) -> {indices}
  %b = lns.decode_boxes_2d %i, %o, %o {{stride = 65536 : i64, extent = 0 : i64}} :
    ({indices}, tensor<1x2x2x3x!n>, tensor<1x2x2x3x!n>) -> {boxes}
  func.return {results} : {types}
}}""")
    program = check(module, codes_of((1, 6, 3)), codes_of((1, 2, 2, 3)))
    assert isa_of(program) == (2, 1)
    (argmax,) = [op for op in program.instructions if isinstance(op, chip.ArgmaxOp)]
    assert program.scope.tensor(argmax.output).code_bits.value.data == 64


@pytest.mark.parametrize("keepdims", [False, True])
def test_rows_at_a_time_in_rings(keepdims: bool):
    """Activation memory, DRAM and what the cost model counts take a byte for each index."""
    shape = (1, 9, 64, 48)
    codes = codes_of(shape, frames=2)
    program = check(argmax_of(shape, keepdims=keepdims), codes, memory=4096)
    assert any(op.rows.value.data for op in program.instructions)
    dram = 9 * 64 * 48 + 64 * 48
    assert sum(port.extent for port in program.ports) == dram
    assert memory_use(program)[2] == dram
    assert program_cost(program).moved("dram") == dram


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"host_bits": 16}, "host_bits must be more than the 16 bits that are stored, got 16"),
        ({"host_bits": 8}, "host_bits must be 16, 32 or 64, or 0 for none, got 8"),
        ({"host_bits": 127}, "host_bits must be in .0, 64., got 127"),
        ({"code_bits": 8}, "element type must be ui16, got ui8"),
        ({"code_bits": 64, "host_bits": 0}, "element type must be ui16, got ui64"),
        ({"integer": False}, "only integers, not codes or fixed point, have host_bits"),
    ],
)
def test_files_whose_output_has_other_types_are_refused(changed: dict[str, int], message: str):
    program = lowered(argmax_of((1, 300, 1, 2)))
    port = output_of(program)
    for name, value in changed.items():
        port.properties.pop(name, None)
        port.properties |= {name: integer(value)} if value is not False else {}
    with pytest.raises(RecogError, match=message):
        Machine(assemble(program, verified=True))


def test_files_that_hold_indices_in_too_few_bits_are_refused():
    """Wherever they are written, and whatever the host takes."""
    program = lowered(argmax_of((1, 300, 1, 2)))
    for op in (*program.ports, *program.descriptors):
        if op.properties.get("code_bits") == integer(16):
            op.properties["code_bits"] = integer(8)
    with pytest.raises(RecogError, match="ui8 cannot hold the index 299"):
        Machine(assemble(program, verified=True))


def test_files_of_the_version_before_have_no_host_bits():
    data = assemble(lowered(argmax_of((1, 3, 1, 2))))
    with pytest.raises(RecogError, match="it uses instruction set 3.2, its header says 3.1"):
        Machine(write_container(read_container(data)._replace(isa=(3, 1))))


def test_the_host_takes_wide_indices_while_the_program_waits():
    module = parsed("""
chip.program @main {
  chip.input @x {address = 0, channels = 200, rank = 2}
  chip.input @later {address = 256, channels = 1, rank = 2}
  chip.output @class {address = 512, channels = 1, integer, unsigned, rank = 2, host_bits = 64}
  chip.output @same {address = 768, channels = 1, rank = 2}
  chip.tensor @scores {address = 0, channels = 200}
  chip.tensor @index {address = 256, channels = 1, integer, unsigned}
  chip.tensor @given {address = 512, channels = 1}
  chip.dma.in @scores = @x
  chip.argmax @index = @scores
  chip.dma.out @class = @index
  chip.dma.in @given = @later
  chip.dma.out @same = @given
  chip.halt
}""")
    codes = np.ones((2, 200), np.uint8)
    codes[1, 170] = 2

    def host(number: int, outputs: Callable[[], Sequence[np.ndarray]]) -> np.ndarray:
        classes, _ = outputs()
        assert (number, classes.dtype) == (1, np.int64)
        return (classes // 10).astype(np.uint8)

    classes, same = Machine(find_program(module)).run_with_host(codes, frames=2, host=host)
    assert classes.dtype == np.int64
    assert (classes.tolist(), same.tolist()) == ([[0], [170]], [[0], [17]])


def test_the_same_program_again():
    module = argmax_of((1, 9, 4, 4))
    copy = module.clone()
    ConvertLnsToChipPass().apply(Context(), copy)
    data = assemble(copy)
    assert assemble(load_program(data)) == data == assemble(find_program(copy))
