"""What the lowering passes share: options, locations, loading data for a pass."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    FusedLoc,
    LocationAttr,
    ModuleOp,
    NoneAttr,
    UnknownLoc,
)
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import (
    PatternRewriter,
)

from recog.dialects.facts import is_parameter


def replace_op(
    rewriter: PatternRewriter,
    op: Operation,
    new_ops: Sequence[Operation],
    results: Sequence[SSAValue] | None = None,
    *,
    location: LocationAttr | None = None,
) -> None:
    """Replace `op`, giving its source location and name hints to what replaces it."""
    for new_op in new_ops:
        if isinstance(new_op.location, UnknownLoc):
            new_op.location = location or op.location
    values = results if results is not None else new_ops[-1].results
    for old, new in zip(op.results, values):
        if new.name_hint is None:
            new.name_hint = old.name_hint
    rewriter.replace(op, list(new_ops), list(values))


def fused_location(*ops: Operation) -> LocationAttr:
    """The locations of several ops that become one, each once, unknown ones left out."""
    known: list[LocationAttr] = []
    for op in ops:
        parts = op.location.locations if isinstance(op.location, FusedLoc) else [op.location]
        known += [loc for loc in parts if loc not in known and not isinstance(loc, UnknownLoc)]  # pyright: ignore
    if len(known) < 2:
        return known[0] if known else UnknownLoc()
    return FusedLoc(tuple(known), NoneAttr())


def only_user(value: SSAValue) -> Operation | None:
    """The op that uses `value`, None where there is no use or more than one."""
    use = value.get_unique_use()
    return use.operation if use is not None else None


def erase_dead_constants(module: ModuleOp) -> None:
    """Remove constants and lookups that nothing uses any more."""
    for op in reversed(list(module.walk())):
        if is_parameter(op) and not op.results[0].uses:
            op.detach()
            op.erase()


def new_symbol(wanted: str, taken: set[str]) -> str:
    """A symbol that resembles `wanted` and is none of those taken, to which it is added."""
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}.{number}"
    taken.add(name)
    return name
