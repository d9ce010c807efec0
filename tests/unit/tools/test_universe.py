"""What recog registers with xDSL: the factories are lazy, so a dead one shows only here."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from xdsl.dialect_interfaces.op_asm import OpAsmDialectInterface
from xdsl.dialects.builtin import Builtin
from xdsl.ir import Dialect
from xdsl.passes import ModulePass
from xdsl.universe import Universe
from xdsl.utils.target import Target

from recog.tools.context import make_context
from recog.tools.opt.pipeline_parser import describe_options, describe_pass
from recog.tools.universe import (
    PASS_SUMMARIES,
    PIPELINE_SUMMARIES,
    RECOG_UNIVERSE,
    TARGET_SUMMARIES,
)


@pytest.mark.parametrize("name", RECOG_UNIVERSE.all_dialects)
def test_dialect_loads(name: str):
    dialect = RECOG_UNIVERSE.all_dialects[name]()
    assert isinstance(dialect, Dialect)
    assert dialect.name == name
    names = [op.name for op in dialect.operations] + [attr.name for attr in dialect.attributes]
    assert names, "an empty dialect"
    assert all(entry.startswith(f"{name}.") for entry in names)
    make_context().load_registered_dialect(name)


@pytest.mark.parametrize("name", RECOG_UNIVERSE.all_dialects)
def test_ops_are_documented(name: str):
    undocumented = [
        op.name
        for op in RECOG_UNIVERSE.all_dialects[name]().operations
        if not op.__dict__["__doc__"]
    ]
    assert undocumented == []


@pytest.mark.parametrize("name", RECOG_UNIVERSE.all_passes)
def test_pass_loads(name: str):
    cls = RECOG_UNIVERSE.all_passes[name]()
    assert issubclass(cls, ModulePass)
    assert cls.name == name
    assert (PASS_SUMMARIES | PIPELINE_SUMMARIES)[name]
    title, doc, *options = describe_pass(cls).split("\n\n")
    assert title == name
    assert len(doc) > 40, "the docstring is what --help-pass prints"
    assert len(describe_options(cls)) == len(dataclasses.fields(cls))
    lines = "\n".join(options).splitlines()
    for line, below in zip(lines, [*lines[1:], ""]):
        is_option = line.startswith("  ") and not line.startswith("   ")
        assert not is_option or below.startswith("      "), f"a docstring is missing: {line}"


@pytest.mark.parametrize("name", RECOG_UNIVERSE.all_targets)
def test_target_loads(name: str):
    cls = RECOG_UNIVERSE.all_targets[name]()
    assert issubclass(cls, Target)
    assert cls.name == name
    assert TARGET_SUMMARIES[name]


def test_xdsl_discovers_the_universe():
    multiverse = Universe.get_multiverse()
    assert RECOG_UNIVERSE.all_dialects.keys() <= multiverse.all_dialects.keys()
    assert RECOG_UNIVERSE.all_passes.keys() <= multiverse.all_passes.keys()
    assert RECOG_UNIVERSE.all_targets.keys() <= multiverse.all_targets.keys()


def test_plain_xdsl_opt_knows_the_passes():
    xdsl_opt = Path(sys.executable).parent / "xdsl-opt"
    run = subprocess.run([xdsl_opt, "--help"], capture_output=True, text=True, check=True)
    text = "".join(run.stdout.split())
    missing = [
        name
        for name in (*PASS_SUMMARIES, *PIPELINE_SUMMARIES, *RECOG_UNIVERSE.all_targets)
        if name not in text
    ]
    assert missing == []


def _builtin_store(dialect: Dialect) -> OpAsmDialectInterface:
    store = dialect.get_interface(OpAsmDialectInterface)
    assert store is not None
    return store


def test_contexts_share_no_resources():
    stores = [_builtin_store(make_context().get_dialect("builtin")) for _ in range(2)]
    stores.append(_builtin_store(Builtin))
    for i, store in enumerate(stores):
        assert store.declare_resource("weights") == "weights"
        store.parse_resource("weights", f"0x0{i}")
    assert [store.lookup("weights") for store in stores] == ["0x00", "0x01", "0x02"]


def test_own_builtin_is_complete():
    builtin = make_context().get_dialect("builtin")
    assert list(builtin.operations) == list(Builtin.operations)
    assert list(builtin.attributes) == list(Builtin.attributes)
    assert len(builtin._interfaces) == len(Builtin._interfaces)
    for own, theirs in zip(builtin._interfaces, Builtin._interfaces):
        assert isinstance(own, type(theirs))


def test_data_dialect_is_made_anew():
    factory = RECOG_UNIVERSE.all_dialects["data"]
    assert factory() is not factory()
