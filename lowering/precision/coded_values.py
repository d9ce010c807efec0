"""Which values of a calibrated module become codes, and what codes make of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import Float32Type
from xdsl.ir import Operation, SSAValue

from recog.backend.arithmetic.encoding import encode
from recog.backend.arithmetic.reference.definition import decode
from recog.dialects import nn
from recog.dialects.data import constant_array
from recog.dialects.facts import is_parameter
from recog.dialects.number_format import LnsFormat
from recog.lowering.encode.calibrate import FORMAT
from recog.lowering.encode.elementwise_fusion import Chain
from recog.lowering.encode.legality import absorbed_activation
from recog.lowering.encode.output_scales import output_exponents
from recog.lowering.encode.values import calibrated_format


def coded_values(
    function: func.FuncOp, chains: Mapping[Operation, Chain]
) -> dict[SSAValue, LnsFormat]:
    """The values that encode-lns turns into codes, in order, and their calibrated formats.

    Values within a chain of elementwise ops (`find_chains`), and those before a ReLU that a layer
    does for free, never are codes. What takes its codes from an operand has that one's format.
    """
    found: dict[SSAValue, LnsFormat] = {
        argument: calibrated_format(argument)
        for argument in function.args
        if nn.is_float(nn.element_type_of(argument))
    }
    for op in function.body.block.ops:
        if not isinstance(op, nn.NnOp) or is_parameter(op) or FORMAT not in op.attributes:
            continue
        chain = chains.get(op)
        inside = chain is not None and chain.last is not op
        if not inside and absorbed_activation(op) is None and output_exponents(op) is None:
            found[op.output] = _taken_over(op, found, chains) or calibrated_format(op.output)
    return found


def _taken_over(
    op: nn.NnOp, formats: Mapping[SSAValue, LnsFormat], chains: Mapping[Operation, Chain]
) -> LnsFormat | None:
    """The format that the result's codes have because they are those of an operand."""
    source = code_source(op, formats)
    if source is None or op in chains:
        return None
    format = formats[source]
    return format.without_sign() if isinstance(op, nn.ReluOp) else format


def code_source(op: nn.NnOp, formats: Mapping[SSAValue, LnsFormat]) -> SSAValue | None:
    """The operand whose codes those of a result are: moved, selected, or without their sign."""
    match op:
        case nn.ReluOp():
            alone = True
        case nn.ResizeOp():
            alone = op.mode.data == "nearest"
        case nn.PadOp():
            alone = op.value.value.data == 0
        case nn.ConcatOp():
            alone = False
        case _:
            alone = op.KIND.keeps_format
    sources = [value for value in op.operands if value in formats]
    return sources[0] if alone and len(sources) == 1 else None


def is_dense(weight: SSAValue) -> bool:
    """Whether a weight is one of constants that encode-lns rounds one by one."""
    array = constant_array(weight)
    return (
        array is not None
        and isinstance(nn.element_type_of(weight), Float32Type)
        and bool(np.isfinite(array).all())
    )


def rounded(values: Any, format: LnsFormat | None) -> Any:
    """Values as codes of a format hold them, float32; as they are without a format."""
    if format is None:
        return values
    import torch

    codes = encode(np.asarray(values), format)
    return torch.from_numpy(decode(np.arange(1 << format.width), format, np.float32)[codes])


def format_groups(
    values: Mapping[SSAValue, LnsFormat], chains: Mapping[Operation, Chain]
) -> list[tuple[SSAValue, ...]]:
    """The values in groups of those whose codes are the same, moved or selected."""
    group = {value: [value] for value in values}
    for value in values:
        op = value.owner
        if not isinstance(op, nn.NnOp) or op in chains:
            continue
        source = code_source(op, values)
        others = op.operands if op.KIND.keeps_format else ()
        for operand in others if source is None else (source,):
            if operand in group and group[operand] is not group[value]:
                joined = group[operand]
                joined += group[value]
                group.update(dict.fromkeys(group[value], joined))
    return [tuple(each) for each in {id(each): each for each in group.values()}.values()]
