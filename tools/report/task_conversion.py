"""A perception task's conversion in a folder, as `recog convert` writes one of any network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from recog.frontend.tasks.base import TaskData
from recog.lowering.check.compare_layers import sqnr_db
from recog.lowering.pipeline import Conversion, Stage
from recog.tools.conversion_folder import parts_of, write_conversion, write_report
from recog.tools.page import missing_libraries
from recog.tools.report.conversion_record import Measured
from recog.tools.report.levels import LevelRow
from recog.tools.report.task_levels import TaskLevels
from recog.tools.report.task_scores import Outputs, ScoreRow

COMPARED = (Stage.FLOAT, Stage.MACHINE)


def write_task_conversion(
    levels: TaskLevels, test: TaskData, rows: Sequence[ScoreRow], outputs: Outputs, folder: Path
) -> None:
    """Write IR, program, recipe and report of a task's network.

    Args:
        rows: the levels' scores.
        outputs: of the levels, decoded; those that the pictures want are computed here.
        folder: a draft, see `conversion_folder`.
    """
    task, conversion = levels.task, task_conversion(levels)
    program = conversion.assemble()
    for level in COMPARED:
        if level not in outputs:
            outputs[level] = levels.predict(level, test)
    write_conversion(folder, conversion, program)
    pictures = None
    if not missing_libraries():
        from recog.tools.report.task_pictures import pictures_of_task

        pictures = pictures_of_task(task, test, *(outputs[each] for each in COMPARED))
    float_metric = task.metric(outputs[Stage.FLOAT], test.truths)[task.metric_name]
    # The lns level of a task has dense weights: it is none of this conversion.
    own = [row for row in rows if row.level != Stage.LNS]
    known = [_level(row, outputs, float_metric) for row in own]
    measured = Measured.of(task.title, known, conversion.notes, None, pictures)
    write_report(folder, parts_of(conversion, program), measured)


def task_conversion(levels: TaskLevels) -> Conversion:
    """All stages of a task's network, from the float network to its program."""
    later = levels.conversion
    stages = {
        Stage.FLOAT: levels.float_module,
        Stage.FOLDED: levels.folded,
        Stage.TUNED: levels.tuned,
    }
    # What a conversion begins with is here the tuned network.
    stages |= {stage: module for stage, module in later.stages.items() if stage not in stages}
    return Conversion(stages, options=levels.options, notes=later.notes)


def _level(row: ScoreRow, outputs: Outputs, float_metric: float) -> LevelRow:
    """A level as a report has it."""
    before, after = outputs[Stage.FLOAT], outputs[Stage(row.level)]
    return LevelRow(
        row.level,
        accuracy=None,
        sqnr_db=sqnr_db(before[0], after[0]),
        weight_bytes=row.weight_bytes,
        ratio=row.ratio,
        metric=row.metric,
        lost=float_metric - row.metric,
        low=row.low,
        high=row.high,
    )
