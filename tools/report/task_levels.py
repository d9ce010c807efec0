"""A perception task's network at every level, from float to machine, each made on first use."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from recog.backend.arithmetic.engine import DEFAULT_ENGINE, EngineChoice
from recog.backend.folders import kept_if_used
from recog.backend.interpreters.lns import run_lns
from recog.backend.locks import locked
from recog.backend.machine import Machine
from recog.dialects.errors import RecogError
from recog.dialects.words import counted
from recog.frontend.tasks.base import Task, TaskData
from recog.lowering.partition.placement import host_reasons
from recog.lowering.pipeline import (
    Conversion,
    ConversionOptions,
    Stage,
    convert,
    fold_network,
    module_outputs,
    weight_bytes,
)
from recog.lowering.pipeline.stages import TASK_LEVELS
from recog.tools.console import progress, say_done, stage
from recog.tools.kept_tuning import KeptTuningFile
from recog.tools.report.compare_bits import compare_bits
from recog.tools.report.task_tuning import (
    TUNED,
    cluster_task,
    load_tuned,
    save_tuned,
    shipped_tuned,
    tune_options,
    tune_task,
    tuned_key,
    tuned_name,
)

Run = Callable[..., Sequence[np.ndarray]]
BUSY = "another process tunes this network; waiting for it"


class TaskLevels:
    """One task's network and what the compiler makes of it.

    Args:
        network: the float network, in evaluation mode.
        frames: gives the frames of a split: `frames("train")`.
        folder: where a network that is tuned here is saved, to be used again.
        shipped: whether the tuned network that comes with the package may be used.
    """

    def __init__(
        self,
        task: Task,
        network: Any,
        frames: Callable[[str], TaskData],
        folder: Path,
        options: ConversionOptions | None = None,
        engine: EngineChoice = DEFAULT_ENGINE,
        shipped: bool = True,
    ):
        self.task, self.network, self.frames, self.folder = task, network, frames, folder
        self.options = options or tune_options(task)
        self.engine, self._shipped = engine, shipped

    @cached_property
    def float_module(self) -> ModuleOp:
        from recog.frontend.torch.importer import import_torch

        with stage(f"import {self.task.title}"):
            return import_torch(self.network, self.task.example_inputs())

    @cached_property
    def folded(self) -> ModuleOp:
        module = self.float_module.clone()
        fold_network(module)
        return module

    @cached_property
    def for_the_chip(self) -> ModuleOp:
        """The folded network. Raises RecogError where the host would run a part of it."""
        reasons = host_reasons(self.folded, self.options.entry)
        if reasons:
            op, reason = next(iter(reasons.items()))
            raise RecogError(
                f"the chip does not run {self.task.title} whole: {reason.text}",
                op=op,
                hint="a task's network is what the chip runs: leave the rest to its metric",
            )
        return self.folded

    @cached_property
    def clustered(self) -> ModuleOp:
        """With the layouts of the tuned network, where there is one already."""

        def calibration() -> Sequence[np.ndarray]:
            return self.frames("calibration").inputs()

        float_bytes = weight_bytes(self.float_module)
        with stage("cluster weights"):
            return cluster_task(
                *(self.for_the_chip, self.options, calibration, float_bytes), self.tuned_before
            )

    @cached_property
    def tuned(self) -> ModuleOp:
        """The tuned network: that of the package or the folder if it belongs to this float network
        and these settings, else tuned now."""
        if self.tuned_before is not None:
            return self.tuned_before
        say_busy = partial(print, f"{self.tuned_path}: {BUSY}", file=sys.stderr)
        with kept_if_used(self.folder), locked(self.lock_path, say_busy):
            return load_tuned(self.tuned_path, self.key) or self._tune(self.key)

    @cached_property
    def tuned_before(self) -> ModuleOp | None:
        """The tuned network where there is one already."""
        shipped = shipped_tuned(self.task.name, self.options) if self._shipped else None
        found = None if shipped is None else load_tuned(shipped, self.key)
        if found is not None:
            return found
        start = time.perf_counter()
        found = load_tuned(self.tuned_path, self.key)
        if found is not None:
            say_done(f"tuned before, equally: {self.tuned_path}", time.perf_counter() - start)
        return found

    @cached_property
    def key(self) -> str:
        """That a tuned network's file has to have."""
        return tuned_key(self.options, self.folded, self.task)

    def _tune(self, key: str) -> ModuleOp:
        clustered, data = self.clustered, self.frames("train")
        calibration = self.frames("calibration").inputs()
        with (
            stage(f"tune centroids on {counted(len(data), 'frame')}"),
            progress("tune", 1000) as advance,
        ):
            done = 0.0

            def report(share: float, loss: float) -> None:
                nonlocal done
                advance(round(1000 * share) - round(1000 * done), f"loss {loss:.3f}")
                done = share

            module = tune_task(
                self.task,
                self.network,
                self.folded,
                clustered,
                data,
                self.options,
                calibration=calibration,
                progress=report,
                kept=KeptTuningFile(self.state_path, f"{key} of {len(data)} frames"),
            )
        save_tuned(module, key, self.tuned_path)
        self.state_path.unlink(missing_ok=True)
        return module

    @property
    def tuned_path(self) -> Path:
        return self.folder / tuned_name(self.task.name, self.options)

    @property
    def state_path(self) -> Path:
        """Of a tuning that is not finished: the same command goes on from it."""
        return self.tuned_path.with_name(self.tuned_path.name.replace(TUNED, ".tuning.state"))

    @property
    def lock_path(self) -> Path:
        """Held while the network is tuned: who comes second uses what the first one makes."""
        return self.folder / f".{self.tuned_path.name}.lock"

    @cached_property
    def dense(self) -> Conversion:
        """The conversion with one 8-bit code a weight."""
        return self._converted(self.for_the_chip, "dense weights")

    @cached_property
    def conversion(self) -> Conversion:
        """The conversion of the tuned network, to its program."""
        options, float_bytes = self.options, weight_bytes(self.float_module)
        budget = options.budget_bytes(float_bytes) if options.cluster else None
        return self._converted(self.tuned, "tuned clusters", budget)

    @cached_property
    def machine(self) -> Machine:
        return Machine(self.conversion.assemble(), self.engine)

    def _converted(
        self, module: ModuleOp, what: str, weight_budget: int | None = None
    ) -> Conversion:
        inputs, options = self.frames("calibration").inputs(), self.options.dense()
        with stage(f"convert with {what}"):
            conversion = convert(module, inputs, options=options, weight_budget=weight_budget)
        if conversion.host_part is not None:
            raise RecogError(f"{self.task.title}: not all of the network runs on the chip")
        return conversion

    def run(self, level: Stage) -> Run:
        """The network at a level: arrays (N, ...) in, the decoded outputs as arrays."""
        match level:
            case Stage.FLOAT:
                return lambda *x: module_outputs(self.float_module, x)
            case Stage.FOLDED | Stage.CLUSTERED | Stage.TUNED:
                module: ModuleOp = getattr(self, level)
                return lambda *x: module_outputs(module, x)
            case Stage.LNS:
                module = self.dense.lns_module
                return lambda *x: run_lns(module, *x, engine=self.engine)
            case Stage.MACHINE:
                machine = self.machine  # made here: tuning wants gradients, predictions have none
                return lambda *x: _as_tuple(machine.run(*x))
            case _:
                raise RecogError(
                    f"a task has no level {level}", hint=f"one of {', '.join(TASK_LEVELS)}"
                )

    def weight_bytes(self, level: Stage) -> int:
        """Bytes of the weights; at the machine level, of all that the program stores for them."""
        match level:
            case Stage.FLOAT:
                return weight_bytes(self.float_module)
            case Stage.LNS:
                return weight_bytes(self.dense.lns_module)
            case Stage.MACHINE:
                return self.machine.weight_bytes
            case _:
                return weight_bytes(getattr(self, level))

    def predict(self, level: Stage, data: TaskData) -> list[np.ndarray]:
        """Decoded outputs of all frames, each stacked."""
        import torch

        run = self.run(level)
        with progress(f"{level}", len(data)) as advance:

            def network(*inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
                outputs = run(*(x.numpy() for x in inputs))
                advance(len(inputs[0]))
                return tuple(torch.from_numpy(np.ascontiguousarray(y)) for y in outputs)

            return self.task.predict(network, data, batch=8)

    def frames_bit_exact(self, data: TaskData, count: int) -> int:
        """Compare machine and lns level in every bit of every layer that is computed; returns the
        number of frames, and prints which layers are not computed whole.

        Raises:
            RecogError: naming the first layer that differs.
        """
        inputs = data.inputs(slice(0, count))
        with stage(f"compare all bits of {counted(len(inputs[0]), 'frame')}"):
            found = compare_bits(
                self.conversion.lns_module, self.conversion.chip_module, self.machine, inputs
            )
        for each in found.left_out:
            print(f"note: {each}")
        return len(inputs[0])


def _as_tuple(outputs: np.ndarray | tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)
