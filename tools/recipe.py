"""Recipes: everything that decides a conversion, in one TOML file.

    recog = "0.1.0"
    add-pass = []

    [options]
    ratio = 29.0
    seed = 0

    [layers."head.*"]
    layout = "dense"

    [layers."backbone.*.conv2"]
    block = [1, 1, 3, 3]
    centroids = 256

An option has the name of its flag; `own-loss = "mine.py:dice"` is a --loss of the user's own. Of
`layers`, whose names are patterns of * and ?, the first that matches counts. With the same network
and data a recipe gives the same bytes. A target's file is looked for beside the recipe first.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib.metadata import version
from types import NoneType
from typing import Any, NoReturn, cast, get_args, get_type_hints

from recog.backend.chips import CHIPS
from recog.backend.input_files import read_input
from recog.dialects.cluster import Layout
from recog.dialects.errors import RecogError
from recog.lowering.allocation.options import LayerLayout, layout_text
from recog.lowering.common.options import OptionError, UnusedOptionError
from recog.lowering.pipeline import ConversionOptions
from recog.tools.own_objective import is_function

OPTIONS, LAYERS, ADD_PASS, VERSION = "options", "layers", "add-pass", "recog"
OWN_LOSS = "own-loss"
LEFT_OUT = ("entry", "jobs", "layouts")
"""Options that are in no recipe: the function is always @main, how many layers are clustered at a
time changes nothing, and layouts by name are the tables of `layers`."""
MAX_RECIPE_BYTES = 1 << 20
FOLLOWERS = {"weight_width": "width", "weight_frac": "frac"}
"""Options that are as others where they are not given."""


@dataclass(frozen=True)
class Recipe:
    """What a file says.

    Attributes:
        options: of a conversion, by field; those that it leaves out are open.
        add_pass: further passes, as --add-pass takes them.
        own_loss: the function to tune on, as --loss takes it; None for a loss by its name.
    """

    options: Mapping[str, Any]
    add_pass: Sequence[str] = ()
    own_loss: str | None = None


def recipe_text(
    options: ConversionOptions, add_pass: Sequence[str] = (), own_loss: str | None = None
) -> str:
    """The recipe of a conversion: all options that have a value, whatever the defaults."""
    lines = [
        "# What decided this conversion: recog convert NETWORK --data FILE --recipe THIS",
        f"{VERSION} = {json.dumps(version('recog'))}",
        f"{ADD_PASS} = {json.dumps(list(add_pass))}",
        *([] if own_loss is None else [f"{OWN_LOSS} = {_value(own_loss)}"]),
        "",
        f"[{OPTIONS}]",
    ]
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name not in LEFT_OUT and value is not None:
            lines.append(f"{_key(field.name)} = {_value(value)}")
    for pattern, layout in options.layer_layouts():
        lines += ["", f"[{LAYERS}.{json.dumps(pattern, ensure_ascii=False)}]"]
        if not layout.block:
            lines.append('layout = "dense"')
            continue
        lines += [f"block = {list(layout.block)}", f"centroids = {layout.centroids}"]
        if layout.table is not None:
            lines.append(f"table = {json.dumps(layout.table, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name.replace("_", "-")


def _value(value: bool | float | str) -> str:
    """A value as TOML has it, which for these is as JSON has it."""
    return json.dumps(value, ensure_ascii=False)


def read_recipe(path: str | os.PathLike[str]) -> Recipe:
    """What a recipe says.

    Raises:
        RecogError: naming the file, the line and the key that is wrong.
    """
    table, reader = read_toml(path, "recipe")
    recipe = reader.recipe(table)
    target = recipe.options.get("target")
    beside = os.path.join(os.path.dirname(path), target or "")
    if target is not None and target not in CHIPS and os.path.isfile(beside):
        return replace(recipe, options={**recipe.options, "target": beside})
    return recipe


def read_toml(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, Any], RecipeReader]:
    """What a TOML file holds, and what checks it.

    Args:
        kind: what the file is, for errors.

    Raises:
        RecogError: naming the file, which cannot be read or is no TOML.
    """
    where = os.fspath(path)
    try:
        content = read_input(path, MAX_RECIPE_BYTES)
    except OSError as error:
        raise RecogError(
            f"cannot be read: {error.strerror or error}", where=f"{kind} {where}"
        ) from None
    try:
        text = content.decode()
        return tomllib.loads(text), RecipeReader(where, text, kind)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecogError(f"is no TOML: {error}", where=f"{kind} {where}") from None


def complete_options(given: Mapping[str, Any], wanted: Collection[str] = ()) -> ConversionOptions:
    """The options of a conversion from those that are given, by field: formats of weights follow
    those of activations unless they are given too.

    Args:
        wanted: options that must have effect; others are left out where the rest leaves them none.

    Raises:
        OptionError: a value that an option cannot have, or one that is wanted without effect.
    """
    while True:
        try:
            options = ConversionOptions(**given)
            break
        except UnusedOptionError as error:
            if error.option in wanted:
                raise
            given = {name: value for name, value in given.items() if name != error.option}
    followed = {
        weights: given[activations]
        for weights, activations in FOLLOWERS.items()
        if activations in given and weights not in given
    }
    return replace(options, **followed)


class RecipeReader:
    """Checks what TOML has given, and finds the lines of what is wrong.

    Args:
        where: the file, for errors.
        text: what it holds.
        kind: what the file is, for errors.
    """

    def __init__(self, where: str, text: str, kind: str = "recipe"):
        self._where, self._lines, self._kind = where, text.split("\n"), kind

    def recipe(self, table: Mapping[str, Any]) -> Recipe:
        """All that a recipe says."""
        self.known(table, (VERSION, ADD_PASS, OWN_LOSS, OPTIONS, LAYERS), None)
        passes = table.get(ADD_PASS, [])
        if not isinstance(passes, list) or not all(
            isinstance(each, str) for each in cast(list[object], passes)
        ):
            self.fail(None, ADD_PASS, "must be a list of texts")
        options = self.options(self.table(table, OPTIONS))
        layouts = self.layouts(self.table(table, LAYERS))
        if layouts:
            options["layouts"] = layouts
        self._check_together(options)
        loss = table.get(OWN_LOSS)
        if loss is not None and not (isinstance(loss, str) and is_function(loss)):
            self.fail(None, OWN_LOSS, f"must be file.py:function, got {_shown(loss)}")
        return Recipe(options, cast(list[str], passes), loss)

    def table(self, table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """The table of that key in another, empty where it is not given."""
        found = table.get(key, {})
        if not isinstance(found, dict):
            self.fail(None, key, f"must be a table, [{key}]")
        return cast(Mapping[str, Any], found)

    def options(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """The table `options` as options by field, each of its type and in its range."""
        types = get_type_hints(ConversionOptions)
        names = {_key(f.name): f.name for f in fields(ConversionOptions)}
        names = {key: name for key, name in names.items() if name not in LEFT_OUT}
        self.known(table, list(names), OPTIONS)
        found: dict[str, Any] = {}
        for key, value in table.items():
            kinds = get_args(types[names[key]]) or (types[names[key]],)
            kinds = [kind for kind in kinds if kind is not NoneType]
            if float in kinds and type(value) is int:
                value = float(value)
            if type(value) not in kinds:
                wanted = " or ".join(kind.__name__ for kind in kinds)
                quotes = kinds == [str] and type(value) in (int, float)
                hint = f': put it in quotes, "{value}"' if quotes else ""
                self.fail(OPTIONS, key, f"must be {wanted}, got {_shown(value)}{hint}")
            found[names[key]] = value
            self._check(key, {names[key]: value})
        return found

    def _check(self, key: str, options: dict[str, Any]) -> None:
        try:
            ConversionOptions(**options)
        except UnusedOptionError:
            pass  # others may give it effect
        except OptionError as error:
            self.fail(OPTIONS, key, error.reason)

    def _check_together(self, options: dict[str, Any]) -> None:
        try:
            ConversionOptions(**options)
        except OptionError as error:
            self.fail(OPTIONS, _key(error.option), error.reason)

    def layouts(self, table: Mapping[str, Any]) -> str:
        """The layouts by name, as the option takes them."""
        found: list[str] = []
        for pattern, given in table.items():
            section = f"{LAYERS}.{json.dumps(pattern, ensure_ascii=False)}"
            if not isinstance(given, dict):
                self.fail(LAYERS, pattern, f"must be a table, [{section}]")
            if not pattern.strip() or ";" in pattern:
                self.fail(LAYERS, pattern, "is no pattern of names")
            layout = self._layout(section, cast(Mapping[str, Any], given))
            found.append(f"{LayerLayout(pattern, layout).pattern}: {layout_text(layout)}")
        return "; ".join(found)

    def _layout(self, section: str, given: Mapping[str, Any]) -> Layout:
        self.known(given, ("layout", "block", "centroids", "table"), section)
        if "layout" in given:
            if given["layout"] != "dense" or len(given) > 1:
                self.fail(section, "layout", 'must be "dense", with nothing beside it')
            return Layout()
        block, table = given.get("block"), given.get("table")
        if not isinstance(block, list) or not all(
            type(each) is int for each in cast(list[object], block)
        ):
            self.fail(section, "block", f"must be a list of extents, got {_shown(block)}")
        if type(given.get("centroids")) is not int:
            self.fail(section, "centroids", f"must be int, got {_shown(given.get('centroids'))}")
        if table is not None and (
            not isinstance(table, str) or not re.fullmatch(r"[^:;\s][^:;]*", table)
        ):
            self.fail(section, "table", f"must be a name, got {_shown(table)}")
        if not block:
            self.fail(section, "block", "needs an extent for each axis of the weight")
        try:
            return Layout(tuple(cast(list[int], block)), given["centroids"], table)
        except ValueError as error:
            self.fail(section, "block", str(error))

    def known(self, table: Mapping[str, Any], keys: Sequence[str], section: str | None) -> None:
        """Raise RecogError for the first key of a section that is none of `keys`."""
        from difflib import get_close_matches

        for key in table:
            if key not in keys:
                close = get_close_matches(key, keys, n=1)
                more = f", did you mean {close[0]}?" if close else ""
                self.fail(section, key, f"is no key{more}")

    def fail(self, section: str | None, key: str, reason: str) -> NoReturn:
        """Raise RecogError that names the file, the line and the key."""
        line = self._line(section, key)
        place = f"{self._kind} {self._where}" + ("" if line is None else f":{line}")
        name = key if section is None else f"{section}.{key}"
        raise RecogError(f"{name} {reason}", where=place)

    def _line(self, section: str | None, key: str) -> int | None:
        """The line of a key, as far as it stands on one of its own below its section."""
        quoted = f'(?:{re.escape(key)}|"{re.escape(key)}"|{re.escape(json.dumps(key))})'
        header = re.compile(rf"\s*\[\s*{_quotes_or_none(section or '')}\s*\]")
        whole = re.compile(rf"\s*\[\s*(?:{re.escape(section or '')}\.)?{quoted}\s*[\].]")
        inside = section is None
        for number, line in enumerate(self._lines, 1):
            if whole.match(line):
                return number
            if line.lstrip().startswith("["):
                inside = section is not None and header.match(line) is not None
            elif inside and re.match(rf"\s*{quoted}\s*=", line):
                return number
        return None


def _quotes_or_none(section: str) -> str:
    return re.escape(section).replace('"', '"?')


def _shown(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, default=str)
