"""What people used to mlir-opt type: recog-opt understands it or says how it is spelled here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from xdsl.xdsl_opt_main import xDSLOptMain

from recog.tools.opt.main import main

MODULE = """\
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  func.return %x : tensor<1x2xf32>
}
"""


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "in.mlir"
    path.write_text(MODULE)
    return str(path)


@pytest.mark.parametrize(
    "pipeline",
    [
        "builtin.module(cse)",
        " builtin.module( cse , func.func( canonicalize ) ) ",
        "builtin.module(any(cse{}),func.func(canonicalize,dce),cse)",
        "builtin.module()",
    ],
)
def test_pipelines_with_anchors(source: str, pipeline: str, capsys: pytest.CaptureFixture[str]):
    for flag in (["-p", pipeline], [f"--pass-pipeline={pipeline}"], ["-pass-pipeline", pipeline]):
        assert main([source, *flag]) == 0
    output = capsys.readouterr()
    assert output.out.count("func.return") == 3
    assert output.err == ""


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("builtin.module(cse", "a '(' is not closed"),
        ("cse)", "a ')' closes nothing"),
        ("scf.for(cse)", "passes cannot run on 'scf.for'"),
        ("calibrate{data=a b}", "unknown option 'b'"),
        ("calibrate{data=a:b}", 'text="in quotes"'),
        ("calibrate{entry=" + "9" * 5000 + "}", "Exceeds the limit (4300 digits)"),
        ("fold-batchnorm", "did you mean fold-batch-norm"),
    ],
)
def test_pipelines_that_are_refused(
    source: str, pipeline: str, message: str, capsys: pytest.CaptureFixture[str]
):
    assert main([source, "-p", pipeline]) == 2
    assert message in capsys.readouterr().err


def test_paths_need_no_quotes(source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "some-data_2.npy"
    np.save(path, np.ones((4, 2), np.float32))
    for text in (f"{path}", f'"{path}"'):
        assert main([source, "-p", f"builtin.module(calibrate{{data={text}}})"]) == 0
    assert main([source, "-p", "calibrate{data=missing.npy}"]) == 1
    assert "missing.npy" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "shown"),
    [
        (["--mlir-print-debuginfo"], 'loc("'),
        (["-mlir-print-debuginfo"], 'loc("'),
        (["-mlir-print-op-generic"], '"func.func"() <{'),
        (["-split-input-file"], "func.func @main"),
        (["--verify-diagnostics"], "func.func @main"),
        (["-pcse", "-tmlir"], "func.func @main"),
        (["--elide"], "func.func @main"),
        (["--mlir-elide-elementsattrs-if-larger=16"], "func.func @main"),
        (["-mlir-elide-resource-strings-if-larger=16"], "func.func @main"),
        (["--verify-each", "--mlir-disable-threading"], "func.func @main"),
        (["--verify-each=true", "-mlir-disable-threading=1"], "func.func @main"),
    ],
)
def test_flags_of_mlir_opt(
    source: str, flags: list[str], shown: str, capsys: pytest.CaptureFixture[str]
):
    assert main([source, *flags]) == 0
    assert shown in capsys.readouterr().out


def test_ir_is_dumped_around_passes(source: str, capsys: pytest.CaptureFixture[str]):
    flags = ["--mlir-timing", "--mlir-print-ir-after-all", "-print-ir-before-all"]
    assert main([source, *flags, "-p", "cse,dce"]) == 0
    output = capsys.readouterr()
    dumps = [line for line in output.err.splitlines() if line.startswith(("// -----//", "Pass"))]
    assert [line.split()[:5] for line in dumps if "//" in line] == [
        ["//", "-----//", "IR", "Dump", when] for when in ("Before", "After", "Before", "After")
    ]
    assert sum(line.startswith("Pass ") for line in dumps) == 2
    assert output.err.count("func.return") == 4
    assert output.out.count("func.return") == 1


def test_ir_is_dumped_around_one_pass(source: str, capsys: pytest.CaptureFixture[str]):
    flags = ["--mlir-print-ir-after=dce", "-print-ir-before", "cse"]
    assert main([source, *flags, "-p", "cse,dce"]) == 0
    dumps = [line for line in capsys.readouterr().err.splitlines() if "IR Dump" in line]
    assert [line.split()[4:6] for line in dumps] == [["Before", "cse"], ["After", "dce"]]
    assert main([source, "--mlir-print-ir-after=dcee", "-p", "dce"]) == 2
    assert "unknown pass 'dcee'\n  hint: did you mean dce" in capsys.readouterr().err


def test_dialects_are_named(capsys: pytest.CaptureFixture[str]):
    assert main(["--show-dialects"]) == 0
    found = capsys.readouterr().out.removeprefix("Available Dialects: ").strip().split(",")
    assert {"builtin", "chip", "cluster", "data", "func", "lns", "nn"} <= set(found)


def test_verification_cannot_be_turned_off_in_part(source: str, capsys: pytest.CaptureFixture[str]):
    assert main([source, "--verify-each=0"]) == 2
    error = capsys.readouterr().err
    assert "--verify-each=0: only --verify-each is possible" in error
    assert "--disable-verify" in error


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("-fold-batch-norm", "'fold-batch-norm' is a pass: -p fold-batch-norm"),
        ("--cse", "'cse' is a pass: -p cse"),
        ("-encode-lns=weight-width=8", "'encode-lns' is a pass: -p encode-lns"),
        ("-fold-batchnorm", "did you mean -p fold-batch-norm?"),
        ("-canonicalise", "did you mean -p canonicalize?"),
        ("--print-debug-info", "did you mean --print-debuginfo"),
        ("-verify-diagnostic=1", "did you mean --verify-diagnostics"),
        ("--nonsense", "`recog-opt --help` shows all"),
    ],
)
def test_flags_that_are_refused(
    source: str, flag: str, message: str, capsys: pytest.CaptureFixture[str]
):
    assert main([source, flag]) == 2
    error = capsys.readouterr().err
    assert f"unknown flag {flag.partition('=')[0]}\n" in error
    assert message in error


@pytest.mark.parametrize("target", ["chip-asm", "chip-program"])
def test_targets_end_xdsl_opt_with_text(source: str, target: str):
    with pytest.raises(SystemExit, match=f"error: target '{target}': .*\n  hint: "):
        xDSLOptMain(args=[source, "-t", target]).run()
