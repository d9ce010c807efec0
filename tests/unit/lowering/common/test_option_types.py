"""Values that options cannot have, by their type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recog.dialects.errors import RecogError
from recog.lowering.common.options import OptionError
from recog.lowering.pipeline import ConversionOptions, convert


@pytest.mark.parametrize(
    "option,value,message",
    [
        ("ratio", "10", "option ratio must be a number or None, got '10'"),
        ("ratio", True, "option ratio must be a number or None, got True"),
        ("epochs", 2.5, "option epochs must be an integer, got 2.5"),
        ("epochs", None, "option epochs must be an integer, got None"),
        ("tune", 1, "option tune must be True or False, got 1"),
        ("carry_errors", "no", "option carry-errors must be True or False, got 'no'"),
        ("layouts", 3, "option layouts must be a text or None, got 3"),
        ("value_widths", {"x": 12}, "option value-widths must be a text, got {'x': 12}"),
        ("ratio", [8], r"option ratio must be a number or None, got [8]"),
    ],
)
def test_a_value_of_another_type(option: str, value: Any, message: str):
    with pytest.raises(OptionError) as error:
        ConversionOptions(**{option: value})
    assert str(error.value) == message


def test_numbers_of_numpy_are_numbers():
    options = ConversionOptions(
        ratio=np.float32(8),  # pyright: ignore
        epochs=np.int64(3),  # pyright: ignore
        tune=np.bool_(True),  # pyright: ignore
        extra_traffic=0,
    )
    assert (options.ratio, options.epochs, options.tune) == (8.0, 3, True)


def test_options_that_are_none():
    from middle_networks import images, residual

    with pytest.raises(RecogError, match="are a recog.ConversionOptions, got a dict"):
        convert(residual(), [images(2)], options={"ratio": 8.0})  # pyright: ignore
