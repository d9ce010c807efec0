"""Other weights for the layers of a function, one after another, on example frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from recog.backend.interpreters.execute import RunOp, run_op
from recog.dialects import nn
from recog.lowering.common.input_moments import Moments, input_moments, window_of
from recog.lowering.common.side_by_side import Pair, Parameters, exactly, run_side_by_side

if TYPE_CHECKING:
    from torch import Tensor


class LayerByLayer(ABC):
    """Replaces the weights of each layer when its turn comes, and lets its bias make up for what
    shifts the means of its channels."""

    def __init__(self, function: func.FuncOp, progress: Callable[[float], None] | None):
        """
        Args:
            progress: called with the share of the layers that are done.
        """
        import torch

        self._progress = progress
        self._generator = torch.Generator().manual_seed(0)
        self._layers = sum(isinstance(op, nn.LayerOp) for op in function.body.block.ops)
        self._done = 0

    @abstractmethod
    def replaced(self, op: nn.LayerOp, rows: Tensor, moments: Moments) -> Tensor:
        """What a layer is to have in place of its weights (G, O, D), float64."""

    @abstractmethod
    def corrected(self, op: nn.LayerOp, bias: Pair, shift: Tensor) -> Tensor:
        """A layer's bias, given what it is to make up for, (G * O)."""

    def run(
        self,
        module: ModuleOp,
        frames: Sequence[np.ndarray],
        entry: str,
        rounded: Callable[[SSAValue, Any], Any] = exactly,
        run_coded: RunOp = run_op,
    ) -> None:
        """Go through all layers of the function `entry`, as `run_side_by_side` does."""
        import torch

        from recog.backend.interpreters.nn_runner import NnRunner

        with torch.no_grad():
            runner = NnRunner(module, entry)
            run_side_by_side(runner, frames, self._replace_layer, rounded, run_coded)

    def _replace_layer(
        self, op: nn.LayerOp, x: Pair, weight: Pair, bias: Pair | None
    ) -> Parameters:
        import torch

        from recog.backend.interpreters.nn_tensors import as_tensor

        exact = as_tensor(weight.exact)
        groups = window_of(op).groups
        rows = exact.to(torch.float64).reshape(groups, len(exact) // groups, -1)
        inputs = [as_tensor(value) for value in (x.exact, x.coded)]
        moments = input_moments(op, inputs[0], inputs[1], bias is not None, self._generator)
        replaced = self.replaced(op, rows, moments)
        new_bias = None
        if bias is not None:
            new_bias = self.corrected(op, bias, moments.shift(rows, replaced))
        self._done += 1
        if self._progress is not None:
            self._progress(self._done / self._layers)
        values = replaced.reshape(exact.shape).to(torch.float32)
        return Parameters(exact if torch.equal(values, exact) else values, new_bias)
