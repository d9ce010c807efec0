"""What a conversion is of and measured on, read and checked before hours of work."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from recog.dialects.chip import ChipTarget
from recog.dialects.errors import RecogError
from recog.lowering.check.metrics import Metric, Outputs
from recog.lowering.cluster.own_objective import OwnObjective
from recog.lowering.common.data_files import naming_file
from recog.lowering.pipeline import ConversionOptions, fold_network, module_outputs
from recog.tools.console import stage
from recog.tools.diagnostics import UsageError
from recog.tools.module_files import (
    class_labels,
    first_output_shape,
    input_count,
    load_inputs,
    load_network,
)
from recog.tools.own_objective import ArrayBatches, find_metric, is_function, load_examples

if TYPE_CHECKING:
    from recog.tools.report.level_scores import Scorer


@dataclass(frozen=True)
class ConversionData:
    """A network, what it is calibrated and tuned on, and what its levels are measured on.

    Attributes:
        inputs, targets, own: as `convert` takes them.
        test_inputs: (N, ...), one array an input.
        test_targets: of the same frames, of any kind; None without any.
        classes: the same, where they are a class a frame that gives an accuracy.
        metric: scores outputs; None without one.
        test_name: what the frames are called that levels are measured on.
    """

    module: ModuleOp
    inputs: Sequence[np.ndarray]
    targets: np.ndarray | None
    own: OwnObjective | None
    test_inputs: Sequence[np.ndarray]
    test_targets: np.ndarray | None
    classes: np.ndarray | None
    metric: Metric | None
    test_name: str

    @property
    def scorer(self) -> Scorer:
        """Scores what any level gives for the frames that are measured."""
        from recog.tools.report.level_scores import Scorer

        return Scorer(len(self.test_inputs[0]), self.classes, self.metric)

    @cached_property
    def reference(self) -> Outputs:
        """What the float network gives for the frames that are measured."""
        with stage("score the float network"):
            return module_outputs(self.module, self.test_inputs)

    @cached_property
    def float_scores(self) -> np.ndarray | None:
        """What the float network scores, one a frame (N,) or one for all (); None where nothing
        scores it."""
        return self.scorer(self.reference, self.reference).scores


def load_conversion_data(
    network: str,
    data: str,
    options: ConversionOptions,
    *,
    test_data: str | None = None,
    loss: str | None = None,
    metric: str | None = None,
    scored: bool = False,
) -> ConversionData:
    """All that the command line names.

    Args:
        network: as `load_network` takes it.
        data: a data file, or `file.py:function` that returns batches.
        test_data: a data file, by default the frames of `data`.
        loss: `file.py:function`, None for a loss of the compiler's.
        metric: as `find_metric` takes it.
        scored: whether the targets of batches are wanted without a metric too.

    Raises:
        RecogError: they cannot be read, or do not fit together.
    """
    from recog.lowering.cluster.targets import TargetError
    from recog.lowering.cluster.tune_own import check_objective

    with stage(f"import {network}"):
        module = load_network(network)
    count = input_count(module)
    if loss is not None and not is_function(data):
        _check_tunes(options)
    inputs, targets, own = load_examples(data, count, loss, options.batch, options.seed)
    _check_inputs(module, data, inputs, options)
    if own is not None:
        with _explaining(own, data):
            check_objective(module, own, options)
    measured, labels, name = inputs, targets, data
    if own is not None and (scored or metric is not None) and test_data is None:
        measured, labels = own.labelled(len(inputs[0]), options.seed)
    if test_data is not None:
        measured, labels = load_inputs(test_data, count)
        _check_inputs(module, test_data, measured, options)
        name = test_data
    with naming_file(f"data {name}", TargetError):
        classes = class_labels(labels, first_output_shape(module))
    score = None if metric is None else find_metric(metric, labels, f"data {name}")
    found = ConversionData(module, inputs, targets, own, measured, labels, classes, score, name)
    if score is not None:
        _ = found.float_scores  # what is wrong with it
    return found


@contextmanager
def _explaining(own: OwnObjective, data: str) -> Generator[None]:
    """Say of a loss that fails where there are no targets that this may be why."""
    try:
        yield
    except RecogError as error:
        if not isinstance(own.batches, ArrayBatches) or own.batches.has_targets:
            raise
        hint = f"{data} has no array targets: the loss gets None for them"
        raise RecogError(error.message, where=error.where, hint=hint) from None


def _check_tunes(options: ConversionOptions) -> None:
    """Raise UsageError where a loss of the user's own would count for nothing."""
    if not (options.tune and options.cluster):
        switch = "--no-tune" if options.cluster else "--dense"
        raise UsageError(f"--loss has no effect with {switch}")


def _check_inputs(
    module: ModuleOp, path: str, inputs: Sequence[np.ndarray], options: ConversionOptions
) -> None:
    """Raise RecogError for data that the network does not take; for a network that is refused
    whatever the data are, what `recog check` says."""
    from recog.backend.interpreters.nn_runner import check_inputs
    from recog.lowering.partition.rehearsal import rehearse

    try:
        with naming_file(f"data {path}"):
            check_inputs(module, inputs)
    except RecogError:
        trial = module.clone()
        fold_network(trial)
        refusal = rehearse(trial, target=options.chip_target(ChipTarget())).refusal
        if refusal is not None:
            raise refusal from None
        raise
