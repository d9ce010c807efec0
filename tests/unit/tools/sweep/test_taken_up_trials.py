"""Points of a grid whose processes were killed are tried again, each whole and once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import optuna
import pytest

from recog.tools.sweep import study as studies
from recog.tools.sweep.sampling import Grid
from recog.tools.sweep.study import OWNER, take_up

GRID: dict[str, Any] = {"frac": [3, 4], "name": ["a", "b"]}
DEAD = ["here", 1 << 22]  # a process of a number that Linux does not give


def grid_study(monkeypatch: pytest.MonkeyPatch) -> optuna.Study:
    monkeypatch.setattr("platform.node", lambda: "here")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(sampler=Grid(GRID, seed=0))


def values(trial: optuna.Trial) -> tuple[Any, ...]:
    return tuple(trial.suggest_categorical(name, choices) for name, choices in GRID.items())


def test_one_that_was_killed_before_it_had_all_its_values(monkeypatch: pytest.MonkeyPatch):
    study = grid_study(monkeypatch)
    killed = study.ask()
    killed.suggest_categorical("frac", GRID["frac"])
    killed.set_user_attr(OWNER, DEAD)
    assert take_up(study) == 1
    assert len({values(study.ask()) for _ in range(4)}) == 4


def test_one_that_was_killed_before_anybody_knew_whose_it_is(monkeypatch: pytest.MonkeyPatch):
    study = grid_study(monkeypatch)
    study.ask()
    assert take_up(study) == 0  # it may be about to say so
    monkeypatch.setattr(studies, "BEGINNING", timedelta())
    assert take_up(study) == 1
    assert len({values(study.ask()) for _ in range(4)}) == 4


def test_one_that_was_killed_as_it_was_tried_again(monkeypatch: pytest.MonkeyPatch):
    """Before the grid knew its point, or a journal of a version whose grid never did."""
    study = grid_study(monkeypatch)
    study.ask().set_user_attr(OWNER, DEAD)
    assert take_up(study) == 1
    with monkeypatch.context() as patch:
        patch.setattr(Grid, "before_trial", lambda *_: None)
        study.ask()
    monkeypatch.setattr(studies, "BEGINNING", timedelta())
    assert take_up(study) == 1
    assert len({values(study.ask()) for _ in range(4)}) == 4


def test_one_that_is_tried_again_ends_before_the_last_point(monkeypatch: pytest.MonkeyPatch):
    study = grid_study(monkeypatch)
    study.sampler = Grid({"frac": [3, 4]}, seed=0)
    study.ask().set_user_attr(OWNER, DEAD)
    assert take_up(study) == 1
    found: list[int] = []

    def objective(trial: optuna.Trial) -> float:
        found.append(trial.suggest_categorical("frac", [3, 4]))
        return 1.0

    study.optimize(objective, n_trials=9)
    assert sorted(found) == [3, 4]
