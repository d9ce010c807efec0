"""choose-layouts: block, centroids and table of each layer, for a number of bytes.

What each layer loses with each layout is measured on some of its blocks (`curves`), an error
counting what it does at the outputs (`sensitivity`); of all layouts that fit the bytes those are
taken that lose least together (`allocate`). The choice stands on the layers, as `cluster.layout`,
where cluster-weights finds it, and a person may change it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import floor, prod
from typing import NamedTuple, NoReturn

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from recog.dialects import nn
from recog.dialects.chip import ChipTarget
from recog.dialects.cluster import Layout, LayoutAttr, LookupOp
from recog.dialects.data import ConstantOp
from recog.dialects.errors import fail
from recog.dialects.functions import find_function
from recog.dialects.words import counted
from recog.lowering.allocation.allocate import Allocator, Choice
from recog.lowering.allocation.candidates import PricedLayer, all_choices, stored_bytes
from recog.lowering.allocation.curves import decibels
from recog.lowering.allocation.options import (
    BeyondPossible,
    LayerLayout,
    LayoutOptions,
    layout_text,
)
from recog.lowering.allocation.plan import CurvePoint, LayerPlan, Plan, RecipeLoss
from recog.lowering.allocation.recipes import PLANNED, POOLED, UNIFORM, Budget, uniform_recipes
from recog.lowering.allocation.reserve import ReserveOptions, reserve_of
from recog.lowering.allocation.sensitivity import FRAMES, Sensitivity, at_outputs, of_energy
from recog.lowering.allocation.trials import Trials, Tried, divided
from recog.lowering.cluster.cluster_weights import KEPT_DENSE, LAYOUT, clusterable_weight
from recog.lowering.cluster.layouts import ClusterOptions
from recog.lowering.common.data_files import load_examples
from recog.lowering.common.layer_patterns import nothing_named
from recog.lowering.common.options import OptionError
from recog.lowering.common.shared_options import EntryOptions
from recog.lowering.encode.calibrate import example_frames
from recog.lowering.encode.encode_lns import EncodeOptions
from recog.lowering.encode.label_layers import layer_name
from recog.lowering.select.convert_lns_to_chip import TargetOptions

RATIOS = (8, 12, 16, 20, 24, 29, 32, 36, 40, 48, 64)
"""Ratios whose losses are said beside the one that was asked for."""


@dataclass(frozen=True, kw_only=True)
class ChooseLayoutsPass(
    LayoutOptions,
    ReserveOptions,
    EncodeOptions,
    TargetOptions,
    ClusterOptions,
    EntryOptions,
    ModulePass,
):
    """Choose block, centroids and table of each layer, so that the program's weights fit a budget.

    Writes `cluster.layout` on layers, which cluster-weights obeys: by name where `layouts` says so,
    and where there is a ratio or a budget, for all other layers by what they lose a byte. With
    neither it only writes what is said by name. A layer that has the attribute keeps it.
    """

    name = "choose-layouts"

    data: str | None = None
    """An .npy or .npz file of example inputs, (N, ...): errors then count as they show at the
    outputs, else as shares of each layer's energy."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if not self.allocates:
            write_layouts_by_name(op, self)
            return
        inputs = None
        if self.data is not None:
            function = find_function(op, self.entry)
            inputs = load_examples(self.data, function, what=f"{self.name} data")
        choose_layouts(op, self, inputs)


