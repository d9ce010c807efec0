"""Files of what unfinished work goes on from: tensors and plain values, with a digest."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from typing import IO, Any

from recog.backend.files import atomic_write
from recog.backend.input_files import open_input, read_at_most
from recog.dialects.errors import RecogError, first_line

DIGEST_BYTES = 32
"""A file begins with the SHA-256 of the rest: nothing goes on from one with a flipped byte."""

MAX_STATE_BYTES = 1 << 34


def write_state(path: str | os.PathLike[str], state: Mapping[str, Any]) -> None:
    """Write tensors, numbers, texts, lists and dictionaries of them, whole or not at all."""
    import torch

    with atomic_write(path, "wb") as stream:
        stream.write(bytes(DIGEST_BYTES))
        digesting = _Digesting(stream)
        torch.save(dict(state), digesting)  # pyright: ignore[reportArgumentType]
        stream.seek(0)
        stream.write(digesting.digest.digest())


def read_state(
    path: str | os.PathLike[str], what: str, *, hint: str | None = None
) -> dict[str, Any]:
    """What `write_state` wrote, read without running code.

    Args:
        what: what the file should be, for errors: `saved training`.
        hint: what the user can do where it is not.

    Raises:
        RecogError: the file is damaged, or holds something else.
        OSError: it cannot be read.
    """
    import torch

    where = os.fspath(path)
    with open_input(path, MAX_STATE_BYTES) as stream:
        digest = stream.read(DIGEST_BYTES)
        payload = read_at_most(stream, MAX_STATE_BYTES, path)
    try:
        if digest != hashlib.sha256(payload).digest():
            raise ValueError("its digest does not match its content")
        state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except Exception as error:  # damaged pickles raise all kinds
        reason = first_line(error)
        raise RecogError(f"is damaged: {reason}", where=where, hint=hint) from None
    if not isinstance(state, dict):
        raise RecogError(f"is no {what}", where=where, hint=hint)
    return state


class _Digesting:
    """Passes on what is written, so that no second copy of a large state is in memory."""

    def __init__(self, stream: IO[bytes]):
        self._stream, self.digest = stream, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._stream.write(data)

    def flush(self) -> None:
        self._stream.flush()
