"""Tuning on a loss and data of the user's own: what they are, and what can be wrong with them."""

from __future__ import annotations

import hashlib
import inspect
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recog.dialects.errors import RecogError
from recog.dialects.words import counted, kind

if TYPE_CHECKING:
    from torch import Tensor

Loss = Callable[[Any, Any], Any]
"""Of the network's outputs, a tensor or a tuple of several, and the targets of the same frames; a
scalar tensor that gradients flow through, the mean over the frames."""
Augment = Callable[[Any, Any], "tuple[Any, Any]"]
"""Gives other inputs and targets for those of a batch."""
PAIR = (
    "each batch is a pair: inputs, a tensor or a tuple of several, and targets of any kind, None "
    "without any"
)


MOST_BATCHES = 1 << 18
"""Of an epoch: some may have no end."""


class Batch(NamedTuple):
    """Frames of a step: float tensors (N, ...), one an input of the network, and their targets."""

    inputs: list[Tensor]
    targets: Any

    @property
    def frames(self) -> int:
        """How many these are."""
        return len(self.inputs[0])


@dataclass(frozen=True)
class OwnObjective:
    """What a network is tuned on in place of its own outputs.

    Attributes:
        loss: see `Loss`.
        batches: gives the batches of an epoch, anew for each: a list, a DataLoader, or a function
            that returns such or a generator.
        augment: changes each batch before its step; None leaves all as they are.
    """

    loss: Loss
    batches: Iterable[Any] | Callable[[], Iterable[Any]]
    augment: Augment | None = None

    def source(self) -> str:
        """Equal where the files are that define what is given here; the data are not looked at."""
        given = (self.loss, self.batches, self.augment)
        return " ".join(source_digest(each) for each in given)

    def epoch(self, number: int, seed: int) -> Iterator[Batch]:
        """The batches of an epoch, as they are drawn from PyTorch's, NumPy's and Python's global
        generators, which begin anew with it.

        Raises:
            RecogError: what is given cannot be gone through again, or gives no batches.
        """
        import torch

        start = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        torch.manual_seed(start)
        np.random.seed(start)
        random.seed(start)
        found: Any = self.batches() if callable(self.batches) else self.batches
        if isinstance(found, Iterator) and not callable(self.batches):
            raise RecogError(
                "the batches can be gone through once only, tuning does so every epoch",
                hint="give a list, a DataLoader, or a function that returns them anew",
            )
        if not isinstance(found, Iterable):
            raise RecogError(f"the batches are {kind(found)}, which cannot be gone through")
        some = False
        for each in found:
            batch, some = checked_batch(each), True
            if self.augment is not None:
                batch = checked_batch(self.augment(_one_or_all(batch.inputs), batch.targets))
            yield batch
        if not some:
            raise RecogError(
                "there are no batches", hint=f"{PAIR}; they are gone through anew in each epoch"
            )

    def count(self, seed: int) -> int:
        """How many batches an epoch has. Raises RecogError as `epoch`, and for too many."""
        number = sum(1 for _ in islice(self.epoch(0, seed), MOST_BATCHES + 1))
        if number > MOST_BATCHES:
            raise RecogError(
                f"an epoch has more than {MOST_BATCHES:,} batches",
                hint="batches without an end make no epoch: itertools.islice(batches, 1000) ends "
                "them",
            )
        return number

    def examples(self, count: int, seed: int) -> list[np.ndarray]:
        """The inputs of the first frames, float32 or bytes (N, ...), at least `count` where there
        are as many. Raises RecogError as `epoch`."""
        return joined_inputs(self._first(count, seed))

    def labelled(self, count: int, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
        """The inputs and the targets of so many frames, for a metric. Raises RecogError where the
        targets are no arrays of one shape."""
        batches = self._first(count, seed)
        targets = joined_targets(batches)
        if targets is None:
            raise RecogError(
                "a metric takes arrays, the targets of the batches are none of one shape",
                hint="measure on a file: --test-data FILE",
            )
        return joined_inputs(batches), targets

    def _first(self, count: int, seed: int) -> list[Batch]:
        """The first batches, of so many frames if there are as many."""
        found, frames = list[Batch](), 0
        for batch in self.epoch(0, seed):
            found.append(batch)
            frames += batch.frames
            if frames >= count:
                break
        return found

    def value(self, outputs: Sequence[Tensor], targets: Any) -> Tensor:
        """The loss of these outputs.

        Raises:
            RecogError: it is no finite scalar that gradients flow through.
        """
        import torch

        loss = self.loss(_one_or_all(outputs), targets)
        wanted = "it is to return a scalar tensor, such as torch.nn.functional.mse_loss gives"
        if not isinstance(loss, torch.Tensor):
            raise RecogError(f"the loss returned {kind(loss)}", hint=wanted)
        if loss.numel() != 1:
            hint = f"{wanted}: .mean() makes it one"
            raise RecogError(f"the loss returned a tensor of shape {list(loss.shape)}", hint=hint)
        if torch.is_grad_enabled() and not loss.requires_grad:
            raise RecogError(
                "no gradient flows from the loss to the network's outputs",
                hint="argmax, rounding, comparisons, .detach() and .numpy() stop it",
            )
        return loss.reshape(())


def joined_inputs(batches: Sequence[Batch]) -> list[np.ndarray]:
    """The frames of all batches, (N, ...) for each input.

    Raises:
        RecogError: they differ in the number of inputs, or in their shapes.
    """
    counts = sorted({len(each.inputs) for each in batches})
    if len(counts) > 1:
        raise RecogError(
            f"the batches have {counted(counts[0], 'input')} and {counts[1]}", hint=PAIR
        )
    for number in range(counts[0]):
        shapes = list(dict.fromkeys(each.inputs[number].shape[1:] for each in batches))
        if len(shapes) > 1:
            one, other = (list(shape) for shape in shapes[:2])
            raise RecogError(
                f"the batches differ: frames of input {number} have shape {one} and {other}",
                hint="a network on the chip takes frames of one size",
            )
    parts = zip(*(each.inputs for each in batches), strict=True)
    return [np.concatenate([x.numpy() for x in each]) for each in parts]


def joined_targets(batches: Sequence[Batch]) -> np.ndarray | None:
    """Targets (N, ...) of all batches, None where they are no arrays of numbers.

    Raises:
        RecogError: they are arrays of another number of frames.
    """
    import torch

    given = [each.targets for each in batches]
    plain = [each.detach().cpu() if isinstance(each, torch.Tensor) else each for each in given]
    try:
        joined = np.concatenate([np.asarray(each) for each in plain])
    except (TypeError, ValueError, RuntimeError):
        return None
    if joined.dtype.kind not in "fiub":
        return None
    frames = sum(each.frames for each in batches)
    if len(joined) != frames:
        raise RecogError(
            f"the batches have {counted(frames, 'frame')} and {counted(len(joined), 'target')}"
        )
    return joined


def source_digest(given: Any) -> str:
    """A hash of the file of a function or a class, or of the class of an object."""
    given = getattr(given, "__self__", given)  # of a method, what it is bound to
    given = getattr(given, "function", given)
    for each in (given, type(given)):
        with suppress(OSError, TypeError):
            source = inspect.getsourcefile(each)
            if source is not None:
                return hashlib.sha256(Path(source).read_bytes()).hexdigest()
    return "no source"


def checked_batch(given: Any) -> Batch:
    """A batch as it was given, a pair of inputs and targets. Raises RecogError where it is none."""
    import torch

    if not isinstance(given, tuple | list) or len(given) != 2:
        count = f" of {len(given)}" if isinstance(given, tuple | list) else ""
        raise RecogError(f"a batch is {kind(given)}{count}", hint=PAIR)
    inputs = given[0] if isinstance(given[0], tuple | list) else [given[0]]
    try:
        tensors = [torch.as_tensor(x) for x in inputs]
    except (TypeError, ValueError, RuntimeError):
        kinds = ", ".join(kind(x) for x in inputs)
        raise RecogError(f"the inputs of a batch are {kinds}, not tensors", hint=PAIR) from None
    if any(x.is_complex() for x in tensors):
        raise RecogError("the inputs of a batch are complex numbers", hint=PAIR)
    if any(x.layout != torch.strided or x.is_meta for x in tensors):
        raise RecogError("the inputs of a batch are no plain tensors", hint=PAIR)
    tensors = [x.detach().cpu() for x in tensors]
    if not tensors or any(x.ndim == 0 for x in tensors) or not len(tensors[0]):
        raise RecogError("a batch has no frames", hint=PAIR)
    return Batch([x if x.dtype == torch.uint8 else x.float() for x in tensors], given[1])


def _one_or_all(tensors: Sequence[Tensor]) -> Any:
    return tensors[0] if len(tensors) == 1 else tuple(tensors)
