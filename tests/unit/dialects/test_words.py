"""Numbers with their nouns."""

from __future__ import annotations

import pytest

from recog.dialects.words import counted


@pytest.mark.parametrize(
    "number, noun, plural, text",
    [
        (0, "input", None, "0 inputs"),
        (1, "input", None, "1 input"),
        (2, "held-out frame", None, "2 held-out frames"),
        (1, "class", None, "1 class"),
        (3, "class", None, "3 classes"),
        (3, "batch", None, "3 batches"),
        (3, "box", None, "3 boxes"),
        (3, "hash", None, "3 hashes"),
        (1, "axis", "axes", "1 axis"),
        (4, "axis", "axes", "4 axes"),
        (1200, "byte", None, "1,200 bytes"),
        (-1, "byte", None, "-1 bytes"),
    ],
)
def test_a_number_with_its_noun(number: int, noun: str, plural: str | None, text: str):
    assert counted(number, noun, plural) == text
