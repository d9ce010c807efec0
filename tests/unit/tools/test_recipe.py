"""Recipes say everything, are read as written, and what is wrong in them is named."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recog.dialects.errors import RecogError
from recog.lowering.pipeline import ConversionOptions
from recog.tools.recipe import LEFT_OUT, Recipe, read_recipe, recipe_text


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return path


CHANGED: list[dict[str, Any]] = [
    {},
    {"ratio": 29.0, "seed": 7, "balance": False, "target": 'a "b".toml', "learning_rate": 1e-5},
    {"cluster": False, "antilog_bits": 8},
    {"layouts": "fc: dense; *.conv?: block 1x1x3x3 centroids 64 table all kernels"},
]


@pytest.mark.parametrize("options", CHANGED)
def test_there_and_back(tmp_path: Path, options: dict[str, Any]):
    wanted = ConversionOptions(**options)
    passes = ['after=fold-batch-norm:mark{text="x"}']
    found = read_recipe(written(tmp_path, recipe_text(wanted, passes, "mine.py:dice")))
    assert ConversionOptions(**found.options) == wanted
    assert found.add_pass == passes
    assert found.own_loss == "mine.py:dice"


def test_every_option_is_in_it():
    text = recipe_text(ConversionOptions(ratio=2.0))
    for field in dataclasses.fields(ConversionOptions):
        value = getattr(ConversionOptions(ratio=2.0), field.name)
        assert (f"\n{field.name.replace('_', '-')} = " in text) == (
            field.name not in LEFT_OUT and value is not None
        )


def test_an_empty_recipe_leaves_all_open(tmp_path: Path):
    assert read_recipe(written(tmp_path, "")) == Recipe({}, [])


@pytest.mark.parametrize(
    "text,message",
    [
        ("[options]\nseed = 1\nratios = 3\n", "recipe PATH:3: options.ratios is no key, did you"),
        ('own-loss = "dice"\n', "recipe PATH:1: own-loss must be file.py:function, got"),
        ("option = 3\n", "recipe PATH:1: option is no key, did you mean options?"),
        ("[options]\nentry = 'f'\n", "recipe PATH:2: options.entry is no key"),
        ("\n[options]\nseed = 'x'\n", 'recipe PATH:3: options.seed must be int, got "x"'),
        ("[options]\nseed = true\n", "recipe PATH:2: options.seed must be int, got true"),
        (
            "[options]\nbatch = 0\n",
            r"recipe PATH:2: options.batch must be in \[1, 10*\], got 0",
        ),
        ("[options]\nloss = 'l1'\n", "recipe PATH:2: options.loss must be one of auto"),
        ("[options]\nbudget = 9\n", 'must be str, got 9: put it in quotes, "9"'),
        (
            "[options]\nratio = 8\ncentroids = 9\n",
            "recipe PATH:3: options.centroids has no effect with a ratio or a budget",
        ),
        ("[options]\nbudget = 'x'\n", "recipe PATH:2: options.budget must be bytes"),
        (
            "[options]\ncluster = false\nepochs = 3\n",
            "recipe PATH:3: options.epochs has no effect with option cluster=false",
        ),
        ("options = 3\n", r"recipe PATH:1: options must be a table, \[options\]"),
        ("add-pass = 'x'\n", "recipe PATH:1: add-pass must be a list of texts"),
        ("[layers.fc]\nblocks = 1\n", 'recipe PATH:2: layers."fc".blocks is no key'),
        ('[layers."f*"]\ncentroids = 4\n', 'layers."f.".block must be a list of extents, got noth'),
        (
            '[layers."f*"]\nblock = [1, 1]\ncentroids = 1\n',
            r'recipe PATH:2: layers."f\*".block centroids must be in \[2, 65536\], got 1',
        ),
        ('[layers."f*"]\nlayout = "sparse"\n', 'recipe PATH:2: layers."f.".layout must be "dense"'),
        ("[layers]\nfc = 3\n", "recipe PATH:2: layers.fc must be a table"),
        ('[layers."a;b"]\nlayout = "dense"\n', "recipe PATH:1: layers.a;b is no pattern of names"),
        ("[options\n", r"recipe PATH: is no TOML: .*line 1"),
        ("seed = 1\nseed = 2\n", "recipe PATH: is no TOML: .*line 2"),
    ],
)
def test_what_is_wrong(tmp_path: Path, text: str, message: str):
    path = written(tmp_path, text)
    with pytest.raises(RecogError, match=message.replace("PATH", str(path))):
        read_recipe(path)


def test_files_that_are_none(tmp_path: Path):
    with pytest.raises(RecogError, match="cannot be read: No such file"):
        read_recipe(tmp_path / "none.toml")
    path = tmp_path / "bytes.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RecogError, match="is no TOML"):
        read_recipe(path)
    path.write_bytes(b"#" * (1 << 21))
    with pytest.raises(RecogError, match="has more than 1,048,576 bytes"):
        read_recipe(path)


@settings(max_examples=60)
@given(st.text(st.sampled_from('[]"=.\n a1#{}options-layers'), max_size=60))
def test_whatever_is_in_the_file(tmp_path_factory: pytest.TempPathFactory, text: str):
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    path.write_text(text)
    try:
        found = read_recipe(path)
    except RecogError:
        return
    ConversionOptions(**found.options)
