"""What the commands share: exit codes, error text, progress and tables.

rich is imported only when something is shown.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol, TypeVar

from xdsl.utils.exceptions import ArgSpecParseError

from recog.backend.files import FULL
from recog.tools.diagnostics import UsageError, clip, describe_error
from recog.tools.plain_progress import PlainProgress

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")

BAD_INPUT, BAD_USAGE, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141
DEBUG_VARIABLE = "RECOG_DEBUG"
NO_ROOM = (*FULL, errno.EIO)
"""What writing to standard output fails with where there is no room."""


def run_main(
    program: str, body: Callable[[], int | None], *, reword: Callable[[str], str] = str
) -> int:
    """Call `body`, the whole of a command, and return its exit code.

    Errors become text on standard error: 1 for bad input and for bugs of the compiler,
    2 for a wrong command line. `RECOG_DEBUG=1` adds the traceback.

    Args:
        reword: puts the text of an error into the vocabulary of the command.
    """
    _open_closed()
    set_loudness()
    previous = _end_in_order()
    try:
        return _flushed(body)
    except Stopped as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 128 + error.number
    except SystemExit as error:
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except KeyboardInterrupt:
        print(f"{program}: {Stopped(signal.SIGINT)}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _settle_output()
        return BROKEN_PIPE
    except (Exception, ArgSpecParseError) as error:
        if isinstance(error, OSError) and error.filename is None and error.errno in NO_ROOM:
            error.filename = "standard output"  # every file that is written is named
        _print_error(program, error, reword)
        _settle_output()
        return BAD_USAGE if isinstance(error, (UsageError, ArgSpecParseError)) else BAD_INPUT
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _flushed(body: Callable[[], int | None]) -> int:
    """The exit code of `body`, also of a help text, once what it printed is written."""
    try:
        code = body() or 0
    except SystemExit:
        sys.stdout.flush()
        raise
    sys.stdout.flush()
    return code


STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """A signal that ends a command, as an exception: what it was writing is cleared away."""

    def __init__(self, number: int):
        self.number = number
        super().__init__("interrupted" if number == signal.SIGINT else "terminated")


def _end_in_order() -> dict[signal.Signals, Any]:
    """Let signals end a command as an exception does, so that it leaves no drafts behind.

    The handlers there were before. None in a thread, which cannot have one, and for what the
    caller ignores, as `nohup` does.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}

    def end(number: int, frame: object) -> NoReturn:
        for each in previous:
            signal.signal(each, signal.SIG_IGN)  # a second one would interrupt the clearing up
        raise Stopped(number)

    heard = [each for each in STOPPING if signal.getsignal(each) != signal.SIG_IGN]
    previous = {each: signal.getsignal(each) for each in heard}
    for each in heard:
        signal.signal(each, end)
    return previous


def _open_closed() -> None:
    """Where the shell closed standard output or error (`>&-`), Python sets it to None."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _settle_output() -> None:
    """Discard output that cannot be written; else Python would retry at exit and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_error(program: str, error: BaseException, reword: Callable[[str], str]) -> None:
    if _loudness.verbose or os.environ.get(DEBUG_VARIABLE, "") not in ("", "0"):
        traceback.print_exception(error)
    text = describe_error(error)
    if text is None:
        notes = "".join(f" {clip(note, 300)}" for note in getattr(error, "__notes__", ()))
        text = (
            f"internal error{notes}: {type(error).__name__}: {clip(str(error))}\n"
            f"  hint: this is a bug, please report it; {DEBUG_VARIABLE}=1 shows where it happened"
        )
    print(f"{program}: error: {reword(text)}", file=sys.stderr)


class _Loudness(NamedTuple):
    """What is said on standard error beside errors."""

    quiet: bool = False
    verbose: bool = False


_loudness = _Loudness()


def set_loudness(*, quiet: bool = False, verbose: bool = False) -> None:
    """Show no progress; or show the debug messages of the logger `recog`, and errors with their
    traceback."""
    global _loudness
    logger = logging.getLogger("recog")
    if verbose and not _loudness.verbose:
        logger.addHandler(_messages)
    if not verbose:
        logger.removeHandler(_messages)
    logger.setLevel(logging.DEBUG if verbose else logging.NOTSET)
    _loudness = _Loudness(quiet, verbose)


class _StandardError(logging.StreamHandler[Any]):
    """Prints where standard error is now, not where it was when this was made."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)


_messages = _StandardError()


class Advance(Protocol):
    """Advances a progress bar and shows a note, such as the loss, beside it."""

    def __call__(self, steps: int = 1, note: str = "") -> None: ...


_shown: Progress | None = None


@contextmanager
def _display() -> Generator[Progress | None, None, None]:
    """The terminal's one live display, because rich cannot nest them; None without a terminal."""
    global _shown
    if _shown is not None or _loudness.quiet or not sys.stderr.isatty():
        yield _shown
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        _shown = shown
        try:
            yield shown
        finally:
            _shown = None


@contextmanager
def progress(description: str, total: int | None = None) -> Generator[Advance, None, None]:
    """A bar on standard error while the block runs; without a terminal a line now and then."""
    with _display() as display:
        if display is None:
            if _loudness.quiet:
                yield lambda steps=1, note="": None
                return
            with PlainProgress(description, total) as lines:
                yield lines
            return
        task = display.add_task(description, total=total, note="")
        try:
            yield lambda steps=1, note="": display.update(task, advance=steps, note=note)
        finally:
            display.remove_task(task)


@contextmanager
def staged_progress(
    description: str, stages: int
) -> Generator[Callable[[str, float], None], None, None]:
    """One bar over several stages of equal length, moved by the name of a stage and the share of
    it that is done."""
    finished, position = 0, 0
    with progress(description, 100 * stages) as advance:

        def report(name: str, share: float) -> None:
            nonlocal finished, position
            now = min(int(100 * (finished + share)), 100 * stages)
            advance(now - position, name)
            position = now
            finished += share >= 1.0

        yield report


def by_share(advance: Advance, steps: int = 1000) -> Callable[[float], None]:
    """Moves a bar of so many steps to the share of the work that is done."""
    reached = 0

    def report(share: float) -> None:
        nonlocal reached
        now = int(steps * share)
        advance(now - reached)
        reached = now

    return report


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Iterate over `items` under a progress bar."""
    if total is None and isinstance(items, Sequence):
        total = len(items)
    with progress(description, total) as advance:
        for item in items:
            yield item
            advance()


@contextmanager
def stage(description: str) -> Generator[None, None, None]:
    """A step of a longer job: shown while it runs, then one line with the seconds it took."""
    start = time.perf_counter()
    with progress(description):
        yield
    say_done(description, time.perf_counter() - start)


def say_done(description: str, seconds: float) -> None:
    """A line on standard error of what is done, and the time it took."""
    if not _loudness.quiet:
        print(f"{description:<62} {seconds:7.1f} s", file=sys.stderr, flush=True)


def print_table(
    title: str | None,
    headers: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    left: Sequence[str] = (),
) -> None:
    """Print a table to standard output; the first column and those in `left` align left."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    class Piped(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich would end the process, with the exit code of an error

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for i, header in enumerate(headers):
        table.add_column(Text(header), justify="left" if i == 0 or header in left else "right")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    # Without a terminal rich cuts cells to 80 columns.
    terminal = sys.stdout.isatty()
    console = Piped(file=sys.stdout, width=None if terminal else 1000, highlight=False)
    with console.capture() as captured:
        console.print(table)
    text = captured.get()
    if not terminal:
        text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    print(text, end="")
