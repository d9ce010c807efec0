"""Clustered networks of the perception tasks: tuned on the task's own loss, kept as IR files."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr

from recog.backend.files import atomic_write
from recog.backend.input_files import read_at_most
from recog.dialects.cluster import LookupOp
from recog.dialects.data import ConstantOp
from recog.dialects.errors import RecogError
from recog.dialects.nn import LayerOp
from recog.lowering.cluster.cluster_weights import ClusterWeightsPass
from recog.lowering.cluster.pointer_reassignment import weights_before
from recog.lowering.cluster.tuner import KeptTuning, Tuner
from recog.lowering.common.options import taken_from
from recog.lowering.pipeline import ConversionOptions, fold_network
from recog.tools.module_files import print_module

if TYPE_CHECKING:
    from xdsl.ir import SSAValue

    from recog.frontend.tasks.base import Task, TaskData, TuneRecipe

TUNED_FROM = "recog.tuned_from"
"""Module attribute: a hash of the float network and of its clustering and tuning settings."""


KEY_CLUSTER = {
    **{name: name for name in ("centroids", "scalar_centroids", "channel_block", "linear_block")},
    **{"table_share": "table_share", "scale_frac": "weight_frac", "code_width": "weight_width"},
    **{"iterations": "iterations", "seed": "seed"},
}
"""What a key holds of the clustering, by the options' names when the shipped networks were tuned:
other names or another order would make their keys stale."""
KEY_TUNE = (
    *("epochs", "batch", "learning_rate", "loss", "weight_width", "weight_frac", "reassign"),
    *("seed", "entry"),
)


def tune_options(recipe: TuneRecipe) -> ConversionOptions:
    """The conversion options of a task's recipe, with which its shipped network was tuned."""
    return ConversionOptions(**asdict(recipe))


def tuned_key(options: ConversionOptions, folded: ModuleOp) -> str:
    """A hash of a folded float network and of how it is clustered and tuned."""
    cluster = {old: getattr(options, name) for old, name in KEY_CLUSTER.items()}
    tune = {name: getattr(options, name) for name in KEY_TUNE}
    digest = hashlib.sha256(repr({"cluster": cluster, "tune": tune}).encode())
    for op in folded.walk():
        if isinstance(op, ConstantOp):
            digest.update(op.value.to_array().tobytes())
    return digest.hexdigest()[:32]


def tune_task(
    task: Task,
    network: Any,
    clustered: ModuleOp,
    data: TaskData,
    options: ConversionOptions,
    *,
    progress: Callable[[float, float], None] = lambda share, loss: None,
    kept: KeptTuning | None = None,
) -> ModuleOp:
    """A copy of the clustered network, tuned on the task's own loss.

    Peaks and boxes have no gradient, so what is tuned is the network's `heads`, clustered the
    same way; their pointers, codebooks and biases then go into the whole network.

    Args:
        network: the float network.
        clustered: the whole network, folded and clustered with these options.
        progress: called with the share of the work done and the loss.
        kept: where the state is left; what it holds of an equal tuning is gone on from.
    """
    import torch

    from recog.frontend.torch.importer import import_torch

    heads = import_torch(task.heads(network), task.example_inputs())
    fold_network(heads)
    dense = heads.clone()
    taken_from(options, ClusterWeightsPass).apply(Context(), heads)
    batch = options.batch
    per_epoch = max(1, len(data) // batch)
    steps = options.epochs * per_epoch
    tuner = Tuner(heads, options, steps, weights_before(dense, heads))
    draws = _Draws(tuner, np.random.default_rng(options.seed), len(data))
    if kept is not None:
        kept.begin(draws)
    while tuner.done < steps:
        i = tuner.done % per_epoch
        if i == 0:
            draws.order = draws.rng.permutation(draws.count)
        frames = draws.order[i * batch : (i + 1) * batch].tolist()
        inputs = [torch.from_numpy(each) for each in data.inputs(frames)]
        targets = data.targets(frames)
        task.augment(inputs, targets, draws.rng)
        loss = tuner.step(inputs, lambda heads, wanted=targets: task.loss(heads, wanted))
        if kept is not None:
            kept.offer(draws)
        progress(tuner.done / steps, loss)
    tuner.store()
    tuned = clustered.clone()
    copy_parameters(heads, tuned)
    return tuned


class _Draws:
    """A tuner and what its steps draw by chance: the order of the frames, how they are changed."""

    def __init__(self, tuner: Tuner, rng: np.random.Generator, count: int):
        self._tuner, self.rng, self.count = tuner, rng, count
        self.order = np.arange(count)

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


def copy_parameters(source: ModuleOp, target: ModuleOp) -> None:
    """Give the layers of `target`, in order, the pointers, codebooks and biases of `source`'s.

    Both hold the same layers, clustered the same way; `source` may hold them without decoders.

    Raises:
        RecogError: they do not.
    """
    theirs, ours = (
        [op for op in module.walk() if isinstance(op, LayerOp)] for module in (source, target)
    )
    if len(theirs) != len(ours):
        raise RecogError(f"{len(theirs)} tuned layers do not fit a network of {len(ours)}")
    for one, other in zip(theirs, ours):
        _copy(one.bias, other.bias)
        if isinstance(one.weight.owner, LookupOp) and isinstance(other.weight.owner, LookupOp):
            _copy(one.weight.owner.pointers, other.weight.owner.pointers)
            _copy(one.weight.owner.codebook, other.weight.owner.codebook)


def _copy(source: SSAValue | None, target: SSAValue | None) -> None:
    if source is None or target is None:
        return
    one, other = source.owner, target.owner
    if isinstance(one, ConstantOp) and isinstance(other, ConstantOp):
        if one.value.type != other.value.type:
            raise RecogError(f"a tuned {one.value.type} does not fit a {other.value.type}")
        other.properties["value"] = one.value


def shipped_tuned(name: str) -> Path:
    """The tuned network of a task that comes with the package."""
    from recog.frontend.tasks.checkpoints import shipped_checkpoint

    return shipped_checkpoint(name).with_name(f"{name}.tuned.mlir.gz")


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
