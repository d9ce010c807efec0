"""Clustered networks of the perception tasks: tuned on the task's own loss, kept as IR files."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation
from xdsl.rewriter import InsertPoint, Rewriter

from recog.backend.files import atomic_write
from recog.backend.input_files import read_at_most
from recog.dialects.cluster import LookupOp
from recog.dialects.data import ConstantOp
from recog.dialects.errors import RecogError
from recog.dialects.functions import find_function
from recog.dialects.nn import LayerOp
from recog.dialects.words import counted
from recog.lowering.allocation.choose_layouts import (
    ChooseLayoutsPass,
    choose_layouts,
    write_layouts_by_name,
)
from recog.lowering.allocation.options import LayoutOptions
from recog.lowering.cluster.cluster_weights import LAYOUT, ClusterWeightsPass, cluster_weights
from recog.lowering.cluster.distillation import Unchanged, distilled, relative_errors
from recog.lowering.cluster.own_objective import source_digest
from recog.lowering.cluster.pointer_reassignment import weights_before
from recog.lowering.cluster.tune_settings import VERSION, TuneSettings
from recog.lowering.cluster.tuner import KeptTuning, Tuner
from recog.lowering.common.options import OptionError, taken_from
from recog.lowering.common.rewriting import erase_dead_constants
from recog.lowering.pipeline import ConversionOptions, fold_network
from recog.lowering.pipeline.expected_formats import expected_formats, of_function
from recog.tools.module_files import print_module

if TYPE_CHECKING:
    from torch import Tensor
    from xdsl.ir import SSAValue

    from recog.frontend.tasks.base import Task, TaskData

TUNED = ".tuned.mlir.gz"
TUNED_FROM = "recog.tuned_from"
"""Module attribute: a hash of the float network and of its clustering and tuning settings."""


KEY_CLUSTER = {
    **{name: name for name in ("centroids", "scalar_centroids", "channel_block", "linear_block")},
    **{"table_share": "table_share", "scale_frac": "weight_frac", "code_width": "weight_width"},
    **{"iterations": "iterations", "seed": "seed"},
}
"""What a key holds of the clustering, by the options' names when the shipped networks were tuned:
other names or another order would make their keys stale."""


def tune_options(
    task: Task, *, ratio: float | None = None, seed: int = 0, epochs: int | None = None
) -> ConversionOptions:
    """The conversion options of a task's recipe, with which its shipped networks were tuned.

    Args:
        ratio: how many times smaller the program's weights are to be, in place of the recipe's.
        epochs: in place of the recipe's.

    Raises:
        RecogError: a value of the recipe that its option cannot have.
    """
    given = {"ratio": ratio, "epochs": epochs}
    asked = {name: value for name, value in given.items() if value is not None}
    recipe: dict[str, Any] = asdict(task.tune_recipe) | asked
    try:
        return ConversionOptions(**recipe, seed=seed)
    except (OptionError, TypeError) as error:
        reason = str(error) if isinstance(error, OptionError) else f"holds a wrong value: {error}"
        raise RecogError(reason, where=f"tune_recipe of {task.name}") from None


def cluster_task(
    folded: ModuleOp,
    options: ConversionOptions,
    calibration: Callable[[], Sequence[np.ndarray]],
    float_bytes: int,
    tuned: ModuleOp | None = None,
) -> ModuleOp:
    """A copy of a folded network, clustered.

    Args:
        calibration: gives the inputs that layouts and clusters are chosen on, where bytes are asked
            for.
        tuned: the same network, tuned before with these options: its layouts are not chosen again.
    """
    module = folded.clone()
    if not options.allocates:
        write_layouts_by_name(module, options)
        taken_from(options, ClusterWeightsPass).apply(Context(), module)
        return module
    inputs = calibration()
    if tuned is None:
        passed = taken_from(options, ChooseLayoutsPass)
        choose_layouts(module, passed, inputs, float_bytes=float_bytes)
    else:
        for one, other in _pairs_of_layers(tuned, module):
            if LAYOUT in one.attributes:  # not on a layer that shares another's weight
                other.attributes[LAYOUT] = one.attributes[LAYOUT]
    cluster_weights(module, options, inputs, entry=options.entry)
    return module


def tuned_key(options: ConversionOptions, folded: ModuleOp, task: Task | None = None) -> str:
    """A hash of a folded float network and of how it is clustered and tuned: of a task of the
    user's own by its files, which hold its loss and give its data."""
    tune = {field.name: getattr(options, field.name) for field in fields(TuneSettings)}
    layouts = {field.name: getattr(options, field.name) for field in fields(LayoutOptions)}
    if not options.allocates and options.layouts is None:
        layouts = {}
    cluster = {old: getattr(options, name) for old, name in KEY_CLUSTER.items()}
    held = {"cluster": cluster, **layouts, "tuner": VERSION, "tune": tune}
    digest = hashlib.sha256(repr(held).encode())
    for op in folded.walk():
        if isinstance(op, ConstantOp):
            digest.update(op.value.to_array().tobytes())
    for cls in () if task is None else type(task).__mro__:
        if cls.__module__ not in ("builtins", "abc") and not cls.__module__.startswith("recog."):
            digest.update(source_digest(cls).encode())
    return digest.hexdigest()[:32]


