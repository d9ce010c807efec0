"""Damaged IR of every dialect: each text is accepted or refused, none crashes the compiler."""

from __future__ import annotations

import io
import random
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from recog.tools.opt.main import main

FILECHECK = Path(__file__).resolve().parents[1] / "filecheck"
FILES = sorted(path.relative_to(FILECHECK).as_posix() for path in FILECHECK.rglob("*.mlir"))
DAMAGED_COPIES = 12

TOKEN = re.compile(r'"[^"\n]*"|[\w.$%@!#^-]+|\S|\s+')
SPLICES = ["", "-1", "0", "65537", "?", "%x", '"', "{", ")", "nan", "[]", "i0", "tensor<f32>"]


def damaged(text: str, rng: random.Random) -> str:
    """`text` with a few tokens dropped, doubled, swapped or replaced."""
    tokens = TOKEN.findall(text)
    for _ in range(rng.randint(1, 3)):
        i, j = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        match rng.randrange(4):
            case 0:
                tokens[i] = rng.choice(SPLICES)
            case 1:
                tokens[i], tokens[j] = tokens[j], tokens[i]
            case 2:
                tokens[i] = tokens[j]
            case _:
                tokens[i] += tokens[i]
    return "".join(tokens)


@pytest.mark.parametrize("file", FILES)
def test_damaged_ir_is_accepted_or_refused(file: str, tmp_path: Path):
    text = (FILECHECK / file).read_text()
    parts = [part for part in text.split("// -----") if part.strip()]
    rng = random.Random(file)
    path = tmp_path / "in.mlir"
    for _ in range(DAMAGED_COPIES):
        content = damaged(rng.choice(parts), rng)
        path.write_text(content)
        errors = io.StringIO()
        with redirect_stdout(io.StringIO()), redirect_stderr(errors):
            code = main([str(path), "-o", str(tmp_path / "out.mlir")])
        assert code in (0, 1)
        assert "internal error" not in errors.getvalue(), f"{errors.getvalue()}\n{content}"
        assert "Traceback" not in errors.getvalue(), f"{errors.getvalue()}\n{content}"
