"""The loss, data and metric of `recog convert` that stand in the user's own files."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from recog.dialects.errors import RecogError
from recog.dialects.words import counted
from recog.frontend.user_code import UserFunction, load_function
from recog.lowering.check.metrics import Accuracy, Agreement, Metric, UserMetric
from recog.lowering.cluster.own_objective import (
    PAIR,
    Batch,
    OwnObjective,
    joined_inputs,
    joined_targets,
)
from recog.lowering.pipeline import CALIBRATION_FRAMES

NO_ARRAYS = "targets that are no arrays of numbers are left out, and a metric gets None"
MOST_FRAMES = 1024
"""Of a function's batches, which may have no end, where they are not gone through to tune."""


class Examples(NamedTuple):
    """Inputs (N, ...), their targets where there are any, and what to tune on in place of both."""

    inputs: list[np.ndarray]
    targets: np.ndarray | None
    own: OwnObjective | None


def load_examples(data: str, count: int, loss: str | None, batch: int, seed: int) -> Examples:
    """What `--data` and `--loss` name.

    Args:
        data: a data file, or `file.py:function` that returns batches.
        count: how many inputs the network takes.
        batch: frames of a batch of a data file.

    Raises:
        RecogError: they cannot be read, or are not as they should be.
    """
    from recog.tools.module_files import load_inputs

    function = None
    if loss is not None:
        function = load_function(loss, wanted="file.py:function", example="losses.py:dice")
    if function is None or not is_function(data):
        inputs, targets = load_inputs(data, count)
        if function is None:
            return Examples(inputs, targets, None)
        own = OwnObjective(function, ArrayBatches(inputs, targets, batch))
        return Examples(inputs, None, own)
    own = OwnObjective(function, _batches(data).each)
    with _named(data):
        inputs = own.examples(CALIBRATION_FRAMES, seed)
    return Examples(inputs, None, own)


def frames_of_batches(spec: str, count: int) -> tuple[list[np.ndarray], np.ndarray | None]:
    """The first `MOST_FRAMES` frames of the batches that a function returns, (N, ...) for each of
    `count` inputs, and their targets where these are arrays of numbers.

    Raises:
        RecogError: the function cannot be called, or what it returns are no batches of them.
    """
    own = OwnObjective(_no_loss, _batches(spec).each)
    with _named(spec):
        return _frames_of(own, spec, count)


@contextmanager
def _named(spec: str) -> Generator[None]:
    """Name the function in errors that have no place of their own."""
    try:
        yield
    except RecogError as error:
        if error.where is not None:
            raise
        raise RecogError(error.message, where=spec, hint=error.hint) from None


def _frames_of(
    own: OwnObjective, spec: str, count: int
) -> tuple[list[np.ndarray], np.ndarray | None]:
    found, frames = list[Batch](), 0
    for batch in own.epoch(0, 0):
        if frames >= MOST_FRAMES:
            print(f"note: {spec}: the first {frames:,} frames are taken", file=sys.stderr)
            break
        if len(batch.inputs) != count:
            raise RecogError(
                f"the batches have {counted(len(batch.inputs), 'input')}, the network takes "
                f"{count}",
                hint=PAIR,
            )
        found.append(batch)
        frames += batch.frames
    inputs, joined = joined_inputs(found), joined_targets(found)
    if joined is None and any(each.targets is not None for each in found):
        print(f"note: {spec}: {NO_ARRAYS}", file=sys.stderr)
    return inputs, joined


def _batches(spec: str) -> UserFunction:
    return load_function(spec, wanted="a file, or file.py:function", example="data.py:batches")


def _no_loss(outputs: Any, targets: Any) -> Any:
    raise RecogError("there is no loss to tune on")


def is_function(text: str) -> bool:
    """Whether `--data` names a function of a Python file."""
    return ".py:" in text


def find_metric(spec: str, targets: np.ndarray | None, data: str) -> Metric:
    """The metric of that name.

    Args:
        targets: of the frames (N, ...), where there are any.
        data: what they are called, for errors.

    Raises:
        RecogError: a function that is none, or targets that the metric cannot take.
    """
    if spec == "agreement" or (spec == "classification" and targets is None):
        return Agreement()
    if spec in ("accuracy", "classification"):
        if targets is None:
            hint = "add an array targets of labels, or measure the agreement with the float network"
            raise RecogError("has no targets, which accuracy wants", where=data, hint=hint)
        return Accuracy(targets, data)
    wanted = "accuracy, agreement, classification or file.py:function"
    function = load_function(spec, wanted=wanted, example="scores.py:iou")
    return UserMetric(function, spec, targets)


class ArrayBatches:
    """Arrays in batches, in another order each time."""

    def __init__(self, inputs: Sequence[np.ndarray], targets: np.ndarray | None, size: int):
        self._inputs, self._targets, self._size = inputs, targets, size

    @property
    def has_targets(self) -> bool:
        """Whether there are any; else they are None."""
        return self._targets is not None

    def __call__(self) -> Iterator[tuple[Any, Any]]:
        import torch

        for chosen in torch.randperm(len(self._inputs[0])).split(self._size):
            frames = chosen.numpy()
            inputs = tuple(torch.from_numpy(np.asarray(x)[frames]) for x in self._inputs)
            wanted = None if self._targets is None else torch.from_numpy(self._targets[frames])
            yield inputs, wanted
