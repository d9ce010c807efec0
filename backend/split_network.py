"""A network in two parts run as one: the chip's program on the machine, then the host's ops."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from xdsl.dialects.builtin import ModuleOp

Run = Callable[..., "np.ndarray | tuple[np.ndarray, ...]"]


class SplitNetwork:
    """Runs the chip's part and gives what it returns to the host's part.

    Args:
        chip: `Machine.run`, or whatever computes the chip's part on float32 inputs (N, ...).
        host: the nn module of the host's part; None where the chip does all.
        inputs: which of the network's inputs the host's part takes after the chip's outputs.
        entry: the host's function.
    """

    def __init__(
        self, chip: Run, host: ModuleOp | None, inputs: Sequence[int] = (), entry: str = "host"
    ):
        self._chip, self._inputs, self._host = chip, tuple(inputs), None
        if host is not None:
            from recog.backend.interpreters.nn import NnRunner

            self._host = NnRunner(host, entry)

    def __call__(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """The network's outputs for N frames; raises RecogError as the parts do."""
        result = self._chip(*inputs)
        values = result if isinstance(result, tuple) else (result,)
        if self._host is None:
            return values
        import torch

        with torch.no_grad():
            outputs = self._host(*values, *(inputs[index] for index in self._inputs))
        return tuple(output.numpy() for output in outputs)
