"""The fuzzers find what they are for, and find nothing in a few hundred inputs."""

import argparse
import ctypes
import os
import signal
from collections import Counter
from pathlib import Path

import children
import fuzz_graphs
import fuzz_schedules
import numpy as np
import pytest
import tally
from children import Finding, conclude, survey
from fuzz_engine import draw, guard
from fuzz_engine import engines as engines_of
from fuzz_programs import bases, check, mutant
from guard_pages import Edge, guarded
from xdsl.dialects.builtin import ModuleOp

from recog.backend import dependences
from recog.backend.arithmetic.engine import get_engine
from recog.dialects import nn
from recog.dialects.errors import RecogError
from recog.lowering.pipeline import fold_network

FAST = engines_of(threads=1)


def found(what) -> list[Finding]:
    return list(survey(what, 0, 60, 3, Counter()))


@pytest.mark.parametrize("edge, place", [("end", 40), ("start", -1)])
def test_a_wild_read_is_found(edge: Edge, place: int):
    def read(seed: int):
        content = guarded(40, edge)
        content[:] = seed
        at = place if seed == 1 else 7
        return "read", str(ctypes.string_at(content.ctypes.data + at, 1)[0] - seed or "") or None

    assert found(read) == [Finding(1, "the process died of SIGSEGV")]


def test_what_goes_wrong_names_its_seed_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(children, "HANG_SECONDS", 0.3)
    monkeypatch.setattr(children, "WAIT_SECONDS", 0.6)

    def fail(seed: int):
        if seed == 0:
            raise MemoryError("of seed 0")
        if seed == 1:
            signal.pause()
        while seed == 2:
            pass
        return "whole", None if os.getpid() else "never"

    traceback, waiting, busy = found(fail)
    assert traceback.seed == 0
    assert "MemoryError: of seed 0" in traceback.what
    assert waiting == Finding(1, "no answer in 0.3 seconds of computing, 0.6 in all")
    assert busy == Finding(2, waiting.what)


@pytest.mark.parametrize("first", [0, 1])
def test_programs_of_lit_files_damaged(first: int):
    """Every outcome occurs: mutants run as well as being refused."""
    kinds = Counter(kind for seed in range(first, 60, 2) for kind, _ in [tried(seed)])
    assert sum(count for kind, count in kinds.items() if kind.endswith(", run")) > 3
    assert sum(count for kind, count in kinds.items() if kind.endswith(", refused")) > 3


def tried(seed: int) -> tuple[str, None]:
    kind, what = check(seed, {**FAST})
    assert what is None, f"seed {seed}: {what}"
    return kind, what


def test_mutants_follow_from_their_seed():
    assert mutant(5) == mutant(5) != mutant(6)
    assert len(bases()) > 20


def test_kernels_at_guard_pages_give_the_bits():
    judge = get_engine("gemm")
    for seed in range(1000, 1030):
        case = draw(seed)
        try:
            expected = case.run(judge)
        except RecogError:
            continue
        for engine in FAST.values():
            with guard(seed):
                np.testing.assert_array_equal(case.run(engine), expected, str(seed))


def test_random_networks_compute_what_pytorch_does():
    kinds = [fuzz_graphs.check(seed) for seed in range(9)]
    assert [what for _, what in kinds] == [None] * 9
    assert Counter(kind for kind, _ in kinds)["on the machine"] > 1


def test_random_schedules_give_the_bits_of_whole_layers():
    kinds = [fuzz_schedules.check(seed) for seed in (117694661984289, *range(6))]
    assert [what for _, what in kinds] == [None] * 7
    assert Counter(kind for kind, _ in kinds)["same bits"] > 1


def test_runs_are_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "new" / "tally.jsonl"
    for seed, counts, findings in ((0, {"a": 5}, 0), (10, {"a": 2, "b": 1}, 0), (11, {"a": 3}, 1)):
        arguments = argparse.Namespace(tally=path, seed=seed)
        assert conclude(arguments, Counter(counts), "texts", findings) == findings
    conclude(argparse.Namespace(tally=None, seed=0), Counter({"a": 3}), "others", 0)
    capsys.readouterr()
    assert tally.main(str(path)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["8 inputs in 3 runs: 1 findings", "8 texts"]
    assert [line.split() for line in lines[2:]] == [["7", "a"], ["1", "b"]]


def test_a_wrong_rewrite_is_found(monkeypatch: pytest.MonkeyPatch):
    def without_relus(module: ModuleOp) -> None:
        fold_network(module)
        for op in [op for op in module.walk() if isinstance(op, nn.ReluOp)]:
            op.output.replace_all_uses_with(op.input)

    monkeypatch.setattr(fuzz_graphs, "fold_network", without_relus)
    monkeypatch.setattr(fuzz_graphs, "CONVERTED", 1 << 30)
    found = [what for _, what in map(fuzz_graphs.check, range(1, 12)) if what is not None]
    assert found
    assert all(what.startswith("folded: output 0 differs by") for what in found)


def test_an_order_of_queues_that_loses_a_row_is_found(monkeypatch: pytest.MonkeyPatch):
    """Where what is waited for are the bytes of a tensor in place of those of its ring."""
    monkeypatch.setattr(dependences, "bytes_taken", lambda tensors: {})
    kind, what = fuzz_schedules.check(94)
    assert kind == "refused"
    assert what is not None
    assert "turns: 'chip.dma.out' op: @output1: row 10 of ring 7 is not there" in what
