"""What is written in IR text is what is read: names and places in any script, aliases, parts."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import (
    CallSiteLoc,
    DictionaryAttr,
    FileLineColLoc,
    FusedLoc,
    IntAttr,
    IntegerAttr,
    LocationAttr,
    ModuleOp,
    NameLoc,
    NoneAttr,
    StringAttr,
    UnknownLoc,
    i32,
)
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Block, Region
from xdsl.xdsl_opt_main import xDSLOptMain

from recog.dialects.data import ModulePrinter
from recog.tools.context import make_context
from recog.tools.diagnostics import IRParseError
from recog.tools.opt import ir_syntax
from recog.tools.opt.ir_parser import parse_module
from recog.tools.opt.ir_syntax import MAX_WRITTEN_OUT
from recog.tools.opt.main import main

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = texts.filter(bool)
numbers = st.integers(0, 1 << 40).map(IntAttr)
leaves = st.builds(FileLineColLoc, texts.map(StringAttr), numbers, numbers) | st.just(UnknownLoc())
metadata = st.just(NoneAttr()) | texts.map(StringAttr)


def larger(parts: st.SearchStrategy[Attribute]) -> st.SearchStrategy[LocationAttr]:
    return (
        st.builds(NameLoc, texts.map(StringAttr), parts | st.just(NoneAttr()))
        | st.builds(CallSiteLoc, parts, parts)
        | st.builds(FusedLoc, st.lists(parts, max_size=3).map(tuple), metadata)
    )


locations = st.recursive(leaves, larger, max_leaves=6)


def written(module: ModuleOp, generic: bool = False) -> str:
    stream = io.StringIO()
    printer = ModulePrinter(stream=stream, print_debuginfo=True, print_generic_format=generic)
    printer.print_op(module)
    return stream.getvalue()


def read(text: str) -> ModuleOp:
    return parse_module(make_context(allow_unregistered=True), text.encode(), "in.mlir")


@settings(max_examples=80, deadline=None)
@given(name=names, place=locations, argument_place=locations, key=names, value=texts)
def test_names_places_and_texts_survive(
    name: str, place: LocationAttr, argument_place: LocationAttr, key: str, value: str
):
    block = Block(arg_types=[i32])
    block.args[0].location = argument_place
    function = FuncOp.external(name, [], [])
    holder = FuncOp("holder", ((i32,), ()), Region(block), visibility="private")
    block.add_op(FuncOp.external("inner", [i32], []))
    function.attributes["texts"] = DictionaryAttr({key: StringAttr(value)})
    function.location = holder.location = place
    module = ModuleOp([function, holder])
    for generic in (False, True):
        text = written(module, generic)
        again = parse_module(make_context(), text.encode(), "in.mlir", verify=False)
        first, second = again.ops
        assert isinstance(first, FuncOp)
        assert isinstance(second, FuncOp)
        assert (first.sym_name.data, first.attributes) == (name, function.attributes)
        assert first.location == second.location == place
        assert second.body.block.args[0].location == argument_place
        assert written(again, generic) == text


def test_text_is_written_as_people_read_it_and_as_xdsl_reads_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    function = FuncOp.external("größe", [], [])
    function.location = NameLoc(StringAttr("畳み込み"), NoneAttr())
    text = written(ModuleOp([function]))
    assert 'func.func private @"größe"() -> () loc("畳み込み")' in text
    path = tmp_path / "in.mlir"
    path.write_text(text)
    xDSLOptMain(args=[str(path), "--print-debuginfo"]).run()
    assert "private @" in capsys.readouterr().out


def test_escaped_bytes_are_text_as_in_mlir():
    (function,) = read('func.func private @"\\C3\\B6"() -> () loc("\\E7\\95\\B3":1:2)').ops
    assert isinstance(function, FuncOp)
    assert function.sym_name.data == "ö"
    assert function.location == FileLineColLoc(StringAttr("畳"), IntAttr(1), IntAttr(2))
    with pytest.raises(IRParseError, match="in.mlir:1:"):
        read('func.func private @f() -> () loc("\\FF":1:2)')


DEFINED_LATER = """
func.func private @a() -> () loc(#loc4)
"test.op"() ({^bb0(%x: i32 loc(#loc2)):
  "test.termop"() : () -> ()}) : () -> () loc(fused<{k = 1 : i32}>[#loc1, #loc2])
"test.op"() : () -> () loc("layer"(#loc1))
#loc1 = loc("net.py":3:4 to :9)
#loc2 = loc("net.py":5:6 to 7:8)
#loc3 = loc("block"(#loc1))
#loc4 = loc(callsite(#loc3 at #loc2))
"""


def test_aliases_of_locations_may_follow_their_use():
    function, fused, layer = read(DEFINED_LATER).ops
    first = FileLineColLoc(StringAttr("net.py"), IntAttr(3), IntAttr(4))
    second = FileLineColLoc(StringAttr("net.py"), IntAttr(5), IntAttr(6))
    block = NameLoc(StringAttr("block"), first)
    assert function.location == CallSiteLoc(block, second)
    assert fused.location == FusedLoc((first, second), DictionaryAttr({"k": IntegerAttr(1, i32)}))
    assert fused.regions[0].block.args[0].location == second
    assert layer.location == NameLoc(StringAttr("layer"), first)


A_PLACE = FileLineColLoc(StringAttr("net.py"), IntAttr(1), IntAttr(2))


@pytest.mark.parametrize(
    ("written", "metadata"),
    [
        ("#place", A_PLACE),
        ('loc("net.py":1:2)', A_PLACE),
        ('"net.py":1:2', A_PLACE),  # as xDSL prints it
        ('"net.py"', StringAttr("net.py")),
        ("unknown", UnknownLoc()),
        ("#number", IntegerAttr(1, i32)),
        ('fused<#place>["net.py":1:2]', FusedLoc((A_PLACE,), A_PLACE)),
    ],
)
@pytest.mark.parametrize("later", [False, True])
def test_metadata_of_fused_locations(written: str, metadata: Attribute, later: bool):
    number, place = "#number = 1 : i32\n", '#place = loc("net.py":1:2)\n'
    use, whole = '"test.op"() : () -> () loc(#whole)\n', f'#whole = loc(fused<{written}>["b":3:4])'
    module = read(number + (use + place + whole if later else place + whole + "\n" + use))
    expected = FusedLoc((FileLineColLoc(StringAttr("b"), IntAttr(3), IntAttr(4)),), metadata)
    (op,) = module.ops
    assert op.location == expected
    printed = io.StringIO()
    ModulePrinter(stream=printed, print_debuginfo=True).print_op(module)
    (again,) = read(printed.getvalue()).ops
    assert again.location == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"test.op"() : () -> () loc(fused<#a>[])\n#a = loc(fused<#a>[])', "defined by itself"),
        ('"test.op"() : () -> () loc(#a)', "undefined symbol alias '#a'"),
        (
            '"test.op"() : () -> () loc(#a)\n#a = loc("a"(#b))\n#b = loc("b"(#a))',
            "alias '#a' is defined by itself",
        ),
        ('"test.op"() : () -> () loc(#a)\n#a = 1 : i32', "Expected location alias"),
        ("#a = loc(unknown)\n#a = loc(unknown)", "re-declaration of alias '#a'"),
        (
            '"test.op"() : () -> () loc(#a)\n#a = loc(unknown)\n#a = loc(unknown)',
            "re-declaration of alias '#a'",
        ),
        (
            '"test.op"() : () -> !t\n\n!t = tuple<i32>',
            "alias '!t' is used before its definition, in line 3",
        ),
        ('"test.op"() {a = #a} : () -> ()\n#a = 1 : i32', "used before its definition, in line 2"),
        ('"test.op"() {a = ' + "1" * 5000 + "} : () -> ()", "more than 4000 digits"),
        ('"test.op"() : () -> () loc(callsite("a" of "b"))', "Expected 'at'"),
    ],
)
def test_aliases_and_places_that_are_refused(text: str, message: str):
    with pytest.raises(IRParseError, match=r"in\.mlir:\d+:\d+: ") as caught:
        read(text)
    assert message in str(caught.value)


def test_aliases_that_double_forty_times_are_refused_at_once():
    lines = ["!p0 = tuple<i32, i32>", "#l0 = [1, 2]"]
    types = [f"!p{i} = tuple<!p{i - 1}, !p{i - 1}>" for i in range(1, 41)]
    attributes = [f"#l{i} = [#l{i - 1}, #l{i - 1}]" for i in range(1, 41)]
    for more, last in ((types, "!p40"), (attributes, "#l40")):
        start = time.process_time()
        with pytest.raises(IRParseError, match=f"stands for more than {MAX_WRITTEN_OUT} char"):
            read("\n".join([*lines, *more, f'"test.op"() {{a = {last}}} : () -> ()']))
        assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ("a = 1 : i16777216", "an integer has at most 16777215 bits"),
        ("a = i99999999999999999999", "an integer has at most 16777215 bits"),
        ("a = dense<1> : tensor<999999999xi8>", "dense attributes take too much memory"),
        ('a = dense<"0x00"> : tensor<99999x99999xi8>', "dense attributes take too much memory"),
        ("a = dense<1> : tensor<100xi16777215>", "dense attributes take too much memory"),
        (f"a = tensor<{'1x' * 100000}f32>", "this shape has too many sizes"),
        (f"a = {'[' * 100000}", "nests too deeply"),
    ],
)
def test_a_few_characters_take_no_time_and_no_memory(attributes: str, message: str):
    start = time.process_time()
    with pytest.raises(IRParseError, match=message):
        read(f'"test.op"() {{{attributes}}} : () -> ()')
    assert time.process_time() - start < 2


def test_many_dense_attributes_count_together(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ir_syntax, "MAX_DENSE_BYTES", 1 << 16)
    dense = [f"a{i} = dense<1> : tensor<5000xi8>" for i in range(2)]
    read(f'"test.op"() {{{dense[0]}}} : () -> ()')
    with pytest.raises(IRParseError, match="take too much memory"):
        read(f'"test.op"() {{{", ".join(dense)}}} : () -> ()')


def test_products_of_large_numbers_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "in.mlir"
    path.write_text(f"#m = affine_map<(d0) -> ({'*'.join(['9' * 3000] * 2)})>\n")
    path.write_text(f"{path.read_text()}builtin.module attributes {{a = #m}} {{}}")
    assert main([str(path)]) == 1
    assert "more digits than are read or written" in capsys.readouterr().err


def test_a_byte_order_mark_is_no_character():
    assert len(read("\ufeffbuiltin.module {}").ops) == 0


def test_the_time_of_a_long_chain_of_ops_grows_with_its_length():
    """Read, verified, written: 20,000 ops took 6.3 s of one core."""

    def seconds(count: int) -> float:
        head = "func.func @f(%x0: tensor<1x4xf32>) -> tensor<1x4xf32> {\n"
        relu = "  %x{} = nn.relu %x{} : (tensor<1x4xf32>) -> tensor<1x4xf32>\n"
        ops = "".join(relu.format(i + 1, i) for i in range(count))
        text = f"{head}{ops}  func.return %x{count} : tensor<1x4xf32>\n}}\n"
        start = time.process_time()
        again = written(read(text))
        assert again.count("nn.relu") == count
        return time.process_time() - start

    seconds(50)
    # The least of three: other work beside it makes one of them slower, never faster.
    short, long = (min(seconds(count) for _ in range(3)) for count in (400, 3200))
    assert long < 16 * short


def test_split_at_whole_lines_alone(tmp_path: Path):
    function = "func.func private @{}() -> ()\n"
    path, output = tmp_path / "in.mlir", tmp_path / "out.mlir"
    rule = f"// --------\n// ----- not here\n{function.format('b')}"
    path.write_text(f"// -----\n{function.format('a')}{rule}  // ----- \r\n\n// -----\nbad.op\n")
    arguments = [str(path), "--split-input-file", "--parsing-diagnostics", "-o", str(output)]
    assert main(arguments) == 0
    empty, both, nothing, _ = output.read_text().split("// -----\n")
    assert empty == nothing == "builtin.module {\n}\n"
    assert both.count("func.func") == 2
    with pytest.raises(IRParseError, match="there is no operation"):
        read("// only this\n")
