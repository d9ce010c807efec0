"""Golden hashes: the same for every schedule and engine, and what differs is found."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from image_networks import ImageNetwork, chip_program, divided, random_network, skips
from xdsl.dialects.builtin import ModuleOp

from recog.backend.assembly import assemble, disassemble, memory_use
from recog.backend.machine import Machine, step_hashes
from recog.backend.machine.golden import (
    Golden,
    GoldenRecorder,
    GoldenVerifier,
    read_golden,
    write_golden,
)
from recog.dialects import chip
from recog.dialects.errors import RecogError
from recog.dialects.tensors import element_type_of
from recog.lowering.select import layout, program_builder

PLENTY = 1 << 26
FILE = Path("golden.json")


def program_of(module: ModuleOp, memory: int = PLENTY) -> chip.ProgramOp:
    return chip_program(module, memory)


def memory_of(program: chip.ProgramOp) -> int:
    return memory_use(program)[1]


def recorded(program: chip.ProgramOp | bytes, frames: list[np.ndarray], engine="fast") -> Golden:
    machine = Machine(program, engine)
    recorder = GoldenRecorder(machine.program, frames)
    machine.run_codes(*frames, observe=recorder.observe)
    return recorder.golden


@pytest.mark.parametrize("seed", range(6))
def test_the_same_for_every_schedule(seed: int):
    net, module = random_network(seed)
    whole, frames = program_of(module), net.frames(2)
    golden = recorded(whole, frames)
    assert all(len(step.hashes) == 2 for step in golden.steps.values())
    parts = program_of(module, memory_of(whole) * 3 // 4)
    assert len(parts.instructions) > len(whole.instructions)
    assert recorded(assemble(parts), frames) == golden


def test_strips_that_compute_columns_twice_count_them_once():
    net, module = skips(48, 64)
    whole, frames = program_of(module), net.frames(1)
    parts = program_of(module, memory_of(whole) // 16)
    products = [
        sum(op.work(program.scope) for op in program.instructions if isinstance(op, chip.ConvOp))
        for program in (whole, parts)
    ]
    assert products[1] > products[0]
    assert recorded(parts, frames) == recorded(whole, frames)


def test_the_same_on_every_engine():
    net, module = random_network(3)
    program, frames = program_of(module), net.frames(2)
    assert recorded(program, frames, "reference") == recorded(program, frames)


def test_the_same_for_indices_of_any_width(monkeypatch: pytest.MonkeyPatch):
    """Values are hashed, not bytes: what was written down of wide indices holds for narrow ones."""
    net = ImageNetwork((3, 11, 7))
    x = net.conv(net.inputs[0], 5)
    module, frames = net.module(net.argmax(x), net.argmax(net.conv(x, 260, 1))), net.frames(2)
    narrow, parts = program_of(module), program_of(module, 2000)
    for lowering in (layout, program_builder):
        monkeypatch.setattr(lowering, "stored_type", element_type_of)
    wide = program_of(module)
    widths = [[op.code_bits.value.data for op in each.ports] for each in (narrow, parts, wide)]
    assert widths == [[8, 8, 16], [8, 8, 16], [8, 64, 64]]
    golden = recorded(wide, frames)
    assert Machine(wide).run_codes(*frames)[1].max() > 127
    assert recorded(narrow, frames) == recorded(parts, frames) == golden


def test_chunks_of_frames_go_on(monkeypatch: pytest.MonkeyPatch):
    net, module = random_network(1)
    program, frames = program_of(module), net.frames(3)
    golden = recorded(program, frames)
    monkeypatch.setattr(Machine, "frames_at_once", 2)
    assert recorded(program, frames) == golden


@pytest.mark.filterwarnings("error")
def test_channels_that_are_hashed_one_by_one_add_up(monkeypatch: pytest.MonkeyPatch):
    """Modulo 2^64, in silence."""
    net, module = random_network(1)
    program, frames = program_of(module), net.frames(2)
    golden = recorded(program, frames)
    monkeypatch.setattr(step_hashes, "ELEMENTS_AT_ONCE", 1)
    assert recorded(program, frames) == golden


def test_the_first_step_that_differs_is_named():
    net, module = random_network(2)
    program, frames = program_of(module), net.frames(2)
    golden = recorded(program, frames)
    numbers = sorted(golden.steps)
    for wrong in (numbers[0], numbers[-1]):
        hashes = golden.steps[wrong].hashes
        right, hashes[1] = hashes[1], "0" * 16
        machine = Machine(program)
        verifier = GoldenVerifier(golden, machine.program, frames, FILE)
        found = rf"step {wrong}, .* is the first that differs from .*golden.json, in frame 1"
        with pytest.raises(RecogError, match=found):
            machine.run_codes(*frames, observe=verifier.observe)
        hashes[1] = right
    machine = Machine(program)
    verifier = GoldenVerifier(golden, machine.program, frames, FILE)
    machine.run_codes(*frames, observe=verifier.observe)
    assert verifier.compared == 2 * len(numbers)


def test_one_wrong_code_is_found():
    """Also where it changes no output of the program."""
    net, module = skips(16, 16)
    program, frames = program_of(module), net.frames(1)
    machine = Machine(program)
    golden = recorded(program, frames)
    verifier = GoldenVerifier(golden, machine.program, frames, FILE)
    numbered = enumerate(machine.program.instructions)
    at, conv = next((i, op) for i, op in numbered if isinstance(op, chip.ConvOp))
    place = machine.program.scope.tensor(conv.output)

    def damage(number, memory):
        if number == at:
            values = memory.read(place).copy()
            first = values[0, 0, 0]
            first[0] = next(each for each in np.unique(values) if each != first[0])
            memory.write(place, values)
        verifier.observe(number, memory)

    with pytest.raises(RecogError, match="is the first that differs"):
        machine.run_codes(*frames, observe=damage)


def test_other_inputs_and_networks_are_refused():
    net, module = random_network(2)
    program, frames = program_of(module), net.frames(2)
    golden = recorded(program, frames)
    with pytest.raises(RecogError, match="other inputs: frame 1 differs"):
        changed = [x.copy() for x in frames]
        changed[0][1] ^= 1
        GoldenVerifier(golden, program, changed, FILE)
    with pytest.raises(RecogError, match="has 2 frames, there are 3 to run"):
        GoldenVerifier(golden, program, net.frames(3), FILE)
    GoldenVerifier(golden, program, [x[:1] for x in frames], FILE)
    with pytest.raises(RecogError, match="of a network of"):
        GoldenVerifier(golden, program_of(skips(8, 8)[1]), frames, FILE)


def test_parts_without_their_steps_are_refused():
    net, module = random_network(0)
    program = program_of(module, memory_of(program_of(module)) // 2)
    stripped = disassemble(assemble(program, strip=True))
    with pytest.raises(RecogError, match="do not say which step they are parts of"):
        GoldenRecorder(stripped, net.frames(1))


def strided() -> tuple[ImageNetwork, ModuleOp]:
    """Of the first layer no output needs every second row and column."""
    net = ImageNetwork((2, 13, 12))
    return net, net.module(net.resize(net.conv(net.conv(net.inputs[0], 3), 3, 1, 2), 9, 9))


def test_steps_that_are_computed_in_part_are_not_compared_and_named():
    net, module = strided()
    frames, whole, parts = net.frames(2), program_of(module), divided(module, 1, 3)
    assert parts is not None
    golden = [recorded(program, frames) for program in (whole, parts)]
    assert [len(each.steps[0].hashes) for each in golden] == [2, 0]
    others = [{n: step for n, step in each.steps.items() if n} for each in golden]
    assert others[0] == others[1]
    for known, program in ((golden[0], parts), (golden[1], whole), (golden[1], parts)):
        verifier = GoldenVerifier(known, program, frames, FILE)
        Machine(program).run_codes(*frames, observe=verifier.observe)
        assert verifier.left_out == [known.steps[0].name]
        assert verifier.compared == 2 * (len(known.steps) - 1)
    verifier = GoldenVerifier(golden[0], whole, frames, FILE)
    Machine(whole).run_codes(*frames, observe=verifier.observe)
    assert (verifier.left_out, verifier.compared) == ([], 2 * len(golden[0].steps))


def test_files(tmp_path: Path):
    net, module = random_network(0)
    golden = recorded(program_of(module), net.frames(2))
    path = tmp_path / "golden.json"
    write_golden(golden, path)
    assert read_golden(path) == golden


def changed(content: dict, **values: object) -> dict:
    """Of the first step other values."""
    first, *others = content["steps"]
    return content | {"steps": [first | values, *others]}


@pytest.mark.parametrize(
    "damage, reason",
    [
        (lambda content: "[]", "not made as recog run --record"),
        (lambda content: "{", "Expecting"),
        (lambda content: "9" * 5000, r"value has 5000 digits$"),
        (lambda content: json.dumps(content | {"golden": 2}), "it has format 2, not 1"),
        (lambda content: json.dumps(content | {"golden": True}), "it has format True, not 1"),
        (lambda content: json.dumps(content | {"frames": ["ff"]}), "not 64 hexadecimal digits"),
        (lambda content: json.dumps(content | {"frames": []}), "2 hashes for 0 frames"),
        (lambda content: json.dumps(content | {"steps": [{"step": 0}]}), 'lacks "name"'),
        (lambda content: json.dumps(content | {"steps": [7]}), "not made as recog run --record"),
        (lambda content: "[" * 100_000, "nested too deeply"),
        (lambda content: json.dumps(changed(content, step=True)), "a step has a number"),
        (lambda content: json.dumps(changed(content, step=1)), "step 1 is there twice"),
        (
            lambda content: json.dumps(
                content | {"steps": [each | {"hashes": []} for each in content["steps"]]}
            ),
            "no step has any",
        ),
    ],
)
def test_damaged_files_are_refused(damage, reason: str, tmp_path: Path):
    net, module = random_network(0)
    path = tmp_path / "golden.json"
    write_golden(recorded(program_of(module), net.frames(2)), path)
    path.write_text(damage(json.loads(path.read_text())))
    with pytest.raises(RecogError) as error:
        read_golden(path)
    assert re.search(f"holds no golden hashes: .*{reason}", error.value.message)


@pytest.mark.parametrize("name", ["\ud800", "a\x1b[31m", "b\nc"])
def test_names_are_printed_as_they_are_or_escaped(name: str, tmp_path: Path):
    """A half of a pair of UTF-16 ended in an internal error, others in orders to the terminal."""
    net, module = random_network(0)
    frames, path = net.frames(1), tmp_path / "golden.json"
    write_golden(recorded(program_of(module), frames), path)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(changed(content, name=name, hashes=[])))
    verifier = GoldenVerifier(read_golden(path), program_of(module), frames, path)
    assert verifier.left_out[0] == ascii(name)[1:-1]


def test_files_of_other_steps_are_refused(tmp_path: Path):
    net, module = random_network(0)
    frames, path = net.frames(1), tmp_path / "golden.json"
    write_golden(recorded(program_of(module), frames), path)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(changed(content, step=-1)))
    with pytest.raises(RecogError, match="it has a step -1, the program none"):
        GoldenVerifier(read_golden(path), program_of(module), frames, path)
    path.write_text(json.dumps(changed(content, step=1000)))
    with pytest.raises(RecogError, match="it has no step 0, the program one"):
        GoldenVerifier(read_golden(path), program_of(module), frames, path)
