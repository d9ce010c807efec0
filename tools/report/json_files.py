"""Reports as JSON files."""

from __future__ import annotations

import json
from pathlib import Path

from recog.backend.files import atomic_write


def write_json(path: Path, content: object) -> None:
    """Write strict JSON, without NaN or infinity, that ends in a newline."""
    with atomic_write(path) as stream:
        json.dump(content, stream, indent=2, allow_nan=False)
        stream.write("\n")
