"""Programs whose tensors have no places in memory yet: they are marked, and never assembled."""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.dialects.builtin import ModuleOp, SymbolRefAttr

from recog.dialects import chip
from recog.dialects.chip.instructions import output_tensors


def unplaced_programs(module: ModuleOp) -> Iterator[chip.ProgramOp]:
    """The programs of a module that a schedule is to be made for."""
    for op in module.body.block.ops:
        if isinstance(op, chip.ProgramOp) and op.unplaced is not None:
            yield op


def show_outputs_as_made(program: chip.ProgramOp) -> None:
    """Let outputs take tensors in the shape in which they are made, where that has the same bytes.

    The classes of an image are made as (1, H, W) and given as (H, W): rows of the first can be
    moved one by one.
    """
    scope, made = program.scope, dict[tuple[int, int, str], chip.TensorOp]()
    for op in program.instructions:
        outputs = output_tensors(type(op))
        for name, tensor in op.tensor_fields(scope).items():
            if name in outputs and _is_packed(tensor):
                made[_bytes(tensor)] = tensor
    for op in program.instructions:
        if isinstance(op, chip.DmaOutOp):
            tensor = scope.tensor(op.input)
            other = made.get(_bytes(tensor), tensor)
            if _is_packed(tensor) and other.shape != tensor.shape:
                op.input = SymbolRefAttr(other.sym_name.data)
    used = {
        tensor.sym_name.data
        for op in program.instructions
        for tensor in op.tensor_fields(scope).values()
    }
    for op in program.descriptors:
        if isinstance(op, chip.TensorOp) and op.sym_name.data not in used:
            op.detach()
            op.erase()


def _bytes(tensor: chip.TensorOp) -> tuple[int, int, str]:
    return tensor.address.value.data, tensor.extent, str(tensor.element_type)


def _is_packed(tensor: chip.TensorOp) -> bool:
    """Whether elements lie one after the other, channel after channel, row after row: others of the
    same bytes may show axes in another order."""
    step = tensor.element_bytes
    for size, stride in zip(reversed(tensor.shape), reversed(tensor.strides)):
        if size > 1 and stride != step:
            return False
        step *= size
    return True
