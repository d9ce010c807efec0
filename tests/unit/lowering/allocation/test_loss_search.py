"""The largest ratio that keeps within a loss, found by measuring few."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np
import pytest

from recog.lowering.allocation.loss_search import (
    CLOSE,
    CLOSER,
    FULL_TRIALS,
    LEAST,
    START,
    Ask,
    LossSearch,
    Trial,
)

EPOCHS, SHORT = 20, 5
Loss = Callable[[Ask], float]


def searched(
    most: float,
    loss: Loss,
    *,
    possible: float = inf,
    epochs: int = EPOCHS,
    least: float = LEAST,
    smaller: Callable[[float], float] = lambda ratio: 1.0,
) -> tuple[list[Trial], Trial | None]:
    """The trials of a whole search, and its answer, where programs of a ratio are smaller by a
    factor than asked for, and lose what such small ones lose."""
    search, trials = LossSearch(most, epochs, least), list[Trial]()
    while (asked := search.next(trials)) is not None:
        assert asked not in [Ask(each.ratio, each.epochs) for each in trials]
        assert asked.ratio >= least
        if asked.ratio > possible:
            trials.append(Trial(*asked, possible, 0, inf))
        else:
            reached = asked.ratio * smaller(asked.ratio)
            trials.append(Trial(*asked, reached, 1, loss(Ask(reached, asked.epochs))))
        assert len(trials) < 40
    return trials, search.best(trials)


def smooth(at: float, gained: float = 1.0, slope: float = 2.0) -> Loss:
    """1 at a ratio in a short tuning, less by a factor after a full one."""

    def loss(asked: Ask) -> float:
        lost = (asked.ratio / at) ** slope
        return lost / gained if asked.epochs == EPOCHS else lost

    return loss


@pytest.mark.parametrize("at", [1.3, 4.0, 11.0, 16.0, 29.0, 70.0, 300.0])
@pytest.mark.parametrize("gained", [1.0, 1.3, 3.0])
def test_it_comes_close_to_the_largest_ratio(at: float, gained: float):
    trials, best = searched(1.0, smooth(at, gained))
    assert best is not None
    assert best.lost <= 1.0
    assert best.epochs == EPOCHS
    largest = at * gained**0.5
    assert best.ratio > largest / 1.35
    assert sum(each.epochs == SHORT for each in trials) <= 9
    assert sum(each.epochs == EPOCHS for each in trials) <= 4


def test_it_starts_where_networks_often_are():
    assert LossSearch(1.0, EPOCHS).next([]) == Ask(START, SHORT)


def test_nothing_that_loses_more_is_ever_taken():
    """Also where losses jump about, and where tuning in full loses more than tuning short."""
    random = np.random.default_rng(0)
    for _ in range(300):
        at, noise = random.uniform(1, 80), random.uniform(0, 1.5)
        gained = random.choice([0.3, 1.0, 2.0])
        known: dict[Ask, float] = {}

        def loss(asked: Ask) -> float:
            clean = smooth(at, gained)(asked)  # noqa: B023
            return known.setdefault(asked, clean * np.exp(noise * random.normal()))  # noqa: B023

        possible = random.choice([inf, 5.0, 40.0])
        trials, best = searched(1.0, loss, possible=possible)
        met = [each for each in trials if each.lost <= 1.0]
        full = [each for each in met if each.epochs == EPOCHS]
        assert best == max(full or met, key=lambda each: each.reached, default=None)
        if best is None:  # down to the end
            assert min(each.failing_ratio for each in trials) <= LEAST
        assert sum(each.epochs == EPOCHS for each in trials) <= FULL_TRIALS


def test_what_cannot_be_met_is_tried_to_the_end():
    trials, best = searched(0.5, lambda asked: 2.0)
    assert best is None
    assert trials[-1].ratio == LEAST
    assert trials[-1].epochs == EPOCHS


def test_it_stays_below_what_is_possible():
    trials, best = searched(1.0, lambda asked: 0.0, possible=21.0)
    assert best is not None
    assert 21.0 / (CLOSE + 0.01) < best.ratio <= 21.0
    assert sum(each.lost == inf for each in trials) <= 2


def test_a_network_too_small_for_any_ratio():
    """Whose biases alone take more than its weights in float."""
    trials, best = searched(1.0, lambda asked: 0.0, possible=0.8)
    assert best is None
    assert len(trials) == 1


def test_without_tuning_each_ratio_is_tried_once():
    trials, best = searched(1.0, lambda asked: asked.ratio / 30, epochs=0)
    assert {each.epochs for each in trials} == {0}
    assert best is not None
    assert 30 / CLOSER <= best.ratio <= 30


@pytest.mark.parametrize("at", np.geomspace(2, 60, 25).tolist())
@pytest.mark.parametrize("epochs", [0, EPOCHS])
def test_programs_that_are_smaller_than_asked_stop_nothing_early(at: float, epochs: int):
    """What a program that loses too much has is compared with what one has that does not."""

    def smaller(ratio: float) -> float:
        return 1.08 + 0.07 * np.sin(3 * np.log(ratio))

    loss: Loss = lambda asked: float(asked.ratio > at)  # noqa: E731
    trials, best = searched(0.5, loss, epochs=epochs, smaller=smaller)
    assert best is not None
    assert at / (CLOSER if epochs == 0 else CLOSE) <= best.reached <= at
    assert len(trials) <= 14


def test_one_epoch_cannot_be_shortened():
    trials, best = searched(1.0, lambda asked: asked.ratio / 30, epochs=1)
    assert {each.epochs for each in trials} == {1}
    assert best is not None


def test_longer_tuning_is_tried_where_short_tuning_missed():
    trials, _ = searched(1.0, smooth(20.0, 1.5))
    first = next(each for each in trials if each.epochs == EPOCHS)
    missed = [each.ratio for each in trials if each.epochs == SHORT and each.lost > 1.0]
    assert first.ratio == min(missed)


def test_trials_of_another_loss_count_too():
    """After an interruption a person may ask for another loss."""
    loss = smooth(20.0)
    trials, _ = searched(1.0, loss)
    search = LossSearch(4.0, EPOCHS)
    asked = search.next(trials)
    assert asked is not None
    assert asked.ratio > max(each.ratio for each in trials if each.lost <= 4.0)


def test_where_longer_tuning_loses_more_the_shorter_one_is_taken():
    """Which is an answer: nothing is said to lose too much that does not."""
    trials, best = searched(2.0, lambda asked: 3.0 if asked.epochs == EPOCHS else asked.ratio / 9)
    assert best is not None
    assert best.epochs == SHORT
    assert best.lost <= 2.0
    assert sum(each.epochs == EPOCHS for each in trials) <= 2


@pytest.mark.parametrize("least", [1.0, 13.0, 40.37123])
def test_no_program_is_tried_that_no_memory_holds(least: float):
    trials, best = searched(1.0, smooth(60.0), least=least)
    assert best is not None
    assert min(each.ratio for each in trials) >= least
    trials, best = searched(1.0, smooth(5.0), least=least)
    if least > 5.5:
        assert best is None
        assert trials[-1].ratio == pytest.approx(least, rel=0.01)
    first = LossSearch(1.0, EPOCHS, least).next([])
    assert first is not None
    assert first.ratio == pytest.approx(max(START, least), rel=0.01)


def test_losses_that_are_no_number_are_not_met():
    trials, best = searched(1.0, lambda asked: inf if asked.ratio > 20 else 0.5)
    assert best is not None
    assert 20 / CLOSE**2 < best.ratio <= 20
    assert all(each.is_possible for each in trials)


def test_a_plan_that_is_overshot_is_not_asked_for_twice():
    """What can be planned is said before; programs often take less."""
    search = LossSearch(1.0, EPOCHS)
    trials = [
        Trial(START, SHORT, 17.0, 100, 0.0),
        Trial(34.0, SHORT, 27.7, 0, inf),
        Trial(23.0, SHORT, 31.2, 60, 0.0),
    ]
    asked = search.next(trials)
    assert asked is not None
    assert asked.epochs == EPOCHS


def test_a_loss_that_is_met_but_for_its_last_digit_is_met():
    """0.99 less 0.97 is 0.02 and a little."""
    _, best = searched(0.02, lambda asked: 0.99 - (0.97 if asked.ratio < 40 else 0.9))
    assert best is not None
    assert best.ratio > 40 / CLOSE
