"""How much noise the rounding of each value and each weight makes at the outputs.

Rounding adds an error e to a value. To first order it adds J e to the outputs, J being their
Jacobian; errors of different elements are independent, so the noise is the sum of (J_i e_i)².
With outputs weighted by random signs v, E (vᵀ J)_i² is the sum over outputs of J_i² (Hutchinson,
1990), so one backward pass a frame measures all values and weights at once.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.interpreter import Interpreter
from xdsl.ir import Operation, SSAValue

from recog.backend.freed_memory import give_back_freed_memory
from recog.backend.threads import fixed_threads
from recog.dialects.data import constant_array
from recog.dialects.number_format import LnsFormat
from recog.lowering.cluster.differentiable_outputs import returning_heads
from recog.lowering.common.batches import cuts_of_a_step
from recog.lowering.common.decoded_heads import over_its_power
from recog.lowering.common.smaller_frames import smaller_frames
from recog.lowering.precision.coded_values import rounded

if TYPE_CHECKING:
    from torch import Tensor

FRAMES = 8
"""Frames that noise is measured on, each with signs of its own."""


MOST_CHANGE = 1e12
"""Over an output's own size: the squares of larger ones would leave float32's range."""


class Noise(NamedTuple):
    """Noise over signal at the outputs, as powers, of the rounding of values and of weights."""

    values: Mapping[SSAValue, float]
    weights: Mapping[SSAValue, float]


@fixed_threads()
def output_noise(
    module: ModuleOp,
    function: func.FuncOp,
    inputs: Sequence[np.ndarray],
    formats: Mapping[SSAValue, LnsFormat],
    weight_errors: Mapping[SSAValue, np.ndarray],
) -> Noise:
    """Measure the noise of every value and weight, on some of the frames (N, ...), or on parts of
    frames whose values and gradients memory does not hold.

    Args:
        formats: of the values that are codes.
        weight_errors: what rounding changes of each weight.
    """
    import torch

    errors = {w: torch.from_numpy(np.array(e, np.float32)) for w, e in weight_errors.items()}
    count = min(FRAMES, len(inputs[0]))
    with returning_heads(module, function.sym_name.data):
        smaller = smaller_frames(function, FRAMES)
        if smaller is None:
            return _noise(module, function, inputs, formats, errors, count)
        found = _noise(
            smaller.module,
            smaller.function,
            smaller.batch(inputs, FRAMES),
            smaller.of_parts(formats),
            smaller.of_parts(errors),
            FRAMES,
        )
    ours = smaller.own
    return Noise(*({ours[each]: power for each, power in powers.items()} for powers in found))


def _noise(
    module: ModuleOp,
    function: func.FuncOp,
    inputs: Sequence[np.ndarray],
    formats: Mapping[SSAValue, LnsFormat],
    errors: Mapping[SSAValue, Tensor],
    count: int,
) -> Noise:
    """Measure the noise on so many of the frames (N, ...)."""
    from recog.backend.interpreters.nn_runner import NnRunner

    values: dict[SSAValue, float] = defaultdict(float)
    weights: dict[SSAValue, float] = defaultdict(float)
    runner = NnRunner(module, function.sym_name.data)
    parameters = trained(errors)
    cuts = cuts_of_a_step(function, 1)
    parts = len(cuts) + 1  # large values: those of one part at a time are watched
    count = max(1, count // parts)
    for i, part in ((i, part) for i in range(count) for part in range(parts)):
        watched = dict(list(formats.items())[part::parts])
        hooks = _Hooks(function, watched, values)
        frame = [np.asarray(x)[i : i + 1] for x in inputs]
        outputs = runner.walk(*frame, run=hooks.run, constants=parameters, cuts=cuts)
        counts = [over_its_power(output) for output in outputs]
        for weight, gradient in gradients(outputs, counts, parameters, i):
            weights[weight] += _power(gradient * errors[weight]) / parts
        if cuts:
            del outputs, hooks
            gc.collect()  # parts that were computed again refer to each other
            give_back_freed_memory()
    return Noise(
        {value: total / count for value, total in values.items()},
        {weight: total / count for weight, total in weights.items()},
    )


def _power(changes: Tensor) -> float:
    """Of changes at the outputs; what is no number, as a root's derivative at 0, counts nothing."""
    import torch

    known = torch.nan_to_num(changes, 0.0, 0.0, 0.0).clamp_(-MOST_CHANGE, MOST_CHANGE)
    return float(known.square_().sum())


def trained(weights: Iterable[SSAValue]) -> dict[SSAValue, Tensor]:
    """Constant weights as float32 tensors that gradients flow to."""
    import torch

    return {
        weight: torch.from_numpy(np.array(constant_array(weight), np.float32)).requires_grad_()
        for weight in weights
    }


def gradients(
    outputs: Sequence[Any],
    counts: Sequence[Tensor],
    parameters: Mapping[SSAValue, Tensor],
    seed: int,
) -> Iterator[tuple[SSAValue, Tensor]]:
    """The gradient of a frame's outputs, as their errors count and with random signs, by each
    weight that some output depends on. It is gone once the next is asked for."""
    import torch

    pairs = zip(outputs, counts, strict=True)
    terms = [_projected(y, count, seed) for y, count in pairs if _has_gradient(y)]
    if not terms:
        return
    torch.stack(terms).sum().backward()
    for weight, parameter in parameters.items():
        if parameter.grad is not None:
            yield weight, parameter.grad
            parameter.grad = None


def _has_gradient(value: Any) -> bool:
    """Whether a value is a tensor that gradients flow to."""
    return getattr(value, "requires_grad", False)


def _projected(output: Tensor, count: Tensor, seed: int) -> Tensor:
    """An output as its errors count, with random signs, summed."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    signs = torch.randint(0, 2, output.shape, generator=generator) * 2.0 - 1.0
    return (output * count * signs).sum()


class _Hooks:
    """Adds up (gradient · rounding error)² of each value as its gradient comes by."""

    def __init__(
        self,
        function: func.FuncOp,
        formats: Mapping[SSAValue, LnsFormat],
        noise: dict[SSAValue, float],
    ):
        self._arguments = frozenset(function.args)
        self._formats, self._noise = formats, noise

    def run(
        self, interpreter: Interpreter, op: Operation, operands: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        import torch

        from recog.backend.interpreters.execute import run_op

        given = list(operands)
        for i, value in enumerate(op.operands):
            if value in self._arguments and value in self._formats and torch.is_grad_enabled():
                given[i] = given[i].detach().clone().requires_grad_()
                self._watch(value, given[i])
        results = run_op(interpreter, op, tuple(given))
        for value, result in zip(op.results, results):
            if value in self._formats:
                self._watch(value, result)
        return results

    def _watch(self, value: SSAValue, tensor: Tensor) -> None:
        if not _has_gradient(tensor):
            return
        kept = tensor.detach()

        def add(gradient: Tensor) -> None:
            error = rounded(kept, self._formats[value]) - kept
            self._noise[value] += _power(gradient * error)

        tensor.register_hook(add)
