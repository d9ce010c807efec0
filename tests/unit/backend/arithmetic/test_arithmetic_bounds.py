"""The proof that accumulators do not overflow: sound on every input, reached by some."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lns_strategies import arithmetics, code_arrays, extreme_codes, formats, layer_of

from recog.backend.arithmetic import bounds
from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.reference import definition
from recog.dialects.number_format import Arithmetic, LnsFormat


@given(st.data(), arithmetics)
def test_bounds_hold_at_every_prefix_in_any_order(data, arithmetic: Arithmetic):
    x_format, w_format = data.draw(formats()), data.draw(formats(channels=3))
    x, w = data.draw(code_arrays((20,), x_format)), data.draw(code_arrays((3, 20), w_format))
    init = np.array(data.draw(st.lists(st.integers(-(1 << 30), 1 << 30), min_size=3, max_size=3)))
    limits = bounds.accumulator_bounds(Codes(w, w_format), x_format, init, arithmetic)
    terms = definition.products(Codes(x, x_format), Codes(w, w_format), arithmetic)
    terms = np.concatenate([init[:, None], terms], axis=1)
    order = np.random.default_rng(data.draw(st.integers(0, 99))).permutation(21)
    largest = np.abs(terms[:, order].cumsum(axis=1)).max(axis=1)
    assert (largest <= np.array(limits)).all()


@pytest.mark.parametrize("unsigned", [False, True])
def test_bounds_are_reached(unsigned: bool):
    """Largest inputs of the weights' signs reach the bound; where inputs have no sign, those of
    the side that weighs more do."""
    x_format, w_format = LnsFormat(8, 4, 60, unsigned=unsigned), LnsFormat(8, 4, 100)
    w = np.array([[0x7F, 0x20, 0x90, 0x00, 0x33]], np.uint8)
    negative = (w[0] & 0x80) != 0
    x = extreme_codes((5,), x_format, "largest")
    x[negative] = 0 if unsigned else 0xFF
    init = np.array([12345])
    (bound,) = bounds.accumulator_bounds(Codes(w, w_format), x_format, init, Arithmetic())
    acc = definition.linear(layer_of(x, x_format, w, w_format, init, None, arithmetic=Arithmetic()))
    assert acc.tolist() == [bound]


def test_an_initial_value_that_is_added_last_does_not_lower_the_bound():
    format, w = LnsFormat(8, 4, 60), np.full((2, 3), 0x11, np.uint8)
    init = np.array([-100, 100])
    without, _ = bounds.accumulator_bounds(Codes(w, format), format, None, Arithmetic())
    with_init = bounds.accumulator_bounds(Codes(w, format), format, init, Arithmetic())
    assert with_init == [without + 100, without + 100]
    positive = LnsFormat(8, 4, 60, unsigned=True)
    without, _ = bounds.accumulator_bounds(Codes(w, format), positive, None, Arithmetic())
    with_init = bounds.accumulator_bounds(Codes(w, format), positive, init, Arithmetic())
    assert with_init == [without, without + 100]


def test_check_names_the_channels_that_may_overflow():
    format = LnsFormat(8, 4, 60)
    w = np.zeros((4, 2048, 1, 1), np.uint8)
    w[2] = 0x7F
    ((channel, bound),) = bounds.check_accumulator(Codes(w, format), format, None, Arithmetic())
    assert channel == 2
    assert bound == 2048 * bounds.largest_product(format, format, Arithmetic()) >= 1 << 31
    assert bounds.check_accumulator(Codes(w, format), format, None, Arithmetic(6, 48)) == []


def test_check_is_exact_at_the_limit():
    """Zero weights leave the initial value alone: 2^15 − 1 fits 16 bits, 2^15 does not."""
    w, format, arithmetic = np.zeros((2, 3), np.uint8), LnsFormat(), Arithmetic(6, 16)
    init = np.array([(1 << 15) - 1, -(1 << 15)])
    found = bounds.check_accumulator(Codes(w, format), format, init, arithmetic)
    assert found == [(1, 1 << 15)]


def test_add_and_pool_bounds_are_reached():
    a, b, arithmetic = LnsFormat(8, 4, 60), LnsFormat(7, 3, 40), Arithmetic()
    scale = definition.add_scale(a, b)
    reached = 0
    for format in (a, b):
        x = extreme_codes((1,), format, "largest")
        reached += int(definition.linearize(Codes(x, format), scale, arithmetic)[0])
    assert reached == bounds.add_bound(a, b, arithmetic)
    x, scale = extreme_codes((9,), a, "largest"), definition.code_scale(a)
    terms = definition.linearize(Codes(x, a), scale, arithmetic)
    assert terms.sum() == bounds.pool_bound(a, 9, arithmetic)
