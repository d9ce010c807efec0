"""`recog run` on programs that no conversion gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recog.backend.assembly import assemble
from recog.dialects import chip
from recog.dialects.chip import ChipTarget
from recog.tools.cli.main import main


def test_a_program_without_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    body = [chip.TensorOp(sym_name="x", address=0, channels=1), chip.HaltOp()]
    path, data = tmp_path / "empty.recog", tmp_path / "x.npy"
    path.write_bytes(assemble(chip.ProgramOp("main", body, ChipTarget())))
    np.save(data, np.zeros((1, 1), np.float32))
    assert main(["run", str(path), "--data", str(data)]) == 1
    said = capsys.readouterr().err
    assert f"error: {path}: takes no inputs, so there are no frames to run\n" in said
