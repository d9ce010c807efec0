"""The folder that `recog convert` and the demo write: the IR of every stage, program, report."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from recog.backend.files import atomic_write
from recog.backend.folders import link, whole_folder
from recog.backend.input_files import read_input
from recog.dialects.errors import RecogError
from recog.lowering.pipeline import Stage
from recog.tools.module_files import write_module
from recog.tools.recipe import MAX_RECIPE_BYTES, recipe_text
from recog.tools.report.json_files import write_json

if TYPE_CHECKING:
    from recog.lowering.pipeline import Conversion
    from recog.tools.report.conversion_record import ConversionParts, Measured

PROGRAM_NAME = "program.recog"
HOST_NAME = "host.mlir"
REPORT_NAME = "report.json"
RECIPE_NAME = "recipe.toml"
PAGE_NAME = "report.html"
NO_FOLDER_HINT = "give the folder that recog convert wrote"


def conversion_folder(path: str | os.PathLike[str]) -> AbstractContextManager[Path]:
    """A draft folder for one conversion, which takes the place of an earlier one as a whole.

    Files that are not a conversion's stay. See `whole_folder` for errors and interruptions.
    """
    return whole_folder(path, is_of_a_conversion)


def is_of_a_conversion(name: str) -> bool:
    """Whether a file of that name is what a conversion writes."""
    stages = "|".join(stage for stage in Stage if stage.is_ir)
    return name in (PROGRAM_NAME, HOST_NAME, REPORT_NAME, RECIPE_NAME, PAGE_NAME) or (
        re.fullmatch(rf"[0-9]-({stages})[.]mlir", name) is not None
    )


def write_conversion(
    folder: Path,
    conversion: Conversion,
    program: bytes,
    add_pass: Sequence[str] = (),
    own_loss: str | None = None,
    *,
    written: Mapping[str, Path] | None = None,
) -> list[str]:
    """Write what a conversion made, and its recipe; the files' names, in order.

    Args:
        add_pass: the passes that were added, as --add-pass takes them.
        own_loss: the function that was tuned on, as --loss takes it.
        written: files of stages that are written already, by their names.
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
        stream.write(recipe_text(conversion.options, add_pass, own_loss))
    if conversion.host_part is not None:
        names.append(HOST_NAME)
        write_module(conversion.host_part, folder / HOST_NAME)
    return names


def parts_of(
    conversion: Conversion,
    program: bytes,
    add_pass: Sequence[str] = (),
    own_loss: str | None = None,
) -> ConversionParts:
    """What a conversion made, as a report looks at it: see `write_conversion`."""
    from recog.tools.report.conversion_record import STAGES, ConversionParts

    stages = {stage: conversion.stages[stage] for stage in STAGES if stage in conversion.stages}
    recipe = recipe_text(conversion.options, add_pass, own_loss)
    return ConversionParts(program, stages, conversion.host_part, recipe)


def read_parts(folder: Path) -> ConversionParts:
    """The same out of its folder.

    Raises:
        RecogError, OSError: it is not whole, or a file of it is damaged.
    """
    from recog.backend.assembly import load_program
    from recog.backend.assembly.container import read_program_file
    from recog.tools.compared_networks import stage_file
    from recog.tools.module_files import load_network
    from recog.tools.report.conversion_record import STAGES, ConversionParts

    if not folder.is_dir():
        why = "is no folder" if folder.exists() else "there is no such folder"
        raise RecogError(why, where=str(folder), hint=NO_FOLDER_HINT)
    for name in (PROGRAM_NAME, RECIPE_NAME):
        if not (folder / name).is_file():
            raise RecogError(f"holds no {name}", where=str(folder), hint=NO_FOLDER_HINT)
    files = {stage: stage_file(folder, stage) for stage in STAGES}
    if files[Stage.LNS] is None:
        raise RecogError(f"holds no *-{Stage.LNS}.mlir", where=str(folder), hint=NO_FOLDER_HINT)
    load_program(folder / PROGRAM_NAME)  # an error names the file
    program = read_program_file(str(folder / PROGRAM_NAME))
    recipe = read_input(folder / RECIPE_NAME, MAX_RECIPE_BYTES).decode("utf-8", "replace")
    host = folder / HOST_NAME
    stages = {stage: load_network(str(file)) for stage, file in files.items() if file is not None}
    return ConversionParts(
        program, stages, load_network(str(host)) if host.is_file() else None, recipe
    )


def write_report(folder: Path, parts: ConversionParts, measured: Measured) -> list[str]:
    """Write what is known of a conversion beside it, as JSON and, where the extra `report` is
    installed, as a page; else a note says what is missing.

    Returns:
        The files' names.
    """
    from recog.tools.page import EXTRA_HINT, html_page, missing_libraries
    from recog.tools.report.conversion_record import conversion_record

    record = conversion_record(parts, measured)
    write_json(folder / REPORT_NAME, record)
    missing = missing_libraries()
    if missing:
        print(f"note: no {PAGE_NAME} without {', '.join(missing)}; {EXTRA_HINT}")
        return [REPORT_NAME]
    with atomic_write(folder / PAGE_NAME) as stream:
        stream.write(html_page(record))
    return [REPORT_NAME, PAGE_NAME]
