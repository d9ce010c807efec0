"""What a process without room, or without power, leaves of a journal's last line."""

from __future__ import annotations

from pathlib import Path

import pytest

from recog.dialects.errors import RecogError
from recog.tools.sweep.study import open_study

OF = {"network": "0", "data": "1"}


def test_a_torn_line_costs_no_study(tmp_path: Path):
    path = tmp_path / "sweep.journal"
    study = open_study(str(path), ["loss"], OF)
    study.tell(study.ask(), 0.5)
    whole = path.read_bytes()
    study.tell(study.ask(), 0.25)
    path.write_bytes(path.read_bytes()[:-9])
    again = open_study(str(path), ["loss"], OF)
    again.tell(again.ask(), 0.125)
    last = open_study(str(path), ["loss"], OF)
    assert [each.value for each in last.trials] == [0.5, None, 0.125]
    assert path.read_bytes().startswith(whole)
    assert path.read_bytes().endswith(b"\n")


@pytest.mark.parametrize("text", ["notes of mine\nand more", "one line"])
def test_other_files_stay_as_they_are(text: str, tmp_path: Path):
    path = tmp_path / "notes.txt"
    path.write_text(text)
    with pytest.raises(RecogError, match="is no study of a sweep"):
        open_study(str(path), ["loss"], OF)
    assert path.read_text() == text
