"""The fast engine against the definition, bit for bit, on every path this processor can show."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lns_strategies import (
    Layer,
    convolutions,
)

from recog.backend.arithmetic.engine import get_engine
from recog.backend.arithmetic.fast import convolution, engine, narrow, paths
from recog.backend.arithmetic.fast.assembly import Kernels, kernels
from recog.backend.arithmetic.fast.emit import Form

REFERENCE = get_engine("reference")

SIXTEEN_LANES = Form(16, paths.FORMS["avx2"].shuffle, paths.FORMS["avx512"].positions)
"""The kernels of avx512, with its one instruction that AVX2 lacks, the byte shuffle, in halves."""


def compiled() -> dict[str, Kernels]:
    found = {path: kernels(path) for path in paths.available_paths()}
    if "avx2" in found and "avx512" not in found:
        found["avx512 in halves"] = Kernels(SIXTEEN_LANES)
    return found


PATHS = compiled()


def engine_on(path: str) -> engine.FastEngine:
    made = engine.FastEngine()
    made.path = path
    return made


@pytest.fixture(params=PATHS)
def fast(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> engine.FastEngine:
    monkeypatch.setattr(engine, "_loaded", [convolution, narrow, PATHS.__getitem__])
    return engine_on(request.param)


SIZES = st.sampled_from([(1, 1), (1 << 12, 3), (64 << 10, 512)])
"""Bytes of a block's table, and outputs at once."""


@settings(max_examples=150)
@given(convolutions(largest_size=9, largest_channels=12), SIZES)
def test_conv2d(layer: Layer, sizes: tuple[int, int]):
    expected = REFERENCE.conv2d(*layer.tensors, **layer.window)
    for path in PATHS:
        with (
            patch.object(engine, "_loaded", [convolution, narrow, PATHS.__getitem__]),
            patch.multiple(convolution, TABLE_BYTES=sizes[0], OUTPUTS_AT_ONCE=sizes[1]),
        ):
            result = engine_on(path).conv2d(*layer.tensors, **layer.window)
        assert result.dtype == expected.dtype
        np.testing.assert_array_equal(result, expected, path)
