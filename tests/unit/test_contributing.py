"""CONTRIBUTING.md's example of an op and a pass does what it says."""

from __future__ import annotations

import io
import re
import textwrap
from pathlib import Path
from typing import Any

from recog.dialects.verification import verify_module
from recog.tools.context import make_context
from recog.tools.opt.ir_parser import parse_module
from recog.tools.opt.main import TextTarget

TEXT = (Path(__file__).resolve().parents[2] / "CONTRIBUTING.md").read_text()


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```$", TEXT, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for block in found]


def test_example_op_and_pass():
    namespace: dict[str, Any] = {"__name__": "example"}
    for block in blocks("python"):
        exec(block, namespace)
    (source,) = blocks("mlir")
    context = make_context()
    module = parse_module(context, source.encode(), "example.mlir")
    namespace["UseSquarePass"]().apply(context, module)
    verify_module(module)
    output = io.StringIO()
    TextTarget(print_debuginfo=True).emit(context, module, output)
    printed = [line.strip() for line in output.getvalue().splitlines()]
    expected = re.findall(r"// CHECK(?:-NEXT)?: +(.*)", source)
    assert len(expected) == 2
    start = next(i for i, line in enumerate(printed) if line.startswith(expected[0]))
    assert printed[start + 1].startswith(expected[1])
    # The square stands where the product stood.
    assert printed[start].endswith('loc("example.mlir":2:3)')


def test_named_files_exist():
    root = Path(__file__).resolve().parents[2]
    named = re.findall(r"`((?:tests|tools|docs|dialects|lowering|backend)/[\w./]+)`", TEXT)
    assert named
    assert [name for name in named if not (root / name).exists()] == []
