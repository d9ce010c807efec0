"""The formats that a network's values will have, before it is tuned: those of the float network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from recog.dialects.functions import find_function, nn_ops
from recog.dialects.number_format import LnsFormat
from recog.lowering.encode.calibrate import calibrate
from recog.lowering.encode.elementwise_fusion import find_chains
from recog.lowering.pipeline.named import ConversionOptions
from recog.lowering.precision.choose_formats import choose_formats
from recog.lowering.precision.coded_values import coded_values


def expected_formats(
    module: ModuleOp, inputs: Sequence[np.ndarray], options: ConversionOptions
) -> dict[int, LnsFormat]:
    """The formats of a float network's values, by their numbers (`numbered_values`).

    Args:
        inputs: example inputs, float (N, ...), that calibrate it.
    """
    copy = module.clone()
    calibrate(copy, inputs, options.formats(), entry=options.entry)
    # On the default chip: another memory size is to need no new tuning.
    choose_formats(copy, inputs, options, options.weight_format, entry=options.entry)
    function = find_function(copy, options.entry)
    formats = coded_values(function, find_chains(copy))
    values = numbered_values(function)
    return {number: formats[value] for number, value in enumerate(values) if value in formats}


def of_function(formats: dict[int, LnsFormat], function: FuncOp) -> dict[SSAValue, LnsFormat]:
    """The same formats, of the values of an equal function, or of one that it begins with."""
    values = numbered_values(function)
    return {values[number]: format for number, format in formats.items() if number < len(values)}


def numbered_values(function: FuncOp) -> list[SSAValue]:
    """The arguments and what the nn ops give, in order: the same before and after clustering."""
    return [*function.args, *(op.results[0] for op in nn_ops(function))]
