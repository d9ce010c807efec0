"""What a sweep goes through: a TOML file of options and of a chip, with lists and ranges.

    [options]
    tune = false
    centroids = [16, 64, 256]
    width = [6, 8]
    learning-rate = {low = 1e-4, high = 1e-2, log = true}

    [layers."head.*"]
    block = [[1, 4], [1, 8]]
    centroids = 256

    [target]
    activation_memory = [65_536, 262_144]
    array.outputs = [16, 32]

`options` and `layers` are those of a recipe, `target` what a target's file holds, in place of what
the option `target` gives. One value is fixed; of a list each is tried, and of a range what lies in
it: `step` counts from its low end, `log` spreads a search over its decades.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, cast

from recog.dialects.chip import ChipTarget
from recog.dialects.chip.target import ARITHMETIC
from recog.dialects.chip.target_values import flat
from recog.dialects.errors import RecogError
from recog.lowering.pipeline import ConversionOptions
from recog.tools.recipe import LAYERS, OPTIONS, RecipeReader, complete_options, read_toml

if TYPE_CHECKING:
    from optuna.trial import Trial

TARGET = "target"
Value = bool | int | float | str
RANGE_KEYS = ("low", "high", "step", "log")
MAX_GRID = 1 << 20
"""Points of a grid, which are all listed."""
TWICE = {
    **{
        name: name.replace("_", "-") for name in (*ARITHMETIC, "activation_memory", "weight_memory")
    },
    "accumulator": "accumulator-width",
}
"""Fields of a target, and the options that are of the same."""


@dataclass(frozen=True)
class Choice:
    """A parameter with a list of values; blocks are texts, `1x1x3x3`."""

    name: str
    path: tuple[str, ...]
    values: tuple[Value, ...]

    def suggest(self, trial: Trial) -> Value:
        """What a trial takes of it."""
        return cast(Value, trial.suggest_categorical(self.name, self.values))

    def grid(self) -> Sequence[Value] | None:
        """All values, None where there is no end of them."""
        return self.values


@dataclass(frozen=True)
class Range:
    """A parameter with a range of numbers, both ends included."""

    name: str
    path: tuple[str, ...]
    low: int | float
    high: int | float
    step: int | float | None = None
    log: bool = False

    def suggest(self, trial: Trial) -> Value:
        """What a trial takes of it."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            step = self.step if isinstance(self.step, int) else 1
            return trial.suggest_int(self.name, self.low, self._last(), step=step, log=self.log)
        return trial.suggest_float(self.name, self.low, self._last(), step=self.step, log=self.log)

    def grid(self) -> Sequence[Value] | None:
        """All values, None where there is no end of them."""
        if self.step is None:
            return None
        count = round((self._last() - self.low) / self.step)
        return [self.low + index * self.step for index in range(count + 1)]

    def _last(self) -> Any:
        """The last value that steps reach."""
        if self.step is None:
            return self.high
        return self.low + int((self.high - self.low) / self.step + 1e-9) * self.step


Parameter = Choice | Range


@dataclass(frozen=True)
class Point:
    """One combination of values: the options of its conversion, and the chip where one is swept.

    The chip has the arithmetic of the options, and the memories.
    """

    options: ConversionOptions
    chip: ChipTarget | None

    def on(self, target: str) -> ConversionOptions:
        """The options with the file of the chip, if there is one."""
        if self.chip is None:
            return self.options
        return replace(self.options, target=target, activation_memory=None, weight_memory=None)


class Space:
    """What a file says to sweep.

    Attributes:
        parameters: what has several values, in the file's order.
    """

    def __init__(
        self, table: Mapping[str, Any], parameters: Sequence[Parameter], reader: RecipeReader
    ):
        self._table, self.parameters, self._reader = table, tuple(parameters), reader

    @cached_property
    def text(self) -> str:
        """Equal where a sweep goes through the same."""
        return json.dumps(self._table, sort_keys=True)

    def grid(self) -> dict[str, Sequence[Value]]:
        """Every value of every parameter.

        Raises:
            RecogError: a range without a step, or more points than can be listed.
        """
        found, points = dict[str, Sequence[Value]](), 1
        for each in self.parameters:
            values = each.grid()
            if values is None:
                section, key = ".".join(each.path[:-1]), each.path[-1]
                hint = "has no step, which a grid wants: give a list, a step or another --sampler"
                self._reader.fail(section, key, hint)
            found[each.name] = values
            points *= len(values)
        if points > MAX_GRID:
            raise RecogError(
                f"a grid of {points:,} points is too large",
                hint="give fewer values, or search with another --sampler",
            )
        return found

    def point(self, values: Mapping[str, Value]) -> Point:
        """The point of a value for each parameter, by name.

        Raises:
            RecogError: values that do not go together.
        """
        table = deepcopy(dict(self._table))
        for each in self.parameters:
            _set(table, each.path, _decoded(each, values[each.name]))
        given = self._reader.options(self._reader.table(table, OPTIONS))
        layouts = self._reader.layouts(self._reader.table(table, LAYERS))
        if layouts:
            given["layouts"] = layouts
        options = complete_options(given)
        base = options.chip_target(ChipTarget())
        target = self._reader.table(table, TARGET)
        if not target:
            return Point(options, None)
        try:
            fields = flat(target)
            chip = ChipTarget.from_values(fields, base)
            return Point(options, chip.computing(options.arithmetic(chip)))
        except ValueError as error:
            raise RecogError(str(error)) from None


