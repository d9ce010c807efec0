"""A tuning that is interrupted goes on to the same bits, or says why it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from middle_networks import apply, images, ops_of, residual
from xdsl.dialects.builtin import ModuleOp

from recog.backend.state_files import read_state, write_state
from recog.dialects.cluster import LookupOp
from recog.dialects.errors import RecogError
from recog.lowering.cluster.cluster_weights import ClusterWeightsPass
from recog.lowering.cluster.pointer_reassignment import weights_before
from recog.lowering.cluster.tune_centroids import tune
from recog.lowering.cluster.tune_settings import TuneSettings
from recog.lowering.cluster.tuner import Resumable
from recog.lowering.pipeline import module_outputs

SETTINGS = TuneSettings(epochs=5, batch=16, learning_rate=0.3)
STEPS_OF_AN_EPOCH = 3


class InFile:
    """Keeps the state of every step."""

    def __init__(self, path: Path):
        self.path, self.began = path, 0

    def begin(self, tuner: Resumable) -> None:
        if self.path.exists():
            tuner.restore(read_state(self.path, "tuning"))
        self.began = tuner.done

    def offer(self, tuner: Resumable) -> None:
        write_state(self.path, tuner.state())


class StoppedError(Exception):
    pass


def clustered(centroids: int = 8) -> ModuleOp:
    return apply(residual(), ClusterWeightsPass(centroids=centroids, table_share=100))


def tuned(kept: InFile | None = None, stop: int | None = None, **changed: Any) -> ModuleOp:
    """Tuned whole, or stopped after so many steps."""
    module, x = clustered(**changed), images(40)
    steps = 0

    def count(share: float, loss: float) -> None:
        nonlocal steps
        steps += 1
        if steps == stop:
            raise StoppedError

    tune(
        module,
        [x],
        module_outputs(residual(), [x]),
        SETTINGS,
        originals=weights_before(residual(), module),
        progress=count,
        kept=kept,
    )
    return module


def pointers(module: ModuleOp) -> list[Any]:
    return [op.pointers.owner.value for op in ops_of(module, LookupOp)]  # pyright: ignore


def test_it_goes_on_to_the_same_bits(tmp_path: Path):
    whole = tuned()
    assert pointers(whole) != pointers(clustered())
    kept = InFile(tmp_path / "state")
    for stop, begins in ((2, 0), (STEPS_OF_AN_EPOCH, 2), (5, 5)):
        with pytest.raises(StoppedError):
            tuned(kept, stop)
        assert kept.began == begins
    assert str(tuned(kept)) == str(whole)
    assert kept.began == 10
    assert str(tuned(kept)) == str(whole)
    assert kept.began == SETTINGS.epochs * STEPS_OF_AN_EPOCH


def cut_pointers(state: dict[str, Any]) -> None:
    state["pointers"][0] = state["pointers"][0][:-1]


def far_pointers(state: dict[str, Any]) -> None:
    state["pointers"][0][0] = 8


def no_optimizer(state: dict[str, Any]) -> None:
    state["optimizer"] = {}


def no_tensor(state: dict[str, Any]) -> None:
    state["values"][0] = 7


def fewer_values(state: dict[str, Any]) -> None:
    state["values"].pop()


def no_number(state: dict[str, Any]) -> None:
    state["done"] = "many"


@pytest.mark.parametrize(
    "damage", [cut_pointers, far_pointers, no_optimizer, no_tensor, fewer_values, no_number]
)
def test_a_state_of_another_tuning_is_refused(
    damage: Callable[[dict[str, Any]], None], tmp_path: Path
):
    kept = InFile(tmp_path / "state")
    with pytest.raises(StoppedError):
        tuned(kept, 1)
    state = read_state(kept.path, "tuning")
    damage(state)
    write_state(kept.path, state)
    with pytest.raises(RecogError, match="is of another tuning: "):
        tuned(kept)


def test_a_state_of_other_codebooks_is_refused(tmp_path: Path):
    kept = InFile(tmp_path / "state")
    with pytest.raises(StoppedError):
        tuned(kept, 1)
    with pytest.raises(RecogError, match="is of another tuning: values of"):
        tuned(kept, centroids=4)


def test_a_state_of_another_version_is_refused(tmp_path: Path):
    kept = InFile(tmp_path / "state")
    with pytest.raises(StoppedError):
        tuned(kept, 1)
    state = read_state(kept.path, "tuning")
    write_state(kept.path, {**state, "tuner": 1})
    with pytest.raises(RecogError, match="was left by another version of recog"):
        tuned(kept)
