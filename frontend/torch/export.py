"""torch.export as the importer needs it: quiet, and going on where it can to find every reason."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import is_dataclass
from typing import Any

import torch
from torch.export import ExportedProgram, draft_export
from torch.nn.modules import batchnorm, dropout, instancenorm
from torch.utils._pytree import tree_leaves

from recog.dialects.errors import RecogError
from recog.frontend.torch import graph
from recog.frontend.torch.problems import ImportProblem

_TRAINING = "call model.eval() first"


def export_model(
    model: torch.nn.Module, arguments: Sequence[Any], keywords: Mapping[str, Any]
) -> ExportedProgram:
    """The exported program of a model, in evaluation mode; the model is left as it is.

    Control flow and sizes that depend on the values of tensors stop torch.export; the program is
    then a draft that took one way, and reads those values with `aten.item`.

    Raises:
        RecogError: the model cannot be traced.
    """
    with evaluating(model):
        try:
            with quiet_torch():
                return torch.export.export(model, tuple(arguments), dict(keywords))
        except (Exception, SystemExit) as error:  # a model's code may do anything
            _check_not_scripted(model)
            if "pytree" in str(error) and _register_dataclasses(model, arguments, keywords):
                return export_model(model, arguments, keywords)
            # Writes to one of several views are refused for the sake of gradients alone.
            without_gradients = _export_without_gradients(model, arguments, keywords)
            if without_gradients is not None:
                return without_gradients
            draft = _draft(model, arguments, keywords)
            if draft is None:
                raise _export_error(error) from None
            return draft


@contextmanager
def evaluating(model: torch.nn.Module) -> Generator[None, None, None]:
    """Within the block a model is in evaluation mode; it is left as it was."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def _check_not_scripted(model: torch.nn.Module) -> None:
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise RecogError(
                "is TorchScript, which torch.export cannot trace",
                where=f'layer "{name}"' if name else "the network",
                hint="give the module as it was before torch.jit.script or torch.jit.trace",
            )


def _register_dataclasses(
    model: torch.nn.Module, arguments: Sequence[Any], keywords: Mapping[str, Any]
) -> bool:
    """Let torch.export know the dataclasses that a model takes and returns, nested ones too.

    Returns:
        Whether there are any that it did not know.
    """
    values: list[Any] = [arguments, keywords]
    known = _register(values)
    with quiet_torch(), torch.no_grad():
        try:
            values = [model(*arguments, **keywords)]
        except (Exception, SystemExit):
            return known
    return _register(values) or known


def _register(values: Any) -> bool:
    found = False
    while new := {type(leaf) for leaf in tree_leaves(values) if is_dataclass(leaf)}:
        for each in new:
            torch.export.register_dataclass(each)
        found = True
    return found


def _export_without_gradients(
    model: torch.nn.Module, arguments: Sequence[Any], keywords: Mapping[str, Any]
) -> ExportedProgram | None:
    try:
        with quiet_torch(), torch.no_grad():
            return torch.export.export(model, tuple(arguments), dict(keywords))
    except (Exception, SystemExit):
        return None


def layers_in_training(model: torch.nn.Module) -> list[ImportProblem]:
    """The layers whose results depend on training mode, and that are in it."""
    problems: list[ImportProblem] = []
    for name, module in model.named_modules():
        match module:
            case batchnorm._BatchNorm() if module.track_running_stats:
                what = "uses the statistics of the batch"
            case instancenorm._InstanceNorm() if module.track_running_stats:
                what = "changes its running statistics"
            case dropout._DropoutNd() if module.p > 0:
                what = "drops elements"
            case _:
                continue
        if module.training:
            reason = f"is in training mode: it {what}"
            problems.append(
                ImportProblem(type(module).__name__, f'layer "{name}"', reason, _TRAINING)
            )
    return problems


@contextmanager
def quiet_torch() -> Generator[None, None, None]:
    """torch logs and prints what it raises as well: the user gets one message."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), open(os.devnull, "w") as nowhere:
            warnings.simplefilter("ignore")
            with redirect_stderr(nowhere):
                yield
    finally:
        logging.disable(level)


def first_lines(error: BaseException, lines: int = 1) -> str:
    """The start of an error's message, on one line."""
    text = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(text[:lines]) or type(error).__name__


def _draft(
    model: torch.nn.Module, arguments: Sequence[Any], keywords: Mapping[str, Any]
) -> ExportedProgram | None:
    """A program that reads values, or None where that is not what stopped torch.export."""
    try:
        with quiet_torch():
            program = draft_export(model, tuple(arguments), dict(keywords))
    except (Exception, SystemExit):
        return None  # the first error says enough
    reads = any(str(node.target) in graph.READS_A_VALUE for node in program.graph.nodes)
    return program if reads else None


def _export_error(error: BaseException) -> RecogError:
    """The message of torch or of the user's own code, with the innermost line of the latter."""
    where = None
    trace = error.__traceback__
    ours = (os.path.dirname(torch.__file__), os.path.dirname(os.path.dirname(__file__)))
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if not filename.startswith((*ours, "<")):
            where = f"{filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return RecogError(
        f"torch.export cannot trace the model: {type(error).__name__}: {first_lines(error, 3)}",
        where=where,
        hint="does the model run on the example inputs? Control flow that depends on the "
        "values of tensors cannot be exported.",
    )
