"""Seeds tried in a child process, so that a wild access or a hang is a finding and not the end."""

from __future__ import annotations

import argparse
import json
import mmap
import os
import signal
import struct
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tally import add_tally, print_counts, record

HANG_SECONDS = 120
"""How long a seed may compute; the slowest take a second."""

WAIT_SECONDS = 1200
"""How long it may take by the clock, on a computer that is busy with other things too."""

BATCH = 5000
"""Seeds of a child: what it counted is lost when it dies."""

Check = Callable[[int], tuple[str, str | None]]
"""The kind of a seed's input, for the count, and what is wrong with it, or None."""


class Finding(NamedTuple):
    seed: int
    what: str


def survey(
    check: Check, first: int, seconds: float, most: int | None, counts: Counter[str]
) -> Iterator[Finding]:
    """Try the seeds from `first` on until the time is over; adds to `counts` by kind."""
    end = time.monotonic() + seconds
    last = sys.maxsize if most is None else first + most
    seed = first
    while seed < last and time.monotonic() < end:
        following, found = _child(check, range(seed, min(last, seed + BATCH)), end, counts)
        if found is not None:
            yield found
        seed = following


def arguments_of(doc: str | None, inputs: str, enough: str = "so many") -> argparse.Namespace:
    """The arguments of a fuzzer that surveys seeds.

    Args:
        doc: of the fuzzer, whose first line is its help.
        inputs: what it tries: --INPUTS ends it after so many.
        enough: how many that is, for the help.
    """
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()) << 16)
    parser.add_argument(f"--{inputs}", type=int, dest="most", help=f"end after {enough}")
    add_tally(parser)
    return parser.parse_args()


def fuzz(
    arguments: argparse.Namespace,
    check: Check,
    what: str,
    report: Callable[[Finding], None],
    paths: Iterable[str] = (),
) -> int:
    """Survey, report each finding, conclude; the exit code.

    Args:
        what: the inputs are, for the count.
        paths: of the engine, that each input took.
    """
    counts: Counter[str] = Counter()
    findings = 0
    for finding in survey(check, arguments.seed, arguments.seconds, arguments.most, counts):
        report(finding)
        findings += 1
    return conclude(arguments, counts, what, findings, paths)


def conclude(
    arguments: argparse.Namespace,
    counts: Counter[str],
    what: str,
    findings: int,
    paths: Iterable[str] = (),
) -> int:
    """Print how many inputs were tried, by kind, add them to the tally, and give the exit code."""
    where = f" on {', '.join(paths)}" if paths else ""
    print(f"{counts.total()} {what} from seed {arguments.seed}: {findings} findings{where}")
    print_counts(counts)
    record(arguments, what + where, counts, findings)
    return min(1, findings)


def _child(
    check: Check, seeds: range, end: float, counts: Counter[str]
) -> tuple[int, Finding | None]:
    """The seed to go on with, and what was found, which ended the child."""
    shared = mmap.mmap(-1, 8)
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            with os.fdopen(writing, "w") as stream:
                json.dump(_try(check, seeds, end, shared), stream)
        finally:
            os._exit(0)
    os.close(writing)
    hung = _wait(child, shared)
    with os.fdopen(reading) as stream:
        answer = stream.read()
    (seed,) = struct.unpack("<q", shared[:])
    _, status = os.waitpid(child, 0)
    if answer:
        tried, what = json.loads(answer)
        counts.update(tried)
        return seed + 1, None if what is None else Finding(seed, what)
    if hung:
        return seed + 1, Finding(
            seed, f"no answer in {HANG_SECONDS} seconds of computing, {WAIT_SECONDS} in all"
        )
    number = os.WTERMSIG(status)
    name = signal.Signals(number).name if number else f"exit code {os.WEXITSTATUS(status)}"
    return seed + 1, Finding(seed, f"the process died of {name}")


def _try(
    check: Check, seeds: range, end: float, shared: mmap.mmap
) -> tuple[dict[str, int], str | None]:
    tried: Counter[str] = Counter()
    for seed in seeds:
        shared[:] = struct.pack("<q", seed)
        try:
            kind, what = check(seed)
        except Exception:
            return tried, traceback.format_exc()
        tried[kind] += 1
        if what is not None or time.monotonic() > end:
            return tried, what
    return tried, None


def _wait(child: int, shared: mmap.mmap) -> bool:
    """Wait until the child ends; end it, and return True, where a seed takes too long."""
    seen, since, used = b"", 0.0, 0.0
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if shared[:] != seen:
            seen, since, used = shared[:], time.monotonic(), _computed(child)
        late = time.monotonic() - since > WAIT_SECONDS
        if late or _computed(child) - used > HANG_SECONDS:
            os.kill(child, signal.SIGKILL)
            return True
        time.sleep(0.02)
    return False


def _computed(child: int) -> float:
    """Seconds that a child has computed, on all of its threads."""
    fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
