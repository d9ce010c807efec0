"""What instructions have in common that differ in nothing but which rows they compute.

A schedule makes a hundred thousand instructions of a few thousand forms. What follows from a form
is found once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xdsl.ir import Attribute

from recog.dialects.chip.descriptors import TensorOp
from recog.dialects.chip.spans import AxisMap, Box, Maps

__all__ = ["Form"]


@dataclass(frozen=True, eq=False)
class Form:
    """Instructions of one kind with the same fields but for their rows.

    Attributes:
        attributes: of the fields. Forms are told apart by them, so they must live as long.
        tensors: in activation memory, by field, what is written first.
        maps: None where they take whole tensors.
        repeated: pairs of fields that name one tensor.
    """

    attributes: tuple[Attribute, ...]
    tensors: Mapping[str, TensorOp]
    maps: Maps | None
    repeated: list[tuple[str, str]] = field(init=False, repr=False)
    _spans: list[tuple[str, AxisMap | None, range]] = field(init=False, repr=False)
    """By field: which rows are needed for those computed, None for the same; which columns."""

    def __post_init__(self) -> None:
        maps = self.maps or {}
        spans: list[tuple[str, AxisMap | None, range]] = []
        for name in self.tensors:
            if name in maps:
                rows, columns = maps[name]
                spans.append((name, rows, columns.span(self._computed)))
            else:
                spans.append((name, None, self._computed))
        object.__setattr__(self, "_spans", spans)
        first = dict[TensorOp, str]()
        fields = [(first.setdefault(tensor, name), name) for name, tensor in self.tensors.items()]
        object.__setattr__(self, "repeated", [each for each in fields if each[0] != each[1]])

    @property
    def _computed(self) -> range:
        """The columns of what is computed, or moved: those that memory holds."""
        return next(iter(self.tensors.values())).held_columns

    def touched(self, first: int, count: int) -> dict[str, Box]:
        """What is written and read of each tensor by the instruction for `count` rows from `first`
        on; 0: for all from there."""
        if self.maps is None:
            return {name: tensor.whole for name, tensor in self.tensors.items()}
        if not self.tensors:
            return {}
        stop = first + count if count else next(iter(self.tensors.values())).shape[1]
        rows = range(first, stop)
        return {
            name: Box(rows if needed is None else needed.span(rows), columns)
            for name, needed, columns in self._spans
        }