def choose_layouts(
    module: ModuleOp,
    options: ChooseLayoutsPass,
    inputs: Sequence[np.ndarray] | None = None,
    *,
    float_bytes: int | None = None,
    elsewhere: int = 0,
    progress: Callable[[float], None] = lambda share: None,
) -> Plan:
    """Write the layouts of layers on the ops of a module.

    Args:
        inputs: example inputs of the function, float (N, ...), of which a few are used.
        float_bytes: of the float network's weights, by default those of the module's constants.
        elsewhere: bytes of the budget that others take: those of a host's part.

    Raises:
        RecogError: a budget below what is sure to fit, which the error says; layouts by name that
            fit no layer; weights that are no numbers.
    """
    by_name = write_layouts_by_name(module, options)
    if float_bytes is None:
        constants = (op for op in module.walk() if isinstance(op, ConstantOp))
        float_bytes = sum(len(op.value.content) for op in constants)
    layers, held_out = _layers(module, options, by_name), None
    if inputs is not None and options.allocates and options.compare_recipes:
        inputs, held_out = divided(inputs)
    priced = _with_sensitivities(module, options, layers, inputs)
    progress(0.2)
    choices, tables = all_choices(priced, options, share_tables=options.share_tables)
    for i, layer in enumerate(layers):
        if layer.stored is not None:
            choices[i] = [layer.stored]
    most = options.budget_bytes(float_bytes)
    target = options.chip_target(ChipTarget())
    arithmetic = options.arithmetic(target)
    reserve = reserve_of(module, options, target, arithmetic, options.weight_frac)
    reserved = reserve.within(most)
    budget = Budget(tables, sum(reserved.values()) + elsewhere, most)
    found = budget.allocation(choices)
    if found is None:
        layers_least = Allocator(choices, tables).least().bytes + elsewhere
        _refuse(options, most, reserve.least_budget(layers_least), float_bytes)
    chosen, tried = [each[number] for each, number in zip(choices, found.chosen)], list[Tried]()
    if inputs is not None and held_out is not None:
        recipes = [budget.recipe(PLANNED, chosen)]
        shapes = [nn.shape_of(each.op.weight) for each in layers]
        recipes += uniform_recipes(shapes, choices, budget, options)
        ops, free = [each.op for each in layers], [each.op for each in layers if each.free]
        trials = Trials(module, ops, free, options, inputs, held_out, options.entry)
        tried, choices = trials.best(
            recipes, choices, budget, lambda share: progress(0.3 + 0.7 * share)
        )
        layouts = [each.layout for each in tried[0].recipe.choices]
        chosen = [next(c for c in row if c.layout == w) for row, w in zip(choices, layouts)]
    recipe = tried[0].recipe.name if tried else PLANNED
    chosen = [_alone(*each, chosen, tables) for each in zip(layers, chosen)]
    shared = {choice.layout.table for choice in chosen}
    if options.allocates:
        _write(layers, chosen)
    points = _curve(choices, chosen, budget, float_bytes) if options.allocates else []
    return Plan(
        budget.bytes,
        float_bytes,
        [_layer_plan(*each, recipe, shared) for each in zip(layers, chosen, choices)],
        {name: size for name, size in sorted(tables.items()) if name in shared},
        {**reserved, **({"host": elsewhere} if elsewhere else {})},
        inputs is not None,
        points,
        [RecipeLoss(each.recipe.name, each.recipe.bytes, each.loss) for each in tried],
        0 if held_out is None else len(held_out[0]),
    )


def _curve(
    choices: Sequence[Sequence[Choice]],
    chosen: Sequence[Choice],
    budget: Budget,
    float_bytes: int,
) -> list[CurvePoint]:
    """The losses of other sizes, which go through that of the chosen layouts: what outputs lose has
    chosen them, so that predictions alone would find others, and say that these lose less."""
    own, predicted = float(sum(each.loss for each in chosen)), budget.allocation(choices)
    off = own / predicted.loss if predicted is not None and predicted.loss > 0 else 1.0
    found: list[CurvePoint] = []
    allocator = Allocator(choices, budget.tables)
    for ratio in RATIOS:
        most = int(float_bytes / ratio)
        other = allocator.within(most - budget.room)
        if most == budget.bytes:
            size, loss = budget.recipe(PLANNED, chosen).bytes, own
        elif other is not None:
            size, loss = other.bytes + budget.room, off * other.loss
        else:
            continue
        found.append(CurvePoint(size, float_bytes / size, loss))
    return found


