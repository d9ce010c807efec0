"""Exit codes, error text, progress and tables of the commands."""

from __future__ import annotations

import io
import logging
import signal
import sys
import threading
import time
from importlib import import_module

import pytest
from xdsl.utils.exceptions import PassFailedException, VerifyException

from recog.dialects.errors import RecogError
from recog.tools import plain_progress
from recog.tools.console import print_table, progress, run_main, set_loudness, stage, track
from recog.tools.diagnostics import UsageError, clip, during


def failing(error: BaseException):
    def body() -> int:
        raise error

    return body


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (RecogError("too wide", where="layer x", hint="narrow it"), 1, "layer x: too wide\n  hint"),
        (UsageError("unknown pass"), 2, "error: unknown pass"),
        (VerifyException("bad shape"), 1, "error: bad shape"),
        (PassFailedException("no"), 1, "error: no"),
        (FileNotFoundError(2, "No such file or directory", "x.npz"), 1, "x.npz: No such file"),
        (RecursionError(), 1, "nests too deeply"),
        (MemoryError(), 1, "out of memory"),
        (KeyError("k"), 1, "internal error: KeyError: 'k'\n  hint: this is a bug"),
        (SystemExit("stopped"), 1, "stopped"),
    ],
)
def test_errors_become_text(
    error: BaseException, code: int, text: str, capsys: pytest.CaptureFixture[str]
):
    assert run_main("recog", failing(error)) == code
    captured = capsys.readouterr()
    assert text in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_no_room_for_standard_output(capsys: pytest.CaptureFixture[str]):
    def body() -> None:
        with open("/dev/full", "w", encoding="utf-8") as stream:
            stream.write("x" * 100_000)

    assert run_main("recog", body) == 1
    said = capsys.readouterr().err
    assert said == "recog: error: standard output: No space left on device\n"


def test_no_room_for_a_help_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def body() -> None:
        print("usage: recog")
        raise SystemExit(0)

    with monkeypatch.context() as patched, open("/dev/full", "w", encoding="utf-8") as full:
        patched.setattr(sys, "stdout", full)
        assert run_main("recog", body) == 1
    assert capsys.readouterr().err == "recog: error: standard output: No space left on device\n"


def test_no_memory_for_a_tensor(capsys: pytest.CaptureFixture[str]):
    """torch has no error of its own for it."""
    torch = pytest.importorskip("torch")
    for shape in [(1 << 30, 1 << 30), (1 << 40, 1 << 40)]:
        assert run_main("recog", lambda shape=shape: torch.empty(shape)) == 1
        assert capsys.readouterr().err == "recog: error: out of memory\n"


@pytest.mark.parametrize(("error", "code"), [(SystemExit(2), 2), (SystemExit(None), 0)])
def test_quiet_exits(error: BaseException, code: int, capsys: pytest.CaptureFixture[str]):
    assert run_main("recog", failing(error)) == code
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 129, "terminated"),
    ],
)
def test_signals_end_in_order(
    number: signal.Signals, code: int, word: str, capsys: pytest.CaptureFixture[str]
):
    heeded = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    cleared, outside = list[int](), signal.signal(number, heeded)

    def body() -> None:
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(number)  # an impatient user's second
            cleared.append(number)

    try:
        assert run_main("recog", body) == code
        assert signal.getsignal(number) == heeded
    finally:
        signal.signal(number, outside)
    assert capsys.readouterr() == ("", f"recog: {word}\n")
    assert cleared == [number]


def test_signals_that_the_caller_ignores_stay_ignored(capsys: pytest.CaptureFixture[str]):
    """As under `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run_main("recog", lambda: signal.raise_signal(signal.SIGHUP)) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_interruption_without_a_signal_has_a_word(capsys: pytest.CaptureFixture[str]):
    assert run_main("recog", failing(KeyboardInterrupt())) == 130
    assert capsys.readouterr() == ("", "recog: interrupted\n")


def test_results_are_exit_codes():
    assert run_main("recog", lambda: None) == 0
    assert run_main("recog", lambda: 3) == 3


def test_debug_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("RECOG_DEBUG", "1")
    assert run_main("recog", failing(KeyError("k"))) == 1
    assert "Traceback" in capsys.readouterr().err


def test_errors_tell_what_was_being_done(capsys: pytest.CaptureFixture[str]):
    def body():
        with during("pass 'calibrate'"):
            raise RecogError("no range")

    assert run_main("recog", body) == 1
    assert capsys.readouterr().err == "recog: error: no range\n  in pass 'calibrate'\n"


def test_long_messages_lose_their_middle(capsys: pytest.CaptureFixture[str]):
    assert run_main("recog", failing(RecogError("head" + "0" * 10**6 + "tail"))) == 1
    error = capsys.readouterr().err
    assert len(error) < 2000
    assert "head000" in error
    assert "characters more" in error
    assert "000tail" in error
    assert clip("x" * 100, 100) == "x" * 100


def test_progress_is_quiet_without_a_terminal(capsys: pytest.CaptureFixture[str]):
    with progress("training", total=2) as advance:
        advance(note="loss 1.0")
    assert list(track([1, 2], "images")) == [1, 2]
    assert capsys.readouterr() == ("", "")


def test_long_progress_is_lines_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    said = spoken(monkeypatch)
    with progress("convert"), progress("tune", total=8) as advance:
        advance(4, note="loss 0.5")
        wait_for(said, 1)
        advance(4, note="loss 0.25")
        wait_for(said, 2)
    assert set(capsys.readouterr().err.splitlines()) == {
        "tune: 50 %, loss 0.5, 0 s",
        "tune: 100 %, loss 0.25, 0 s",
    }


def test_what_takes_no_steps_is_not_silent_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    said = spoken(monkeypatch)
    with stage("measure"):
        wait_for(said, 2)
    lines = capsys.readouterr().err.splitlines()
    assert set(lines[:-1]) == {"measure: 0 s"}
    assert lines[-1].split() == ["measure", "0.0", "s"]
    assert not [each for each in threading.enumerate() if each.daemon and each.name == "recog"]


def spoken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of progress, which come at once, from now on."""
    said, say = list[str](), plain_progress.PlainProgress.say

    def counted(self: plain_progress.PlainProgress) -> None:
        say(self)
        said.append(self._description)

    monkeypatch.setattr(plain_progress, "EVERY", 0.01)
    monkeypatch.setattr(plain_progress.PlainProgress, "say", counted)
    return said


