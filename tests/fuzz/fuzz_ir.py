"""Damaged IR and pipelines through parser, verifier, passes and printers: each text is accepted or
refused, within 10 seconds and a gigabyte, and none raises anything but an error for people.

    python tests/fuzz/fuzz_ir.py --seconds 3600
    python tests/fuzz/fuzz_ir.py --seed 1234 --inputs 1    # one input again

The texts are those of the lit files. What is written again must be read again.
"""

from __future__ import annotations

import argparse
import collections
import io
import random
import re
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from tally import add_tally, print_counts, record
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.universe import Universe

from recog.dialects.verification import located_errors, verify_module
from recog.tools.context import make_context
from recog.tools.diagnostics import UsageError, describe_error
from recog.tools.opt.ir_parser import parse_module
from recog.tools.opt.main import PART_MARKER, TextTarget
from recog.tools.opt.pipeline_parser import describe_options, parse_passes
from recog.tools.universe import RECOG_UNIVERSE

FILECHECK = Path(__file__).resolve().parents[1] / "filecheck"
SECONDS, BYTES = 10, 1 << 30
"""What one input may take, in seconds of computing."""

XDSL_PASSES = ("canonicalize", "cse", "dce")
TOKEN = re.compile(r'"[^"\n]*"|[\w.$%@!#^-]+|\S|\s+')
RUN = re.compile(r"// RUN: recog-opt %s -p '?([^\s'%]+)")
"""The first pipeline of a lit file, where it reads no file."""
NUMBER = re.compile(r"(?<![\w.])\d+(?=x|\b)")
SPLICES = ["", "-1", "0", "65537", "?", "%x", '"', "{", ")", "nan", "[]", "i0", "tensor<f32>"]
SPLICES += ["loc(#l)", "i16777216", "()", "@f", "^bb0", "dense<1>", '"0x', "unit", "!data.x", "-"]
NUMBERS = ["0", "1", "2", "3", "7", "255", "65535", "2147483648", "9223372036854775807"]
NUMBERS += ["9999999999999999", "1" + "0" * 30, "9" * 5000, "-1", "0x1", "1e400", "1.5"]
OPENERS = {"tuple<": ">", "[": "]", "{a = ": "}", "(": ")", "fused[": "]", "tensor<": ">"}
OPENERS |= {"builtin.module {": "}", '"test.op"() ({': "}) : () -> ()", "affine_map<() -> (": ")>"}

Damage = Callable[[str, random.Random, list[str]], str]


class TookTooLong(BaseException):
    """Not an Exception: nothing on the way may take it for an error of the input."""


def tokens(text: str, rng: random.Random, _: list[str]) -> str:
    """A few tokens dropped, doubled, swapped or replaced."""
    parts = TOKEN.findall(text) or [""]
    for _turn in range(rng.randint(1, 3)):
        i, j = rng.randrange(len(parts)), rng.randrange(len(parts))
        match rng.randrange(4):
            case 0:
                parts[i] = rng.choice(SPLICES)
            case 1:
                parts[i], parts[j] = parts[j], parts[i]
            case 2:
                parts[i] = parts[j]
            case _:
                parts[i] += parts[i]
    return "".join(parts)


def numbers(text: str, rng: random.Random, _: list[str]) -> str:
    """A few numbers, of shapes above all, replaced by others, some of them huge."""
    for _turn in range(rng.randint(1, 3)):
        found = list(NUMBER.finditer(text))
        if found:
            place = rng.choice(found)
            near = str(max(0, int(place[0][:18]) + rng.choice([-1, 1, 2])))
            text = text[: place.start()] + rng.choice([*NUMBERS, near, near]) + text[place.end() :]
    return text


def lines(text: str, rng: random.Random, corpus: list[str]) -> str:
    """Lines dropped, doubled, swapped, or taken from another file."""
    rows = text.split("\n")
    for _turn in range(rng.randint(1, 3)):
        i, j = rng.randrange(len(rows)), rng.randrange(len(rows))
        match rng.randrange(4):
            case 0:
                rows[i] = ""
            case 1:
                rows.insert(j, rows[i])
            case 2:
                rows[i], rows[j] = rows[j], rows[i]
            case _:
                rows.insert(i, rng.choice(rng.choice(corpus).split("\n")))
    return "\n".join(rows)


