"""tune-centroids: train codebooks and biases by backpropagation through the IR itself.

The module runs on its own interpreter with the codebooks as torch parameters; pointers and
scales stay. The forward pass sees each centroid as the LNS code that it will become, the
backward pass sees the identity (straight-through estimator, Bengio et al. 2013; tuning
centroids with fixed assignments: Han et al., ICLR 2016, section 3.2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import Float32Type, ModuleOp, TensorType
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from recog.backend.arithmetic.definition import decode, encode
from recog.dialects import nn
from recog.dialects.cluster import LookupOp
from recog.dialects.data import ConstantOp, DenseAttr
from recog.dialects.errors import RecogError
from recog.dialects.number_format import MAX_FRAC, MAX_WIDTH, MIN_WIDTH, LnsFormat
from recog.lowering.encode_weights import codebook_bias
from recog.lowering.rewriting import check_frames, check_option, inputs_of, load_arrays

if TYPE_CHECKING:
    import torch

    from recog.backend.interpreters.nn import NnRunner

LOSSES = ("auto", "mse", "kl", "cross-entropy")


@dataclass(frozen=True, kw_only=True)
class TuneSettings:
    """How to tune: the options of tune-centroids but for its data."""

    epochs: int = 10
    """Passes over the data."""
    batch: int = 32
    """Inputs of a step."""
    learning_rate: float = 2e-3
    """Of Adam, for centroids of root mean square 1; decays to zero along a cosine."""
    loss: str = "auto"
    """mse, kl or cross-entropy; auto is cross-entropy for integer targets, else mse."""
    weight_width: int = 8
    """Bits of the codes that centroids are rounded to."""
    weight_frac: int = 4
    """Fraction bits of those codes."""
    seed: int = 0
    """Seed of the order of the inputs."""
    entry: str = "main"
    """The function to tune."""

    def __post_init__(self):
        self.check()

    def check(self) -> None:
        """Raise RecogError where a setting makes no sense."""
        for name, low, high in (
            ("epochs", 1, 10**6),
            ("batch", 1, 10**6),
            ("learning_rate", 0.0, 10.0),
            ("weight_width", MIN_WIDTH, MAX_WIDTH),
            ("weight_frac", 0, MAX_FRAC),
            ("seed", 0, 2**32 - 1),
        ):
            check_option(self, name, low, high)
        if self.loss not in LOSSES:
            raise RecogError(f"option loss must be one of {', '.join(LOSSES)}, got {self.loss}")


@dataclass(frozen=True, kw_only=True)
class TuneCentroidsPass(TuneSettings, ModulePass):
    """Tune codebooks and biases so that the module's outputs come close to the targets."""

    name = "tune-centroids"

    data: str
    """An .npz file of `inputs` (N, ...) and `targets`: the float network's outputs, or labels."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        from recog.backend.interpreters.execute import find_function

        where = f"{self.name} data {self.data}"
        arrays = load_arrays(self.data, what=f"{self.name} data")
        if "targets" not in arrays:
            raise RecogError(
                "has no array named targets", where=where, hint=f"it has {', '.join(arrays)}"
            )
        targets = arrays.pop("targets")
        count = len(find_function(op, self.entry).body.block.args)
        tune(op, inputs_of(arrays, count, where=where), targets, self)


def tune(
    module: ModuleOp,
    inputs: Sequence[np.ndarray],
    targets: np.ndarray | list[np.ndarray] | tuple[np.ndarray, ...],
    settings: TuneSettings,
    *,
    progress: Callable[[float, float], None] | None = None,
) -> None:
    """Tune the module in place.

    Args:
        inputs: the network's inputs, float (N, ...).
        targets: the outputs wanted, float of the first output's shape, or labels, integer (N,);
            a list is for as many of the outputs, whose losses are averaged.
        progress: called with the share of work done and the loss of the last step.

    Raises:
        RecogError: targets that do not fit, nothing to tune, or tuning that diverges.
    """
    import torch

    from recog.backend.interpreters.nn import NnRunner

    runner = NnRunner(module, settings.entry)
    parameters = _parameters(module)
    if not parameters:
        raise RecogError("the module has no codebook to tune", hint="run cluster-weights first")
    each_target = list(targets) if isinstance(targets, list | tuple) else [targets]
    count = check_frames(inputs, *each_target, what="tuning")
    tensors = [torch.from_numpy(_as_float32(x, f"input {i}")) for i, x in enumerate(inputs)]
    wanted = _checked_targets(runner, tensors, each_target)
    losses = [_loss(settings.loss, each) for each in wanted]
    optimizer = torch.optim.Adam([p.tensor for p in parameters], lr=settings.learning_rate)
    steps = settings.epochs * -(-count // settings.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    generator = torch.Generator().manual_seed(settings.seed)
    format = LnsFormat(settings.weight_width, settings.weight_frac)
    step = 0
    for _ in range(settings.epochs):
        for parameter in parameters:
            parameter.choose_bias(format)
        for chosen in torch.randperm(count, generator=generator).split(settings.batch):
            values: dict[SSAValue, torch.Tensor] = {p.value: p.rounded() for p in parameters}
            outputs = runner(*(x[chosen] for x in tensors), constants=values)  # pyright: ignore
            terms = [of(y, t[chosen]) for of, y, t in zip(losses, outputs, wanted)]
            loss = torch.stack(terms).mean()
            if not bool(torch.isfinite(loss)):
                hint = "a lower learning-rate"
                raise RecogError(f"tuning diverged in step {step + 1}", hint=hint)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            step += 1
            if progress is not None:
                progress(step / steps, float(loss.detach()))
    for parameter in parameters:
        parameter.store()


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


@dataclass
class Parameter:
    """A constant of the module that is being tuned: a codebook, or a layer's bias."""

    value: SSAValue
    tensor: torch.Tensor
    is_codebook: bool
    format: LnsFormat | None = None

    def choose_bias(self, format: LnsFormat) -> None:
        """Fix the bias of the codes that a codebook is rounded to, for the coming epoch."""
        if self.is_codebook:
            centroids = self.tensor.detach().numpy()
            self.format = format.with_bias(codebook_bias(centroids, format))

    def rounded(self) -> torch.Tensor:
        """The values that the chip will have, with the gradient of the unrounded ones."""
        if self.format is None:
            return self.tensor
        import torch

        exact = self.tensor.detach().numpy()
        codes = decode(encode(exact, self.format), self.format, np.float32)
        return self.tensor + torch.from_numpy(codes - exact)

    def store(self) -> None:
        """Write the tuned values back into the module."""
        constant = self.value.owner
        if isinstance(constant, ConstantOp):
            element_type = constant.value.type.element_type
            constant.properties["value"] = DenseAttr.from_array(
                self.tensor.detach().numpy(), element_type
            )


