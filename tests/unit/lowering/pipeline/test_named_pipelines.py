"""Named pipelines: one order, options that stand once, passes of a user's own."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest
import torch
from torch import nn
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.passes import ModulePass
from xdsl.universe import Universe

from recog.dialects.errors import RecogError
from recog.frontend.torch.importer import import_torch
from recog.lowering.cluster.tune_centroids import TuneCentroidsPass
from recog.lowering.common.options import Options, declared, taken_from
from recog.lowering.pipeline import (
    CONVERSION,
    ConversionOptions,
    ExtraPass,
    Stage,
    convert,
    parse_extra_pass,
)
from recog.lowering.pipeline.to_chip import RecogToChipPass
from recog.tools.context import make_context
from recog.tools.opt.main import main as recog_opt
from recog.tools.opt.pipeline_parser import parse_passes
from recog.tools.universe import RECOG_UNIVERSE

OPTION_CLASSES = [
    step.type for step in CONVERSION if any(f.name != "name" for f in dataclasses.fields(step.type))
]


def network() -> ModuleOp:
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3)
    return import_torch(nn.Sequential(*layers).eval(), torch.zeros(1, 1, 8, 8))


def images() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(6, 1, 8, 8)).astype(np.float32)


@pytest.mark.parametrize("cls", OPTION_CLASSES, ids=lambda cls: cls.name)
def test_every_option_of_a_pass_is_one_of_the_conversion(cls: type[ModulePass]):
    """Fields of one name mean one thing: the same type, default and range in each pass."""
    ours, types = get_type_hints(ConversionOptions), get_type_hints(cls)
    defaults = {field.name: field.default for field in dataclasses.fields(ConversionOptions)}
    for field in dataclasses.fields(cls):
        if field.name in ("name", "data"):
            continue
        assert ours[field.name] == types[field.name]
        assert defaults[field.name] == field.default
    for what in ("RANGES", "CHOICES"):
        assert declared(cls, what).items() <= declared(ConversionOptions, what).items()


def test_the_pass_the_python_interface_and_single_passes_agree(tmp_path: Path):
    np.savez(tmp_path / "data.npz", inputs=images())
    data = str(tmp_path / "data.npz")
    conversion = convert(network(), [images()], options=ConversionOptions(cluster=False))
    module = network()
    RecogToChipPass(data=data, cluster=False).apply(make_context(), module)
    assert str(module) == str(conversion.chip_module)
    single = network()
    with_data = "".join(
        f'{name}{{data="{data}"}},' for name in ("calibrate", "choose-formats", "round-weights")
    )
    text = f"fold-network,{with_data}encode-lns,convert-lns-to-chip"
    for each in parse_passes(text, RECOG_UNIVERSE.all_passes):
        each.apply(make_context(), single)
    assert str(single) == str(conversion.chip_module)


def test_recog_opt_runs_the_whole_pipeline(tmp_path: Path):
    from recog.tools.module_files import write_module

    np.savez(tmp_path / "data.npz", inputs=images())
    write_module(network(), tmp_path / "net.mlir")
    options = f'data="{tmp_path}/data.npz" centroids=8 scalar-centroids=4 epochs=1'
    arguments = [str(tmp_path / "net.mlir"), "-p", f"recog-to-chip{{{options}}}"]
    program = tmp_path / "net.recog"
    assert recog_opt([*arguments, "-t", "chip-program", "-o", str(program)]) == 0
    quick = ConversionOptions(centroids=8, scalar_centroids=4, epochs=1)
    assert program.read_bytes() == convert(network(), [images()], options=quick).assemble()


def test_stages_are_those_that_steps_reach():
    reached = [step.reaches for step in CONVERSION if step.reaches is not None]
    assert [Stage.FLOAT, *reached, Stage.MACHINE] == list(Stage)
    conversion = convert(network(), [images()], options=ConversionOptions(epochs=1))
    without = {Stage.SPLIT, Stage.BALANCED, Stage.MACHINE}  # nothing to do
    assert list(conversion.stages) == [stage for stage in Stage if stage not in without]
    assert all(stage.is_ir for stage in conversion.stages)


def test_defaults_are_the_same_everywhere():
    """README's Python example, `recog convert` and tune-centroids tune alike."""
    tuned = TuneCentroidsPass(data="x.npz")
    assert taken_from(ConversionOptions(), TuneCentroidsPass, data="x.npz") == tuned
    assert tuned.reassign == 1


def test_bad_options_are_named():
    with pytest.raises(RecogError, match=r"option centroids must be in \[2, 65536\], got 1"):
        ConversionOptions(centroids=1)
    with pytest.raises(RecogError, match=r"option loss must be one of auto, mse"):
        ConversionOptions(loss="l2")
    assert issubclass(ConversionOptions, Options)


@dataclass(frozen=True)
class MarkPass(ModulePass):
    """Write a text on the module."""

    name = "mark"

    text: str = "here"
    """The text."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        op.attributes["mark"] = StringAttr(self.text)


@dataclass(frozen=True)
class BreakPass(ModulePass):
    """Leave a module without its return."""

    name = "break"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = op.body.block.first_op
        assert function is not None
        last = function.regions[0].block.last_op
        assert last is not None
        last.detach()
        last.erase()


THEIRS = Universe(all_passes={"mark": lambda: MarkPass, "break": lambda: BreakPass})


def parsed(text: str) -> list[ExtraPass]:
    available = RECOG_UNIVERSE.all_passes | THEIRS.all_passes
    return parse_extra_pass(text, lambda each: parse_passes(each, available), CONVERSION)


def test_a_pass_of_another_package():
    extra = parsed('after=fold-batch-norm:mark{text="mine"}')
    conversion = convert(
        network(), [images()], options=ConversionOptions(cluster=False), extra_passes=extra
    )
    assert "mark" not in conversion.stages[Stage.FLOAT].attributes
    assert conversion.stages[Stage.FOLDED].attributes["mark"] == StringAttr("mine")
    before = parsed("before=fold-batch-norm:mark,share-constants")
    assert [each.run.name for each in before] == ["mark", "share-constants"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mark", "expected after=PASS:MINE or before=PASS:MINE, got 'mark'"),
        ("after=fold:mark", "runs no pass fold, after which mark is to run"),
        ("after=fold-batch-norm:mask", "unknown pass 'mask'"),
        ("before=encode-lns:mark{size=1}", "unknown option 'size'"),
    ],
)
def test_bad_extra_passes(text: str, message: str):
    with pytest.raises(RecogError) as error:
        parsed(text)
    assert message in str(error.value)


def test_a_pass_beside_one_that_is_left_out():
    extra = parsed("after=cluster-weights:mark")
    with pytest.raises(RecogError, match="this conversion runs no pass cluster-weights"):
        convert(network(), [images()], options=ConversionOptions(cluster=False), extra_passes=extra)


def test_ir_that_a_pass_breaks_is_found_at_once():
    with pytest.raises(RecogError) as error:
        convert(network(), [images()], extra_passes=parsed("after=share-constants:break"))
    assert error.value.__notes__ == ["after the pass break"]
