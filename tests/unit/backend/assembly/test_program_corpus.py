"""Program files that earlier versions wrote give the bits they gave, or are refused by version."""

import json

import numpy as np
import pytest
from add import CORPUS, EXPECTED, result_of

from recog.backend.assembly.container import FORMAT_VERSION, ISA_VERSION, ISA_VERSIONS
from recog.backend.machine import Machine

KNOWN = json.loads(EXPECTED.read_text())


def test_every_file_is_known():
    assert {path.name for path in CORPUS.glob("*.recog")} == set(KNOWN)


def test_the_present_version_is_there():
    """A new version of the instruction set, or of the format, comes with files of its own."""
    assert FORMAT_VERSION == (1, 0)
    assert any(name.startswith(f"isa-{'.'.join(map(str, ISA_VERSION))}-") for name in KNOWN)


def test_each_major_version_runs_or_is_refused():
    """Those of ISA_VERSIONS run, as `test_bits_stay` holds; those of before are refused."""
    runs = {major: set[bool]() for major in range(1, ISA_VERSION[0] + 1)}
    for name, known in KNOWN.items():
        runs[int(name.removeprefix("isa-").partition(".")[0])].add("refused" not in known)
    assert runs == {major: {major in ISA_VERSIONS} for major in runs}


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_bits_stay(name: str):
    assert result_of((CORPUS / name).read_bytes()) == KNOWN[name]
    if "refused" in KNOWN[name]:
        version = name.split("-")[1]
        assert f"instruction set {version} is not known" in KNOWN[name]["refused"]


@pytest.mark.parametrize("name", sorted(name for name in KNOWN if "refused" not in KNOWN[name]))
def test_no_frames_give_no_outputs(name: str):
    """Whatever the instruction, on every engine."""
    for engine in ("reference", "gemm", "fast"):
        machine = Machine((CORPUS / name).read_bytes(), engine)
        empty = [np.zeros((0, *port.frame_shape), port.dtype) for port in machine.inputs]
        frames = 0 if empty else 1
        shapes = [output.shape for output in machine.run_codes(*empty)]
        assert shapes == [(frames, *port.frame_shape) for port in machine.outputs]
