"""How the lns ops of stereo heads become chip instructions."""

from __future__ import annotations

from recog.backend.arithmetic.reference.stereo import check_expectation
from recog.dialects import chip, lns
from recog.dialects.errors import RecogError, fail
from recog.lowering.encode.layer_tables import constant_operand
from recog.lowering.select.program_builder import ProgramBuilder
from recog.lowering.select.rules.layers_and_maps import lowers, prove


@lowers(lns.CorrelationOp)
def lower_correlation(build: ProgramBuilder, op: lns.CorrelationOp) -> None:
    prove(build, op, op.arithmetic.data)
    left, right = build.tensor(op, op.left), build.tensor(op, op.right)
    build.emit(op, chip.CorrOp(output=build.tensor(op, op.output), left=left, right=right))


@lowers(lns.ExpectationOp)
def lower_expectation(build: ProgramBuilder, op: lns.ExpectationOp) -> None:
    bins = constant_operand(op, op.bins)
    try:
        check_expectation(bins)
    except RecogError as error:
        fail(op, error.message)
    fields = {
        "output": build.tensor(op, op.output),
        "logits": build.tensor(op, op.logits),
        "bins": 0,
        "frac": op.frac.value.data,
    }
    if op.residual is None:
        instruction = chip.ExpectOp(**fields)
    else:
        instruction = chip.ExpectAddOp(**fields, residual=build.tensor(op, op.residual))
    build.image.store(instruction, "bins", "tables", bins.astype("<i4").tobytes())
    build.emit(op, instruction)


@lowers(lns.ReciprocalOp)
def lower_reciprocal(build: ProgramBuilder, op: lns.ReciprocalOp) -> None:
    for input, output in build.pieces(op, op.input, op.output):
        instruction = chip.Disp2depthOp(
            input=input,
            output=output,
            log_numerator=op.log_numerator.value.data,
            negative=op.negative is not None,
        )
        build.emit(op, instruction)
