"""Networks in which the frames of a batch meet: a program takes one frame by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from recog.dialects import nn
from recog.dialects.errors import RecogError, describe_op
from recog.dialects.facts import Kind, is_parameter
from recog.dialects.functions import find_function
from recog.frontend.torch.export import quiet_torch
from recog.frontend.torch.frame_axis import meeting_op, of_all_elements

Run = Callable[[list[Any]], Any]
"""Calls a network with its inputs in a row."""


def refuse_mixed_frames(
    module: ModuleOp,
    run: Run,
    examples: Sequence[Any],
    batched: Sequence[bool],
    *,
    any_batch: bool,
) -> None:
    """Raise RecogError where a frame's outputs depend on the other frames of its batch.

    The network is asked: beside another frame, does one give something else?

    Args:
        module: imported from the network at the batch of the examples.
        examples: inputs that the network takes, and those among them that have frames along axis 0.
        any_batch: the network says that it is for any batch. Else, since asking takes as long as
            the network does, it is asked only where an op computes along the frames, as far as
            they can be followed.
    """
    function = find_function(module, "main")
    op = nn.batch_mixing_op(function)
    if op is not None and not any_batch and not _computes_along_frames(op):
        op = meeting_op(function)
    if op is None and not any_batch:
        return
    if not _depend_on_others(run, examples, batched):
        return
    raise RecogError(
        "mixes the frames of a batch: a frame gives something else beside other frames, and a "
        "program takes each by itself",
        where="the network" if op is None else describe_op(op),
        hint="export it for the batch that it needs, its frames along an axis after the first",
    )


def _computes_along_frames(op: Operation | None) -> bool:
    """Whether an op that mixes the batch does more than move frames, pair those of two values or
    reduce all there is."""
    if not isinstance(op, nn.NnOp) or op.KIND is Kind.MOVES or of_all_elements(op):
        return False
    return sum(not is_parameter(value) for value in op.operands) == 1


def _depend_on_others(run: Run, examples: Sequence[Any], batched: Sequence[bool]) -> bool:
    """Whether frames a, b and c are others in a batch of (a, b), (a, c) and (c, b), or a alone."""
    a, b, c = (
        [_noise(x, seed) if each else x for x, each in zip(examples, batched)] for seed in range(3)
    )
    frames = next(len(x) for x, each in zip(examples, batched) if each)

    def outputs(first: list[Any], second: list[Any]) -> list[Tensor]:
        pairs = zip(first, second, batched)
        inputs = [torch.cat([x, y]) if each else x for x, y, each in pairs]
        return _framed(run(inputs), 2 * frames)

    try:
        with quiet_torch(), torch.no_grad():
            both, other_last, other_first = outputs(a, b), outputs(a, c), outputs(c, b)
            alone = _framed(run(a), frames)
    except (Exception, SystemExit):
        return False  # it runs at the batch of the examples alone
    if len(alone) == len(both) and any(_differ(x[:frames], y) for x, y in zip(both, alone)):
        return True  # the size of the batch itself is a factor, say
    return any(_differ(x[:frames], y[:frames]) for x, y in zip(both, other_last)) or any(
        _differ(x[frames:], y[frames:]) for x, y in zip(both, other_first)
    )


def _framed(outputs: Any, frames: int) -> list[Tensor]:
    """Those of a network's outputs that have so many frames."""
    found = [y for y in tree_leaves(outputs) if isinstance(y, Tensor)]
    return [y for y in found if y.shape[:1] == (frames,)]


def _noise(example: Tensor, seed: int) -> Tensor:
    """Other values of a tensor's type, of which an embedding of two rows has all."""
    generator = torch.Generator().manual_seed(seed)
    if example.is_floating_point():
        return torch.randn(example.shape, generator=generator).to(example.dtype)
    high = 256 if example.dtype == torch.uint8 else 2
    return torch.randint(0, high, example.shape, generator=generator).to(example.dtype)


def _differ(x: Tensor, y: Tensor) -> bool:
    """By more than what sums in another order could make."""
    return not torch.allclose(x.double(), y.double(), rtol=1e-3, atol=1e-6, equal_nan=True)
