"""What finds positions in an image stays float: their fractions do not survive codes.

A logarithmic code of position 500 is right to some pixels, and what is sampled is weighted by
fractions of one. So where the host rounds positions to indices (`grid_sample` by a computed grid),
these are computed there from what does not grow with the image: products with constants and sums
with them, and whatever combines nothing but such values and what was sampled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.dialects import func
from xdsl.ir import Operation, SSAValue

from recog.dialects import nn
from recog.dialects.facts import Kind, is_parameter

POSITIONS = "computes positions in an image, whose fractions codes do not keep"


def positions_of(ops: Sequence[nn.NnOp], on_host: Mapping[nn.NnOp, object]) -> list[nn.NnOp]:
    """The ops still on the chip that find positions for the host, or weights by them.

    Args:
        ops: of a function, those that depend on its inputs, in execution order.
        on_host: those that the chip cannot run.
    """
    found: set[Operation] = set()
    for op in ops:
        if isinstance(op, nn.FloorOp) and _users(op) & on_host.keys():
            found |= {op, *_before(op, on_host)}
    for op in ops:
        owners = {value.owner for value in _computed(op)}
        if not owners & found:
            continue
        joins = op.KIND in (Kind.ELEMENTWISE, Kind.MOVES) and owners <= found | on_host.keys()
        if op in on_host or joins:  # what is on the host is of positions too
            found.add(op)
    return [op for op in ops if op in found and op not in on_host]


def _before(op: nn.FloorOp, on_host: Mapping[nn.NnOp, object]) -> list[nn.NnOp]:
    """What computes the positions that an op rounds, of constants and one value each."""
    found: list[nn.NnOp] = []
    value = op.input
    while isinstance(before := value.owner, nn.NnOp):
        moves = before.KIND is Kind.MOVES and not isinstance(before, nn.ConcatOp)
        computed = _computed(before)
        if before in on_host or len(computed) != 1 or _is_returned(before):
            break
        if not moves and not isinstance(before, nn.BinaryOp):
            break
        found.append(before)
        (value,) = computed
    return found


def _computed(op: nn.NnOp) -> list[SSAValue]:
    """The operands that are no constants."""
    return [value for value in op.operands if not is_parameter(value)]


def _users(op: nn.NnOp) -> set[Operation]:
    return {use.operation for use in op.output.uses}


def _is_returned(op: nn.NnOp) -> bool:
    return any(isinstance(user, func.ReturnOp) for user in _users(op))