def _refuse(options: LayoutOptions, budget: int | None, least: int, float_bytes: int) -> NoReturn:
    if options.ratio is not None:
        tenths = (10 * float_bytes) // least
        while tenths > 1 and floor(float_bytes / (tenths / 10)) < least:
            tenths -= 1  # the quotient of two floats may fall just short
        most = f"at most {tenths / 10} of {options.ratio:g}"
        if not tenths:
            most = "biases and tables of functions take more than 10 times the float weights"
        raise BeyondPossible(
            float_bytes / least,
            f"is beyond what is sure to fit: {most} ({counted(least, 'byte')} of {float_bytes:,})",
        )
    raise OptionError(
        "budget", f"is below what is sure to fit: {budget:,} of {counted(least, 'byte')}"
    )


class _Layer(NamedTuple):
    """A layer on the way.

    Attributes:
        weight: None where it is not there in float.
        layout: that it has whatever is asked, None for one to choose.
        stored: what it takes where its weight is not there in float.
        why: it has that layout.
    """

    op: nn.LayerOp
    name: str
    weight: np.ndarray | None
    layout: Layout | None
    stored: Choice | None
    why: str

    @property
    def free(self) -> bool:
        """Whether its layout is to be chosen."""
        return self.layout is None


def write_layouts_by_name(
    module: ModuleOp, options: LayoutOptions
) -> Mapping[nn.LayerOp, LayerLayout]:
    """Write the layouts that are given by name, and of layers that stay dense so the reason.

    Returns:
        Those of the layers that got one.

    Raises:
        RecogError: a pattern that no layer matches.
    """
    given, found = options.layer_layouts(), dict[nn.LayerOp, LayerLayout]()
    names: list[str] = []
    for op in module.walk():
        if not isinstance(op, nn.LayerOp) or LAYOUT in op.attributes:
            continue
        name = layer_name(op)
        names.append(name)
        by_name = next((each for each in given if each.matches(name)), None)
        if by_name is not None:
            found[op] = by_name
            try:
                by_name.layout.check_fits(nn.shape_of(op.weight))
            except ValueError as error:
                reason = f"of {by_name.pattern!r} do not fit the layer {name}: {error}"
                raise OptionError("layouts", reason) from None
            op.attributes[LAYOUT] = LayoutAttr(by_name.layout)
            if not by_name.layout.block:
                op.attributes[KEPT_DENSE] = StringAttr(by_name.why)
    for each in given:
        if each not in found.values():
            raise nothing_named("layouts", each.pattern, names)
    return found


def _layers(
    module: ModuleOp, options: ChooseLayoutsPass, by_name: Mapping[nn.LayerOp, LayerLayout]
) -> list[_Layer]:
    """The layers, one for each weight.

    Args:
        by_name: the layouts that have been written for their names.
    """
    found: list[_Layer] = []
    seen: set[SSAValue] = set()
    for op in find_function(module, options.entry).walk():
        if isinstance(op, nn.LayerOp) and op.weight not in seen:
            seen.add(op.weight)
            found.append(_layer(op, options, by_name.get(op)))
    return found


def _layer(op: nn.LayerOp, options: ChooseLayoutsPass, by_name: LayerLayout | None) -> _Layer:
    name, width = layer_name(op), options.weight_width
    if isinstance(op.weight.owner, LookupOp):
        lookup = op.weight.owner
        layout = Layout(tuple(lookup.block.get_values()), max(2, nn.shape_of(lookup.codebook)[0]))
        size = stored_bytes(nn.shape_of(op.weight), layout, width)
        return _Layer(op, name, None, layout, Choice(layout, size, 0.0), "clustered already")
    weight = clusterable_weight(op)
    if isinstance(weight, str):
        size = stored_bytes(nn.shape_of(op.weight), Layout(), width)
        return _Layer(op, name, None, Layout(), Choice(Layout(), size, 0.0), weight)
    given = op.attributes.get(LAYOUT)
    if isinstance(given, LayoutAttr):
        try:
            given.data.check_fits(weight.shape)
        except ValueError as error:
            fail(op, f"{LAYOUT}: {error}")
        why = f"its {LAYOUT} says so" if by_name is None else by_name.why
        return _Layer(op, name, weight, given.data, None, why)
    palette = options.palette_layout(weight)
    if palette is not None:
        layout = Layout(palette.block, palette.centroids)
        return _Layer(op, name, weight, layout, None, "its weights have few distinct values")
    usual = options.layout_of(weight.shape)
    layout = Layout() if usual is None else Layout(usual.block, usual.centroids)
    if prod(weight.shape[1:]) <= options.dense_fan_in:
        return _Layer(op, name, weight, Layout(), None, "option dense-fan-in keeps it")
    if not options.allocates:
        return _Layer(op, name, weight, layout, None, "as the options of clustering say")
    return _Layer(op, name, weight, None, None, "")