def _parameters(module: ModuleOp) -> list[Parameter]:
    """Every codebook, and the biases of all convolutions and linear layers, each once."""
    import torch

    found: dict[SSAValue, bool] = {}
    for op in module.walk():
        if isinstance(op, LookupOp):
            found[op.codebook] = True
        elif (
            isinstance(op, nn.Conv2dOp | nn.ConvTranspose2dOp | nn.LinearOp) and op.bias is not None
        ):
            found.setdefault(op.bias, False)
    if not any(found.values()):
        return []
    parameters: list[Parameter] = []
    for value, is_codebook in found.items():
        owner, type_ = value.owner, value.type
        if not isinstance(owner, ConstantOp) or not isinstance(type_, TensorType):
            continue
        if isinstance(type_.element_type, Float32Type):
            tensor = torch.tensor(owner.value.to_array().copy(), requires_grad=True)
            parameters.append(Parameter(value, tensor, is_codebook))
    return parameters


def _loss(name: str, targets: torch.Tensor) -> Callable[[Any, Any], Any]:
    from torch.nn import functional

    is_labels = not targets.is_floating_point()
    if name == "auto":
        name = "cross-entropy" if is_labels else "mse"
    if is_labels != (name == "cross-entropy"):
        kind = "integer" if is_labels else "float"
        raise RecogError(f"loss {name} does not fit {kind} targets", where="tune-centroids")
    if name == "kl" and targets.ndim < 2:
        raise RecogError("loss kl needs outputs with a class axis", where="tune-centroids")
    if name == "cross-entropy":
        return functional.cross_entropy
    if name == "mse":
        scale = float(targets.var(correction=0).clamp_min(1e-12))
        return lambda y, t: functional.mse_loss(y, t) / scale
    return lambda y, t: functional.kl_div(
        y.log_softmax(1), t.log_softmax(1), log_target=True, reduction="batchmean"
    )
