"""Golden hashes: what each step of a network computes on some frames, written down once and held
against any other run, on another machine, engine or schedule."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from recog.backend.files import atomic_write, shown
from recog.backend.input_files import read_input
from recog.backend.machine.step_hashes import StepHashes
from recog.dialects.chip import InstructionOp, ProgramOp
from recog.dialects.errors import RecogError, describe_op, first_line
from recog.dialects.words import counted

FORMAT = 1
MAX_BYTES = 1 << 28


@dataclass
class GoldenStep:
    """A step, as people know it, and its hash in each frame as hexadecimal digits; none where the
    program leaves out what no output needs of it, so that there is nothing to compare all with."""

    name: str
    hashes: list[str] = field(default_factory=list)


@dataclass
class Golden:
    """What a network computed.

    Attributes:
        frames: a digest of each frame's inputs.
        steps: in the order of the program that holds whole tensors, by number.
    """

    frames: list[str]
    steps: dict[int, GoldenStep]


def frame_digests(inputs: Sequence[np.ndarray]) -> list[str]:
    """A digest of each frame of inputs (N, ...)."""
    digests: list[str] = []
    for frame in zip(*inputs):
        digest = hashlib.sha256()
        for x in frame:
            digest.update(f"{x.dtype} {x.shape}".encode())
            digest.update(np.ascontiguousarray(x).tobytes())
        digests.append(digest.hexdigest())
    return digests


class GoldenRecorder:
    """Observes a machine and writes down what its program computes.

    Args:
        program: that the machine runs.
        inputs: of the network, (N, ...).
    """

    def __init__(self, program: ProgramOp, inputs: Sequence[np.ndarray]):
        self._golden = Golden(frame_digests(inputs), {})
        self.observe = StepHashes(program, self._completed)

    def _completed(self, step: int, op: InstructionOp, first: int, hashes: np.ndarray) -> None:
        known = self._golden.steps.setdefault(step, GoldenStep(describe_op(op)))
        known.hashes += [f"{int(each):016x}" for each in hashes]

    @property
    def golden(self) -> Golden:
        """What was computed, after the run."""
        left = self.observe.incomplete
        steps = {number: GoldenStep(describe_op(op)) for number, op in left.items()}
        return Golden(self._golden.frames, steps | self._golden.steps)


class GoldenVerifier:
    """Observes a machine and stops it at the first step that is not as it was written down.

    Args:
        golden: what was written down.
        program: that the machine runs.
        inputs: of the network, (N, ...): the frames of `golden`, or the first of them.
        file: where it was written down, for errors.

    Raises:
        RecogError: other inputs, or another network.
    """

    def __init__(
        self, golden: Golden, program: ProgramOp, inputs: Sequence[np.ndarray], file: Path
    ):
        self._golden, self._file = golden, file
        self.compared = 0
        self.observe = StepHashes(program, self._completed)
        self._check_frames(frame_digests(inputs))
        numbers = self.observe.numbers
        if len(numbers) != len(golden.steps):
            raise RecogError(
                f"is of a network of {counted(len(golden.steps), 'step')}, the program has "
                f"{len(numbers)}",
                where=shown(file),
            )
        other = min(numbers.symmetric_difference(golden.steps), default=None)
        if other is not None:
            ours, theirs = ("no", "one") if other in numbers else ("a", "none")
            raise RecogError(
                f"is of another network: it has {ours} step {other}, the program {theirs}",
                where=shown(file),
            )

    @property
    def frames(self) -> int:
        """How many frames were written down."""
        return len(self._golden.frames)

    @property
    def left_out(self) -> list[str]:
        """The steps, as people know them, that were not compared: this program or the one that was
        written down computes a part of them, as no output needs the rest."""
        left = self.observe.incomplete
        every = sorted(self._golden.steps.items())
        return [step.name for number, step in every if number in left or not step.hashes]

    def _check_frames(self, frames: list[str]) -> None:
        known = self._golden.frames
        if len(frames) > len(known):
            raise RecogError(
                f"has {counted(len(known), 'frame')}, there are {len(frames)} to run",
                where=shown(self._file),
                hint=f"run the first {len(known)}",
            )
        other = next((i for i, each in enumerate(frames) if each != known[i]), None)
        if other is not None:
            raise RecogError(
                f"was written down for other inputs: frame {other} differs",
                where=shown(self._file),
                hint="run the data that it was written down for, or record anew",
            )

    def _completed(self, step: int, op: InstructionOp, first: int, hashes: np.ndarray) -> None:
        known = self._golden.steps[step]
        if not known.hashes:
            return
        for frame, found in enumerate(hashes, first):
            self.compared += 1
            if f"{int(found):016x}" != known.hashes[frame]:
                raise RecogError(
                    f"step {step}, {known.name}, is the first that differs from "
                    f"{shown(self._file)}, in frame {frame}"
                )


def write_golden(golden: Golden, path: str | os.PathLike[str]) -> None:
    """Write it as JSON."""
    content = {
        "golden": FORMAT,
        "frames": golden.frames,
        "steps": [
            {"step": number, "name": step.name, "hashes": step.hashes}
            for number, step in sorted(golden.steps.items())
        ],
    }
    with atomic_write(path) as stream:
        stream.write(json.dumps(content, indent=1) + "\n")


def read_golden(path: Path) -> Golden:
    """Read what `write_golden` wrote; raises RecogError for anything else, OSError where it cannot
    be read."""
    try:
        content = json.loads(read_input(path, MAX_BYTES))
        if content["golden"] is True or content["golden"] != FORMAT:
            raise ValueError(f"it has format {content['golden']}, not {FORMAT}")
        frames = [_digits(each, 64) for each in content["frames"]]
        steps = dict[int, GoldenStep]()
        for number, step in (_step(each, len(frames)) for each in content["steps"]):
            if number in steps:
                raise ValueError(f"step {number} is there twice")
            steps[number] = step
        if frames and steps and not any(step.hashes for step in steps.values()):
            raise ValueError("no step has any")
        return Golden(frames, steps)
    except KeyError as error:
        reason = f'something in it lacks "{error.args[0]}"'
    except (AttributeError, LookupError, TypeError):
        reason = "it is not made as recog run --record makes it"
    except RecursionError:
        reason = "its values are nested too deeply"
    except ValueError as error:
        reason = first_line(error)
    raise RecogError(
        f"holds no golden hashes: {reason}",
        where=shown(path),
        hint="recog run --record writes a file of them",
    )


def _step(record: dict[str, object], frames: int) -> tuple[int, GoldenStep]:
    number, name, hashes = record["step"], record["name"], record["hashes"]
    if type(number) is not int or not isinstance(name, str) or not isinstance(hashes, list):
        raise ValueError("a step has a number, a name and hashes")
    if len(hashes) not in (0, frames):
        raise ValueError(
            f"step {number} has {counted(len(hashes), 'hash')} for {counted(frames, 'frame')}"
        )
    # A terminal takes orders in characters that nobody sees, and no half of a pair of UTF-16.
    name = name if name.isprintable() else ascii(name)[1:-1]
    return number, GoldenStep(name, [_digits(each, 16) for each in hashes])


def _digits(text: object, count: int) -> str:
    if not isinstance(text, str) or len(text) != count or set(text) - set("0123456789abcdef"):
        raise ValueError(f"{text!r:.40} is not {count} hexadecimal digits")
    return text