def _with_sensitivities(
    module: ModuleOp,
    options: ChooseLayoutsPass,
    layers: Sequence[_Layer],
    inputs: Sequence[np.ndarray] | None,
) -> list[PricedLayer]:
    """The layers with what errors in them count; those without float weights count nothing."""
    weights = [each.op.weight for each in layers if each.weight is not None]
    known: Mapping[SSAValue, Sensitivity] = {}
    if inputs is not None and weights:
        function = find_function(module, options.entry)
        known = at_outputs(module, options.entry, weights, example_frames(inputs, function, FRAMES))
        if not any(each.outputs.any() for each in known.values()):
            known = {}  # as of a detector whose example frames show nothing
    found: list[PricedLayer] = []
    for each in layers:
        weight = np.zeros((1, 1), np.float32) if each.weight is None else each.weight
        sensitivity = known.get(each.op.weight) or of_energy(weight)
        found.append(PricedLayer(weight, sensitivity, options.extra_weights, each.layout))
    return found


def _alone(
    layer: _Layer, choice: Choice, chosen: Sequence[Choice], tables: Mapping[str, int]
) -> Choice:
    """A table that is one layer's alone as its own, which takes the same bytes."""
    layout = choice.layout
    if not layer.free or layout.table is None:
        return choice
    if sum(each.layout.table == layout.table for each in chosen) > 1:
        return choice
    own = Layout(layout.block, layout.centroids)
    try:
        own.check_fits(nn.shape_of(layer.op.weight))
    except ValueError:  # more centroids than blocks
        return choice
    return Choice(own, choice.bytes + tables[layout.table], choice.loss)


def _write(layers: Sequence[_Layer], choices: Sequence[Choice]) -> None:
    for layer, choice in zip(layers, choices):
        if layer.free:
            layer.op.attributes[LAYOUT] = LayoutAttr(choice.layout)


def _layer_plan(
    layer: _Layer,
    choice: Choice,
    choices: Sequence[Choice],
    recipe: str,
    shared: Collection[str | None],
) -> LayerPlan:
    why = layer.why
    if layer.free:
        dense = f", of which dense takes {counted(choices[0].bytes, 'byte')}"
        if choice.layout == choices[0].layout:
            dense = ""
        what = f"{recipe}: one of" if recipe in (UNIFORM, POOLED) else "best of"
        why = (
            f"{what} {counted(len(choices), 'layout')}"
            f"{dense}{_next_smaller(choice, choices, shared)}"
        )
    shape = nn.shape_of(layer.op.weight)
    return LayerPlan(layer.name, shape, choice.layout, choice.bytes, choice.loss, why)


def _next_smaller(choice: Choice, choices: Sequence[Choice], shared: Collection[str | None]) -> str:
    """The smaller layout that would lose least for a byte saved, with what it saves and loses."""
    smaller = [
        each
        for each in choices
        if each.bytes < choice.bytes
        and each.loss > choice.loss > 0
        and (each.layout.table is None or each.layout.table in shared)
    ]
    if not smaller:
        return ""
    best = min(smaller, key=lambda each: (each.loss - choice.loss) / (choice.bytes - each.bytes))
    more = decibels(best.loss) - decibels(choice.loss)
    saved = choice.bytes - best.bytes
    return f"; {layout_text(best.layout)} would save {saved:,} and lose {more:.1f} dB more"