def read_space(path: str | os.PathLike[str]) -> Space:
    """What a file says to sweep.

    Raises:
        RecogError: naming the file, the line and the key that is wrong.
    """
    table, reader = read_toml(path, "sweep")
    reader.known(table, (OPTIONS, LAYERS, TARGET), None)
    found = _Parser(reader, table)
    parameters = [*found.options(), *found.layers(), *found.target()]
    if not parameters:
        hint = "give an option or a field of the target a list of values, or {low = .., high = ..}"
        raise RecogError("nothing in it is swept", where=f"sweep {os.fspath(path)}", hint=hint)
    return Space(table, parameters, reader)


class _Parser:
    """Finds what has several values, and checks each of them by itself."""

    def __init__(self, reader: RecipeReader, table: Mapping[str, Any]):
        self._reader, self._table = reader, table

    def options(self) -> Iterator[Parameter]:
        for key, given in self._reader.table(self._table, OPTIONS).items():
            values = [self._option(key, each) for each in self._tried(OPTIONS, key, given)]
            if isinstance(given, list | dict):
                yield self._parameter(key, (OPTIONS, key), given, values)

    def _option(self, key: str, value: Any) -> Any:
        return next(iter(self._reader.options({key: value}).values()))

    def layers(self) -> Iterator[Parameter]:
        for pattern, given in self._reader.table(self._table, LAYERS).items():
            if not isinstance(given, dict):
                self._reader.layouts({pattern: given})
            table = cast(Mapping[str, Any], given)
            section = f"{LAYERS}.{json.dumps(pattern, ensure_ascii=False)}"
            swept = {
                key: self._tried(section, key, value)
                for key, value in table.items()
                if _is_swept(key, value)
            }
            for values in product(*swept.values()):
                self._reader.layouts({pattern: {**table, **dict(zip(swept, values))}})
            for key, values in swept.items():
                tried = [_block_text(each) if key == "block" else each for each in values]
                path = (LAYERS, pattern, key)
                yield self._parameter(f"{pattern}.{key}", path, table[key], tried)

    def target(self) -> Iterator[Parameter]:
        fields = dict(_leaves(self._reader.table(self._table, TARGET), ()))
        fixed = {
            ".".join(path): value
            for path, value in fields.items()
            if not isinstance(value, list | dict)
        }
        options = self._reader.table(self._table, OPTIONS)
        for path, given in fields.items():
            name = ".".join(path)
            if TWICE.get(name) in options:
                self._reader.fail(TARGET, name, f"is given as options.{TWICE[name]} too")
            values = self._tried(TARGET, name, given)
            for each in values:
                try:
                    ChipTarget.from_values({**fixed, name: each})
                except ValueError as error:
                    self._reader.fail(TARGET, path[-1], f"is wrong: {error}")
            if isinstance(given, list | dict):
                yield self._parameter(f"{TARGET}.{name}", (TARGET, *path), given, values)

    def _tried(self, section: str, key: str, given: Any) -> Sequence[Any]:
        """The values of a list, the ends of a range, or the one value."""
        if isinstance(given, dict):
            table = cast(Mapping[str, Any], given)
            self._reader.known(table, RANGE_KEYS, f"{section}.{key}")
            for each in ("low", "high"):
                if type(table.get(each)) not in (int, float):
                    self._reader.fail(section, key, f"needs a number {each}: a range has both ends")
            return [table["low"], table["high"]]
        if isinstance(given, list):
            values = cast(list[Any], given)
            if not values:
                self._reader.fail(section, key, "has no values")
            if any(each in values[:index] for index, each in enumerate(values)):
                self._reader.fail(section, key, "has a value twice")
            return values
        return [given]

    def _parameter(
        self, name: str, path: tuple[str, ...], given: Any, values: Sequence[Any]
    ) -> Parameter:
        if isinstance(given, list):
            return Choice(name, path, tuple(values))
        section, key = ".".join(path[:-1]), path[-1]
        low, high = values
        step, log = given.get("step"), given.get("log", False)
        if not low < high:
            self._reader.fail(section, key, f"has a range from {low} to {high}, which is empty")
        if type(log) is not bool or (log and (step is not None or low <= 0)):
            self._reader.fail(section, key, "takes log = true without a step, from above 0")
        if step is not None and (type(step) not in (int, type(low)) or step <= 0):
            self._reader.fail(section, key, f"takes a step above 0 of its kind, got {step}")
        return Range(name, path, low, high, step, log)


def _is_swept(key: str, value: object) -> bool:
    """Whether a key of a layer has several values; a block is a list itself."""
    if key == "block" and isinstance(value, list):
        return any(isinstance(each, list) for each in cast(list[object], value))
    return isinstance(value, list | dict)


def _leaves(
    table: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What stands in nested tables, of which ranges are none."""
    for key, value in table.items():
        if isinstance(value, dict) and not {"low", "high"} & cast(dict[str, Any], value).keys():
            yield from _leaves(cast(Mapping[str, Any], value), (*path, key))
        else:
            yield (*path, key), value


def _set(table: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = value


def _block_text(block: Any) -> str:
    return "x".join(map(str, block))


def _decoded(parameter: Parameter, value: Value) -> Any:
    """A value as TOML has it."""
    if parameter.path[0] == LAYERS and parameter.path[-1] == "block":
        return [int(each) for each in str(value).split("x")]
    return value
