"""tune-centroids: train codebooks and biases by backpropagation through the IR itself.

The module runs on its own interpreter with the codebooks as torch parameters. Scales stay; so do
pointers, unless `reassign` says otherwise (see `moving_pointers`). The forward pass sees each
centroid as the LNS code that it will become, the backward pass sees the identity (straight-through
estimator, Bengio et al. 2013; tuning centroids: Han et al., ICLR 2016, section 3.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from recog.backend.threads import fixed_threads
from recog.dialects.errors import RecogError
from recog.dialects.functions import find_function
from recog.lowering.cluster.tuner import KeptTuning, StepPart, Tuner, TuneSettings
from recog.lowering.common.batches import frames_of_a_step
from recog.lowering.common.data_files import check_frames, inputs_of, load_arrays

if TYPE_CHECKING:
    import torch

    from recog.backend.interpreters.nn import NnRunner


@dataclass(frozen=True, kw_only=True)
class TuneCentroidsPass(TuneSettings, ModulePass):
    """Tune codebooks and biases so that the module's outputs come close to the targets."""

    name = "tune-centroids"

    data: str
    """An .npz file of `inputs` (N, ...) and `targets`: the float network's outputs, or labels."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        where = f"{self.name} data {self.data}"
        arrays = load_arrays(self.data, what=f"{self.name} data")
        if "targets" not in arrays:
            raise RecogError(
                "has no array named targets", where=where, hint=f"it has {', '.join(arrays)}"
            )
        targets = arrays.pop("targets")
        count = len(find_function(op, self.entry).body.block.args)
        tune(op, inputs_of(arrays, count, where=where), targets, self)


@fixed_threads()
def tune(
    module: ModuleOp,
    inputs: Sequence[np.ndarray],
    targets: np.ndarray | list[np.ndarray] | tuple[np.ndarray, ...],
    settings: TuneSettings,
    *,
    originals: Mapping[SSAValue, np.ndarray] | None = None,
    progress: Callable[[float, float], None] | None = None,
    kept: KeptTuning | None = None,
) -> None:
    """Tune the module in place.

    Args:
        inputs: the network's inputs, float (N, ...).
        targets: the outputs wanted, float of the first output's shape, or labels, integer (N,);
            a list is for as many of the outputs, whose losses are averaged.
        originals: the weights before clustering, see `Tuner`.
        progress: called with the share of work done and the loss of the last step.
        kept: where the state is left; what it holds of an equal tuning is gone on from.

    Raises:
        RecogError: targets that do not fit, nothing to tune, or tuning that diverges.
    """
    import torch

    each_target = list(targets) if isinstance(targets, list | tuple) else [targets]
    count = check_frames(inputs, *each_target, what="tuning")
    steps = settings.epochs * -(-count // settings.batch)
    tuner = Tuner(module, settings, steps, originals)
    at_once = frames_of_a_step(find_function(module, settings.entry))
    tensors = [torch.from_numpy(_as_float32(x, f"input {i}")) for i, x in enumerate(inputs)]
    wanted = _checked_targets(tuner.runner, tensors, each_target)
    losses = [_loss(settings.loss, each) for each in wanted]
    generator = torch.Generator().manual_seed(settings.seed)
    if kept is not None:
        kept.begin(tuner)
    step = 0
    for _ in range(settings.epochs):
        for batch in torch.randperm(count, generator=generator).split(settings.batch):
            step += 1
            if step <= tuner.done:
                continue  # before an interruption; the order of the others follows from the seed
            parts: list[StepPart] = []
            for chosen in batch.split(at_once):

                def objective(
                    outputs: Sequence[torch.Tensor], chosen: torch.Tensor = chosen
                ) -> torch.Tensor:
                    terms = [of(y, t[chosen]) for of, y, t in zip(losses, outputs, wanted)]
                    return torch.stack(terms).mean()

                inputs_of_part = [x[chosen] for x in tensors]
                parts.append(StepPart(inputs_of_part, objective, len(chosen) / len(batch)))
            loss = tuner.step_in_parts(parts)
            if kept is not None:
                kept.offer(tuner)
            if progress is not None:
                progress(step / steps, loss)
    tuner.store()


def _as_float32(values: np.ndarray, what: str) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise RecogError(f"holds {array.dtype}, not numbers", where=what)
    with np.errstate(over="ignore"):
        array = np.array(array, dtype=np.float32)
    if not np.isfinite(array).all():
        raise RecogError("holds NaN or infinity", where=what)
    return array


def _checked_targets(
    runner: NnRunner, inputs: Sequence[torch.Tensor], targets: Sequence[np.ndarray]
) -> list[torch.Tensor]:
    """Targets as float32 of their outputs' shapes, or as int64 labels of their classes."""
    import torch

    with torch.no_grad():
        outputs = runner(*(x[:1] for x in inputs))
    return [_checked_target(tuple(y.shape), np.asarray(t)) for y, t in zip(outputs, targets)]


def _checked_target(shape: tuple[int, ...], targets: np.ndarray) -> torch.Tensor:
    import torch

    if targets.dtype.kind not in "iub":
        wanted, given = shape[1:], targets.shape[1:]
        if given != wanted:
            raise RecogError(f"targets have shape {list(given)} each, the output {list(wanted)}")
        return torch.from_numpy(_as_float32(targets, "targets"))
    wanted, given = shape[2:], targets.shape[1:]
    if len(shape) < 2 or given != wanted:
        raise RecogError(f"labels have shape {list(given)} each, the output wants {list(wanted)}")
    low, high = int(targets.min()), int(targets.max())
    if low < 0 or high >= shape[1]:
        raise RecogError(f"labels are from {low} to {high}, the output has {shape[1]} classes")
    return torch.from_numpy(targets.astype(np.int64))


def _loss(name: str, targets: torch.Tensor) -> Callable[[Any, Any], Any]:
    from torch.nn import functional

    is_labels = not targets.is_floating_point()
    if name == "auto":
        name = "cross-entropy" if is_labels else "mse"
    if is_labels != (name == "cross-entropy"):
        kind = "integer" if is_labels else "float"
        raise RecogError(f"option loss {name} does not fit {kind} targets")
    if name == "kl" and targets.ndim < 2:
        raise RecogError("option loss kl needs outputs with a class axis")
    if name == "cross-entropy":
        return functional.cross_entropy
    if name == "mse":
        scale = float(targets.var(correction=0).clamp_min(1e-12))
        return lambda y, t: functional.mse_loss(y, t) / scale
    return lambda y, t: functional.kl_div(
        y.log_softmax(1), t.log_softmax(1), log_target=True, reduction="batchmean"
    )
