"""Every op that computes has a file that runs it and states what comes out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from xdsl.ir import Dialect, Operation

from recog.dialects import chip
from recog.dialects.chip import Chip
from recog.dialects.cluster import Cluster, LookupOp
from recog.dialects.lns import Lns
from recog.dialects.nn import Nn

FILES = Path(__file__).resolve().parents[2] / "filecheck" / "dialects"
DIALECTS: tuple[Dialect, ...] = (Nn, Lns, Chip, Cluster)

NO_RESULT = (chip.LdwOp, chip.MarkOp, chip.HaltOp)
"""Instructions without a result of their own: what they do shows in the others' files."""


def computes(op: type[Operation]) -> bool:
    """Whether interpreters or the machine compute something for the op itself."""
    if op.name.startswith("chip."):
        return issubclass(op, chip.InstructionOp) and op not in NO_RESULT
    return op is LookupOp or op.name.startswith(("nn.", "lns."))


OPS = [op for dialect in DIALECTS for op in dialect.operations if computes(op)]


def interpreted_file(op: type[Operation]) -> Path:
    """Where the op's file is: chip.dma.in → chip/interpret/dma-in.mlir."""
    dialect, name = op.name.split(".", 1)
    return FILES / dialect / "interpret" / f"{name.replace('.', '-')}.mlir"


def faults(source: str, op_name: str) -> list[str]:
    """What keeps a file from holding an op against expected values."""
    code = "\n".join(line.split("//")[0] for line in source.splitlines())
    required = {
        "has no RUN line with run-checks": re.search(r"^// RUN: .*\brun-checks\b", source, re.M),
        "has no check.expect op": re.search(r"(?<!\w)check\.expect_\w+ ", code),
        f"does not use {op_name}": re.search(rf'(?<![\w."]){re.escape(op_name)}(?![\w.])', code),
    }
    return [fault for fault, found in required.items() if not found]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_an_op_that_computes_is_held_against_expected_values(op: type[Operation]):
    path = interpreted_file(op)
    assert path.is_file(), f"{op.name} has no file {path.relative_to(FILES)}"
    assert not faults(path.read_text(), op.name)


def test_a_file_is_named_after_an_op():
    known = {interpreted_file(op) for dialect in DIALECTS for op in dialect.operations}
    files = {path for dialect in DIALECTS for path in (FILES / dialect.name).glob("interpret/*")}
    assert files
    assert not {str(path.relative_to(FILES)) for path in files - known}


RUN = "// RUN: recog-opt %s -p run-checks\n"
EXPECT = "  check.expect_eq %0, dense<1.0> : tensor<1xf32>\n"


@pytest.mark.parametrize(
    ("source", "op_name", "fault"),
    [
        (EXPECT + "  %0 = nn.relu %x : (f) -> f", "nn.relu", "has no RUN line with run-checks"),
        (RUN + "  %0 = nn.relu %x : (f) -> f", "nn.relu", "has no check.expect op"),
        (RUN + f"// {EXPECT}  %0 = nn.relu %x", "nn.relu", "has no check.expect op"),
        (RUN + EXPECT + "// nn.relu of 1 is 1", "nn.relu", "does not use nn.relu"),
        (RUN + EXPECT + "  %0 = nn.maximum %x", "nn.max", "does not use nn.max"),
        (RUN + EXPECT + "  chip.expect.add @y = @x", "chip.expect", "does not use chip.expect"),
    ],
)
def test_a_file_that_checks_nothing_is_found(source: str, op_name: str, fault: str):
    assert faults(source, op_name) == [fault]


def test_all_that_computes_is_asked_for():
    names = {op.name for op in OPS}
    assert {"nn.relu", "lns.encode", "chip.conv", "chip.dma.in", "cluster.lookup"} <= names
    assert not names & {"chip.halt", "chip.tensor", "cluster.codebook"}
