"""Damaged IR of every dialect: each text is accepted or refused, none crashes the compiler."""

from __future__ import annotations

import io
import random
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from fuzz_ir import tokens

from recog.tools.opt.main import main

FILECHECK = Path(__file__).resolve().parents[1] / "filecheck"
FILES = sorted(path.relative_to(FILECHECK).as_posix() for path in FILECHECK.rglob("*.mlir"))
DAMAGED_COPIES = 12


@pytest.mark.parametrize("file", FILES)
def test_damaged_ir_is_accepted_or_refused(file: str, tmp_path: Path):
    text = (FILECHECK / file).read_text()
    parts = [part for part in text.split("// -----") if part.strip()]
    rng = random.Random(file)
    path = tmp_path / "in.mlir"
    for _ in range(DAMAGED_COPIES):
        content = tokens(rng.choice(parts), rng, parts)
        path.write_text(content)
        errors = io.StringIO()
        with redirect_stdout(io.StringIO()), redirect_stderr(errors):
            code = main([str(path), "-o", str(tmp_path / "out.mlir")])
        assert code in (0, 1)
        assert "internal error" not in errors.getvalue(), f"{errors.getvalue()}\n{content}"
        assert "Traceback" not in errors.getvalue(), f"{errors.getvalue()}\n{content}"
