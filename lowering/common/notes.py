"""What a conversion has to say that is no error: one note a kind, naming the worst places."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SHOWN_PLACES = 3
"""At most so many places are named in a line."""


@dataclass(frozen=True)
class Note:
    """What holds at one or more places of a network, and what to do about it.

    Attributes:
        kind: a name for programs: `zero-input`.
        text: what holds of each place, a phrase that follows their names.
        advice: what to do, a phrase; "" where nothing has to be done.
        places: inputs, outputs and layers by name, with their numbers, the worst first.
    """

    kind: str
    text: str
    advice: str
    places: tuple[str, ...]

    def line(self) -> str:
        """All of it for a terminal, however many places there are."""
        more = len(self.places) - SHOWN_PLACES
        named = ", ".join(self.places[:SHOWN_PLACES]) + (f" and {more} more" if more > 0 else "")
        return f"{named}: {self.text}" + (f"; {self.advice}" if self.advice else "")

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "kind": self.kind,
            "text": self.text,
            "advice": self.advice,
            "count": len(self.places),
            "places": list(self.places),
        }


def log_notes(notes: Sequence[Note]) -> None:
    """Say notes where nobody collects them: a pass that is run by itself logs them as warnings."""
    for note in notes:
        logging.getLogger("recog").warning("note: %s", note.line())


def merged_notes(notes: Sequence[Note]) -> list[Note]:
    """Notes that say the same as one, in the order in which they came."""
    places: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for note in notes:
        key = (note.kind, note.text, note.advice)
        places[key] = (*places.get(key, ()), *note.places)
    return [Note(*key, found) for key, found in places.items()]