def tune_task(
    task: Task,
    network: Any,
    folded: ModuleOp,
    clustered: ModuleOp,
    data: TaskData,
    options: ConversionOptions,
    *,
    calibration: Sequence[np.ndarray] = (),
    progress: Callable[[float, float], None] = lambda share, loss: None,
    kept: KeptTuning | None = None,
) -> ModuleOp:
    """A copy of the clustered network, tuned on the task's own loss.

    Peaks and boxes have no gradient, so what is tuned is the network's `heads`, with the same
    clusters; their pointers, codebooks and biases then go into the whole network.

    Args:
        network: the float network.
        folded: the whole network, folded.
        clustered: the same, clustered.
        calibration: inputs that give the formats which activations are rounded to.
        progress: called with the share of the work done and the loss.
        kept: where the state is left; what it holds of an equal tuning is gone on from.
    """
    import torch

    from recog.frontend.torch.importer import import_torch

    heads = import_torch(task.heads(network), task.example_inputs())
    fold_network(heads)
    dense = heads.clone()
    copy_clusters(clustered, heads)
    function = find_function(heads, options.entry)
    formats = of_function(
        expected_formats(folded, calibration, options) if options.round_activations else {},
        function,
    )
    per_epoch = max(1, len(data) // options.batch)
    steps = options.epochs * per_epoch
    compared = distilled(
        heads,
        dense,
        options.entry,
        output_weight=options.distill,
        feature_weight=options.features,
        output_error=partial(_output_error, task),
        unchanged=Unchanged(len(data), data.inputs)
        if options.epochs > 1 and _as_they_are(task)
        else None,
    )
    with compared as comparison:
        tuner = Tuner(heads, options, steps, weights_before(dense, heads), formats)
        draws = _Draws(tuner, np.random.default_rng(options.seed), len(data))
        if kept is not None:
            kept.begin(draws)
        while tuner.done < steps:
            frames = draws.frames(tuner.done % per_epoch, options.batch)
            inputs = [torch.from_numpy(each) for each in data.inputs(frames)]
            targets = data.targets(frames)
            task.augment(inputs, targets, draws.rng)
            objective = comparison.objective(inputs, _toward(task, targets), frames)
            loss = tuner.step(inputs, objective)
            if kept is not None:
                kept.offer(draws)
            progress(tuner.done / steps, loss)
    tuner.store()
    tuned = clustered.clone()
    copy_parameters(heads, tuned)
    return tuned


def _as_they_are(task: Task) -> bool:
    """Whether a frame is the same each time it comes."""
    from recog.frontend.tasks.base import Task

    return getattr(task.augment, "__func__", None) is Task.augment


def _toward(task: Task, targets: Any) -> Callable[[Sequence[Tensor]], Tensor]:
    return lambda heads: task.loss(heads, targets)


def _output_error(task: Task, heads: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    own = task.distillation_loss(heads, wanted)
    return relative_errors(heads, wanted) if own is None else own


class _Draws:
    """A tuner and what its steps draw by chance: the order of the frames, how they are changed."""

    def __init__(self, tuner: Tuner, rng: np.random.Generator, count: int):
        self._tuner, self.rng, self.count = tuner, rng, count
        self.order = np.arange(count)

    def frames(self, batch: int, size: int) -> list[int]:
        """The frames of a batch of an epoch, whose order is drawn with the first."""
        if batch == 0:
            self.order = self.rng.permutation(self.count)
        return self.order[batch * size : (batch + 1) * size].tolist()

    @property
    def done(self) -> int:
        """See `Resumable`."""
        return self._tuner.done

    def state(self) -> dict[str, Any]:
        """See `Resumable`."""
        drawn = {"rng": self.rng.bit_generator.state, "order": self.order.tolist()}
        return {**self._tuner.state(), **drawn}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Resumable`."""
        try:
            self.order = np.array(state["order"], np.int64)
            if not np.array_equal(np.sort(self.order), np.arange(self.count)):
                raise ValueError("other frames")
            self.rng.bit_generator.state = state["rng"]
        except (LookupError, TypeError, ValueError, OverflowError):
            raise RecogError("is of another tuning") from None
        self._tuner.restore(state)


def copy_clusters(source: ModuleOp, target: ModuleOp) -> None:
    """Give the layers of `target`, in order, the clusters of `source`'s, and its biases and dense
    weights, for which clusters may have been made up. Raises RecogError for other layers."""
    known: dict[SSAValue, SSAValue] = {}
    for one, other in _pairs_of_layers(source, target):
        lookup = one.weight.owner
        if isinstance(lookup, LookupOp):
            before = InsertPoint.before(other)
            for value in (*lookup.operands, lookup.output):
                if value not in known and isinstance(value.owner, Operation):
                    copy = value.owner.clone(known)
                    Rewriter.insert_op(copy, before)
                    known[value] = copy.results[0]
            other.operands[1] = known[lookup.output]
    erase_dead_constants(target)
    copy_parameters(source, target)


def _pairs_of_layers(source: ModuleOp, target: ModuleOp) -> list[tuple[LayerOp, LayerOp]]:
    theirs, ours = (
        [op for op in module.walk() if isinstance(op, LayerOp)] for module in (source, target)
    )
    if len(theirs) != len(ours):
        raise RecogError(
            f"the tuning of {counted(len(theirs), 'layer')} does not fit a network of {len(ours)}"
        )
    return list(zip(theirs, ours))


def copy_parameters(source: ModuleOp, target: ModuleOp) -> None:
    """Give the layers of `target`, in order, the weights and biases of `source`'s; clustered ones
    as pointers, codebooks and scales.

    Both hold the same layers, clustered the same way; `source` may hold them without decoders.

    Raises:
        RecogError: they do not.
    """
    for one, other in _pairs_of_layers(source, target):
        _copy(one.bias, other.bias)
        if isinstance(one.weight.owner, LookupOp) and isinstance(other.weight.owner, LookupOp):
            _copy(one.weight.owner.pointers, other.weight.owner.pointers)
            _copy(one.weight.owner.codebook, other.weight.owner.codebook)
            _copy(one.weight.owner.scales, other.weight.owner.scales)
        else:
            _copy(one.weight, other.weight)


def _copy(source: SSAValue | None, target: SSAValue | None) -> None:
    if source is None or target is None:
        return
    one, other = source.owner, target.owner
    if isinstance(one, ConstantOp) and isinstance(other, ConstantOp):
        if one.value.type != other.value.type:
            raise RecogError(f"a tuned {one.value.type} does not fit a {other.value.type}")
        other.properties["value"] = one.value


def tuned_name(name: str, options: ConversionOptions) -> str:
    """Of the file of a task's tuned network: with the ratio that was asked for, and the seed."""
    ratio = "" if options.ratio is None else f".{options.ratio:g}x"
    seed = f".seed{options.seed}" if options.seed else ""
    return f"{name}{ratio}{seed}{TUNED}"


def shipped_tuned(name: str, options: ConversionOptions) -> Path:
    """The tuned network of a task that comes with the package."""
    from recog.frontend.tasks.checkpoints import shipped_checkpoint

    return shipped_checkpoint(name).with_name(tuned_name(name, options))


def save_tuned(module: ModuleOp, key: str, path: Path) -> None:
    """Write a tuned network with its key, compressed; equal networks give equal bytes."""
    import io

    module.attributes[TUNED_FROM] = StringAttr(key)
    stream = io.StringIO()
    print_module(module, stream)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path, "wb") as file:
        file.write(gzip.compress(stream.getvalue().encode(), mtime=0))


def load_tuned(path: Path, key: str) -> ModuleOp | None:
    """The tuned network in a file; None if there is no file or its key differs.

    Raises:
        RecogError: the file is damaged.
    """
    from recog.tools.context import make_context
    from recog.tools.opt.ir_parser import MAX_IR_BYTES, parse_module

    if not path.is_file():
        return None
    try:
        with gzip.open(path) as stream:
            text = read_at_most(stream, MAX_IR_BYTES, path)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise RecogError(f"is damaged: {error}", where=str(path), hint="delete it") from None
    if key.encode() not in text:
        return None
    module = parse_module(make_context(), text, str(path))
    found = module.attributes.get(TUNED_FROM)
    return module if isinstance(found, StringAttr) and found.data == key else None
