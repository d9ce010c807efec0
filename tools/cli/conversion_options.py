"""The options of a conversion on the command line: its flags, what a recipe gives beside them, and
the passes that are added."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from xdsl.passes import ModulePass

from recog.dialects.chip import ChipTarget
from recog.dialects.errors import RecogError
from recog.lowering.allocation.loss_search import START
from recog.lowering.allocation.options import LayoutOptions
from recog.lowering.balance.balance_ranges import BalanceOptions
from recog.lowering.batch_norm.fold import FoldOptions
from recog.lowering.cluster.layouts import ClusterOptions
from recog.lowering.cluster.tune_settings import TuneSettings
from recog.lowering.common.options import OptionError, UnusedOptionError
from recog.lowering.common.shared_options import WeightFormatOptions
from recog.lowering.encode.calibrate import CalibrationOptions
from recog.lowering.encode.encode_lns import EncodeOptions
from recog.lowering.pipeline import ConversionOptions, ExtraPass, parse_extra_pass
from recog.lowering.select.convert_lns_to_chip import TargetOptions
from recog.tools.cli.options import OptionGroup, given_options
from recog.tools.diagnostics import UsageError
from recog.tools.own_objective import is_function
from recog.tools.recipe import complete_options

GROUPS = (
    OptionGroup("batch norm folding", [FoldOptions]),
    OptionGroup("weights", ["balance", BalanceOptions, LayoutOptions, ClusterOptions]),
    OptionGroup("tuning", ["tune", TuneSettings]),
    OptionGroup(
        "number formats",
        [CalibrationOptions, WeightFormatOptions, EncodeOptions],
        "--width and --frac are those of weights too, unless --weight-width and --weight-frac "
        "are given",
    ),
    OptionGroup("chip", [TargetOptions]),
)
METAVARS = {
    "target": "NAME|FILE.toml",
    "activation_memory": "BYTES",
    "weight_memory": "BYTES",
    "reassign": "STEPS",
    "budget": "BYTES",
    "layouts": "'PATTERN: LAYOUT; ...'",
}
LEFT_OUT = ("entry", "cluster", "loss")
"""Without a flag of their name: a network's function is always @main, --dense says whether to
cluster, and --loss may be a function too."""


def conversion_options(
    arguments: argparse.Namespace, recipe: Mapping[str, Any] | None = None
) -> ConversionOptions:
    """The options of a conversion from the command line.

    Args:
        recipe: options that a recipe gives, for which flags take precedence.

    Raises:
        UsageError: a value that an option cannot have, or one without effect.
        RecogError: a target that is none.
    """
    flags = given_options(arguments, ConversionOptions, LEFT_OUT)
    if arguments.loss is not None and not is_function(arguments.loss):
        flags["loss"] = arguments.loss
    if arguments.dense:
        flags["cluster"] = False
    given = {**(recipe or {}), **flags}
    if arguments.max_loss is not None:
        _check_max_loss(arguments.max_loss, flags, given)
        flags = {**flags, "ratio": START}
    if flags.keys() & {"ratio", "budget"}:  # either takes the place of either
        given = {**given, "ratio": flags.get("ratio"), "budget": flags.get("budget")}
    try:
        options = complete_options(given, flags)
    except UnusedOptionError as error:
        text = _switches(str(error)) + _by_recipe(error.because, flags, given)
        raise UsageError(text) from None
    except OptionError as error:
        raise UsageError(str(error)) from None
    if is_function(arguments.loss or "") and not (options.cluster and options.tune):
        name = "tune" if options.cluster else "cluster"
        why = _switches(f"option {name}=false") + _by_recipe([name], flags, given)
        raise UsageError(f"--loss has no effect with {why}")
    options.chip_target(ChipTarget())  # what is wrong with it is found before hours of tuning
    return options


def _check_max_loss(most: float, flags: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Raise UsageError for a loss that cannot be asked for, or not together with the flags, or with
    what a recipe gives beside them."""
    if not 0 <= most < math.inf:
        raise UsageError(f"must be a finite number of at least 0, got {most:g}", where="--max-loss")
    for name in ("ratio", "budget"):
        if name in flags:
            raise UsageError(f"--max-loss finds the bytes that --{name} names: give one of them")
    if given.get("cluster") is False:
        by_recipe = _by_recipe(["cluster"], flags, given)
        raise UsageError(f"--max-loss has no effect with --dense{by_recipe}")


def _by_recipe(because: Sequence[str], flags: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """What is added to an error whose reason is options that a recipe gives, and no flag."""
    reasons = given.keys() & because
    return ", which the recipe says" if reasons and not reasons & flags.keys() else ""


def _switches(text: str) -> str:
    """Options that are false by the flags that make them so."""

    def flag(match: re.Match[str]) -> str:
        return "--dense" if match[1] == "cluster" else f"--no-{match[1]}"

    return re.sub(r"\boption ([a-z-]+)=false", flag, text)


def extra_passes(texts: Sequence[str], options: ConversionOptions) -> list[ExtraPass]:
    """The passes of --add-pass. Raises UsageError for a place or a pass that does not exist."""
    if not texts:
        return []
    from xdsl.universe import Universe

    from recog.tools.opt.pipeline_parser import parse_passes

    available = Universe.get_multiverse().all_passes

    def parse(text: str) -> Sequence[ModulePass]:
        return parse_passes(text, available, where="argument --add-pass")

    try:
        return [each for text in texts for each in parse_extra_pass(text, parse, options.steps())]
    except UsageError:
        raise
    except RecogError as error:
        raise UsageError(error.message, where="argument --add-pass", hint=error.hint) from None
