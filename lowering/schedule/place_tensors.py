"""place-tensors: give the tensors of a program their places in activation memory."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.passes import ModulePass

from recog.dialects import chip
from recog.dialects.chip.target import ACTIVATION_MEMORY
from recog.dialects.errors import RecogError, describe_op
from recog.lowering.schedule.network import Unit, units_of
from recog.lowering.schedule.unplaced import unplaced_programs
from recog.lowering.select.allocation import ALIGNMENT, Buffer, allocate, memory_map, peak


class GapsError(RecogError):
    """Memory would hold all that is needed at once, but not with the gaps between tensors.

    Attributes:
        spare: bytes that another plan has to leave free, about: as many as the gaps take, and so
            many that it cannot be the same.
    """

    spare: int = 0


@dataclass(frozen=True, kw_only=True)
class PlaceTensorsPass(ModulePass):
    """Allocate activation memory by when each tensor is written first and read last."""

    name = "place-tensors"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for program in unplaced_programs(op):
            place_tensors(program)


def place_tensors(program: chip.ProgramOp) -> None:
    """Place the tensors of a program; raises RecogError with the memory map if they do not fit, a
    GapsError where gaps alone are in the way."""
    tensors = [op for op in program.descriptors if isinstance(op, chip.TensorOp)]
    units, scope = units_of(tensors), program.scope
    unit_of = {op.sym_name.data: unit for unit in units for op in unit.tensors}
    buffers: dict[Unit, Buffer] = {}
    instructions = program.instructions
    for time, op in enumerate(instructions):
        for tensor in op.tensor_fields(scope).values():
            unit = unit_of[tensor.sym_name.data]
            buffer = buffers.setdefault(unit, Buffer(unit.name, unit.size, time))
            buffer.last = time
    total = allocate(list(buffers.values()))
    size = program.target.data.size(ACTIVATION_MEMORY)
    if total > size:
        time, text = memory_map(list(buffers.values()), size, total)
        _, needed = peak(list(buffers.values()))
        error = (GapsError if needed <= size else RecogError)(
            text,
            where=describe_op(instructions[time]),
            hint=f"a target with activation_memory = {total} would do",
        )
        if isinstance(error, GapsError):
            error.spare = max(total - size, size - needed + ALIGNMENT)
        raise error
    for unit, buffer in buffers.items():
        for tensor in unit.tensors:
            address = buffer.address + tensor.address.value.data - unit.start
            tensor.properties["address"] = IntegerAttr(address, i64)
    del program.properties["unplaced"]
