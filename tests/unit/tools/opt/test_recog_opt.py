"""The command `recog-opt`: output, bad input, wrong command lines, and what it leaves behind."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar

import pytest
from xdsl.context import Context
from xdsl.dialects import arith, func
from xdsl.dialects.builtin import FunctionType, ModuleOp, i64
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.target import Target

from recog.backend.assembly.container import MAGIC
from recog.dialects.errors import fail
from recog.tools.opt.main import main
from recog.tools.universe import PASS_SUMMARIES, RECOG_UNIVERSE

VALID = """\
func.func @f(%a: i32) -> i32 {
  %b = arith.addi %a, %a : i32
  func.return %b : i32
}
"""


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


class Workbench:
    """Runs recog-opt in a folder of its own."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]):
        self.folder = folder
        self.capture = capture

    def write(self, content: str | bytes, name: str = "in.mlir") -> str:
        data = content.encode() if isinstance(content, str) else content
        (self.folder / name).write_bytes(data)
        return str(self.folder / name)

    def run(self, *args: str) -> Result:
        code = main(args)
        captured = self.capture.readouterr()
        assert "Traceback" not in captured.err
        return Result(code, captured.out, captured.err)

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def files(self) -> list[str]:
        return sorted(os.listdir(self.folder))


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Workbench:
    return Workbench(tmp_path, capsys)


def test_prints_and_writes(bench: Workbench):
    source = bench.write(VALID)
    printed = bench.run(source)
    assert (printed.code, printed.err) == (0, "")
    assert "%b = arith.addi %a, %a : i32" in printed.out
    assert bench.run(source, "-o", bench.path("out.mlir")) == Result(0, "", "")
    assert Path(bench.path("out.mlir")).read_text() == printed.out
    # In place, too.
    assert bench.run(source, "-o", source) == Result(0, "", "")
    assert Path(source).read_text() == printed.out
    assert bench.files() == ["in.mlir", "out.mlir"]


