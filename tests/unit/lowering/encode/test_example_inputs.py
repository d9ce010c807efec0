"""What calibration makes of its example inputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from middle_networks import parse
from xdsl.dialects import func

from recog.dialects.number_format import LnsFormat
from recog.lowering.common.notes import Note
from recog.lowering.encode import example_inputs as under_test
from recog.lowering.encode.example_inputs import ExampleInput, example_inputs

FORMAT = LnsFormat(8, 5, unsigned=True)
TAKES = """
func.func @main(%image: tensor<1x3x8x8xf32>) -> tensor<1x3x8x8xf32> {
  func.return %image : tensor<1x3x8x8xf32>
}
"""


def examined(x: np.ndarray) -> tuple[ExampleInput, list[Note]]:
    (function,) = parse(TAKES).body.block.ops
    assert isinstance(function, func.FuncOp)
    (example,), notes = example_inputs([x], function.body.block.args, FORMAT)
    return example, notes


def frames(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((4, 3, 8, 8)).astype(np.float32)


@given(
    seed=st.integers(0, 999),
    kind=st.sampled_from(["normal", "heavy", "image", "bytes", "sparse"]),
    scale=st.floats(1e-20, 1e20),
)
def test_ordinary_data_stays(seed: int, kind: str, scale: float):
    random = np.random.default_rng(seed)
    shape = (4, 3, 8, 8)
    data = {
        "normal": random.standard_normal(shape),
        "heavy": random.standard_t(2, shape),
        "image": random.random(shape),
        "bytes": random.integers(0, 256, shape),
        "sparse": random.standard_normal(shape) * (random.random(shape) < 0.05),
    }[kind]
    x = (data * scale).astype(np.float32)
    example, notes = examined(x)
    assert (example.frames(1, 3) == x[1:3]).all()
    assert [note.kind for note in notes] == ["never-negative-input"] * int((x >= 0).all())


@pytest.mark.parametrize(
    "x,phrase",
    [
        (np.full((20, 3, 8, 8), 0.5, np.float32), "the same in all 20 calibration frames,"),
        (np.repeat(frames()[:1], 5, axis=0), "the same in all 5 calibration frames,"),
        (frames()[:, :1, :1, :1] * np.ones((3, 8, 8), np.float32), "of one value all over"),
        (np.full((1, 3, 8, 8), -2, np.int8), "all over in each calibration frame (1),"),
    ],
)
def test_constant_frames_get_a_note(x: np.ndarray, phrase: str):
    example, notes = examined(x)
    assert (example.frames(0, 2) == x[:2]).all()
    (note,) = (each for each in notes if each.kind == "constant-input")
    assert phrase in note.text
    assert note.places == ("input @image",)


@pytest.mark.parametrize("changed", [(3, 2, 7, 7), (1, 0, 0, 0)])
def test_frames_that_differ_somewhere_get_none(changed: tuple[int, ...]):
    x = np.repeat(frames()[:1], 4, axis=0)
    x[changed] += 1
    assert "constant-input" not in [note.kind for note in examined(x)[1]]


@pytest.mark.parametrize(
    "dtype", [np.float32, np.float16, np.float64, np.int64, np.uint8, np.bool_]
)
def test_octaves_are_those_of_all_values_but_zeros(dtype: type, monkeypatch: pytest.MonkeyPatch):
    """In pieces of any size, with subnormal numbers."""
    random = np.random.default_rng(0)
    scale = np.exp2(random.integers(-160, 4, (5, 7, 9)))
    x = (random.standard_normal((5, 7, 9)) * scale * 4).astype(dtype)
    values = x[x != 0].astype(np.float64)
    wanted = np.bincount(np.frexp(values)[1] + under_test._OFFSET, minlength=2 * under_test._OFFSET)
    for chunk in (1, 10, 100, 1 << 18):
        monkeypatch.setattr(under_test, "CHUNK", chunk)
        counts, lowest = under_test._octaves(x)
        assert (counts == wanted).all()
        assert lowest == x.min()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("count,cut", [(1, True), (7, True), (8, False)])
def test_outliers_are_rare(sign: int, count: int, cut: bool):
    """At most 1 % of 768 values, in any number of frames."""
    x = frames()
    x.reshape(-1)[:: 768 // count + 1][:count] = sign * 65535
    example, notes = examined(x)
    limit = float(np.abs(frames()).max())
    assert (example.limit is not None) == cut
    assert [note.kind for note in notes] == ["outliers"] * cut
    assert np.abs(example.frames(0, 4)).max() <= (limit if cut else 65535)


@pytest.mark.parametrize("factor,cut", [(2.0**4, False), (2.0**12, True)])
def test_outliers_are_far(factor: float, cut: bool):
    """What codes hold beside all else is no outlier."""
    x = frames()
    x[0, 0, 0, 0] = 4 * factor
    assert (examined(x)[0].limit is not None) == cut


def test_zeros_become_noise_that_is_the_same_in_every_run():
    x = np.zeros((4, 3, 8, 8), np.float32)
    (first, notes), (second, _) = examined(x), examined(x)
    assert [note.kind for note in notes] == ["zero-input"]
    assert (first.frames(0, 4) == second.frames(0, 4)).all()
    assert 0.9 < first.frames(0, 4).std() < 1.1


def test_integers_and_what_is_refused_later():
    example, notes = examined((frames() * 50).astype(np.int8))
    assert example.frames(0, 1).dtype == np.int8
    assert notes == []
    for broken in (np.full((4, 3, 8, 8), np.nan), frames().astype(np.complex64)):
        example, notes = examined(broken)
        assert example.frames(0, 4).dtype == broken.dtype
        assert notes == []
