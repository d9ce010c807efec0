"""What a conversion leaves behind while it works, so that an interrupted one can go on.

A stage follows from the parts that come before it: the network, the versions that compute, the
passes with their options, the data. Where these are equal, so are its bytes, and it can be taken
from where it was kept.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from recog.dialects.chip import ChipTarget
from recog.lowering.allocation.plan import Plan
from recog.lowering.cluster.tune_centroids import TuneCentroidsPass
from recog.lowering.cluster.tuner import KeptTuning
from recog.lowering.common.notes import Note
from recog.lowering.common.options import Options
from recog.lowering.encode.calibrate import CalibratePass, CalibrationOptions
from recog.lowering.encode.encode_lns import EncodeLnsPass
from recog.lowering.pipeline.extra import ExtraPass
from recog.lowering.pipeline.named import ConversionOptions
from recog.lowering.pipeline.stages import Stage
from recog.lowering.precision.choose_formats import FormatOptions
from recog.lowering.precision.round_weights import RoundWeightsPass
from recog.lowering.select.convert_lns_to_chip import ConvertLnsToChipPass, TargetOptions


class Part(NamedTuple):
    """Something that stages follow from.

    Attributes:
        name: what it is, as a person calls it: a pass, or `data`.
        text: equal where the part is.
        reaches: the stage that is reached with it, if one is.
    """

    name: str
    text: str
    reaches: Stage | None = None


class KeptStage(NamedTuple):
    """A finished stage: its module, and what the conversion had to say until then, with the plan of
    its layouts where there is one."""

    stage: Stage
    module: ModuleOp
    notes: Sequence[Note]
    plan: Plan | None = None


class KeptConversion(Protocol):
    """Where a conversion keeps what it has finished."""

    def begin(self, network: ModuleOp, parts: Sequence[Part]) -> Sequence[KeptStage]:
        """The stages after the network that are there already, in order, none left out."""
        ...

    def keep(self, finished: KeptStage) -> None:
        """Called when a stage is finished."""
        ...

    def tuning(self) -> KeptTuning:
        """Where tuning leaves its state."""
        ...


def stage_parts(
    options: ConversionOptions,
    extra: Sequence[ExtraPass],
    encode: EncodeLnsPass,
    data: Sequence[np.ndarray],
    own: str | None = None,
) -> Iterator[Part]:
    """What the stages of a conversion follow from, but for the network, in the order of its steps.

    Args:
        encode: the pass, with what the options leave open.
        data: the inputs, and the targets where there are any.
        own: the source of a loss and of batches of the user's own.
    """
    yield Part("version", _versions())
    yield Part("entry", options.entry)
    taken = False
    for step in options.steps():
        yield from _extra_parts(extra, "before", step.type)
        if "data" in _field_names(step.type) and not taken:
            yield Part("data", data_digest(data))
            taken = True
        if step.type is TuneCentroidsPass and options.round_activations:
            # It expects the formats that these choose; they run after it.
            for later in (CalibrationOptions, FormatOptions):
                yield Part(CalibratePass.name, _options_text(later, options))
        if step.type is TuneCentroidsPass and own is not None:
            yield Part("loss", own)
        taking = encode if step.type in (EncodeLnsPass, RoundWeightsPass) else options
        yield Part(step.type.name, _options_text(step.type, taking), step.reaches)
        yield from _extra_parts(extra, "after", step.type)


def stage_keys(parts: Iterable[Part]) -> dict[Stage, str]:
    """A digest for each stage of all that it follows from."""
    digest, keys = hashlib.sha256(), dict[Stage, str]()
    for part in parts:
        digest.update(json.dumps([part.name, part.text]).encode())
        if part.reaches is not None:
            keys[part.reaches] = digest.hexdigest()
    return keys


def _extra_parts(
    extra: Sequence[ExtraPass], where: str, pass_type: type[ModulePass]
) -> Iterator[Part]:
    for each in extra:
        if (each.where, each.anchor) == (where, pass_type.name):
            yield Part(each.run.name, f"{each.run!r} {_source_digest(type(each.run))}")


def _source_digest(pass_type: type[ModulePass]) -> str:
    """Of the module of a user's pass: its package has no version that is known here."""
    with suppress(OSError, TypeError):  # a class without a file, as in a notebook
        source = inspect.getsourcefile(pass_type)
        if source is not None:
            return hashlib.sha256(Path(source).read_bytes()).hexdigest()
    return "no source"


def _field_names(pass_type: type[ModulePass | Options]) -> list[str]:
    return [field.name for field in fields(pass_type) if field.init]


def _options_text(pass_type: type[ModulePass | Options], options: object) -> str:
    """The options that a pass takes, with the target in place of the name of its file."""
    names = [name for name in _field_names(pass_type) if hasattr(options, name)]
    values: Mapping[str, object] = {name: getattr(options, name) for name in names}
    if isinstance(options, TargetOptions) and "target" in values:
        target = options.chip_target(ChipTarget())
        scheduled = issubclass(pass_type, ConvertLnsToChipPass)
        values = {**values, "target": target if scheduled else target.deciding_bits()}
    return repr(values)


def data_digest(arrays: Sequence[np.ndarray]) -> str:
    """A digest of arrays, their types and shapes."""
    digest = hashlib.sha256()
    for array in map(np.asarray, arrays):
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


@cache
def _versions() -> str:
    """Of all that computes: recog to the byte, what it stands on, and the processor's kind."""
    import torch

    digest = hashlib.sha256()
    for room in ("dialects", "lowering", "backend"):
        for folder in importlib.import_module(f"recog.{room}").__path__:
            for path in sorted(Path(folder).rglob("*.py")):
                digest.update(path.read_bytes())
    names = ("recog", "xdsl", "numpy", "scikit-learn", "torch")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    processor = torch.backends.cpu.get_cpu_capability()
    return f"{versions}, {processor}, {digest.hexdigest()}"
