"""How a network is divided: the host's ops in calls, between which the chip goes on.

An op that the chip cannot run is on the host. What follows it has a form on the chip more often
than not: attention in the middle of a network leaves the layers after it. Each value has a
*stage*, the number of calls of the host before it; an op of the chip runs at the stage after the
last call that gives it an operand, an op of the host in the call of the stage that gives its last
one. So there are as few calls as the network allows. Positions to sample at are the host's as well,
see `positions`.

A call costs a way out of the chip and back, and ends what the chip does meanwhile. What follows it
is worth that where it does at least `RETURN_SHARE` of the network's multiply-adds; else it goes
with the call. So a decode after the last layer stays on the host as a whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects import func
from xdsl.ir import BlockArgument, Operation, SSAValue

from recog.dialects import nn
from recog.dialects.chip.descriptors import MAX_AXES
from recog.dialects.data import constant_array
from recog.dialects.errors import describe_op
from recog.dialects.functions import depends_on_inputs, nn_ops
from recog.lowering.encode.elementwise_fusion import is_uniform
from recog.lowering.partition.positions import POSITIONS, positions_of

RETURN_SHARE = 0.01
"""Of the network's multiply-adds: what has to follow a call of the host for the chip to go on."""


@dataclass(frozen=True)
class HostReason:
    """Why an op stays on the host; `follows` if only because what it needs is there."""

    text: str
    follows: bool = False


@dataclass(frozen=True)
class Division:
    """Where the ops of a function run: those of the host with their reasons, and all by stage."""

    reasons: dict[nn.NnOp, HostReason]
    stages: dict[nn.NnOp, int]

    def call(self, number: int) -> list[nn.NnOp]:
        """The host's ops in the call of this number, in execution order."""
        return [op for op in self.reasons if self.stages[op] == number]

    @property
    def calls(self) -> int:
        """How many calls the chip goes on after; one more may follow what it does last."""
        return max(
            (stage for op, stage in self.stages.items() if op not in self.reasons), default=0
        )


def divide(function: func.FuncOp, refused: Mapping[nn.NnOp, str]) -> Division:
    """The division of a function, of whose ops the chip cannot run those that are `refused`."""
    variable = depends_on_inputs(function)
    ops = [op for op in nn_ops(function) if op.output in variable]
    work = {op: multiply_adds(op) for op in ops}
    reasons = {op: HostReason(refused[op]) for op in ops if op in refused}
    reasons |= {op: HostReason(POSITIONS, follows=True) for op in positions_of(ops, reasons)}
    while True:
        stages = _stages(ops, reasons)
        more = _of_many_axes(ops, reasons) or _too_little(work, reasons, stages)
        if not more:
            return Division({op: reasons[op] for op in ops if op in reasons}, stages)
        reasons |= more


def _stages(ops: Sequence[nn.NnOp], on_host: Mapping[nn.NnOp, HostReason]) -> dict[nn.NnOp, int]:
    stages: dict[nn.NnOp, int] = {}
    for op in ops:
        before = [value.owner for value in op.operands if value.owner in stages]
        after_calls = [
            stages[each] + (each in on_host and op not in on_host)
            for each in before
            if isinstance(each, nn.NnOp)
        ]
        stages[op] = max(after_calls, default=0)
    return stages


def _of_many_axes(
    ops: Sequence[nn.NnOp], on_host: Mapping[nn.NnOp, HostReason]
) -> dict[nn.NnOp, HostReason]:
    """The last op of the chip that gives the host, or takes from it, what no port can hold."""
    for op in reversed(ops):
        if op in on_host:
            continue
        users = [use.operation for use in op.output.uses]
        goes = any(user in on_host or isinstance(user, func.ReturnOp) for user in users)
        axes = len(nn.shape_of(op.output))
        if goes and axes > MAX_AXES:
            text = f"gives the host {axes} axes, where an output has {MAX_AXES} at most"
            return {op: HostReason(text)}
        inputs = [nn.shape_of(v) for v in op.operands if isinstance(v, BlockArgument)]
        axes = max(map(len, inputs), default=0)
        if axes > MAX_AXES:
            text = f"takes an input of {axes} axes, where one has {MAX_AXES} at most"
            return {op: HostReason(text)}
        given = [value for value in op.operands if value.owner in on_host]
        before = next((value for value in given if not _fits_a_port(value)), None)
        if before is not None and isinstance(before.owner, Operation):
            return {op: _follower(before.owner)}
    return {}


def _fits_a_port(value: SSAValue) -> bool:
    """Whether the host can give the chip a value: one frame of few axes, of floats."""
    shape = nn.shape_of(value)
    return 1 < len(shape) <= MAX_AXES and shape[0] == 1 and nn.is_float(nn.element_type_of(value))


def _too_little(
    work: Mapping[nn.NnOp, int],
    on_host: Mapping[nn.NnOp, HostReason],
    stages: Mapping[nn.NnOp, int],
) -> dict[nn.NnOp, HostReason]:
    """The chip's ops of the first stage after a call that do not do enough to go on for."""
    by_stage = defaultdict[int, list[nn.NnOp]](list)
    for op in work:
        if op not in on_host and stages[op] > 0:
            by_stage[stages[op]].append(op)
    total = sum(work.values())
    for stage in sorted(by_stage):
        members = by_stage[stage]
        if sum(work[op] for op in members) >= RETURN_SHARE * total and total:
            continue
        found: dict[nn.NnOp, HostReason] = {}
        for op in members:
            before = next(
                each
                for each in (value.owner for value in op.operands)
                if each in on_host or each in found
            )
            if isinstance(before, Operation):
                found[op] = _follower(before)
        return found
    return {}


def _follower(before: Operation) -> HostReason:
    return HostReason(f"comes after {describe_op(before)}, which is on the host", follows=True)


def multiply_adds(op: nn.NnOp) -> int:
    """Of a layer with weights, for one frame; none for other ops, sums and means among them."""
    if not isinstance(op, nn.WeightedOp):
        return 0
    weight = constant_array(op.weight)
    if weight is not None and is_uniform(weight):
        return 0
    pixels = prod(nn.shape_of(op.output)) // nn.shape_of(op.weight)[0]
    return prod(nn.shape_of(op.weight)) * pixels
