"""Training: seeded, resumable after every epoch, with averaged weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from recog.backend.interpreters.nn_tensors import has_unsafe_backward
from recog.backend.state_files import read_state, write_state
from recog.backend.threads import fixed_threads
from recog.dialects.errors import RecogError
from recog.frontend.tasks.base import Recipe, Task, TaskData
from recog.frontend.tasks.checkpoints import save_checkpoint

STATE_NAME = "state.pt"
WARM_UP = 0.15  # share of the steps in which the learning rate rises
Step = Callable[[int, int, float], None]


@dataclass(frozen=True)
class Epoch:
    """What an epoch gave: its number from 1, the mean loss, the seconds it took."""

    number: int
    loss: float
    seconds: float


class Trainer:
    """A task's network in training, which can stop after any epoch and go on from its file.

    Its files go to `folder`: the state after every epoch, the weights at the end. Equal seeds, data
    and numbers of threads give equal weights, stopped or not.
    """

    def __init__(
        self,
        task: Task,
        data: TaskData,
        folder: Path,
        *,
        recipe: Recipe | None = None,
        seed: int = 0,
    ):
        self.task, self.data, self.folder = task, data, folder
        self.recipe = recipe or task.recipe
        self.seed = seed
        torch.manual_seed(seed)
        self.network = task.network()
        self.memory_format = fastest_format(self.network)
        self.network.to(memory_format=self.memory_format)  # pyright: ignore[reportCallIssue]
        self.heads = task.heads(self.network)
        self.averaged = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.optimizer = _optimizer(self.network, self.recipe)
        self.done = 0
        self.steps = max(1, len(data) // self.recipe.batch)

    @property
    def total_steps(self) -> int:
        return self.recipe.epochs * self.steps

    @fixed_threads()
    def run(
        self,
        *,
        minutes: float = math.inf,
        on_step: Step = lambda done, total, loss: None,
        on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    ) -> bool:
        """Train on until all epochs are done, or after the epoch in which `minutes` pass.

        The state is saved before the first epoch and after each, so that an interruption at any
        time leaves a file to resume from. Returns whether all epochs are done.
        """
        start = time.perf_counter()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.save_state()
        while self.done < self.recipe.epochs:
            if time.perf_counter() - start > 60 * minutes:
                return False
            begin = time.perf_counter()
            loss = self._epoch(on_step)
            seconds = time.perf_counter() - begin
            self.done += 1
            self.save_state()
            on_epoch(Epoch(self.done, loss, seconds))
        save_checkpoint(self.result(), self.task.name, self.checkpoint_path)
        return True

    @property
    def checkpoint_path(self) -> Path:
        return self.folder / f"{self.task.name}.safetensors"

    @property
    def state_path(self) -> Path:
        return self.folder / STATE_NAME

    def result(self) -> nn.Module:
        """The network with the averaged weights, in evaluation mode."""
        network = self.task.network()
        network.load_state_dict(self.averaged)
        return network.eval()

    def _epoch(self, on_step: Step) -> float:
        rng = np.random.default_rng([self.seed, self.done])
        order = rng.permutation(len(self.data))
        self.network.train()
        total = 0.0
        for i in range(self.steps):
            frames = order[i * self.recipe.batch : (i + 1) * self.recipe.batch]
            step = self.done * self.steps + i
            loss = self._step(step, frames.tolist(), rng)
            total += loss
            on_step(step + 1, self.total_steps, loss)
        return total / self.steps

    def _step(self, step: int, frames: list[int], rng: np.random.Generator) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * one_cycle(step / self.total_steps)
        inputs = [torch.from_numpy(each) for each in self.data.inputs(frames)]
        targets = self.data.targets(frames)
        self.task.augment(inputs, targets, rng)
        inputs = [
            each.to(memory_format=self.memory_format) if each.ndim == 4 else each for each in inputs
        ]
        outputs = self.heads(*inputs)
        loss = self.task.loss(outputs, targets)
        extra = self.task.auxiliary_loss(self.network, targets)
        loss = loss if extra is None else loss + extra
        value = float(loss.detach())
        if not math.isfinite(value):
            hint = "start anew with a lower --learning-rate"
            raise RecogError(f"the loss is {value} at step {step}", where=self.task.name, hint=hint)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        self.optimizer.step()
        self._average(step)
        return value

    def _average(self, step: int) -> None:
        keep = min(self.recipe.average, (1 + step) / (10 + step))
        with torch.no_grad():
            for key, value in self.network.state_dict().items():
                if value.is_floating_point():
                    self.averaged[key].lerp_(value, 1 - keep)

    def save_state(self) -> None:
        """Write all that going on needs, whole or not at all."""
        state = {
            "task": self.task.name,
            "seed": self.seed,
            "recipe": vars(self.recipe),
            "frames": len(self.data),
            "done": self.done,
            "network": self.network.state_dict(),
            "averaged": self.averaged,
            "optimizer": self.optimizer.state_dict(),
        }
        write_state(self.state_path, state)

    def resume(self, folder: Path | None = None) -> None:
        """Go on from a folder's file; RecogError if it is damaged or of another training.

        More epochs than it was started with train on: the learning rate is that of the longer
        training from here on.

        Args:
            folder: by default the trainer's own.
        """
        path = (folder or self.folder) / STATE_NAME
        hint = "start without --resume"
        if not path.is_file():
            raise RecogError("no training to resume", where=str(path), hint=hint)
        state = read_state(path, "saved training", hint=hint)
        own = {"task": self.task.name, "seed": self.seed, "frames": len(self.data)}
        recipe = state.get("recipe")
        found = {**state, **(recipe if isinstance(recipe, dict) else {})}
        for key, value in {**own, **vars(self.recipe)}.items():
            if key == "epochs" and found.get("done", 0) < value:
                continue
            if found.get(key) != value:
                raise RecogError(
                    f"was started with {key.replace('_', ' ')} {found.get(key)}, not {value}",
                    where=str(path),
                    hint="resume with the options of the start, or train into another folder",
                )
        try:
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.averaged = state["averaged"]
            self.result()
            self.done = int(state["done"])
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            reason = str(error).splitlines()[0]
            raise RecogError(f"is of another network: {reason}", where=str(path)) from None


def fastest_format(network: nn.Module) -> torch.memory_format:
    """The order of elements in which a network is trained: channels last, where that is safe."""
    convolutions = (each for each in network.modules() if isinstance(each, nn.Conv2d))
    unsafe = any(has_unsafe_backward(each.weight, each.stride) for each in convolutions)
    return torch.contiguous_format if unsafe else torch.channels_last


def one_cycle(share: float) -> float:
    """The learning rate over its peak after a share of the steps: a linear rise, then half a cosine
    (Smith 2018)."""
    if share < WARM_UP:
        return 0.04 + 0.96 * share / WARM_UP
    return 0.001 + 0.999 * 0.5 * (1 + math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP)))


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """Weight decay on kernels alone, not on biases and batch norms."""
    decayed: list[Tensor] = [p for p in network.parameters() if p.ndim >= 2]
    free: list[Tensor] = [p for p in network.parameters() if p.ndim < 2]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)
