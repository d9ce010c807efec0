"""What of a network cannot be imported: every reason at once, with its place and what to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from recog.dialects.errors import RecogError
from recog.dialects.words import counted


@dataclass(frozen=True)
class ImportProblem:
    """One operator that cannot be converted: its name, where it is, why, and what to do."""

    operator: str
    place: str
    reason: str
    hint: str | None = None

    def __str__(self) -> str:
        at = f" at {self.place}" if self.place else ""
        return f"{self.operator}{at}: {self.reason}"


class ImportFailure(RecogError):
    """Everything of a network that cannot be converted.

    Attributes:
        problems: one for each operator, in execution order.
        converted: how many ops of each kind the others became.
    """

    def __init__(self, problems: list[ImportProblem], converted: Counter[str]):
        self.problems = problems
        self.converted = converted
        counts = Counter(str(problem) for problem in problems)
        lines = [f"{text} ({n} times)" if n > 1 else text for text, n in counts.items()]
        hints = dict.fromkeys(problem.hint for problem in problems if problem.hint)
        inputs = sum(problem.operator.startswith("input ") for problem in problems)
        kinds = (len(problems) - inputs, "operator"), (inputs, "input")
        what = " and ".join(counted(number, kind) for number, kind in kinds if number)
        listing = "\n  ".join(lines)
        super().__init__(
            f"{what} of the network cannot be converted:\n  {listing}",
            hint="; ".join(hints) or None,
        )
