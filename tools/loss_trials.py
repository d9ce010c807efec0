"""The smallest program that loses at most so much of a metric: conversions tried and measured."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import inf, isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from recog.backend.files import shown
from recog.backend.input_files import read_input
from recog.backend.machine import Machine
from recog.dialects.chip import ChipTarget
from recog.dialects.chip.target import WEIGHT_MEMORY
from recog.dialects.errors import RecogError, first_line
from recog.dialects.words import counted
from recog.lowering.allocation.loss_search import LEAST, START, Ask, LossSearch, Trial
from recog.lowering.allocation.options import BeyondPossible
from recog.lowering.check.metrics import MOST_SCORE, NotANumberError
from recog.lowering.cluster.data_parallel import of_first_worker
from recog.lowering.common.options import taken_from
from recog.lowering.encode.encode_lns import EncodeLnsPass
from recog.lowering.pipeline import Conversion, ConversionOptions, ExtraPass, Stage, weight_bytes
from recog.lowering.pipeline.kept import data_digest, stage_keys, stage_parts
from recog.tools.console import progress, say_done
from recog.tools.conversion_data import ConversionData
from recog.tools.own_objective import is_function
from recog.tools.partial_conversion import TRIALS_NAME, PartialConversion
from recog.tools.report.json_files import write_json
from recog.tools.report.level_scores import loss_of
from recog.tools.report.levels import LevelRow

MAX_TRIALS_BYTES = 1 << 20
SEGMENTS_END = 48
"""Bytes of weight memory that may lie between its segments (`weight_image`)."""
ALIKE = 1e-6
"""Scores of equal programs differ by less, as a share."""
ANEW = "; trials begin anew"


class LossSearched(NamedTuple):
    """What a search has found.

    Attributes:
        most: what may be lost of the metric.
        metric: what it is called.
        trials: in the order in which they were made.
        taken: the one that the program is of.
    """

    most: float
    metric: str
    trials: Sequence[Trial]
    taken: Trial

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        trials = [trial_record(each) | {"taken": each == self.taken} for each in self.trials]
        return {"max_loss": self.most, "metric": self.metric, "trials": trials}

    def check(self, machine: LevelRow, partial: PartialConversion) -> None:
        """Raise RecogError where the program that is to be written is not what was tried; nothing
        of the search is kept then."""
        taken, scale = self.taken, abs(machine.metric or 0) + abs(machine.accuracy or 0)
        # The float network may round otherwise on another number of threads.
        same = machine.lost is not None and abs(machine.lost - taken.lost) <= ALIKE * (1 + scale)
        if same and machine.weight_bytes == taken.bytes:
            return
        partial.discard()
        raise RecogError(
            f"the program of {counted(machine.weight_bytes, 'byte')} loses "
            f"{machine.lost or 0:.3g} in {self.metric}, and lost {taken.lost:.3g} of "
            f"{counted(taken.bytes, 'byte')} when it was tried",
            where="--max-loss",
            hint="equal outputs have to score alike, in every run; trials begin anew",
        )


def convert_within_loss(
    data: ConversionData,
    options: ConversionOptions,
    most: float,
    extra: Sequence[ExtraPass],
    partial: PartialConversion,
    convert: Callable[[ConversionOptions, str], Conversion],
) -> tuple[Conversion, LossSearched]:
    """Convert to the smallest program that is found to lose at most `most` of the metric.

    Args:
        options: whose ratio counts for nothing.
        extra: the passes that `convert` adds.
        partial: where trials are kept too: an interrupted search goes on with the next one.
        convert: converts with other options, under a name, and keeps its stages in `partial`.

    Raises:
        RecogError: every program loses more, or none is smaller than the float network.
    """
    if not weight_bytes(data.module):
        raise RecogError("the network has no weights to make smaller", where="--max-loss")
    again = data.scorer(data.reference, data.reference).scores
    if not np.array_equal(np.asarray(again), np.asarray(data.float_scores)):
        raise RecogError(
            f"{data.scorer.name} scores the same outputs in two ways",
            where="--max-loss",
            hint="a metric that draws by chance has to begin anew with each call",
        )
    memory = options.chip_target(ChipTarget()).size(WEIGHT_MEMORY) - SEGMENTS_END
    least = weight_bytes(data.module) / max(1, memory)
    search = LossSearch(most, options.epochs if options.tune else 0, least)
    kept = _KeptTrials(partial, _key(data, options, extra))
    trials, last = kept.trials, None
    while (asked := search.next(trials)) is not None:
        name, begin = f"trial {len(trials) + 1}: {_named(asked)}", time.perf_counter()
        last, trial = _tried(asked, data, options, convert, name)
        trials.append(of_first_worker(trial))
        if search.best(trials) is trials[-1]:
            partial.set_aside()
        kept.write()
        say_done(f"{name}: {_found(trials[-1])}", time.perf_counter() - begin)
        partial.begin_again()
    taken = search.best(trials)
    if taken is None:
        raise _not_met(most, data, partial, trials, least)
    if last is None or taken is not trials[-1]:
        partial.take_up()
        asked = Ask(taken.ratio, taken.epochs)
        last = convert(_with(options, asked), _named(asked))
    return last, LossSearched(most, str(data.scorer.name), trials, taken)


def _tried(
    asked: Ask,
    data: ConversionData,
    options: ConversionOptions,
    convert: Callable[[ConversionOptions, str], Conversion],
    name: str,
) -> tuple[Conversion | None, Trial]:
    """A conversion, None where no program is that small, and what it loses on the machine."""
    try:
        conversion = convert(_with(options, asked), name)
    except BeyondPossible as error:
        return None, Trial(*asked, error.most, 0, inf)
    machine = Machine(conversion.assemble())
    with progress(f"{name}, measured on {counted(len(data.test_inputs[0]), 'input')}"):
        outputs = conversion.network(machine)(*data.test_inputs)
    host = conversion.host_part
    size = machine.weight_bytes + (0 if host is None else weight_bytes(host))
    reached = weight_bytes(data.module) / size if size else inf
    try:
        after = data.scorer(outputs, data.reference).scores
    except NotANumberError:
        return conversion, Trial(*asked, reached, size, inf)
    except RecogError as error:
        error.add_note(f"in {name}")
        raise
    if data.float_scores is None or after is None:
        raise ValueError("a search is of what is scored")
    return conversion, Trial(*asked, reached, size, *loss_of(data.float_scores, after))


def _with(options: ConversionOptions, asked: Ask) -> ConversionOptions:
    epochs = asked.epochs if options.tune else options.epochs
    return replace(options, ratio=asked.ratio, epochs=epochs)


def _named(asked: Ask) -> str:
    tuned = f", {counted(asked.epochs, 'epoch', 'epochs')} of tuning"
    return f"{asked.ratio:g}x{tuned if asked.epochs else ''}"


def _found(trial: Trial) -> str:
    if not trial.is_possible:
        return f"no program can be planned so small, at most {trial.reached:.1f}x"
    return f"loses {loss_text(trial)}, {counted(trial.bytes, 'byte')}"


def loss_text(trial: Trial) -> str:
    """What a trial loses, with its interval where there is one."""
    if not isfinite(trial.lost):
        return "what is no number"
    if trial.low is None or trial.high is None:
        return f"{trial.lost:.3g}"
    return f"{trial.lost:.3g} ({trial.low:.3g} to {trial.high:.3g})"


def _not_met(
    most: float,
    data: ConversionData,
    partial: PartialConversion,
    trials: Sequence[Trial],
    least: float,
) -> RecogError:
    nearest = min(trials, key=lambda each: (each.lost, each.ratio))
    if not nearest.is_possible:
        partial.trials = 0  # nothing mends it
        return RecogError(
            f"the program takes more bytes than the float weights: {nearest.reached:.1f}x is the "
            "most that can be planned",
            where="--max-loss",
        )
    room = "" if least <= LEAST else f" and fits weight memory, which wants {least:.1f}x"
    return RecogError(
        f"no program found loses at most {most:g} in {data.scorer.name}{room}: the least is "
        f"{loss_text(nearest)}, of {counted(nearest.bytes, 'byte')} ({nearest.reached:.1f}x)",
        where="--max-loss",
        hint="codes of more bits lose less (--weight-width, --width), perhaps more --epochs too; "
        "with --resume a larger --max-loss takes up these trials",
    )


def _key(data: ConversionData, options: ConversionOptions, extra: Sequence[ExtraPass]) -> str:
    """Equal where trials of the same ratio lose the same."""
    given = data.inputs if data.targets is None else [*data.inputs, data.targets]
    own = None if data.own is None else data.own.source()
    encode = taken_from(options, EncodeLnsPass)
    parts = stage_parts(replace(options, ratio=START), extra, encode, given, own)
    name, source = data.scorer.name or "", b""
    if is_function(name):
        source = Path(name.rpartition(":")[0]).read_bytes()
    labels = [] if data.test_targets is None else [data.test_targets]
    measured = data_digest([*data.test_inputs, *labels])
    held = [stage_keys(parts)[Stage.CHIP], measured, name, hashlib.sha256(source).hexdigest()]
    return hashlib.sha256(" ".join(held).encode()).hexdigest()


class _KeptTrials:
    """The trials of a search, in a file beside the stages of the conversion."""

    def __init__(self, partial: PartialConversion, key: str):
        self._partial, self._key = partial, key
        self._path = partial.folder / TRIALS_NAME
        self.trials = self._read() if partial.resumes else []
        partial.trials = len(self.trials)
        if self.trials:
            partial.begin_again()
            _say(
                f"goes on after {counted(len(self.trials), 'trial')}, kept in "
                f"{shown(partial.folder)}"
            )

    def _read(self) -> list[Trial]:
        """The trials that are kept and of this search."""
        if not self._path.is_file():
            return []
        try:
            content = json.loads(read_input(self._path, MAX_TRIALS_BYTES))
            if content["key"] == self._key:
                return [_trial(each) for each in content["trials"]]
            _say(f"note: {shown(self._path)} is of other data, options or metrics{ANEW}")
            return []
        except OSError as error:
            reason = error.strerror or str(error)
        except (LookupError, OverflowError, RecursionError, TypeError, ValueError) as error:
            reason = first_line(error)
        _say(f"note: {shown(self._path)} is damaged: {reason}{ANEW}")
        return []

    def write(self) -> None:
        self._partial.trials = len(self.trials)
        trials = [trial_record(each) for each in self.trials]
        write_json(self._path, {"key": self._key, "trials": trials})


def trial_record(trial: Trial) -> dict[str, Any]:
    """For JSON, which has no infinity: None stands for it."""
    return {**trial._asdict(), "lost": trial.lost if isfinite(trial.lost) else None}


def _trial(record: Mapping[str, Any]) -> Trial:
    """See `trial_record`. Raises LookupError, TypeError or ValueError for another record."""
    found = {
        name: None if record[name] is None else float(record[name])
        for name in ("ratio", "reached", "lost", "low", "high")
    }
    if not all(value is None or abs(value) < MOST_SCORE for value in found.values()):
        raise ValueError("a trial has a number that none has")
    ratio, reached, lost = found["ratio"], found["reached"], found["lost"]
    if ratio is None or reached is None or min(ratio, reached) <= 0:
        raise ValueError("a trial has no ratio")
    counts = int(record["epochs"]), int(record["bytes"])
    if min(counts) < 0:
        raise ValueError("a trial has a number below 0")
    lost = inf if lost is None else lost
    return Trial(ratio, counts[0], reached, counts[1], lost, found["low"], found["high"])


def _say(line: str) -> None:
    print(line, file=sys.stderr)
