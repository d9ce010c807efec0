"""A conversion with stand-in weights and formats: what `convert` will refuse, found at once.

Nothing here knows a rule of its own: the network goes through the passes that convert it, and
what they refuse, in their words, is the answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from xdsl.dialects.builtin import ModuleOp

from recog.dialects import lns
from recog.dialects.chip import ChipTarget, ProgramOp
from recog.dialects.chip.hardware import MAX_MEMORY
from recog.dialects.chip.target import WEIGHT_MEMORY
from recog.dialects.errors import RecogError
from recog.dialects.functions import find_function
from recog.dialects.number_format import Arithmetic
from recog.dialects.verification import located_errors
from recog.lowering.encode.encode_lns import encode_with
from recog.lowering.encode.label_layers import label_layers
from recog.lowering.encode.prove_accumulators import check_bound, op_bound
from recog.lowering.partition.partition import partition, split_modules
from recog.lowering.partition.placement import assume_formats, trial_encoder
from recog.lowering.schedule.plan_cascades import check_fits
from recog.lowering.schedule.split_peaks import split_peaks
from recog.lowering.schedule.split_pools import split_pools
from recog.lowering.select.convert_lns_to_chip import convert_function, default_target


class Rehearsal(NamedTuple):
    """How a conversion will end."""

    host_part: ModuleOp | None
    """The host's part, None where there is none."""
    refusal: RecogError | None
    """What the conversion ends with; None where it does not."""


def rehearse(module: ModuleOp, entry: str = "main", target: ChipTarget | None = None) -> Rehearsal:
    """How a conversion of a folded nn module to a chip, by default the default one, will end.

    The module stays as it is. What depends on the numbers is not found: weights that do not fit
    their memory, whose size clustering decides, and examples that do not fit the network.
    """
    trial, host_part = module.clone(), None
    try:
        with located_errors():
            partition(trial, entry)
            chip_part, host_part = split_modules(trial)
            rehearse_chip_part(chip_part, entry, Arithmetic(), target or ChipTarget())
    except RecogError as error:
        return Rehearsal(host_part, error)
    return Rehearsal(host_part, None)


def rehearse_chip_part(
    module: ModuleOp, entry: str, arithmetic: Arithmetic, target: ChipTarget
) -> ProgramOp:
    """The program of what a partition left to the chip, with stand-in weights and formats.

    The module stays as it is.

    Raises:
        RecogError: it will not become a program of a target, whatever its weights are, and
            whatever calibration finds.
    """
    trial = module.clone()
    function = find_function(trial, entry)
    label_layers(function)
    assume_formats(function)
    encode_with(trial, trial_encoder(arithmetic))
    for op in function.walk():
        # The sums of layers depend on their weights, which are zero here.
        if "arithmetic" in op.properties and not isinstance(op, lns.MultiplyAccumulateOp):
            check_bound(op_bound(op, arithmetic), arithmetic)
    memories = tuple(
        replace(each, bytes=MAX_MEMORY) if each.name == WEIGHT_MEMORY else each
        for each in target.memories
    )
    program = convert_function(function, replace(default_target(function), memories=memories))
    if program.unplaced is not None:
        split_pools(program)
        split_peaks(program)
        check_fits(program)
    return program
