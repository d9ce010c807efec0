"""How a sweep chooses its next point: optuna's samplers, seeded for each trial by its number.

A sampler that is seeded once begins with the same points in every process and after every
interruption.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, GridSampler, NSGAIISampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from recog.tools.sweep.space import Space

MIN_POPULATION, MAX_POPULATION = 4, 50
GENERATIONS = 4
"""Of nsga2, at least, where there are trials enough."""


def sampler_of(name: str, space: Space, trials: int, seed: int) -> BaseSampler:
    """The sampler of that name, one of `SAMPLERS`.

    Args:
        trials: how many the study is to have.

    Raises:
        RecogError: a grid of what has no end.
    """
    if name == "grid":
        return Grid(space.grid(), seed=seed)
    if name == "random":
        return _Reseeded(lambda number: RandomSampler(seed=_seed(seed, number)))
    population = min(MAX_POPULATION, max(MIN_POPULATION, trials // GENERATIONS))
    return _Reseeded(
        lambda number: NSGAIISampler(population_size=population, seed=_seed(seed, number))
    )


def _seed(seed: int, number: int) -> int:
    return (seed * 1_000_003 + number) % (1 << 32)


class Grid(GridSampler):
    """A grid on which a trial that has another's values is of its point, too.

    Optuna's own puts no point down for such a trial, and fails where one ends while the last point
    is not finished.
    """

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        number = self._number_of(trial.system_attrs.get("fixed_params"))
        if number is None or "grid_id" in trial.system_attrs:
            super().before_trial(study, trial)
            return
        storage = study._storage  # pyright: ignore[reportPrivateUsage]
        for name, value in (("search_space", self._search_space), ("grid_id", number)):
            storage.set_trial_system_attr(
                trial._trial_id,  # pyright: ignore[reportPrivateUsage]
                name,
                value,
            )

    def point_of(self, trial: FrozenTrial) -> dict[str, Any]:
        """All values of a trial, of which some may not be put down yet; none if it has no point."""
        number = trial.system_attrs.get("grid_id")
        return {} if number is None else self._point(number)

    def _number_of(self, values: dict[str, Any] | None) -> int | None:
        if values is None:
            return None
        numbers = range(len(self._all_grids))
        return next((each for each in numbers if self._point(each) == values), None)

    def _point(self, number: int) -> dict[str, Any]:
        return dict(zip(self._param_names, self._all_grids[number]))


class _Reseeded(BaseSampler):
    """Another sampler for each trial, of its own seed; what they know stands in the study."""

    def __init__(self, make: Callable[[int], BaseSampler]):
        self._make, self._now = make, make(0)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._now = self._make(trial.number)
        self._now.before_trial(study, trial)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self._now.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._now.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self._now.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        self._now.after_trial(study, trial, state, values)
