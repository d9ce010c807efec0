"""The machine's own behaviour: inputs, observers, what it refuses to run."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.dialects.builtin import FileLineColLoc, IntAttr, StringAttr

from recog.backend.assembly import assemble, memory_use
from recog.backend.machine import Machine, run_program_op
from recog.backend.machine.memory import FrameMemory
from recog.dialects import chip
from recog.dialects.chip import ChipTarget
from recog.dialects.errors import RecogError

LINEAR = {"code_bits": 4, "frac": 0, "bias": 4}
"""Codes 4, 5, 6 are 1, 2, 4."""


def program(*body, target: ChipTarget | None = None) -> chip.ProgramOp:
    return chip.ProgramOp("main", [*(op.clone() for op in body), chip.HaltOp()], target)


def ports(**fields) -> list[chip.PortOp]:
    return [
        chip.InputOp(sym_name="in", address=0, channels=2, height=2, **LINEAR, **fields),
        chip.OutputOp(sym_name="out", address=16, channels=2, height=2, decoded=True, **LINEAR),
    ]


def tensors(**fields) -> list[chip.TensorOp]:
    names = {"x": 0, "y": 16}
    return [
        chip.TensorOp(sym_name=name, address=address, channels=2, height=2, **{**LINEAR, **fields})
        for name, address in names.items()
    ]


def doubling() -> chip.ProgramOp:
    body = [
        chip.DmaInOp(output="x", input="in"),
        chip.EltOp(output="y", lhs="x", rhs="x", mode="add"),
        chip.DmaOutOp(output="out", input="y"),
    ]
    return program(*ports(encoded=True), *tensors(), *body)


def frames(*values: float) -> np.ndarray:
    return np.array([[[[v], [v]]] * 2 for v in values], np.float32)


def test_floats_go_in_and_come_out():
    machine = Machine(doubling())
    outputs = machine.run(frames(1, 2, -0.25, 0, 1e9))
    assert isinstance(outputs, np.ndarray)
    np.testing.assert_array_equal(outputs, frames(2, 4, -0.5, 0, 8))
    assert outputs.dtype == np.float32


def test_any_number_type_is_taken_as_float32():
    machine = Machine(doubling())
    wanted = frames(2, 4)
    for dtype in (np.float64, np.float16, np.int64):
        np.testing.assert_array_equal(machine.run(frames(1, 2).astype(dtype)), wanted)
    np.testing.assert_array_equal(machine.run(frames(1, 2).tolist()), wanted)


def test_no_frames_give_no_outputs():
    outputs = Machine(doubling()).run(np.zeros((0, 2, 2, 1), np.float32))
    assert isinstance(outputs, np.ndarray)
    assert (outputs.shape, outputs.dtype) == ((0, 2, 2, 1), np.float32)


def test_codes_go_in_and_come_out():
    machine = Machine(doubling())
    codes = np.full((1, 2, 2, 1), 4, np.uint8)
    (outputs,) = machine.run_codes(codes)
    assert (outputs == 5).all()
    assert outputs.dtype == np.uint8
    assert (run_program_op(doubling(), [codes])[0] == 5).all()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], r"the program takes 1 input \(in\), got 0"),
        ([frames(1), frames(1)], r"the program takes 1 input \(in\), got 2"),
        ([frames(1)[0]], r"input @in: has shape \[2, 2, 1\], the program wants \[N, 2, 2, 1\]"),
        ([frames(1)[:, :1]], r"input @in: has shape \[1, 1, 2, 1\]"),
        ([frames(np.nan)], "input @in: holds NaN or infinity"),
        ([frames(1, -np.inf)], "input @in: holds NaN or infinity"),
        ([frames(1).astype(np.float64) * 1e300], "input @in: holds 1e.300, which no float32"),
        ([frames(1).astype(complex)], "input @in: has dtype complex64|complex128"),
        ([frames(1).astype(str)], "input @in: has dtype <U32, the program wants float32"),
        ([frames(1).astype(np.uint8)], "input @in: has dtype uint8, the program wants float32"),
        ([frames(1).astype(object)], "input @in: has dtype object"),
    ],
)
def test_inputs_that_do_not_fit(inputs: list[np.ndarray], message: str):
    with pytest.raises(RecogError, match=message):
        Machine(doubling()).run(*inputs)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.full((1, 2, 2, 1), 8, np.uint8), "holds values that are no codes of"),
        (np.full((1, 2, 2, 1), 16, np.uint8), "holds values that are no codes of"),
        (np.full((1, 2, 2, 1), 1, np.int8), "has dtype int8, codes of .* have uint8"),
        (np.full((1, 2, 2), 1, np.uint8), r"has shape \[1, 2, 2\]"),
    ],
)
def test_codes_that_do_not_fit(codes: np.ndarray, message: str):
    with pytest.raises(RecogError, match=f"input @in: {message}"):
        Machine(doubling()).run_codes(codes)


def test_several_inputs_want_equal_numbers_of_frames():
    first = chip.InputOp(sym_name="a", address=0, channels=1, rank=2)
    second = chip.InputOp(sym_name="b", address=1, channels=1, rank=2)
    output = chip.OutputOp(sym_name="c", address=2, channels=1, rank=2)
    again = chip.OutputOp(sym_name="d", address=3, channels=1, rank=2)
    tensor = chip.TensorOp(sym_name="x", address=0, channels=1)
    body = [
        chip.DmaInOp(output="x", input="a"),
        chip.DmaOutOp(output="c", input="x"),
        chip.DmaInOp(output="x", input="b"),
        chip.DmaOutOp(output="d", input="x"),
    ]
    machine = Machine(program(first, second, output, again, tensor, *body))
    ones, twos = np.full((3, 1), 1, np.uint8), np.full((3, 1), 2, np.uint8)
    outputs = machine.run(ones, twos)
    assert isinstance(outputs, tuple)
    assert [int(output.max()) for output in outputs] == [1, 2]
    with pytest.raises(RecogError, match=r"different numbers of frames: \[2, 3\]"):
        machine.run(ones, twos[:2])


def test_observers_see_memory_after_every_instruction():
    """What was read stays as it was: @x is overwritten after it was seen."""
    body = [
        chip.DmaInOp(output="x", input="in"),
        chip.EltOp(output="y", lhs="x", rhs="x", mode="add"),
        chip.CopyOp(output="x", input="y"),
    ]
    seen = list[tuple[int, np.ndarray]]()
    x, y = tensors()
    written = {0: x, 1: y, 2: x}

    def observe(number: int, memory: FrameMemory) -> None:
        if number in written:
            op = written[number]
            address = op.address.value.data
            codes = memory.read_at(address, op.shape, op.strides, np.dtype(np.uint8))
            seen.append((number, codes))

    Machine(program(*ports(encoded=True), x, y, *body)).run(frames(1, 2), observe=observe)
    assert [number for number, _ in seen] == [0, 1, 2]
    assert [codes[:, 0, 0, 0].tolist() for _, codes in seen] == [[4, 5], [5, 6], [5, 6]]
    assert seen[0][1].shape == (2, 2, 2, 1)


def test_a_program_whose_wait_nothing_signals_is_refused():
    body = [chip.MarkOp(number=1, signal=2), chip.MarkOp(number=2, wait=2)]
    assert Machine(program(*body)).run() == ()
    late = chip.MarkOp(number=3, wait=2)
    late.location = FileLineColLoc(StringAttr("net.py"), IntAttr(3), IntAttr(1))
    with pytest.raises(RecogError, match="'chip.mark' op at net.py:3: waits for semaphore 2"):
        Machine(program(*body, late))


def test_an_instruction_may_not_signal_itself():
    with pytest.raises(RecogError, match="waits for semaphore 1"):
        Machine(program(chip.MarkOp(number=1, wait=1, signal=1)))


def test_bytes_that_are_no_codes_of_the_tensor_are_refused():
    """@wide reads what @x wrote as codes of 3 bits: code 8 is not among them."""
    narrow = chip.TensorOp(
        sym_name="narrow", address=0, channels=2, height=2, code_bits=3, frac=0, bias=4
    )
    copied = chip.TensorOp(sym_name="z", address=32, channels=2, height=2, **LINEAR)
    body = [
        chip.DmaInOp(output="x", input="in"),
        chip.CopyOp(output="z", input="narrow"),
        chip.DmaOutOp(output="out", input="z"),
    ]
    machine = Machine(program(*ports(encoded=True), *tensors(), narrow, copied, *body))
    np.testing.assert_array_equal(machine.run(frames(0.125)), frames(0.125))
    with pytest.raises(RecogError, match=r"@narrow holds 0x4 at \[0, 0, 0\], which is no code of"):
        machine.run(frames(0.125, 1.0))


def test_memory_starts_as_zeros():
    body = [chip.DmaOutOp(output="out", input="x")]
    np.testing.assert_array_equal(
        Machine(program(*ports(encoded=True), *tensors(), *body)).run(frames(1)), frames(0)
    )


def overflowing(accumulator: int) -> chip.ProgramOp:
    """Four inputs of 2^7 (times the antilog's 2^6) with weights of 2^127."""
    body = [
        chip.SegmentOp("t", "tables", bytes([63] * 4)),
        chip.InputOp(sym_name="in", address=0, channels=4, rank=2, **LINEAR),
        chip.OutputOp(sym_name="out", address=16, channels=1, rank=2, **LINEAR),
        chip.TensorOp(sym_name="x", address=0, channels=4, **LINEAR),
        chip.TensorOp(sym_name="y", address=16, channels=1, **LINEAR),
        chip.CodebookOp(sym_name="c", address=0, entries=4, frac=2, unsigned=True),
        chip.WeightsOp(sym_name="w", codebook="c", out_channels=1, in_channels=4, bias=99),
        chip.LdwOp(segment="t", size=4, address=0),
        chip.DmaInOp(output="x", input="in"),
        chip.ConvOp(output="y", input="x", weights="w"),
        chip.DmaOutOp(output="out", input="y"),
    ]
    return program(*body, target=ChipTarget(accumulator=accumulator))


def test_accumulators_that_may_overflow_are_never_run():
    """4 · A[3] · 2^(15 + 7) with A[3] = RNE(2^(3/4) · 2^6) = 108."""
    codes = np.zeros((1, 4), np.uint8)
    bound = 4 * 108 << (15 + 7)
    assert 1 << 30 < bound < 1 << 31
    assert Machine(overflowing(32)).run_codes(codes)[0].tolist() == [[0]]
    with pytest.raises(RecogError, match=f"output channel 0 of @w may reach {bound}, acc"):
        Machine(overflowing(31)).run_codes(codes)


def test_sums_and_means_that_may_overflow_are_never_run():
    target = ChipTarget(accumulator=16)
    fields = {"code_bits": 5, "frac": 0, "bias": 4}
    pool = chip.PoolOp(output="z", input="x", mode="avg", kernel_h=2, kernel_w=1)
    z = chip.TensorOp(sym_name="z", address=32, channels=2, **fields)
    add = chip.EltOp(output="y", lhs="x", rhs="x", mode="add")
    for op in (pool, add):
        machine = Machine(program(*tensors(**fields), z, op, target=target))
        with pytest.raises(RecogError, match="the sum may reach 4194304, accumulators hold 32767"):
            machine.run()


def test_a_program_runs_on_its_own_target_only():
    data = assemble(doubling())
    Machine(data, target=ChipTarget())
    with pytest.raises(RecogError, match=r"made for target recog-1 \(\w{8}\), this machine is x"):
        Machine(data, target=ChipTarget(name="x"))


def test_unknown_engines():
    with pytest.raises(RecogError, match="unknown engine 'quick'"):
        Machine(doubling(), "quick")


def test_frames_that_no_host_would_hold():
    far = chip.TensorOp(sym_name="x", address=(1 << 32) - 1, channels=1)
    huge = program(far, target=ChipTarget.from_values({"activation_memory": 1 << 32}))
    with pytest.raises(RecogError, match="a frame may take 4,294,967,296 bytes of memory"):
        Machine(huge)


def test_only_the_memory_that_is_used_exists():
    assert memory_use(doubling()) == (0, 20, 20)
    assert Machine(doubling()).weight_bytes == 0
    assert Machine(overflowing(32)).weight_bytes == 4
