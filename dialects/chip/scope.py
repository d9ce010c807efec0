"""What the symbols of a program stand for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from xdsl.dialects.builtin import StringAttr, SymbolRefAttr
from xdsl.ir import Operation
from xdsl.utils.exceptions import VerifyException

from recog.dialects.chip.descriptors import BufferOp, PortOp, TensorOp
from recog.dialects.chip.fields import ReferenceField, symbol_of
from recog.dialects.chip.forms import Form
from recog.dialects.chip.records import RecordOp, layout
from recog.dialects.chip.weights import CodebookOp, SegmentOp, WeightsOp

__all__ = ["Scope"]

_OpT = TypeVar("_OpT", bound=Operation)


class Scope:
    """The segments and descriptors of one program by name, as long as they stay as they are."""

    def __init__(self, ops: Iterable[Operation]):
        self._ops: dict[str, Operation] = {}
        self.forms: dict[tuple[object, ...], Form] = {}
        """What instructions that differ only in their rows have in common, by `form_key`."""
        for op in ops:
            name = op.properties.get("sym_name")
            if isinstance(name, StringAttr):
                self._ops[name.data] = op

    @property
    def tensors(self) -> list[TensorOp]:
        """All tensors of activation memory."""
        return [op for op in self._ops.values() if isinstance(op, TensorOp)]

    def verify_references(self, op: RecordOp) -> None:
        """Raise VerifyException unless every reference of `op` is to an op of its kind."""
        for field, _ in layout(type(op)):
            if not isinstance(field, ReferenceField):
                continue
            name = symbol_of(op.properties[field.name])
            found = self._ops.get(name)
            if found is None:
                raise VerifyException(f"{field.name} is @{name}, which the program does not define")
            if found.name != field.target:
                raise VerifyException(
                    f"{field.name} must be a {field.target}, @{name} is a {found.name}"
                )

    def _op(self, reference: SymbolRefAttr, kind: type[_OpT]) -> _OpT:
        op = self._ops[reference.string_value()]
        if not isinstance(op, kind):
            raise VerifyException(f"{reference} must be a {kind.name}, it is a {op.name}")
        return op

    def segment(self, reference: SymbolRefAttr) -> SegmentOp:
        return self._op(reference, SegmentOp)

    def tensor(self, reference: SymbolRefAttr) -> TensorOp:
        return self._op(reference, TensorOp)

    def buffer(self, reference: SymbolRefAttr) -> BufferOp:
        return self._op(reference, BufferOp)

    def port(self, reference: SymbolRefAttr) -> PortOp:
        return self._op(reference, PortOp)

    def codebook(self, reference: SymbolRefAttr) -> CodebookOp:
        return self._op(reference, CodebookOp)

    def weights(self, reference: SymbolRefAttr) -> WeightsOp:
        return self._op(reference, WeightsOp)
