"""docs/architecture.md and guides/extending.md: examples run, and what they name is there."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from xdsl.dialects.builtin import StringAttr
from xdsl.interpreter import Interpreter

from recog.backend.assembly.words import RecordEncoder, decode_record
from recog.backend.interpreters.execute import execute
from recog.backend.interpreters.nn import register_nn
from recog.dialects.functions import find_function
from recog.dialects.verification import verify_module
from recog.frontend import tasks
from recog.frontend.torch import operators
from recog.frontend.torch.importer import import_torch
from recog.lowering.pipeline import ConversionOptions, Stage, convert

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/architecture.md").read_text()
EXTENDING = (ROOT / "docs/guides/extending.md").read_text()
ROOMS = ("dialects", "frontend", "lowering", "backend", "tools")


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    """The names that the guide's blocks define, run in their order."""
    blocks = re.findall(r"^```python\n(.*?)^```$", EXTENDING, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    module = ModuleType("architecture")
    sys.modules[module.__name__] = module  # where dataclasses look for their module's names
    for block in blocks:
        exec(block, module.__dict__)
    return module.__dict__


class Network(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.asinh(x)


def test_an_op_is_imported_and_run(example: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    for operator, converter in example["OPS"].items():
        assert operator not in operators.CONVERTERS
        monkeypatch.setitem(operators.CONVERTERS, operator, converter)
    x = torch.linspace(-2, 2, 8).reshape(1, 8)
    module = import_torch(Network().eval(), (x,))
    verify_module(module)
    interpreter = Interpreter(module)
    register_nn(interpreter)
    interpreter.register_implementations(example["AsinhFunctions"]())
    (y,) = execute(interpreter, find_function(module, "main"), [x])
    torch.testing.assert_close(y, torch.asinh(x))


def test_an_instruction_has_words(example: dict[str, Any]):
    pause = example["PauseOp"]
    word = RecordEncoder({}).encode(pause(cycles=513, wait=3))
    assert word[0] == 0x70
    op = decode_record(word, {0x70: pause}, {})
    assert op.properties == pause(cycles=513, wait=3).properties


def test_a_pass_of_ones_own_runs_in_a_conversion(example: dict[str, Any]):
    model, image = torch.nn.Conv2d(1, 2, 3), torch.zeros(1, 1, 5, 5)
    conversion = convert(
        import_torch(model.eval(), image),
        [torch.randn(2, 1, 5, 5).numpy()],
        options=ConversionOptions(cluster=False),
        extra_passes=[example["extra"]],
    )
    assert conversion.stages[Stage.FOLDED].attributes["signed"] == StringAttr("mine")


def test_a_task_is_looked_up(example: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    module = ModuleType("recog.frontend.tasks.parity")
    module.ParityTask = example["ParityTask"]  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(tasks._CLASSES, "parity", "ParityTask")
    task = tasks.get_task("parity")
    data = task.data("test")
    scores = torch.nn.functional.one_hot(torch.tensor(data.truths), 2).float()
    assert task.metric([scores.numpy()], data.truths) == {"accuracy": 100.0}
    heads = [task.network()(torch.from_numpy(data.inputs()[0]))]
    assert task.loss(heads, data.targets(range(16))).isfinite()


def test_named_paths_exist():
    named = r"`((?:tests|docs|dialects|frontend|lowering|backend|tools)/[\w./]*)`"
    named = re.findall(named, TEXT + EXTENDING)
    assert len(named) > 40
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_room_is_named():
    """A stage that is added appears in the documents."""
    rooms = [room for room in ROOMS for room in (ROOT / room).iterdir()]
    folders = {f"{room.parent.name}/{room.name}/" for room in rooms if (room / "py.typed").exists()}
    assert {folder for folder in folders if f"`{folder}`" not in TEXT + EXTENDING} == set()
