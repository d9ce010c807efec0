"""Whether the codes of a function fit in the chip's activation memory as some become wider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
from xdsl.dialects import func
from xdsl.ir import Operation, SSAValue

from recog.dialects.lns import shape_of
from recog.dialects.number_format import LnsFormat

SHARE = 0.9
"""Of the memory: buffers leave gaps."""


def code_bytes(value: SSAValue, format: LnsFormat) -> int:
    """What a value's codes of a format take in activation memory."""
    return prod(shape_of(value)) * format.dtype.itemsize


def more_bytes(value: SSAValue, format: LnsFormat, bits: int) -> int:
    """What they take more with so many fraction bits more."""
    return code_bytes(value, format.finer(bits)) - code_bytes(value, format)


class LiveBytes:
    """The bytes of the codes that live before each op."""

    def __init__(self, function: func.FuncOp, formats: Mapping[SSAValue, LnsFormat], memory: int):
        """
        Args:
            formats: of the values that are codes.
            memory: bytes of activation memory.
        """
        self._formats = formats
        self._spans = _life_spans(function, formats)
        self._live = np.zeros(1 + max((end for _, end in self._spans.values()), default=0))
        for value, (start, end) in self._spans.items():
            self._live[start:end] += code_bytes(value, formats[value])
        self._most = SHARE * memory

    def widen(self, values: Sequence[SSAValue], bits: int) -> bool:
        """Make values wider if they still fit; whether they do.

        Where codes do not fit as they are, none that live there become wider.
        """
        live = self._live.copy()
        for value in values:
            start, end = self._spans[value]
            live[start:end] += more_bytes(value, self._formats[value], bits)
        if live[live > self._live].max(initial=0) > self._most:
            return False
        self._live = live
        return True


def _life_spans(
    function: func.FuncOp, formats: Mapping[SSAValue, LnsFormat]
) -> dict[SSAValue, tuple[int, int]]:
    numbers = {op: i for i, op in enumerate(function.body.block.ops)}
    spans: dict[SSAValue, tuple[int, int]] = {}
    for value in formats:
        start = numbers.get(value.owner, 0) if isinstance(value.owner, Operation) else 0
        ends = [numbers.get(use.operation, start) for use in value.uses]
        spans[value] = start, max(ends, default=start) + 1
    return spans