def wait_for(said: list[str], lines: int) -> None:
    """Until so many more lines were said, the last of them begun after this call."""
    wanted = len(said) + lines
    while len(said) < wanted:
        time.sleep(0.005)


def test_quiet_shows_no_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    said = spoken(monkeypatch)

    def body() -> None:
        set_loudness(quiet=True)
        with stage("cluster"), progress("tune", total=1) as advance:
            advance()
            time.sleep(0.05)

    assert run_main("recog", body) == 0
    with progress("tune", total=1):
        time.sleep(0.05)
    assert capsys.readouterr().err == ""  # until the next command
    assert run_main("recog", lambda: None) == 0
    with progress("tune", total=1) as advance:
        advance()
        wait_for(said, 2)
    assert "tune: 100 %, 0 s" in capsys.readouterr().err.splitlines()


def test_verbose_shows_messages_and_where_errors_are(capsys: pytest.CaptureFixture[str]):
    def body() -> None:
        set_loudness(verbose=True)
        logging.getLogger("recog").debug("fold-batch-norm 0.1 s")
        raise RecogError("no such layer")

    for _ in range(2):
        assert run_main("recog", body) == 1
        said = capsys.readouterr().err
        assert said.startswith("fold-batch-norm 0.1 s\nTraceback")
        assert said.endswith("recog: error: no such layer\n")
    run_main("recog", lambda: logging.getLogger("recog").debug("nothing"))
    assert capsys.readouterr().err == ""


def test_stage_reports_its_time(capsys: pytest.CaptureFixture[str]):
    with stage("cluster weights"):
        pass
    assert capsys.readouterr().err.split() == ["cluster", "weights", "0.0", "s"]


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with stage("convert [x]"), progress("training", total=3) as advance:
        for _ in track(range(2), "inner"):
            advance(note="loss 0.5")
    text = terminal.getvalue()
    assert "convert [x]" in text
    assert "training" in text


def test_progress_ends_with_an_error(monkeypatch: pytest.MonkeyPatch):
    for _ in range(2):
        with pytest.raises(ValueError, match="x"), progress("a"):
            raise ValueError("x")


def test_tables_are_not_cut(capsys: pytest.CaptureFixture[str]):
    name = "a_very_long_layer_name." * 8
    print_table(
        "Layers", ["layer", "SQNR [dB]", "kind"], [[name, 31.5, "[red]conv"]], left=["kind"]
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "Layers"
    assert any(name in line and "31.5" in line and "[red]conv" in line for line in lines)


def test_tables_end_where_nobody_reads_on(monkeypatch: pytest.MonkeyPatch):
    class Closed(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    # Not rich's own exit code, 1.
    with pytest.raises(BrokenPipeError):
        print_table(None, ["layer"], [["conv"]])


def test_tables_have_no_spaces_at_their_ends(capsys: pytest.CaptureFixture[str]):
    print_table("bytes", ["layer", "op"], [["a long name", "conv"], ["b", "c"]], left=["op"])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [line.rstrip() for line in lines]
    assert "b             c" in [line.strip() for line in lines]


def test_standard_streams_that_the_shell_closed(monkeypatch: pytest.MonkeyPatch):
    def fails() -> int:
        print("text", file=sys.stderr)
        raise RecogError("wrong")

    for body, code in ((lambda: print("text", flush=True), 0), (fails, 1)):
        monkeypatch.setattr(sys, "stdout", None)
        monkeypatch.setattr(sys, "stderr", None)
        assert run_main("recog", body) == code


def test_a_package_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "torch", None)

    def body() -> None:
        import_module("torch")

    assert run_main("recog", body) == 1
    said = capsys.readouterr().err
    assert "needs the Python package torch, which is not installed\n" in said
    assert "hint: pip install 'recog[torch]'\n" in said
    assert "internal" not in said
