"""Files of unfinished work: what was written is read, what was changed is refused."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from pathlib import Path

import pytest
import torch

from recog.backend.state_files import read_state, write_state
from recog.dialects.errors import RecogError


def test_there_and_back(tmp_path: Path):
    path = tmp_path / "state"
    optimizer = torch.optim.Adam([torch.ones(3, requires_grad=True)])
    state = {"number": 1 << 70, "text": "é", "tensors": [torch.arange(5), torch.zeros(0)]}
    write_state(path, {**state, "optimizer": optimizer.state_dict()})
    found = read_state(path, "state")
    assert (found["number"], found["text"]) == (1 << 70, "é")
    assert [each.tolist() for each in found["tensors"]] == [[0, 1, 2, 3, 4], []]
    optimizer.load_state_dict(found["optimizer"])
    assert os.listdir(tmp_path) == ["state"]


def test_what_was_changed_is_refused(tmp_path: Path):
    path = tmp_path / "state"
    write_state(path, {"tensor": torch.arange(1000)})
    whole = path.read_bytes()
    flipped = [bytearray(whole) for _ in range(3)]
    for content, place in zip(flipped, (0, len(whole) // 2, len(whole) - 1)):
        content[place] ^= 1
    for content in (b"", b"junk", whole[:40], whole[:-1], whole + b"x", *flipped):
        path.write_bytes(content)
        with pytest.raises(RecogError, match="state: is damaged"):
            read_state(path, "state")


class Code:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_with_a_right_digest_it_runs_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    saved = io.BytesIO()
    torch.save({"done": Code()}, saved)
    for payload in (pickle.dumps(Code(), protocol=2), saved.getvalue()):
        Path("state").write_bytes(hashlib.sha256(payload).digest() + payload)
        with pytest.raises(RecogError, match="is damaged"):
            read_state("state", "state")
    assert os.listdir() == ["state"]


def test_what_is_no_state_is_refused(tmp_path: Path):
    saved = io.BytesIO()
    torch.save([1, 2], saved)
    content = saved.getvalue()
    (tmp_path / "state").write_bytes(hashlib.sha256(content).digest() + content)
    with pytest.raises(RecogError, match="is no saved tuning"):
        read_state(tmp_path / "state", "saved tuning")
