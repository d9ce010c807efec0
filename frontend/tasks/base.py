"""What a perception task is: a network, its data, its loss and its metric."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

Arrays = tuple[np.ndarray, ...]
Targets = dict[str, Tensor]
Progress = Callable[[int], None]
SPLIT_NAMES = ("train", "calibration", "test")


@dataclass(frozen=True)
class TaskData:
    """Frames of one split.

    Attributes:
        images: one array for each of the network's inputs, (N, C, H, W), uint8 or float32.
        truths: what is true of each frame, as `Task.metric` takes it.
        encode: turns truths into the tensors that `Task.loss` takes.
    """

    images: Arrays
    truths: Sequence[Any]
    encode: Callable[[Sequence[Any]], Targets]

    def __len__(self) -> int:
        return len(self.truths)

    def inputs(self, frames: slice | Sequence[int] = slice(None)) -> Arrays:
        """The network's inputs, float32 in [0, 1]."""
        return tuple(as_float(image[frames]) for image in self.images)

    def targets(self, frames: Sequence[int]) -> Targets:
        """What the loss compares the heads' outputs of these frames with."""
        return self.encode([self.truths[i] for i in frames])


def as_float(image: np.ndarray) -> np.ndarray:
    """uint8 becomes float32 in [0, 1]: divided by 255. Other arrays stay."""
    if image.dtype != np.uint8:
        return image
    return image.astype(np.float32) * np.float32(1 / 255)


@dataclass(frozen=True)
class Recipe:
    """How a task is trained: AdamW, one-cycle learning rate, averaged weights."""

    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float = 0.01
    average: float = 0.998  # decay of the moving average of weights, per step
    clip: float = 10.0  # norm of gradients


@dataclass(frozen=True)
class TuneRecipe:
    """How a task's clustered network is tuned on the task's own loss.

    Attributes:
        learning_rate: of Adam, for centroids whose root mean square is 1.
        reassign: optimizer steps between two reassignments of weight blocks to centroids.
        ratio: how many times smaller than the float ones the program's weights are to be where
            nobody asks for another; None for one recipe of clusters in all layers.
    """

    epochs: int
    batch: int
    learning_rate: float = 1e-2
    reassign: int = 1
    ratio: float | None = None


class HeadsOf(nn.Module):
    """The differentiable part of a network as a module of its own, with the same weights: what
    `heads` returns, a tuple of tensors; of a network without it, all that it gives. Exportable."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        outputs = getattr(self.network, "heads", self.network)(*inputs)
        return (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)


class Task(ABC):
    """One perception task.

    The network's forward gives what a user wants, decoded: a tuple of tensors. Its `heads` gives
    the tensors before decoding, through which gradients flow; `HeadsOf(network)` is that as a
    module. `loss` takes the heads' outputs, `metric` the decoded ones.
    """

    name: str
    title: str
    metric_name: str
    """The key of `metric`'s result that stands for the task; larger is better, at most 100."""
    recipe: Recipe
    tune_recipe: TuneRecipe
    pictures: str | None = None
    """The `tools.pictures.renderer.Renderer` that draws its results, None where there is none. A
    name, `module:class`, because tasks do not import tools."""
    given_as: str | None = None
    """What named it on the command line where it is the user's own, a class of a file."""
    scene_truths: Literal["classes", "objects"] | None = None
    """What a rendered road scene holds of this task's truths; None where frames are no scenes."""
    output_names: tuple[str, ...]
    head_names: tuple[str, ...]

    @abstractmethod
    def network(self) -> nn.Module:
        """The network, untrained, from torch's global generator."""

    @abstractmethod
    def example_inputs(self) -> tuple[Tensor, ...]:
        """Inputs of one frame, for export."""

    @abstractmethod
    def data(
        self,
        split: str,
        count: int | None = None,
        *,
        folder: str | Path | None = None,
        processes: int = 1,
        progress: Progress | None = None,
    ) -> TaskData:
        """The first `count` frames of train, calibration or test; no frame is in two splits.

        Args:
            folder: where rendered scenes are kept (default: build/scenes).
            progress: called with the number of frames that became ready.
        """

    @abstractmethod
    def loss(self, heads: Sequence[Tensor], targets: Targets) -> Tensor:
        """The scalar to minimise."""

    def distillation_loss(self, heads: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor | None:
        """How far the heads' outputs are from the float network's, beside `loss`; None measures
        each head's squared error over the variance of what is wanted."""
        return None

    @abstractmethod
    def metric(self, outputs: Sequence[np.ndarray], truths: Sequence[Any]) -> dict[str, float]:
        """Scores in percent.

        Args:
            outputs: the decoded outputs, each stacked over the frames.
        """

    def frame_parts(self, outputs: Sequence[np.ndarray], truths: Sequence[Any]) -> list[Any] | None:
        """What each frame contributes to the metric, for `metric_of`; None, as by default, leaves
        out the intervals of losses, for which the metric is wanted of a thousand draws of frames.
        """
        return None

    def metric_of(self, parts: Sequence[Any]) -> dict[str, float]:
        """The metric of frames whose parts `frame_parts` gave; one may be there several times."""
        raise NotImplementedError(f"{type(self).__name__} has frame_parts and no metric_of")

    def augment(self, inputs: Sequence[Tensor], targets: Targets, rng: np.random.Generator) -> None:
        """Change a training batch in place; as it is by default."""
        return

    def auxiliary_loss(self, network: nn.Module, targets: Targets) -> Tensor | None:
        """A loss on what the network left aside in its last training step, beside `loss`."""
        return None

    def heads(self, network: nn.Module) -> nn.Module:
        """The differentiable part of a network, sharing its weights."""
        return HeadsOf(network).train(network.training)

    def predict(
        self, network: Callable[..., Any], data: TaskData, batch: int = 32
    ) -> list[np.ndarray]:
        """Decoded outputs of all frames, each stacked.

        Args:
            network: a module or any function of tensors that gives tensors.
        """
        found = list[tuple[np.ndarray, ...]]()
        with torch.inference_mode():
            for start in range(0, len(data), batch):
                inputs = data.inputs(slice(start, start + batch))
                outputs = network(*map(torch.from_numpy, inputs))
                outputs = outputs if isinstance(outputs, tuple) else (outputs,)
                found.append(tuple(output.numpy() for output in outputs))
        return [np.concatenate(parts) for parts in zip(*found)]
