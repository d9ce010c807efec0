"""How many inputs the fuzzers have tried in all their runs, by kind.

    python tests/fuzz/fuzz_ir.py --seconds 3600 --tally build/fuzz/tally.jsonl
    python tests/fuzz/tally.py build/fuzz/tally.jsonl

A run adds a line to the file. Its inputs follow from as many seeds, from its own on: what two runs
both tried counts once.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def add_tally(parser: argparse.ArgumentParser) -> None:
    """The option --tally of a fuzzer."""
    parser.add_argument("--tally", type=Path, metavar="FILE", help="add what was tried to a file")


def record(
    arguments: argparse.Namespace, what: str, counts: Mapping[str, int], findings: int
) -> None:
    """Add a run to the file of --tally, if there is one."""
    if arguments.tally is None:
        return
    line = {"what": what, "seed": arguments.seed, "findings": findings, "counts": dict(counts)}
    arguments.tally.parent.mkdir(parents=True, exist_ok=True)
    # One write to the end of the file: several fuzzers may share it.
    descriptor = os.open(arguments.tally, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.write(descriptor, (json.dumps(line, sort_keys=True) + "\n").encode())
    os.close(descriptor)


def print_counts(counts: Mapping[str, int]) -> None:
    """A line a kind."""
    for kind, count in sorted(counts.items()):
        print(f"  {count:10,} {kind}")


def main(path: str) -> int:
    """Print the sums of a file: 1 where there were findings."""
    runs = [json.loads(line) for line in Path(path).read_text().splitlines()]
    findings = sum(run["findings"] for run in runs)
    sums = total(runs)
    tried = sum(counts.total() for counts in sums.values())
    print(f"{tried:,} inputs in {len(runs)} runs: {findings} findings")
    for what, counts in sums.items():
        print(f"{counts.total():,} {what}")
        print_counts(counts)
    return min(1, findings)


def total(runs: Iterable[Mapping[str, Any]]) -> dict[str, Counter[str]]:
    """How many of each kind, by what they are; of runs that overlap the one that began first."""
    sums, ends = dict[str, Counter[str]](), dict[str, int]()
    for run in sorted(runs, key=lambda run: (run["seed"], -sum(run["counts"].values()))):
        what, seed, counts = run["what"], run["seed"], Counter[str](run["counts"])
        if seed >= ends.get(what, 0):
            sums.setdefault(what, Counter()).update(counts)
            ends[what] = seed + counts.total()
    return sums


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