NESTED_OPS = '"test.op"() ({' * 3000 + "}) : () -> ()" * 3000
BAD_INPUTS = {
    "empty": (b"", "in.mlir:1:1: there is no operation"),
    "comment": (b"// nothing\n", "in.mlir:2:1: there is no operation"),
    "not utf-8": (b"func.func @f() {}\n\xff\xfe", "in.mlir:2: byte 0xff at offset 18 is not UTF-8"),
    "binary": (b"\x00\x01\x02", "a binary file, not IR text"),
    "archive": (b"PK\x03\x04....", "hint: `recog import`"),
    "program file": (MAGIC + bytes(100), "hint: `recog disassemble`"),
    "truncated": (VALID[:40].encode(), "in.mlir:2:"),
    # xDSL's own lexer takes exponential time for it.
    "truncated string": (b'"test.op"() {a = "' + b"0" * 100_000, "in.mlir:1:18: End of file"),
    "prose": (b"Dear compiler,", "in.mlir:1:1"),
    "unknown op": (b"nonsense.op", "in.mlir:1:1: Operation nonsense.op is not registered"),
    "unknown type": (b'"test.op"() : () -> !what.is', "what.is"),
    "parentheses": (b"(" * 10_000, "in.mlir:1:1"),
    "nested attributes": (
        b'"test.op"() {a = ' + b"[" * 10_000 + b"]" * 10_000 + b"} : () -> ()",
        "nests too deeply",
    ),
    "nested regions": (NESTED_OPS.encode(), "nests too deeply"),
    "undefined value": (VALID.replace("%a, %a", "%a, %x").encode(), "in.mlir:2:23"),
    "redefined value": (VALID.replace("%b =", "%a =").encode(), "in.mlir:2"),
    "wrong type": (VALID.replace("%b : i32", "%b : i64").encode(), "in.mlir:3"),
    "wrong op": (
        b'func.func @f(%a: i32) {\n "arith.addi"(%a) : (i32) -> i32\n func.return\n}',
        "'arith.addi' op at",
    ),
    "a huge number": (b'"test.op"() {a = ' + b"9" * 10_000 + b"} : () -> ()", "in.mlir:1:1"),
    "resource without bytes": (
        b'"test.op"() : () -> ()\n{-# dialect_resources: { builtin: { w: 3 } } #-}',
        "in.mlir:2",
    ),
    "external resources": (b'"test.op"() : () -> ()\n{-# external_resources: {} #-}', "in.mlir"),
    "null type": (b'"test.op"() : () -> (tensor<?x?x)', "in.mlir:1"),
    "odd escapes": (b'"test.op"() {a = "\\xzz"} : () -> ()', "in.mlir:1"),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_bad_input(bench: Workbench, case: str):
    content, message = BAD_INPUTS[case]
    result = bench.run(bench.write(content), "-o", bench.path("out.mlir"))
    assert result.code == 1
    assert result.err.startswith("recog-opt: error: ")
    assert message in result.err
    assert "internal error" not in result.err
    assert len(result.err) < 3000
    assert result.out == ""
    assert bench.files() == ["in.mlir"]


def test_long_lines_are_clipped(bench: Workbench):
    weights = "00" * 3_000_000
    text = f'%w = "test.op"() {{a = dense<"0x{weights}"> : tensor<750000xi32> oops}} : () -> ()'
    result = bench.run(bench.write(text))
    assert result.code == 1
    assert f"in.mlir:1:{text.index('oops') + 1}: " in result.err
    lines = result.err.splitlines()
    assert max(map(len, lines[1:])) < 150
    # The caret stands under the word at fault.
    assert lines[1][lines[2].index("^") :].startswith("oops")


USAGE_ERRORS = {
    "unknown pass": (["-p", "fold-batch-nrm"], "did you mean fold-batch-norm"),
    "unlike any pass": (["-p", "qqq"], "unknown pass 'qqq'"),
    "open brace": (["-p", "canonicalize{a"], "argument -p/--passes"),
    "no value": (["-p", "canonicalize{a=}"], "argument -p/--passes"),
    "empty name": (["-p", "cse,,cse"], "argument -p/--passes"),
    "odd character": (["-p", "cse;cse"], "argument -p/--passes"),
    "unknown option": (["-p", "test-options{stpes=1}"], "did you mean steps?"),
    "ill-typed option": (["-p", "test-options{steps=many}"], 'takes int, got "many"'),
    "boolean for integer": (["-p", "test-options{steps=1.5}"], "'steps' takes int, got 1.5"),
    "list for one": (["-p", "test-options{steps=1,2}"], "'steps' takes int, got 1,2"),
    "no value for integer": (["-p", "test-options{steps}"], "takes int, got nothing"),
    "refused value": (["-p", "test-options{steps=-1}"], "steps must be positive"),
    "required option": (["-p", "test-required"], "option 'data' is required"),
    "unknown target": (["-t", "chip"], "invalid choice: 'chip'"),
    "two targets": (["-t", "mlir,mlir"], "argument -t/--target"),
    "open target": (["-t", "mlir{"], "argument -t/--target"),
    "target option": (["-t", "mlir{x=1}"], "unknown option 'x'"),
    "unknown flag": (["--bogus"], "--bogus"),
    "missing value": (["-o"], "-o"),
    "unknown help": (["--help-pass", "calibrat"], "did you mean calibrate"),
}


@dataclass(frozen=True)
class OptionsPass(ModulePass):
    """Takes options."""

    name = "test-options"

    steps: int = 10
    """Steps to
    take."""
    rate: float = 0.5
    sizes: tuple[int, ...] = (1, 2)
    data: str | None = None

    def __post_init__(self):
        if self.steps < 0:
            raise ValueError("steps must be positive")

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        print(self)


@dataclass(frozen=True)
class RequiredPass(ModulePass):
    name = "test-required"
    data: str

    def apply(self, ctx: Context, op: ModuleOp) -> None: ...


def register(monkeypatch: pytest.MonkeyPatch, *passes: type[ModulePass]) -> None:
    for cls in passes:
        monkeypatch.setitem(RECOG_UNIVERSE.all_passes, cls.name, lambda cls=cls: cls)


@pytest.mark.parametrize("case", USAGE_ERRORS)
def test_wrong_command_line(bench: Workbench, monkeypatch: pytest.MonkeyPatch, case: str):
    register(monkeypatch, OptionsPass, RequiredPass)
    arguments, message = USAGE_ERRORS[case]
    result = bench.run(bench.write(VALID), "-o", bench.path("out.mlir"), *arguments)
    assert result.code == 2
    assert message in result.err
    assert result.out == ""
    assert bench.files() == ["in.mlir"]


def test_option_errors_tell_what_the_pass_takes(bench: Workbench, monkeypatch: pytest.MonkeyPatch):
    register(monkeypatch, OptionsPass)
    result = bench.run(bench.write(VALID), "-p", "test-options{steps=x}")
    for line in ("steps: int = 10", "rate: float = 0.5", "sizes: tuple[int, ...] = 1,2"):
        assert line in result.err
    assert "data: str|None = none" in result.err


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("test-options", "test-options"),
        ("test-options{steps=3 rate=0.25}", "test-options{steps=3 rate=0.25}"),
        ("test-options{ rate=1 }", "test-options{rate=1.0}"),
        ("test-options{rate=1e-3}", "test-options{rate=0.001}"),
        ("\n test-options {\n  steps = 3\n  sizes=4, 5 }\n", "test-options{steps=3 sizes=4,5}"),
        ('test-options{data="a, b = {c}"}', 'test-options{data="a, b = {c}"}'),
        ("test-options{sizes=7}", "test-options{sizes=7}"),
    ],
)
def test_options_are_read(bench: Workbench, monkeypatch: pytest.MonkeyPatch, text: str, shown: str):
    register(monkeypatch, OptionsPass)
    result = bench.run(bench.write(VALID), "-p", text, "-o", bench.path("out.mlir"))
    assert result == Result(0, shown + "\n", "")


