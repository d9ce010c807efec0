"""The study of a sweep: an optuna journal that several processes and machines work on."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import optuna
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from recog.backend.files import check_output
from recog.dialects.errors import RecogError
from recog.tools.diagnostics import describe_error
from recog.tools.sweep.measured import Measured
from recog.tools.sweep.sampling import Grid
from recog.tools.sweep.space import Space, Value

NAME = "recog-sweep"
OF, OWNER, MEASURED, REASON, PUT_BACK = "of", "owner", "measured", "reason", "put-back"
"""Attributes: what a study is of; who works on a trial, what came out, why nothing, and why another
trial has its values."""
BEGINNING = timedelta(minutes=2)
"""A trial that has no owner for longer never will."""


class _Failed(Exception):
    """A trial that came to nothing; its reason is in the study."""


@dataclass(frozen=True)
class Row:
    """A trial that is finished.

    Attributes:
        values: of the parameters, by name.
        measured: None where it failed.
        reason: why it failed.
        on_front: whether no other is better in one objective and as good in the others.
    """

    number: int
    values: Mapping[str, Value]
    measured: Measured | None
    reason: str | None
    on_front: bool


def open_study(path: str, objectives: Sequence[str], of: Mapping[str, str]) -> Study:
    """The study in a file, made where there is none.

    Args:
        of: what it is of; a study goes on only where all of it is equal.

    Raises:
        RecogError: the file is no study, or one of something else.
        OSError: it cannot be written.
    """
    check_output(path)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    directions = [StudyDirection.MINIMIZE] * len(objectives)
    given = {"objectives": ",".join(objectives), **of}
    try:
        # By its whole path: the journal's lock is a link, which else points beside its folder.
        journal = os.path.realpath(path)
        lock = JournalFileSymlinkLock(journal)
        lock.acquire()
        try:
            _drop_torn_line(journal)
        finally:
            lock.release()
        storage = JournalStorage(JournalFileBackend(journal, lock_obj=lock))
        with suppress(DuplicatedStudyError):
            study = optuna.create_study(study_name=NAME, storage=storage, directions=directions)
            study.set_user_attr(OF, given)
        study = optuna.load_study(
            study_name=NAME, storage=storage, sampler=optuna.samplers.RandomSampler()
        )
    except OSError:
        raise
    except Exception as error:
        raise RecogError(
            f"is no study of a sweep: {error}", where=path, hint="name another file with --study"
        ) from None
    found = study.user_attrs.get(OF, given)
    changed = [name for name in {**found, **given} if found.get(name) != given.get(name)]
    if changed:
        raise RecogError(
            f"is the study of another sweep: {', '.join(changed)} differ",
            where=path,
            hint="name another file with --study, or delete this one",
        )
    return study


def _drop_torn_line(journal: str) -> None:
    """Take away what a process without room, or without power, has left of its last line: the next
    one would be written behind it, and nothing read any more.

    Raises:
        ValueError: the file is no journal, which Optuna would write to.
    """
    if not os.path.isfile(journal):
        return
    with open(journal, "rb+") as stream:
        content = stream.read()
        if content and not content.startswith(b'{"op_code":'):
            raise ValueError("it does not begin as one")
        stream.truncate(content.rfind(b"\n") + 1)


def take_up(study: Study) -> int:
    """Put back the trials of this machine's processes that were killed, and of any machine's those
    that were killed as they began; how many."""
    found = 0
    for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        if not _is_killed(trial):
            continue
        try:
            study.tell(trial.number, state=TrialState.PRUNED)
        except (UpdateFinishedTrialError, ValueError):
            continue  # another process does the same
        values = _values(study, trial)
        if values:
            study.enqueue_trial(values)
        found += 1
    return found


def _values(study: Study, trial: FrozenTrial) -> dict[str, Any]:
    """What is known of a trial's values: of a grid's all, of one that was put back those given."""
    point = study.sampler.point_of(trial) if isinstance(study.sampler, Grid) else {}
    return point or {**trial.system_attrs.get("fixed_params", {}), **trial.params}


def _is_killed(trial: FrozenTrial) -> bool:
    """Whether nobody works on a trial any more; of other machines' trials nobody knows."""
    if OWNER not in trial.user_attrs:
        begun = trial.datetime_start
        return begun is not None and datetime.now() - begun > BEGINNING
    host, process = trial.user_attrs[OWNER]
    return host == platform.node() and not _is_alive(process)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _put_back(study: Study, trial: Trial, why: str) -> None:
    """Let another trial have a trial's values."""
    trial.set_user_attr(PUT_BACK, why)
    if trial.params:
        study.enqueue_trial(trial.params)


def counted_trials(study: Study) -> list[FrozenTrial]:
    """The trials that are finished or that somebody works on, without those put back."""
    states = (TrialState.COMPLETE, TrialState.FAIL, TrialState.RUNNING)
    trials = study.get_trials(deepcopy=False, states=states)
    return [each for each in trials if PUT_BACK not in each.user_attrs]


def run_trials(
    study: Study,
    space: Space,
    objectives: Sequence[str],
    trials: int,
    measure: Callable[[Mapping[str, Value]], Measured],
    done: Callable[[int], None],
) -> None:
    """Work on a study until it has so many trials.

    Args:
        measure: what a value for each parameter, by name, gives; raises RecogError for what
            cannot be, which is put down in the study.
        done: called with the number of finished trials before the first and after each.
    """

    def objective(trial: Trial) -> tuple[float, ...]:
        values = {each.name: each.suggest(trial) for each in space.parameters}
        # Last, so that who takes up what a killed process has left finds all of its values.
        trial.set_user_attr(OWNER, [platform.node(), os.getpid()])
        if sum(each.number < trial.number for each in counted_trials(study)) >= trials:
            _put_back(study, trial, "surplus")  # two processes began the last one
            raise optuna.TrialPruned
        try:
            measured = measure(values)
        except (OSError, MemoryError, KeyboardInterrupt):
            _put_back(study, trial, "interrupted")
            raise
        except Exception as error:
            text = describe_error(error) or f"internal error: {type(error).__name__}: {error}"
            trial.set_user_attr(REASON, text)
            raise _Failed from None
        trial.set_user_attr(MEASURED, measured.as_record())
        return tuple(float(getattr(measured, name)) for name in objectives)

    def after(study: Study, _: FrozenTrial) -> None:
        found = counted_trials(study)
        done(sum(each.state.is_finished() for each in found))
        if len(found) >= trials:
            study.stop()

    found = counted_trials(study)
    done(sum(each.state.is_finished() for each in found))
    if len(found) < trials:
        study.optimize(objective, catch=(_Failed,), callbacks=[after])


def rows_of(study: Study) -> list[Row]:
    """The finished trials in order, none of the same values twice."""
    front = {each.number for each in study.best_trials}
    rows, seen = list[Row](), list[dict[str, Any]]()
    for each in counted_trials(study):
        if not each.state.is_finished() or each.params in seen:
            continue
        seen.append(each.params)
        record = each.user_attrs.get(MEASURED)
        measured = None if record is None else Measured(**record)
        reason = each.user_attrs.get(REASON, None if measured else "unknown")
        rows.append(Row(each.number, each.params, measured, reason, each.number in front))
    return rows
