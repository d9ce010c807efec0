"""Sweep files: what they sweep, and what is wrong with them, by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from recog.dialects.errors import RecogError
from recog.tools.sweep.space import Choice, Range, read_space

SWEEP = """
[options]
centroids = [16, 64]
learning-rate = {low = 1e-4, high = 1e-2, log = true}
seed = 3

[layers."head.*"]
block = [[1, 4], [1, 8]]
centroids = 8

[target]
activation_memory = [65_536, 131_072]
array = {outputs = {low = 8, high = 24, step = 8}, inputs = 4}
"""


def read(path: Path, text: str):
    file = path / "sweep.toml"
    file.write_text(text)
    return read_space(file)


def test_lists_and_ranges(tmp_path: Path):
    space = read(tmp_path, SWEEP)
    assert space.parameters == (
        Choice("centroids", ("options", "centroids"), (16, 64)),
        Range("learning-rate", ("options", "learning-rate"), 1e-4, 1e-2, None, True),
        Choice("head.*.block", ("layers", "head.*", "block"), ("1x4", "1x8")),
        Choice("target.activation_memory", ("target", "activation_memory"), (65536, 131072)),
        Range("target.array.outputs", ("target", "array", "outputs"), 8, 24, 8, False),
    )
    assert space.parameters[-1].grid() == [8, 16, 24]
    values = {
        "centroids": 64,
        "learning-rate": 1e-3,
        "head.*.block": "1x8",
        "target.activation_memory": 65536,
        "target.array.outputs": 16,
    }
    point = space.point(values)
    assert (point.options.centroids, point.options.learning_rate) == (64, 1e-3)
    assert (point.options.seed, point.options.layouts) == (3, "head.*: block 1x8 centroids 8")
    assert point.chip is not None
    assert (point.chip.array.outputs, point.chip.array.inputs) == (16, 4)
    assert point.chip.size("activation_memory") == 65536


def test_formats_of_weights_follow_and_the_chip_computes_as_the_options_say(tmp_path: Path):
    space = read(
        tmp_path, "[options]\nwidth = [6, 8]\nantilog-bits = [4, 5]\n[target]\nvector.lanes = 8\n"
    )
    point = space.point({"width": 6, "antilog-bits": 5})
    assert (point.options.width, point.options.weight_width) == (6, 6)
    assert point.chip is not None
    assert point.chip.antilog_bits == 5


def test_options_without_effect_at_a_point_are_left_out(tmp_path: Path):
    space = read(tmp_path, "[options]\ncluster = [true, false]\ncentroids = [16, 64]\n")
    assert space.point({"cluster": True, "centroids": 64}).options.centroids == 64
    assert not space.point({"cluster": False, "centroids": 64}).options.cluster


@pytest.mark.parametrize(
    "text, error",
    [
        ("[options]\ncentroid = [16, 64]\n", ":2: options.centroid is no key, did you mean"),
        ("[options]\nwidth = [6, 8]\ncentroids = [16, 1]\n", ":3: options.centroids must be in"),
        ("[options]\ncentroids = [16, 64.5]\n", ":2: options.centroids must be int, got 64.5"),
        ("[options]\ncentroids = []\n", ":2: options.centroids has no values"),
        ("[options]\ncentroids = [16, 16]\n", ":2: options.centroids has a value twice"),
        ("[options]\ncentroids = {low = 16}\n", ":2: options.centroids needs a number high"),
        ("[options]\ncentroids = {low = 16, hihg = 2}\n", "hihg is no key, did you mean high?"),
        ("[options]\ncentroids = {low = 64, high = 16}\n", "from 64 to 16, which is empty"),
        ("[options]\ncentroids = {low = 2, high = 9, step = 0}\n", "takes a step above 0"),
        ("[options]\ncentroids = {low = 2, high = 9, step = 1, log = true}\n", "log = true"),
        ("[target]\narray.outputs = [8, 0]\n", "array.outputs must be in [1, 4096], got 0"),
        ("[target]\narray.rows = [8, 9]\n", "array has no 'rows'"),
        (
            "[options]\nmitchell = true\n[target]\nmitchell = [true, false]\n",
            "options.mitchell too",
        ),
        ('[layers."a"]\nblock = [[1, 4], [1, 0]]\ncentroids = 4\n', 'layers."a".block'),
        ("[options]\nwidth = 8\n", "nothing in it is swept"),
        ("[option]\nwidth = [8, 6]\n", ":1: option is no key, did you mean options?"),
        ("[options\n", "is no TOML"),
    ],
)
def test_what_is_wrong(tmp_path: Path, text: str, error: str):
    with pytest.raises(RecogError) as caught:
        read(tmp_path, text)
    assert error in str(caught.value)
    assert "sweep.toml" in str(caught.value)


def test_a_grid_wants_values(tmp_path: Path):
    space = read(tmp_path, "[options]\nwidth = [6, 8]\nlearning-rate = {low = 1e-3, high = 1}\n")
    with pytest.raises(RecogError, match="options.learning-rate has no step, which a grid wants"):
        space.grid()
