"""The bytes of weight memory: segments of pointers, tables and biases."""

from __future__ import annotations

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Operation

from recog.lowering.select.allocation import aligned

SEGMENTS = ("pointers", "tables", "biases")


class WeightImage:
    """The bytes of the three segments; equal contents are stored once."""

    def __init__(self):
        self.contents = {kind: bytearray() for kind in SEGMENTS}
        self._offsets: dict[tuple[str, bytes], int] = {}
        self._uses: list[tuple[Operation, str, str, int]] = []

    def store(self, op: Operation, name: str, kind: str, content: bytes) -> None:
        """Store bytes in the segment `kind`; field `name` of `op` will be their address."""
        key = (kind, content)
        if key not in self._offsets:
            self._offsets[key] = len(self.contents[kind])
            self.contents[kind] += content
        self._uses.append((op, name, kind, self._offsets[key]))

    def place(self) -> dict[str, int]:
        """Decide where the segments lie in weight memory, and fill in all addresses."""
        bases: dict[str, int] = {}
        end = 0
        for kind in SEGMENTS:
            bases[kind] = end
            end = aligned(end + len(self.contents[kind]))
        for op, name, kind, offset in self._uses:
            op.properties[name] = IntegerAttr(bases[kind] + offset, i64)
        return bases

    @property
    def size(self) -> int:
        """Bytes of weight memory from the first segment to the end of the last."""
        *first, last = (len(content) for content in self.contents.values())
        return sum(aligned(size) for size in first) + last
