"""`recog-opt` as a process: standard input, broken output, start-up time."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from pathlib import Path

COMMAND = [sys.executable, "-m", "recog.tools.opt.main"]
VALID = """\
func.func @f(%a: i32) -> i32 {
  %b = arith.addi %a, %a : i32
  func.return %b : i32
}
"""


def test_reads_standard_input():
    for arguments in ([], ["-"]):
        run = subprocess.run(
            [*COMMAND, *arguments], input=VALID, capture_output=True, text=True, check=True
        )
        assert "arith.addi" in run.stdout


def test_verification_can_be_disabled():
    # In a process of its own: xDSL disables attribute verification for good.
    text = 'func.func @f(%a: i32) {\n "arith.addi"(%a) : (i32) -> i32\n func.return\n}'
    command = [*COMMAND, "--disable-verify", "--print-op-generic"]
    run = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert '"arith.addi"' in run.stdout


def test_a_closed_pipe_is_no_error(tmp_path: Path):
    source = tmp_path / "in.mlir"
    source.write_text("".join(VALID.replace("@f", f"@f{i}") for i in range(500)))
    process = subprocess.Popen(
        [*COMMAND, str(source)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 141
    assert errors == b""


def test_a_full_disk_is_an_error(tmp_path: Path):
    source = tmp_path / "in.mlir"
    source.write_text(VALID)
    with open("/dev/full", "w") as full:
        run = subprocess.run(
            [*COMMAND, str(source)], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert run.returncode == 1
    assert "No space left on device" in run.stderr
    assert "Traceback" not in run.stderr


def cpu_seconds(command: list[str]) -> float:
    """Of a child process: unlike the clock, this hardly depends on what else runs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_starts_fast():
    command = [str(Path(sys.executable).parent / "recog-opt"), "--help"]
    assert statistics.median(cpu_seconds(command) for _ in range(5)) < 0.5