def test_missing_and_unreadable_files(bench: Workbench):
    missing = bench.run(bench.path("missing.mlir"))
    assert missing.code == 1
    assert f"{bench.path('missing.mlir')}: No such file or directory" in missing.err
    folder = bench.run(str(bench.folder))
    assert folder.code == 1
    assert "Is a directory" in folder.err
    output = bench.run(bench.write(VALID), "-o", bench.path("missing/out.mlir"))
    assert output.code == 1
    assert f"{bench.path('missing/out.mlir')}: No such file or directory" in output.err
    assert bench.files() == ["in.mlir"]


class FailingPattern(RewritePattern):
    error: ClassVar[type[Exception] | None] = None

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: arith.AddiOp, rewriter: PatternRewriter):
        if self.error is None:
            fail(op, "no such instruction", hint="use another chip")
        raise self.error("in a pattern")


def pattern_pass(failure: type[Exception] | None) -> type[ModulePass]:
    class Pattern(FailingPattern):
        error = failure

    @dataclass(frozen=True)
    class FailingPass(ModulePass):
        name = "test-fail"

        def apply(self, ctx: Context, op: ModuleOp) -> None:
            PatternRewriteWalker(Pattern()).rewrite_module(op)

    return FailingPass


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (None, "'arith.addi' op at {}:2: no such instruction\n  hint: use another chip"),
        (VerifyException, "'arith.addi' op at {}:2: in a pattern"),
        (KeyError, "internal error in pass 'test-fail': KeyError: 'in a pattern'"),
        (RecursionError, "nests too deeply"),
    ],
)
def test_failing_passes(
    bench: Workbench,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception] | None,
    message: str,
):
    register(monkeypatch, pattern_pass(error))
    bench.write("before", "out.mlir")
    source = bench.write(VALID)
    result = bench.run(source, "-p", "test-fail", "-o", bench.path("out.mlir"))
    assert result.code == 1
    assert message.format(source) in result.err
    assert "in pass 'test-fail'" in result.err
    assert "func.func" not in result.err, "the module was printed into the error"
    assert Path(bench.path("out.mlir")).read_text() == "before"
    assert bench.files() == ["in.mlir", "out.mlir"]


