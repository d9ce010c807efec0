"""What the fast engine remembers of resident weights: once a view, no longer than they live."""

import gc
from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import pytest
from lns_strategies import layer_of, random_codes

from recog.backend.arithmetic import checks
from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.engine import get_engine
from recog.backend.arithmetic.fast import engine as fast_engine
from recog.backend.arithmetic.fast import memo
from recog.backend.arithmetic.fast.assembly import kernels
from recog.backend.arithmetic.fast.engine import FastEngine
from recog.backend.arithmetic.reference.engine import Engine
from recog.dialects.number_format import Arithmetic, LnsFormat

FORMAT, OUT = LnsFormat(8, 4, 80), LnsFormat(8, 4, -40)
REFERENCE, FAST = get_engine("reference"), FastEngine(code=kernels("portable"))

Run = Callable[[Engine, np.ndarray, int], np.ndarray]


def resident(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    w = random_codes(shape, FORMAT, seed)
    w.flags.writeable = False
    return w


def linear(engine: Engine, w: np.ndarray, rows: int) -> np.ndarray:
    x = random_codes((rows, w.shape[1]), FORMAT, 1)
    return engine.linear(layer_of(x, FORMAT, w, FORMAT, None, OUT, arithmetic=Arithmetic()))


def convolution(engine: Engine, w: np.ndarray, rows: int) -> np.ndarray:
    x = random_codes((1, w.shape[1], rows + 2, 5), FORMAT, 1)
    return engine.conv2d(layer_of(x, FORMAT, w, FORMAT, None, OUT, arithmetic=Arithmetic()))


def transposed(engine: Engine, w: np.ndarray, rows: int) -> np.ndarray:
    x = random_codes((1, w.shape[1], rows, 5), FORMAT, 1)
    tensors = x, FORMAT, w, FORMAT, None, OUT
    return engine.conv_transpose2d(layer_of(*tensors, strides=(2, 3), arithmetic=Arithmetic()))


KINDS: dict[str, tuple[Run, tuple[int, ...], int]] = {
    "linear": (linear, (12, 20), 1),
    "convolution": (convolution, (12, 4, 3, 3), 1),
    "transposed": (transposed, (12, 4, 3, 4), 6),
}
"""By name: the operation, the shape of its weights, the convolutions that it runs."""


def prepared(run: Callable[[], object]) -> int:
    """How many layers were prepared."""
    with patch.object(fast_engine, "_prepare", wraps=fast_engine._prepare) as spy:
        run()
    return spy.call_count


@pytest.mark.parametrize("kind", KINDS)
def test_resident_weights_are_prepared_once(kind: str):
    run, shape, convolutions = KINDS[kind]
    w = resident(shape)
    expected = run(REFERENCE, w, 3)
    assert prepared(lambda: run(FAST, w, 3)) == convolutions
    assert prepared(lambda: np.testing.assert_array_equal(run(FAST, w, 3), expected)) == 0
    assert prepared(lambda: run(FAST, w, 4)) == convolutions  # of another shape


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("view", [False, True])
def test_weights_that_can_be_written_are_not_remembered(kind: str, view: bool):
    run, shape, _ = KINDS[kind]
    whole = random_codes(shape, FORMAT, 0)
    w = whole[:] if view else whole
    for seed in (2, 3):
        whole[...] = random_codes(shape, FORMAT, seed)
        np.testing.assert_array_equal(run(FAST, w, 3), run(REFERENCE, w, 3))
    assert id(w) not in memo._entries
    assert id(whole) not in memo._entries


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_outlives_its_weights(kind: str):
    """Later weights often have the identity and the memory of those before them."""
    run, shape, _ = KINDS[kind]
    gc.collect()
    before = set(memo._entries)
    for seed in range(8):
        w = resident(shape, seed)
        np.testing.assert_array_equal(run(FAST, w, 3), run(REFERENCE, w, 3))
        assert set(memo._entries) == before | {id(w)}
        del w
    assert set(memo._entries) == before


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_remembered_has_a_bound(kind: str):
    """So many times the weights, whatever comes; what was forgotten is prepared again."""
    run, shape, convolutions = KINDS[kind]
    w = resident(shape)
    most = 0
    for rows in range(1, 3 * memo.MOST_TIMES):
        run(FAST, w, rows)
        most = max(most, len(memo._entries[id(w)]))
    assert memo.MOST_TIMES * convolutions // 2 <= most <= memo.MOST_TIMES * 2 * convolutions
    np.testing.assert_array_equal(run(FAST, w, 1), run(REFERENCE, w, 1))


def test_views_of_the_same_weights_are_told_apart():
    """The same phases of other strides, and w as it is, begin at the same weights or do not."""
    w = resident((6, 3, 3, 3))
    x = random_codes((1, 3, 4, 5), FORMAT, 1)
    tensors = x, FORMAT, w, FORMAT, None, OUT
    for _ in range(2):
        for stride in (1, 2, 3):
            for padding in ((0, 0, 0, 0), (1, 0, 1, 2)):
                how = {"strides": (stride, 2), "padding": padding, "arithmetic": Arithmetic()}
                layer = layer_of(*tensors, **how)
                expected = REFERENCE.conv_transpose2d(layer)
                np.testing.assert_array_equal(FAST.conv_transpose2d(layer), expected)
        layer = layer_of(*tensors, arithmetic=Arithmetic())
        np.testing.assert_array_equal(FAST.conv2d(layer), REFERENCE.conv2d(layer))


def test_a_layer_counts_under_the_path_that_it_ran_on():
    engine = FastEngine(code=kernels("portable"))
    linear(engine, resident((12, 20)), 3)
    assert engine.path == "portable"
    assert engine.taken == {"portable real32": 1}


def test_what_stands_for_a_layer_is_prepared_and_checked_once():
    """As instructions of a machine do, which checks the codes itself; frames may be others."""

    class Instruction:
        pass

    engine, w, standing = (
        FastEngine(code=kernels("portable")),
        resident((12, 4, 3, 3)),
        Instruction(),
    )
    x = random_codes((2, 4, 9, 5), FORMAT, 1)
    base = layer_of(x, FORMAT, w, FORMAT, None, OUT, arithmetic=Arithmetic())
    with patch.object(checks, "check_conv2d", wraps=checks.check_conv2d) as spy:
        for seed, frames in ((1, 2), (2, 2), (3, 1), (4, 1), (5, 2)):
            x = random_codes((frames, 4, 9, 5), FORMAT, seed)
            layer = base._replace(x=Codes(x, FORMAT), resident=standing)
            expected = REFERENCE.conv2d(layer._replace(resident=None))
            np.testing.assert_array_equal(engine.conv2d(layer), expected)
    own = [call for call in spy.call_args_list if call.args[0].resident]
    assert len(own) == 3  # 2 frames, 1 frame, 2 frames
    del layer, own, spy, standing
    gc.collect()
    assert not engine._resident
