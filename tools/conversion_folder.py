"""The folder that `recog convert` and the demo write: the IR of every stage, program, report."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recog.backend.files import atomic_write
from recog.backend.folders import link, whole_folder
from recog.lowering.pipeline import Stage
from recog.tools.module_files import write_module
from recog.tools.recipe import recipe_text
from recog.tools.report.json_files import write_json

if TYPE_CHECKING:
    from recog.lowering.allocation.plan import Plan
    from recog.lowering.common.notes import Note
    from recog.lowering.pipeline import Conversion
    from recog.tools.report.levels import LevelRow

PROGRAM_NAME = "program.recog"
HOST_NAME = "host.mlir"
REPORT_NAME = "report.json"
RECIPE_NAME = "recipe.toml"


def conversion_folder(path: str | os.PathLike[str]) -> AbstractContextManager[Path]:
    """A draft folder for one conversion, which takes the place of an earlier one as a whole.

    Files that are not a conversion's stay. See `whole_folder` for errors and interruptions.
    """
    return whole_folder(path, is_of_a_conversion)


def is_of_a_conversion(name: str) -> bool:
    """Whether a file of that name is what a conversion writes."""
    stages = "|".join(stage for stage in Stage if stage.is_ir)
    return name in (PROGRAM_NAME, HOST_NAME, REPORT_NAME, RECIPE_NAME) or (
        re.fullmatch(rf"[0-9]-({stages})[.]mlir", name) is not None
    )


def write_conversion(
    folder: Path,
    conversion: Conversion,
    program: bytes,
    *,
    written: Mapping[str, Path] | None = None,
    add_pass: Sequence[str] = (),
) -> list[str]:
    """Write what a conversion made, and its recipe; the files' names, in order.

    Args:
        written: files of stages that are written already, by their names.
        add_pass: the passes that were added, as --add-pass takes them.
    """
    names = list[str]()
    for i, (reached, module) in enumerate(conversion.stages.items()):
        names.append(reached.file_name(i))
        if written is not None and names[-1] in written:
            link(written[names[-1]], folder / names[-1])
        else:
            write_module(module, folder / names[-1])
    names.append(PROGRAM_NAME)
    with atomic_write(folder / PROGRAM_NAME, "wb") as stream:
        stream.write(program)
    names.append(RECIPE_NAME)
    with atomic_write(folder / RECIPE_NAME) as stream:
        stream.write(recipe_text(conversion.options, add_pass))
    if conversion.host_part is not None:
        names.append(HOST_NAME)
        write_module(conversion.host_part, folder / HOST_NAME)
    return names


def write_report(
    folder: Path,
    rows: Sequence[LevelRow],
    notes: Sequence[Note] = (),
    plan: Plan | None = None,
) -> str:
    """Write the table of levels, the notes, and how layouts were chosen if they were, as JSON
    beside a conversion; the file's name."""
    report: dict[str, Any] = {
        "rows": [row.as_record() for row in rows],
        "notes": [note.as_record() for note in notes],
    }
    if plan is not None:
        report["plan"] = plan.as_record()
    write_json(folder / REPORT_NAME, report)
    return REPORT_NAME
