"""Values of the interpreters as torch tensors."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor


def as_tensor(value: Any) -> Tensor:
    """A value of the interpreter (NumPy array or tensor) as a tensor, without a copy."""
    if isinstance(value, Tensor):
        return value
    with warnings.catch_warnings():
        # Constants are read-only arrays, and no op here writes to its operands.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(value)


def tensors(args: Iterable[Any]) -> tuple[Tensor, ...]:
    """All of them as `as_tensor`."""
    return tuple(as_tensor(arg) for arg in args)


def has_unsafe_backward(weight: Tensor, strides: Sequence[int]) -> bool:
    """Whether torch 2.13 may write beyond its memory in the backward pass of a convolution: oneDNN
    does so for 1x1 kernels (O, I, 1, 1) that take every other pixel of fewer than 16 channels, in
    the order channels last."""
    _, channels, *kernel = weight.shape
    return kernel == [1, 1] and max(strides) > 1 and channels < 16
