"""Unfinished conversions: the folder `DIR.partial`, from which an interrupted one goes on."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from xdsl.dialects.builtin import ModuleOp

from recog.backend.files import atomic_write, shown
from recog.backend.folders import HeldFolder, link
from recog.backend.input_files import read_input
from recog.dialects.errors import RecogError, first_line
from recog.dialects.words import counted
from recog.lowering.allocation.plan import Plan
from recog.lowering.common.notes import Note
from recog.lowering.pipeline import Stage
from recog.lowering.pipeline.kept import KeptStage, Part, stage_keys
from recog.tools.context import make_context
from recog.tools.conversion_folder import is_of_a_conversion
from recog.tools.kept_tuning import KeptTuningFile
from recog.tools.module_files import print_module
from recog.tools.opt.ir_parser import read_module
from recog.tools.report.json_files import write_json

MANIFEST_NAME = "unfinished.json"
TRIALS_NAME = "trials.json"
ASIDE = "aside-"
"""What the names of a conversion begin with that is set aside."""
MAX_MANIFEST_BYTES = 1 << 26
TUNING_NAME = "tuning.state"
FORMAT = 2
GOES_ON = "the same command with --resume goes on from there"
START_ANEW = "start without --resume"
MENDS = "with --resume, a command whose options mend it goes on from there"
SLOW = {Stage.CLUSTERED, Stage.TUNED}
"""Stages that may have taken minutes or hours."""


class _Entry(NamedTuple):
    """A stage as the manifest has it."""

    stage: Stage
    key: str
    sha256: str
    notes: tuple[Note, ...] = ()
    plan: Plan | None = None

    def as_record(self) -> dict[str, Any]:
        notes = [note.as_record() for note in self.notes]
        plan = None if self.plan is None else self.plan.as_kept()
        named = {"stage": self.stage, "key": self.key, "sha256": self.sha256}
        return {**named, "notes": notes, "plan": plan}


class PartialConversion:
    """Finished stages, and the state of the tuning, in `DIR.partial` until the folder is whole.

    Args:
        resume: go on from what is there; without, it is replaced.
    """

    def __init__(self, held: HeldFolder, *, resume: bool):
        self._held, self.folder = held, held.partial
        self._resume, self._began = resume, False
        self._parts: list[Part] = []
        self._keys: dict[Stage, str] = {}
        self._entries: list[_Entry] = []
        self._tuning: KeptTuningFile | None = None
        self._prefix, self._silent = "", False
        self.trials = 0
        """How many conversions were measured, where the best of several is looked for."""
        if resume and not (self.folder / MANIFEST_NAME).is_file():
            raise RecogError("no conversion to resume", where=self._shown, hint=START_ANEW)

    def begin(self, network: ModuleOp, parts: Sequence[Part]) -> Sequence[KeptStage]:
        """See `KeptConversion`. Raises RecogError where nothing of what is kept fits."""
        if not self._resume:
            if self._held.discard_partial(_is_ours):
                _say(f"note: replaces the unfinished conversion in {self._shown}")
            self.folder.mkdir(exist_ok=True)
            self._began = True
        sha256 = write_digested(network, None if self._resume else self._path(0, Stage.FLOAT))
        self._entries = []
        self._parts = [Part("network", sha256, Stage.FLOAT), *parts]
        self._keys = stage_keys(self._parts)
        found = list[KeptStage]()
        if self._resume:
            found = self._found(network)
        else:
            self._add(_Entry(Stage.FLOAT, self._keys[Stage.FLOAT], sha256))
        self._began = True
        return found

    @property
    def resumes(self) -> bool:
        """Whether what is kept counts."""
        return self._resume

    def begin_again(self) -> None:
        """Before a further conversion of the network into the folder: it goes on from the stages
        that fit."""
        self._resume = self._silent = True
        self._prefix, self._tuning = "", None

    def set_aside(self) -> None:
        """Keep the stages that there are beside those of further conversions."""
        manifest = self.folder / f"{ASIDE}{MANIFEST_NAME}"
        manifest.unlink(missing_ok=True)
        for name, path in self.files().items():
            (self.folder / f"{ASIDE}{name}").unlink(missing_ok=True)
            link(path, self.folder / f"{ASIDE}{name}")
        link(self.folder / MANIFEST_NAME, manifest)

    def take_up(self) -> None:
        """Before the conversion that was set aside: it goes on from all of its stages, where they
        are there."""
        manifest = self.folder / f"{ASIDE}{MANIFEST_NAME}"
        try:
            _read_manifest(manifest)
        except RecogError:
            _say(f"note: {shown(manifest)} is missing or damaged; its stages are made anew")
            return
        self._resume, self._prefix, self._tuning = True, ASIDE, None

    def keep(self, finished: KeptStage) -> None:
        """See `KeptConversion`."""
        stage, module, notes, plan = finished
        sha256 = write_digested(module, self._path(len(self._entries), stage))
        self._add(_Entry(stage, self._keys[stage], sha256, tuple(notes), plan))
        if stage is Stage.TUNED:
            (self.folder / TUNING_NAME).unlink(missing_ok=True)
            self._tuning = None

    def tuning(self) -> KeptTuningFile:
        """See `KeptConversion`."""
        path = self.folder / TUNING_NAME
        self._tuning = KeptTuningFile(path, self._keys[Stage.TUNED])
        return self._tuning

    def files(self) -> dict[str, Path]:
        """The files of the stages by their names, as they will stand in the finished folder."""
        stages = [entry.stage for entry in self._entries]
        return {each.file_name(i): self._path(i, each) for i, each in enumerate(stages)}

    def discard(self) -> None:
        """Remove what is kept: the folder is whole."""
        self._held.discard_partial(_is_ours)

    def ended(self, error: BaseException) -> str | None:
        """What is kept after an error and how to go on, as a line; None where it is nothing worth
        going on from, which is removed.

        What was refused is refused again, unless other options mend it: then what took long is
        worth keeping.
        """
        if not self._began:
            return None
        refused = isinstance(error, Exception) and not isinstance(error, OSError | MemoryError)
        stages = [entry.stage for entry in self._entries[1:]]
        if not self.trials and (not stages or (refused and not SLOW.intersection(stages))):
            self.discard()
            return None
        kept = [str(stage) for stage in stages]
        if self.trials:
            kept.insert(0, counted(self.trials, "trial"))
        if self._tuning is not None and self._tuning.saved is not None:
            kept.append(f"{counted(self._tuning.saved, 'step')} of tuning")
        goes_on = MENDS if refused else GOES_ON
        return f"kept in {self._shown}: {', '.join(kept)}; {goes_on}"

    @property
    def _shown(self) -> str:
        return shown(self.folder)

    def _path(self, index: int, stage: Stage) -> Path:
        return self.folder / f"{self._prefix}{stage.file_name(index)}"

    @property
    def _manifest(self) -> Path:
        return self.folder / f"{self._prefix}{MANIFEST_NAME}"

    def _found(self, network: ModuleOp) -> list[KeptStage]:
        """The stages that are kept and fit, without the network, which is here anyway."""
        parts, entries = _read_manifest(self._manifest)
        changed = _first_change(parts, self._parts)
        fitting = [entry for entry in entries if self._keys.get(entry.stage) == entry.key]
        if not fitting:
            raise RecogError(
                f"is of another conversion: {changed} has changed",
                where=self._shown,
                hint=START_ANEW,
            )
        found = list[KeptStage]()
        for index, entry in enumerate(fitting):
            path = self._path(index, entry.stage)
            if not _is_whole(path, entry.sha256):
                if index:
                    _say(f"note: {shown(path)} is damaged; it is made anew")
                    break
                write_digested(network, path)
            self._entries.append(entry)
            if index:
                found.append(KeptStage(entry.stage, _read(path), entry.notes, entry.plan))
        line = f"goes on after the stage {self._entries[-1].stage}, kept in {self._shown}"
        since = f"; {changed} has changed since" if len(fitting) < len(entries) else ""
        if not self._silent:
            _say(line + since)
        return found

    def _add(self, entry: _Entry) -> None:
        self._entries.append(entry)
        content = {
            "format": FORMAT,
            "parts": [[part.name, part.text] for part in self._parts],
            "stages": [entry.as_record() for entry in self._entries],
        }
        write_json(self._manifest, {"digest": _content_digest(content), "content": content})


class _Digesting:
    """A text stream that digests what is written, and passes it on if there is where to."""

    def __init__(self, stream: IO[str] | None):
        self._stream, self.digest = stream, hashlib.sha256()

    def write(self, text: str) -> int:
        self.digest.update(text.encode())
        return len(text) if self._stream is None else self._stream.write(text)


def write_digested(module: ModuleOp, path: Path | None) -> str:
    """Write a module, or only its digest where there is no path; returns the digest."""
    with nullcontext() if path is None else atomic_write(path) as stream:
        digesting = _Digesting(stream)
        print_module(module, cast(IO[str], digesting))
    return digesting.digest.hexdigest()


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _is_ours(name: str) -> bool:
    name = name.removeprefix(ASIDE)
    return name in (MANIFEST_NAME, TUNING_NAME, TRIALS_NAME) or is_of_a_conversion(name)


def _first_change(before: Sequence[tuple[str, str]], now: Sequence[Part]) -> str:
    """The name of the first part that was another one, or was not there, or is not now."""
    parts = [(part.name, part.text) for part in now]
    differing = [part for part in before if part not in parts]
    differing += [part for part in parts if part not in before]
    return differing[0][0] if differing else "the order of passes"


def _content_digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _is_whole(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == sha256
    except OSError:
        return False


def _read(path: Path) -> ModuleOp:
    return read_module(make_context(), str(path))


def _read_manifest(path: Path) -> tuple[list[tuple[str, str]], list[_Entry]]:
    """The parts and the stages of an unfinished conversion; raises RecogError for a damaged one."""
    try:
        record = json.loads(read_input(path, MAX_MANIFEST_BYTES))
        content = record["content"]
        if record["digest"] != _content_digest(content):
            raise ValueError("its digest does not match its content")
        if content["format"] != FORMAT:
            raise ValueError(f"it has format {content['format']}, not {FORMAT}")
        parts = [(str(name), str(text)) for name, text in content["parts"]]
        entries = [_entry(each) for each in content["stages"]]
        order = [list(Stage).index(entry.stage) for entry in entries]
        if order[:1] != [0] or order != sorted(set(order)):
            raise ValueError("its stages are in another order")
        return parts, entries
    except OSError as error:
        reason = error.strerror or str(error)
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        reason = first_line(error)
    raise RecogError(f"is damaged: {reason}", where=shown(path), hint=START_ANEW)


def _entry(record: dict[str, Any]) -> _Entry:
    notes = tuple(
        Note(str(each["kind"]), str(each["text"]), str(each["advice"]), tuple(each["places"]))
        for each in record["notes"]
    )
    plan = None if record["plan"] is None else Plan.of_kept(record["plan"])
    return _Entry(Stage(record["stage"]), str(record["key"]), str(record["sha256"]), notes, plan)