def nesting(text: str, rng: random.Random, _: list[str]) -> str:
    """Something nested in itself, up to a few thousand times."""
    opener, closer = rng.choice(list(OPENERS.items()))
    depth = rng.choice([1, 2, 50, 2000, 20000])
    parts = TOKEN.findall(text) or [""]
    i = rng.randrange(len(parts))
    parts[i] = opener * depth + parts[i] + closer * rng.choice([depth, depth, depth - 1])
    return "".join(parts)


def characters(text: str, rng: random.Random, _: list[str]) -> str:
    """Characters changed, put in, or all after one cut off."""
    for _turn in range(rng.randint(1, 4)):
        i = rng.randrange(len(text) + 1)
        match rng.randrange(4):
            case 0:
                text = text[:i]
            case 1:
                text = text[:i] + text[i + 1 :]
            case _:
                new = chr(
                    rng.choice([0, 10, 34, 35, 92, 0xE9, 0x2028, 0x1F600, rng.randrange(128)])
                )
                text = text[:i] + new + text[i + rng.randrange(2) :]
    return text


def crossing(text: str, rng: random.Random, corpus: list[str]) -> str:
    """The start of one text with the end of another."""
    other = rng.choice(corpus)
    return text[: rng.randrange(len(text) + 1)] + other[rng.randrange(len(other) + 1) :]


DAMAGES: tuple[Damage, ...] = (tokens, numbers, lines, nesting, characters, crossing)


def damaged_bytes(data: bytes, rng: random.Random) -> bytes:
    """Bytes changed, so that some texts are not UTF-8."""
    content = bytearray(data or b" ")
    for _ in range(rng.randint(1, 4)):
        content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content)


class Fuzzer:
    """Makes inputs from the lit files and says what is wrong with what becomes of them."""

    def __init__(self):
        files = sorted(FILECHECK.rglob("*.mlir"))
        self.corpus, self.own = list[str](), list[str]()
        for file in files:
            text = file.read_text()
            own = "".join(RUN.findall(text)[:1])
            parts = [part.decode() for part in PART_MARKER.split(text.encode()) if part.strip()]
            self.corpus += parts
            self.own += [own] * len(parts)
        known = Universe.get_multiverse().all_passes
        self.passes = {name: known[name] for name in [*RECOG_UNIVERSE.all_passes, *XDSL_PASSES]}
        self.options = {
            name: [line.partition(":")[0] for line in describe_options(make())]
            for name, make in self.passes.items()
        }
        # Small texts are damaged in more ways in the same time.
        self.weights = [1 / (200 + len(text)) for text in self.corpus]
        self.counts, self.outcomes = collections.Counter[str](), collections.Counter[str]()

    def draw(self, seed: int) -> tuple[bytes, str]:
        """The text and the pipeline of a seed."""
        rng = random.Random(seed)
        (file,) = rng.choices(range(len(self.corpus)), self.weights)
        text, pipeline = self.corpus[file], self._pipeline(rng)
        if rng.random() < 0.4:
            pipeline = self.own[file]
        kind = rng.choice([*DAMAGES, *DAMAGES, None, damaged_bytes])
        if kind is None:
            self.counts["pipelines"] += 1
            return text.encode(), self._damaged_pipeline(pipeline, rng)
        self.counts[kind.__name__.removeprefix("damaged_")] += 1
        if kind is damaged_bytes:
            return damaged_bytes(text.encode(), rng), pipeline
        return kind(text, rng, self.corpus).encode(), pipeline  # pyright: ignore[reportCallIssue]

    def _pipeline(self, rng: random.Random) -> str:
        names = [rng.choice(list(self.passes)) for _ in range(rng.randint(0, 2))]
        return ",".join(name + self._some_options(name, rng) for name in names)

    def _some_options(self, name: str, rng: random.Random) -> str:
        options = self.options[name]
        if not options or rng.random() < 0.6:
            return ""
        values = [
            "0",
            "1",
            "4",
            "16",
            "-1",
            "true",
            "none",
            "2.5",
            "300",
            '"x"',
            "1,2",
            "99999999999",
        ]
        pairs = (f"{rng.choice(options)}={rng.choice(values)}" for _ in range(rng.randint(1, 2)))
        return f"{{{' '.join(pairs)}}}"

    def _damaged_pipeline(self, pipeline: str, rng: random.Random) -> str:
        text = pipeline or "cse,encode-lns{width=8}"
        return rng.choice([tokens, characters, nesting, numbers])(text, rng, [text])

    def check(self, data: bytes, pipeline: str) -> str | None:
        """What is wrong with an input, None where it was accepted or refused as it should."""
        try:
            passes = parse_passes(pipeline, self.passes)
        except UsageError:
            passes = ()
        except Exception as error:
            return _unless_described(error)
        try:
            with located_errors():
                return self._run(data, passes)
        except Exception as error:
            return _unless_described(error)

    def _run(self, data: bytes, passes: tuple[ModulePass, ...]) -> str | None:
        context = make_context()
        module = parse_module(context, data, "in.mlir", allow_empty=True)
        self.outcomes["valid"] += 1
        problem = _written_and_read(context, module, generic=len(data) % 2 == 1)
        for each in passes:
            each.apply(context, module)
            verify_module(module)
        if passes:
            self.outcomes["through passes"] += 1
            problem = problem or _written_and_read(context, module, generic=len(data) % 2 == 0)
        return problem


