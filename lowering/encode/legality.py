"""What encode-lns can turn into ops on codes, and which activations a layer does for free."""

from __future__ import annotations

from xdsl.dialects.builtin import Float32Type, TensorType
from xdsl.ir import Operation, SSAValue

from recog.dialects import nn
from recog.dialects.data import ConstantOp
from recog.dialects.facts import is_parameter
from recog.dialects.sampling_shapes import elementwise_shape

Activation = nn.ReluOp | nn.ClampOp


def can_encode(op: nn.NnOp) -> bool:
    """Whether all values (but indices) are float32, and each image is computed by itself."""
    return all(_is_float32(value) for value in op.coded_values) and _computes_by_image(op)


def can_chain(op: nn.NnOp) -> bool:
    """As `can_encode`, where masks may be among the values: within a function that becomes one."""
    values = (*op.operands, *op.results)
    masks_aside = all(_is_float32(value) or is_mask(value) for value in values)
    return can_encode(op) or (masks_aside and _computes_by_image(op))


def _computes_by_image(op: nn.NnOp) -> bool:
    carried = [not is_parameter(value) for value in op.operands]
    if isinstance(op, nn.LayerOp):
        carried[1:] = [False] * (len(carried) - 1)  # weights that are computed have an error
    return any(carried) and len(nn.shape_of(op.output)) > 0 and op.keeps_batch(carried)


def is_mask(value: SSAValue) -> bool:
    """Whether a value holds truth values."""
    return nn.element_type_of(value) == nn.MASK_TYPE


def _is_float32(value: SSAValue) -> bool:
    return isinstance(value.type, TensorType) and isinstance(value.type.element_type, Float32Type)


def absorbed_activation(op: Operation) -> Activation | None:
    """The ReLU, or clamp from 0, that alone uses an op whose form on codes does it for free.

    Negative sums become zero, and a clamp's upper end is where the format saturates.
    """
    if not isinstance(op, nn.NnOp) or not takes_activation(op):
        return None
    use = op.output.get_unique_use()
    if use is None or lone_activation(use.operation) is None:
        return None
    return use.operation  # pyright: ignore[reportReturnType]


def lone_activation(op: Operation) -> SSAValue | None:
    """The operand of a ReLU or a clamp from 0, if nothing else uses it."""
    match op:
        case nn.ReluOp():
            value = op.input
        case nn.ClampOp() if op.min.value.data == 0 and op.max.value.data > 0:
            value = op.input
        case _:
            return None
    return value if value.get_unique_use() is not None else None


def takes_activation(op: nn.NnOp) -> bool:
    """Whether an op becomes one on codes that can end in a ReLU."""
    fits = not isinstance(op, nn.BinaryOp) or has_elementwise_shape(op)
    return op.ABSORBS_ACTIVATION and can_encode(op) and fits


def has_elementwise_shape(op: nn.BinaryOp) -> bool:
    """Whether the operands broadcast as those of ops on codes do: one rank, one batch.

    Constants may leave out leading axes of size 1.
    """
    rank = len(nn.shape_of(op.output))
    shapes = [
        (1,) * (rank - len(shape)) + shape if isinstance(value.owner, ConstantOp) else shape
        for value in op.operands
        for shape in [nn.shape_of(value)]
    ]
    try:
        elementwise_shape(*shapes)
    except ValueError:
        return False
    return True
