"""The folder that `recog convert` and the demo write: the IR of every stage, program, report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recog.backend.files import atomic_write
from recog.lowering.pipeline import Stage
from recog.tools.module_files import write_module
from recog.tools.report.json_files import write_json

if TYPE_CHECKING:
    from recog.lowering.pipeline import Conversion
    from recog.tools.report.levels import LevelRow

PROGRAM_NAME = "program.recog"
HOST_NAME = "host.mlir"
REPORT_NAME = "report.json"


def write_conversion(folder: Path, conversion: Conversion, program: bytes) -> list[Path]:
    """Write what a conversion made, in place of an earlier one; the files, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    _remove_conversion(folder)
    files = list[Path]()
    for i, (reached, module) in enumerate(conversion.stages.items()):
        files.append(folder / reached.file_name(i))
        write_module(module, files[-1])
    files.append(folder / PROGRAM_NAME)
    with atomic_write(files[-1], "wb") as stream:
        stream.write(program)
    if conversion.host_part is not None:
        files.append(folder / HOST_NAME)
        write_module(conversion.host_part, files[-1])
    return files


def write_report(folder: Path, rows: Sequence[LevelRow]) -> Path:
    """Write the table of levels as JSON beside a conversion."""
    path = folder / REPORT_NAME
    write_json(path, {"rows": [row.as_record() for row in rows]})
    return path


def _remove_conversion(folder: Path) -> None:
    """Remove what an earlier conversion left, lest its files be taken for this one's."""
    stages = [f"[0-9]-{each}.mlir" for each in Stage if each.is_ir]
    for pattern in (*stages, HOST_NAME, REPORT_NAME):
        for file in folder.glob(pattern):
            if file.is_file():
                file.unlink()
