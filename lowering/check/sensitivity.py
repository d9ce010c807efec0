"""What each layer costs in a metric of the network's outputs, alone on codes, all else in float.

The loss is the float network's score less that with the layer on codes; its interval is that of
`bootstrap`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recog.dialects.errors import RecogError
from recog.dialects.words import counted
from recog.lowering.check.bootstrap import RESAMPLES, draws, interval
from recog.lowering.check.metrics import Metric, MetricOfParts, Outputs

HELD_BYTES = 2 << 30
"""What the outputs of all frames and layers may take, for a metric of all frames at once."""


@dataclass(frozen=True)
class LayerLoss:
    """The metric with one layer on codes, what it lost, and the interval of the loss, if any."""

    metric: float
    loss: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class MetricCosts:
    """What a metric is called, the float network's, and what each layer costs, by label."""

    metric: str
    float_metric: float
    layers: dict[str, LayerLoss]


class Sensitivity:
    """Takes outputs with one layer on codes each, and says what they lost.

    Args:
        resamples: draws of frames for the intervals; 0 for none.
    """

    def __init__(self, metric: Metric | MetricOfParts, resamples: int = RESAMPLES):
        self._given, self._resamples = metric, resamples
        self._parts = dict[str, list[Any]]()
        self._layers: dict[str, list[Outputs | np.ndarray]] = {}
        self._held = 0

    def begin(self, outputs: Outputs) -> None:
        self._reference = outputs
        self._frames = np.arange(len(outputs[0]))
        if isinstance(self._given, MetricOfParts):
            self._float_parts = list(self._given.parts(outputs, self._frames))
            self._float_metric = self._of(self._given, self._float_parts)
            return
        self._metric = self._given
        self._scores = self._score(outputs, self._frames)
        """Of the float network: one a frame, or one for all."""
        self._float_metric = float(self._scores.mean())

    def add(self, layer: str, frames: slice, outputs: Outputs) -> None:
        if isinstance(self._given, MetricOfParts):
            found = self._given.parts(outputs, self._frames[frames])
            self._parts.setdefault(layer, []).extend(found)
            return
        parts = self._layers.setdefault(layer, [])
        if self._scores.ndim == 0:
            self._hold(outputs)
            parts.append(tuple(np.array(x) for x in outputs))
            return
        if not parts and layer == next(iter(self._layers)):
            self._check_by_frame(frames)
        parts.append(self._score_each(outputs, self._frames[frames], layer))

    def _score_each(self, outputs: Outputs, frames: np.ndarray, layer: str | None) -> np.ndarray:
        scores = self._score(outputs, frames, layer)
        if scores.size != len(frames):
            raise RecogError(
                f"returned one number a frame for all frames, but {scores.size} for "
                f"{len(frames)} of them",
                where=self._metric.name,
            )
        return scores.reshape(-1)

    def _score(self, outputs: Outputs, frames: np.ndarray, layer: str | None = None) -> np.ndarray:
        try:
            return self._metric.scores(outputs, tuple(x[frames] for x in self._reference), frames)
        except RecogError as error:
            message = f"{error.message} ({_which(layer)})"
            raise RecogError(message, where=error.where, hint=error.hint) from None

    def _check_by_frame(self, frames: slice) -> None:
        """A number a frame must not depend on the other frames: they come in parts."""
        own = self._frames[frames]
        found = self._score_each(tuple(x[own] for x in self._reference), own, None)
        if not np.allclose(found, self._scores[frames], rtol=1e-5, atol=1e-8):
            raise RecogError(
                f"gives other numbers for the first {counted(len(own), 'frame')} alone than "
                f"among all {len(self._frames)}",
                where=self._metric.name,
                hint="return one number for all frames where it depends on all of them",
            )

    def _hold(self, outputs: Outputs) -> None:
        self._held += sum(x.nbytes for x in outputs)
        if self._held > HELD_BYTES:
            raise RecogError(
                f"wants all frames at once, whose outputs with each layer on codes take more than "
                f"{HELD_BYTES >> 30} GiB",
                where=self._metric.name,
                hint="return one number a frame, or give fewer frames",
            )

    def costs(self, progress: Callable[[float], None] | None = None) -> MetricCosts:
        """What each layer lost, in the order in which they came."""
        if isinstance(self._given, MetricOfParts):
            losses = self._of_parts(self._given, progress)
        else:
            found = self._by_frame() if self._scores.ndim else self._of_all(progress)
            losses = dict(zip(self._layers, found, strict=True))
        return MetricCosts(self._given.name, self._float_metric, losses)

    def _draws(self) -> Iterator[np.ndarray]:
        return draws(len(self._frames), self._resamples)

    def _by_frame(self) -> Iterator[LayerLoss]:
        scores = np.stack([np.concatenate(parts) for parts in self._layers.values()])
        differences = self._scores - scores
        count = len(self._frames)
        drawn = [
            differences @ (np.bincount(draw, minlength=count) / count) for draw in self._draws()
        ]
        for index, (own, lost) in enumerate(zip(scores, differences)):
            between = interval([each[index] for each in drawn])
            yield LayerLoss(float(own.mean()), float(lost.mean()), *between)

    def _of_all(self, progress: Callable[[float], None] | None) -> Iterator[LayerLoss]:
        draws = list(self._draws())
        references = [self._drawn(self._reference, draw) for draw in draws]
        for number, (layer, parts) in enumerate(self._layers.items(), 1):
            outputs = tuple(np.concatenate(each) for each in zip(*parts))
            score = float(self._score(outputs, self._frames, layer))
            drawn = [
                reference - self._drawn(outputs, draw, layer)
                for reference, draw in zip(references, draws)
            ]
            yield LayerLoss(score, self._float_metric - score, *interval(drawn))
            if progress is not None:
                progress(number / len(self._layers))

    def _of_parts(
        self, metric: MetricOfParts, progress: Callable[[float], None] | None
    ) -> dict[str, LayerLoss]:
        def drawn(parts: Sequence[Any]) -> np.ndarray:
            return np.array([metric.of([parts[i] for i in draw]) for draw in self._draws()])

        references, losses = drawn(self._float_parts), dict[str, LayerLoss]()
        for layer, parts in self._parts.items():
            score = self._of(metric, parts, layer)
            lost = references - drawn(parts)
            between = interval(lost[np.isfinite(lost)].tolist())  # draws that have a value
            losses[layer] = LayerLoss(score, self._float_metric - score, *between)
            if progress is not None:
                progress(len(losses) / len(self._parts))
        return losses

    def _of(self, metric: MetricOfParts, parts: Sequence[Any], layer: str | None = None) -> float:
        score = metric.of(parts)
        if not np.isfinite(score):
            message = f"has no value on these frames ({_which(layer)})"
            raise RecogError(message, where=metric.name, hint="give more frames")
        return score

    def _drawn(self, outputs: Outputs, draw: np.ndarray, layer: str | None = None) -> float:
        score = self._score(tuple(x[draw] for x in outputs), draw, layer)
        return float(score.mean())


def _which(layer: str | None) -> str:
    return "of the float network" if layer is None else f'with layer "{layer}" on codes'