def test_debug_shows_the_traceback(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    register(monkeypatch, pattern_pass(KeyError))
    monkeypatch.setenv("RECOG_DEBUG", "1")
    assert main([bench.write(VALID), "-p", "test-fail"]) == 1
    assert "match_and_rewrite" in capsys.readouterr().err


def test_a_pass_that_breaks_the_ir_is_named(bench: Workbench, monkeypatch: pytest.MonkeyPatch):
    @dataclass(frozen=True)
    class BreakingPass(ModulePass):
        name = "test-break"

        def apply(self, ctx: Context, op: ModuleOp) -> None:
            for function in op.walk():
                if isinstance(function, func.FuncOp):
                    function.function_type = FunctionType.from_lists([i64], [])

    register(monkeypatch, BreakingPass)
    result = bench.run(bench.write(VALID), "-p", "test-break", "-o", bench.path("out.mlir"))
    assert result.code == 1
    assert "in the IR that pass 'test-break' made" in result.err
    assert bench.files() == ["in.mlir"]


def test_interrupts_leave_nothing(bench: Workbench, monkeypatch: pytest.MonkeyPatch):
    @dataclass(frozen=True)
    class InterruptedPass(ModulePass):
        name = "test-interrupt"

        def apply(self, ctx: Context, op: ModuleOp) -> None:
            raise KeyboardInterrupt

    register(monkeypatch, InterruptedPass)
    result = bench.run(bench.write(VALID), "-p", "test-interrupt", "-o", bench.path("out.mlir"))
    assert result == Result(130, "", "recog-opt: interrupted\n")
    assert bench.files() == ["in.mlir"]


def test_errors_never_print_weights(bench: Workbench):
    weights = "0123456789abcdef" * 250_000
    text = (
        "func.func @f() {\n"
        f'  %w = arith.constant dense<"0x{weights}"> : tensor<500000xi32>\n'
        '  %b = "arith.addi"(%w, %w) : (tensor<500000xi32>, tensor<500000xi32>) -> i32\n'
        "  func.return\n}\n"
    )
    result = bench.run(bench.write(text))
    assert result.code == 1
    assert "in.mlir:3" in result.err
    assert len(result.err) < 3000
    again = bench.run(bench.path("in.mlir"), "--verify-diagnostics")
    assert again.code == 0
    assert len(again.out) < 3000


def test_split_input(bench: Workbench):
    source = bench.write(f"{VALID}// -----\nnonsense.op\n// -----\n{VALID}")
    output = bench.path("out.mlir")
    failed = bench.run(source, "--split-input-file", "-o", output)
    assert failed.code == 1
    assert "in.mlir:6:1: Operation nonsense.op" in failed.err
    assert bench.files() == ["in.mlir"]
    passed = bench.run(source, "--split-input-file", "--parsing-diagnostics", "-o", output)
    assert passed.code == 0
    assert "in.mlir:6:1: Operation nonsense.op" in passed.out
    parts = Path(output).read_text().split("// -----\n")
    assert [part.count("arith.addi") for part in parts] == [1, 0, 1]


@dataclass(frozen=True)
class BytesTarget(Target):
    name = "test-bytes"
    fill: int = 0

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        output.write("hex")

    def emit_bytes(self, ctx: Context, module: ModuleOp) -> bytes:
        if self.fill < 0:
            fail(module, "cannot be filled")
        return bytes([0, 255, 13, 10, self.fill])


@contextmanager
def bytes_output() -> Iterator[io.BytesIO]:
    """Standard output with a binary buffer that can be looked into."""
    buffer, original = io.BytesIO(), sys.stdout
    sys.stdout = io.TextIOWrapper(buffer)
    try:
        yield buffer
    finally:
        sys.stdout = original


def test_binary_targets(bench: Workbench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(RECOG_UNIVERSE.all_targets, "test-bytes", lambda: BytesTarget)
    source, output = bench.write(VALID), bench.path("out.bin")
    assert bench.run(source, "-t", "test-bytes{fill=7}", "-o", output) == Result(0, "", "")
    assert Path(output).read_bytes() == b"\x00\xff\r\n\x07"
    with bytes_output() as buffer:
        assert main([source, "-t", "test-bytes"]) == 0
        assert buffer.getvalue() == b"\x00\xff\r\n\x00"
    os.unlink(output)
    failed = bench.run(source, "-t", "test-bytes{fill=-1}", "-o", output)
    assert failed.code == 1
    assert "cannot be filled" in failed.err
    split = bench.run(source, "-t", "test-bytes", "--split-input-file", "-o", output)
    assert split.code == 2
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    terminal = bench.run(source, "-t", "test-bytes")
    assert terminal.code == 2
    assert "write it to a file with -o" in terminal.err
    assert bench.files() == ["in.mlir"]


def test_between_passes_and_times(bench: Workbench):
    result = bench.run(
        bench.write(VALID), "-p", "canonicalize,cse", "--print-between-passes", "--time-passes"
    )
    assert result.code == 0
    assert result.out.count("IR after canonicalize:") == 1
    assert "IR after cse" not in result.out
    assert [line.split()[:2] for line in result.err.splitlines()] == [
        ["Pass", "canonicalize"],
        ["Pass", "cse"],
    ]


def test_help(bench: Workbench, monkeypatch: pytest.MonkeyPatch):
    result = bench.run("--help")
    assert result.code == 0
    for name, summary in PASS_SUMMARIES.items():
        assert any(name in line and summary in line for line in result.out.splitlines())
    assert max(map(len, result.out.splitlines())) <= 100
    register(monkeypatch, OptionsPass)
    described = bench.run("--help-pass", "test-options")
    assert described.out.startswith(
        "test-options\n\nTakes options.\n\nOptions:\n  steps: int = 10\n"
    )
    listed = bench.run("--list-passes")
    assert "  canonicalize\n" in listed.out
    assert bench.run("--version").out.startswith("recog-opt 0.")
