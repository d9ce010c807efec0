"""Values of the interpreters as torch tensors."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
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
