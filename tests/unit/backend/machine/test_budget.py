"""What a program may ask for is known before anything runs."""

from __future__ import annotations

import time

import pytest

from recog.backend.assembly import assemble
from recog.backend.machine import Budget, Machine
from recog.dialects import chip
from recog.dialects.chip import ChipTarget
from recog.dialects.errors import RecogError


def program(*body: chip.RecordOp | chip.SegmentOp) -> bytes:
    sizes = {"activation_memory": 1 << 28, "weight_memory": 1 << 28, "dram": 1 << 30}
    target = ChipTarget.from_values({**sizes, "accumulator": 64})
    return assemble(chip.ProgramOp("main", [*body, chip.HaltOp()], target))


def suppression(rows: int) -> bytes:
    """570 bytes that compare all pairs of rows."""
    integers = {"integer": True, "code_bits": 64, "frac": 0}
    boxes = {"height": 4, "integer": True, "fixed": True, "code_bits": 32}
    return program(
        chip.TensorOp(sym_name="b", address=0, channels=rows, **boxes),
        chip.TensorOp(sym_name="s", address=rows * 16, channels=rows),
        chip.TensorOp(sym_name="i", address=rows * 20, channels=rows, **integers),
        chip.TensorOp(sym_name="o", address=rows * 18, channels=rows),
        chip.NmsOp(output="o", boxes="b", scores="s", indices="i", cells=1, overlap=0),
    )


def products(channels: int) -> bytes:
    """One layer of 9 · channels² weights, all in one bit, on maps of 128 x 128."""
    count = channels * channels * 9
    image = {"channels": channels, "height": 128, "width": 128}
    shape = {"out_channels": channels, "in_channels": channels, "kernel_h": 3, "kernel_w": 3}
    return program(
        chip.SegmentOp("s", "tables", bytes([1]) + bytes(count // 8 + 1)),
        chip.TensorOp(sym_name="x", address=0, **image),
        chip.TensorOp(sym_name="y", address=channels * 128 * 128, **image),
        chip.CodebookOp(sym_name="c", address=0, entries=1),
        chip.WeightsOp(sym_name="w", codebook="c", pointers=1, pointer_bits=1, **shape),
        chip.LdwOp(segment="s", size=count // 8 + 2, address=0),
        chip.ConvOp(
            output="y",
            input="x",
            weights="w",
            pad_top=1,
            pad_left=1,
            pad_bottom=1,
            pad_right=1,
        ),
    )


def constants(count: int, *, apart: int) -> bytes:
    """Constants of 1 MiB, each `apart` bytes behind the one before."""
    size = (1 << 20) + apart * count
    return program(
        chip.SegmentOp("s", "tables", bytes([1]) * size),
        chip.TensorOp(sym_name="t", address=0, channels=1 << 20),
        chip.LdwOp(segment="s", size=size, address=0),
        *[chip.ConstantOp(output="t", address=i * apart) for i in range(count)],
    )


def enlargement(size: int) -> bytes:
    """500 bytes that make one element a map."""
    return program(
        chip.TensorOp(sym_name="x", address=0, channels=1),
        chip.TensorOp(sym_name="y", address=0, channels=1, height=size, width=size),
        chip.ResizeOp(output="y", input="x", mode="bilinear"),
    )


def padding(channels: int) -> bytes:
    """500 bytes that put 254 rows and columns around each element."""
    edges = {f"pad_{side}": 127 for side in ("top", "left", "bottom", "right")}
    window = {"kernel_h": 255, "kernel_w": 255, **edges}
    return program(
        chip.TensorOp(sym_name="x", address=0, channels=channels),
        chip.TensorOp(sym_name="y", address=channels, channels=channels),
        chip.PoolOp(output="y", input="x", mode="max", **window),
    )


def shared_weights(layers: int) -> bytes:
    """Layers whose 2^24 weights are the same bytes, unpacked for each."""
    shape = {"out_channels": 4096, "in_channels": 4096}
    names = [f"w{i}" for i in range(layers)]
    return program(
        chip.SegmentOp("s", "tables", bytes([1]) + bytes(1 << 21)),
        chip.TensorOp(sym_name="x", address=0, channels=4096),
        chip.TensorOp(sym_name="y", address=4096, channels=4096),
        chip.CodebookOp(sym_name="c", address=0, entries=1),
        *[
            chip.WeightsOp(sym_name=name, codebook="c", pointers=1, pointer_bits=1, **shape)
            for name in names
        ],
        chip.LdwOp(segment="s", size=(1 << 21) + 1, address=0),
        *[chip.ConvOp(output="y", input="x", weights=name) for name in names],
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lambda: suppression(40_000), "a frame takes 6.14e+11 steps, the budget is 5.5e+11"),
        (lambda: products(2048), "a frame takes 6.19e+11 steps"),
        (lambda: constants(300, apart=1), "reads at most 268435456 bytes of tables and constants"),
        (lambda: enlargement(16000), "may take 10,496,000,000 bytes of memory"),
        (lambda: padding(1 << 18), "may take 681,837,068,288 bytes of memory"),
        (lambda: shared_weights(17), "a program has at most 268435456 weights"),
    ],
    ids=["suppression", "products", "constants", "enlargement", "padding", "weights"],
)
def test_refused_before_anything_runs(data, words: str):
    start = time.process_time()
    with pytest.raises(RecogError) as error:
        Machine(data())
    assert words in str(error.value)
    assert time.process_time() - start < 10


def test_a_constant_that_many_instructions_read_is_held_once():
    machine = Machine(constants(3000, apart=0))
    constant_ops = [op for op in machine._instructions if isinstance(op, chip.ConstantOp)]
    assert len({id(machine._resident.table(op)) for op in constant_ops}) == 1


def test_budgets_are_raised_and_lowered():
    content = enlargement(300)
    assert Machine(content).run_codes() == ()
    with pytest.raises(RecogError, match="steps") as error:
        Machine(content, budget=Budget(steps=10))
    assert "chip.resize" in str(error.value)
    with pytest.raises(RecogError, match="memory"):
        Machine(content, budget=Budget(memory=1 << 20))
    Machine(products(64), budget=Budget(steps=1 << 30))
    with pytest.raises(RecogError, match=r"--max-steps"):
        Machine(products(64), budget=Budget(steps=1 << 28))


def test_work_is_counted():
    """64 · 64 · 9 products an output position, and the elements of the map itself."""
    machine = Machine(products(64))
    (conv,) = [op for op in machine._instructions if isinstance(op, chip.ConvOp)]
    positions = 128 * 128
    assert conv.work(machine.program.scope) == positions * 64 * (64 * 9) + positions * 64
    assert conv.elements(machine.program.scope)[0] == positions * 64