def _written_and_read(context: Context, module: ModuleOp, *, generic: bool) -> str | None:
    """What is wrong with the text of a module, in the form of its ops or in that of all ops."""
    stream = io.StringIO()
    target = TextTarget(print_debuginfo=True, print_generic_format=generic)
    target.emit(context, module, stream)
    text = stream.getvalue()
    context = make_context()
    try:
        again = parse_module(context, text.encode(), "out.mlir", allow_empty=True)
    except Exception as error:
        return f"what was written is not read: {describe_error(error) or repr(error)}\n{text}"
    second = io.StringIO()
    target.emit(context, again, second)
    if second.getvalue() != text:
        return f"what was written differs when it is written again:\n{text}\n{second.getvalue()}"
    return None


def _unless_described(error: Exception) -> str | None:
    if isinstance(error, MemoryError):
        return f"more than {BYTES} bytes\n{traceback.format_exc()}"
    if describe_error(error) is None:
        return "".join(traceback.format_exception(error))
    return None


def _stop(number: int, frame: object) -> NoReturn:
    raise TookTooLong


def _limit_memory() -> None:
    """Let allocations fail beyond what the process holds now and the limit of an input."""
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + BYTES, resource.RLIM_INFINITY))


def _import_all(fuzzer: Fuzzer) -> None:
    """What is imported late must not count as an input's memory."""
    for name in ("sklearn.cluster", "torch"):
        import_module(name)
    for text in fuzzer.corpus:
        fuzzer.check(text.encode(), "")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()) << 24)
    parser.add_argument("--inputs", type=int, help="end after so many")
    parser.add_argument("--keep", type=Path, help="write inputs at fault here and go on")
    add_tally(parser)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    # Each context looks through all installed packages otherwise: half of the time of an input.
    Universe.get_multiverse = staticmethod(cache(Universe.get_multiverse))
    fuzzer, found = Fuzzer(), 0
    _import_all(fuzzer)
    fuzzer.outcomes.clear()
    _limit_memory()
    signal.signal(signal.SIGPROF, _stop)
    end, done = time.monotonic() + arguments.seconds, 0
    while done != arguments.inputs and time.monotonic() < end:
        seed = arguments.seed + done
        done += 1
        data, pipeline = fuzzer.draw(seed)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            problem = fuzzer.check(data, pipeline)
        except TookTooLong:
            problem = f"more than {SECONDS} s\n{traceback.format_exc()}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        if problem is None:
            continue
        found += 1
        print(f"seed {seed}, -p '{pipeline[:200]}': {problem[-3000:]}", flush=True)
        if arguments.keep is None:
            return 1
        arguments.keep.mkdir(parents=True, exist_ok=True)
        (arguments.keep / f"{seed}.mlir").write_bytes(data)
        (arguments.keep / f"{seed}.txt").write_text(f"-p {pipeline!r}\n{problem}")
    went = ", ".join(f"{count} {what}" for what, count in sorted(fuzzer.outcomes.items()))
    print(f"{done} texts of IR from seed {arguments.seed}: {found} at fault ({went})")
    print_counts(fuzzer.counts)
    record(arguments, "texts of IR", fuzzer.counts, found)
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
