"""recog.Tuner: tuning whose steps a loop of the user's own takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from middle_networks import images, residual
from torch.nn import functional as F

from recog.dialects.errors import RecogError
from recog.lowering.pipeline import ConversionOptions, Stage, module_outputs
from recog.tools.tuning import Tuner, tune

OPTIONS: dict[str, Any] = {
    "centroids": 8,
    "table_share": 100,
    "epochs": 3,
    "learning_rate": 0.02,
    "balance": False,
}
X = torch.from_numpy(images(48))
WANTED = 2 * torch.from_numpy(module_outputs(residual(), [images(48)])[0]) + 1
BATCHES = [(X[i : i + 16], WANTED[i : i + 16]) for i in (0, 16, 32)]


def tuner(steps: int = 1, **options: Any) -> Tuner:
    settings: dict[str, Any] = {**OPTIONS, **options}
    chosen = ConversionOptions(**settings)
    return Tuner(residual(), BATCHES, F.mse_loss, steps=steps, options=chosen)


@pytest.mark.parametrize("more", [{"distill": 0.0}, {"features": 1.0}])
def test_a_loop_of_ones_own_gives_the_bits_of_tune(more: dict[str, float]):
    by_step = tuner(9, **more)
    losses = [by_step.step(batch) for _ in range(3) for batch in BATCHES]
    assert by_step.done == 9
    assert losses[-1] < losses[0]
    conversion = by_step.finalize()
    settings: dict[str, Any] = {**OPTIONS, **more}
    at_once = tune(residual(), BATCHES, F.mse_loss, options=ConversionOptions(**settings))
    assert conversion.assemble() == at_once.assemble()
    assert conversion.stages.keys() == at_once.stages.keys()
    for stage in (Stage.FOLDED, Stage.TUNED):
        assert str(conversion.stages[stage]) == str(at_once.stages[stage])


def test_without_steps_the_network_is_as_it_was_clustered():
    conversion = tuner(epochs=1).finalize()
    assert str(conversion.stages[Stage.TUNED]) == str(conversion.stages[Stage.CLUSTERED])


def test_steps_that_are_not_to_be():
    one = tuner()
    with pytest.raises(RecogError, match="a batch is a Tensor"):
        one.step(X)
    assert one.done == 0
    one.step(BATCHES[0])
    with pytest.raises(RecogError, match="1 step is done, as many as there were to be"):
        one.step(BATCHES[1])
    one.finalize()
    for again in (one.finalize, lambda: one.step(BATCHES[0])):
        with pytest.raises(RecogError, match="the tuning is finalized"):
            again()


@pytest.mark.parametrize("steps", [0, 2.5, "9"])
def test_steps_that_are_no_number(steps: Any):
    with pytest.raises(RecogError, match="steps are an integer of at least 1, got"):
        tuner(steps)


def test_nothing_to_tune():
    options = ConversionOptions(layouts="*: dense")
    with pytest.raises(RecogError, match="there is nothing to tune"):
        Tuner(residual(), BATCHES, F.mse_loss, steps=1, options=options)


def test_an_interrupted_tuning_goes_on_to_the_same_bits(tmp_path: Path):
    whole, first = tuner(3), tuner(3)
    for batch in BATCHES:
        whole.step(batch)
    first.step(BATCHES[0])
    torch.save(first.state_dict(), tmp_path / "state.pt")
    first.step(BATCHES[2])  # what is lost
    again = tuner(3)
    again.load_state_dict(torch.load(tmp_path / "state.pt"))
    assert again.done == 1
    for batch in BATCHES[1:]:
        again.step(batch)
    assert again.finalize().assemble() == whole.finalize().assemble()


def test_a_state_of_another_tuning():
    own, state = tuner(3), tuner(3).state_dict()
    for changed, words in (
        ({"steps": 4}, "of 4 steps, not 3"),
        ({"network": "x"}, "of another network"),
        ({"tuner": -1}, "was left by another version of recog"),
        ({"values": []}, "is of another tuning"),
    ):
        with pytest.raises(
            RecogError, match=f"the state {'is ' if words[:2] == 'of' else ''}{words}"
        ):
            own.load_state_dict({**state, **changed})
    with pytest.raises(RecogError, match="a state is a list, not what state_dict"):
        own.load_state_dict([])  # pyright: ignore[reportArgumentType]
    own.load_state_dict(state)
    own.finalize()
    with pytest.raises(RecogError, match="the tuning is finalized"):
        own.load_state_dict(state)
