"""Add program files to the corpus: `python tests/corpus/add.py FILE …`."""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np

from recog.backend.assembly.container import read_container
from recog.backend.machine import Machine
from recog.dialects.errors import RecogError

CORPUS = Path(__file__).resolve().parent
EXPECTED = CORPUS / "expected.json"


def result_of(data: bytes) -> dict[str, str]:
    """The digest of what a program computes, or the words with which it is refused.

    Two frames of codes that count up in steps of 37 go in; what comes out and activation memory
    after the last instruction are hashed.
    """
    try:
        machine = Machine(data, "reference")
        digest = sha256()
        left: dict[str, bytes] = {}
        outputs = machine.run_codes(
            *(_counting(port) for port in machine.inputs),
            observe=lambda _, memory: left.update(last=memory._bytes.tobytes()),
        )
    except RecogError as error:
        return {"refused": str(error).split(",")[0]}
    for content in (*(array.tobytes() for array in outputs), *left.values()):
        digest.update(content)
    return {"sha256": digest.hexdigest()}


def _counting(port) -> np.ndarray:
    shape = (2, *port.frame_shape)
    codes = (np.arange(np.prod(shape)).reshape(shape) * 37 % 251).astype(port.dtype)
    if port.integer is None:
        codes[port.format.illegal_codes(codes)] = 0
    return codes


def main(paths: list[str]) -> None:
    expected = json.loads(EXPECTED.read_text()) if EXPECTED.exists() else {}
    for path in map(Path, paths):
        data = path.read_bytes()
        version = ".".join(map(str, read_container(data).isa))
        place = CORPUS / f"isa-{version}-{path.name}"
        if place.exists():
            raise SystemExit(f"{place.name} is there already: files of the corpus do not change")
        place.write_bytes(data)
        expected[place.name] = result_of(data)
    EXPECTED.write_text(json.dumps(expected, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
