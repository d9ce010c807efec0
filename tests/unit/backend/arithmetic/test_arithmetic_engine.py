"""What the engines refuse, each in one sentence, and how they are found."""

import inspect
from collections.abc import Callable

import numpy as np
import pytest
from lns_strategies import layer_of

from recog.backend.arithmetic import checks
from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.engine import ENGINES, EngineOptions, get_engine
from recog.backend.arithmetic.fast.engine import FastEngine
from recog.backend.arithmetic.gemm.engine import GemmEngine
from recog.backend.arithmetic.reference import boxes, definition, sampling, stereo
from recog.backend.arithmetic.reference.engine import Engine
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import PoolWindow

F8 = LnsFormat(8, 4, 65)
CHANNELS = LnsFormat(8, 4, (65, 70), 0)
X, W = np.ones((1, 4, 5, 5), np.uint8), np.ones((2, 4, 3, 3), np.uint8)
NEGATIVE_ZERO = np.where(np.arange(100).reshape(X.shape) == 57, 0x80, X).astype(np.uint8)


def test_unknown_engine_lists_the_engines():
    with pytest.raises(RecogError, match="unknown engine 'quick'.*\n.*reference, gemm, fast"):
        get_engine("quick")


def test_an_engine_is_chosen_by_name_by_options_or_as_it_is():
    engine = get_engine(EngineOptions("gemm"))
    assert type(engine) is type(get_engine("gemm"))
    assert get_engine(engine) is engine


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    "change, message",
    [
        ({"x": X.astype(np.int64)}, "x holds int64, its 8-bit codes uint8"),
        ({"x": NEGATIVE_ZERO}, r"x holds an illegal code, 0x80 at \(0, 2, 1, 2\)"),
        ({"x": X + 15, "x_format": LnsFormat(4, 1)}, "illegal code, 0x10"),
        ({"x": X[0]}, "x has shape .* not of rank 4"),
        ({"x": X[:, :3]}, "do not fit 1 group"),
        ({"x": X[:, :, :2]}, r"kernel of \(3, 3\) does not fit an input of \(2, 5\)"),
        ({"x_format": LnsFormat(8, 4, (1, 2, 3, 4), 1)}, "biases per channel"),
        ({"w": np.repeat(NEGATIVE_ZERO[:, :, :3, :3], 2, axis=0)}, "w holds an illegal code"),
        ({"w_format": LnsFormat(8, 4, (1, 2, 3), 0)}, "3 biases along axis 0"),
        ({"w_format": LnsFormat(8, 4, (1, 2, 3, 4), 1)}, "must along axis 0"),
        ({"init": np.zeros(2)}, r"init is float64\[2\].*int64\[2\]"),
        ({"init": np.zeros(3, np.int64)}, "init is int64"),
        ({"out_format": CHANNELS}, "output's format has biases per channel"),
        ({"groups": 3}, "3 groups"),
        ({"strides": (0, 1)}, "strides"),
        ({"padding": (0, -1, 0, 0)}, "padding"),
        (
            {"w": W * 127, "x": X * 127, "w_format": LnsFormat(8, 1), "x_format": LnsFormat(8, 1)},
            "more than 63 bits",
        ),
    ],
)
def test_conv2d_refuses(name: str, change: dict, message: str):
    arguments: dict = {
        "x": X,
        "x_format": F8,
        "w": W,
        "w_format": CHANNELS,
        "init": None,
        "out_format": F8,
        "arithmetic": Arithmetic(),
    }
    get_engine(name).conv2d(layer_of(**arguments))
    with pytest.raises(RecogError, match=message):
        get_engine(name).conv2d(layer_of(**arguments | change))


@pytest.mark.parametrize("name", ENGINES)
def test_the_other_operations_refuse(name: str):
    engine, arithmetic = get_engine(name), Arithmetic()
    a, b = np.ones((2, 3), np.uint8), np.ones((2, 4), np.uint8)
    with pytest.raises(RecogError, match="do not fit"):
        engine.linear(layer_of(a, F8, b, F8, None, F8, arithmetic=arithmetic))
    with pytest.raises(RecogError, match="do not broadcast"):
        engine.add(Codes(a, F8), Codes(b, F8), F8, arithmetic)
    with pytest.raises(RecogError, match="more than 63 bits"):
        engine.add(Codes(a, F8), Codes(a, LnsFormat(8, 4, 2000)), F8, arithmetic)
    with pytest.raises(RecogError, match="rank 4"):
        engine.avg_pool2d(Codes(a, F8), PoolWindow(kernel=(1, 1)), F8, arithmetic)
    with pytest.raises(RecogError, match="does not fit an input"):
        engine.avg_pool2d(Codes(X, F8), PoolWindow(kernel=(6, 6)), F8, arithmetic)
    with pytest.raises(RecogError, match="output's format has biases per channel"):
        engine.correlation(Codes(X, F8), Codes(X, F8), 2, CHANNELS, arithmetic)


@pytest.mark.parametrize("name", ENGINES)
def test_empty_batches_stay_empty(name: str):
    engine, arithmetic = get_engine(name), Arithmetic()
    assert engine.conv2d(layer_of(X[:0], F8, W, F8, None, F8, arithmetic=arithmetic)).shape == (
        0,
        2,
        3,
        3,
    )
    empty = np.ones((0, 4), np.uint8)
    w = np.ones((3, 4), np.uint8)
    assert engine.linear(layer_of(empty, F8, w, F8, None, F8, arithmetic=arithmetic)).shape == (
        0,
        3,
    )
    assert engine.add(Codes(empty, F8), Codes(empty, F8), F8, arithmetic).shape == (0, 4)


@pytest.mark.parametrize("name", ENGINES)
def test_inputs_are_left_alone(name: str):
    engine = get_engine(name)
    init, x, w = np.array([3, 4]), X.copy(), W.copy()
    for array in (init, x, w):
        array.flags.writeable = False
    for out_format in (F8, None):
        engine.conv2d(layer_of(x, F8, w, F8, init, out_format, relu=True, arithmetic=Arithmetic()))


def parameters(function: Callable) -> int:
    names = inspect.signature(function).parameters
    return len(names) - ("self" in names)


def test_no_operation_takes_more_than_six_parameters():
    """What belongs together travels together: codes with their format, windows, layers."""
    places = [definition, sampling, stereo, boxes, checks, Engine, GemmEngine, FastEngine]
    functions = [each for place in places for _, each in inspect.getmembers(place, callable)]
    own = [each for each in functions if inspect.isfunction(each)]
    assert len(own) > 100
    assert [each.__qualname__ for each in own if parameters(each) > 6] == []
