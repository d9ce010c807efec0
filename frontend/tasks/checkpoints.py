"""Trained weights as safetensors files: read without running code, refused when damaged."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from recog.backend.files import atomic_write
from recog.dialects.errors import RecogError

if TYPE_CHECKING:
    from recog.frontend.tasks.base import Task

FORMAT = "1"
METADATA_KEY = "recog"
"""One key, `TASK format N`: safetensors writes several in any order, and equal weights are to give
equal bytes."""


def shipped_checkpoint(name: str) -> Path:
    """The file that comes with the package."""
    return Path(str(files("recog.frontend.tasks"))) / "checkpoints" / f"{name}.safetensors"


def save_checkpoint(network: nn.Module, name: str, path: str | os.PathLike[str]) -> None:
    """Write a network's weights and statistics whole or not at all: matrices and kernels rounded to
    float16 (a relative error below 2^-11), vectors float32."""
    from safetensors.torch import save

    tensors = {
        key: (value.half() if value.is_floating_point() and value.ndim >= 2 else value).contiguous()
        for key, value in network.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    content = save(tensors, {METADATA_KEY: f"{name} format {FORMAT}"})
    with atomic_write(path, "wb") as stream:
        stream.write(content)


def load_checkpoint(task: Task, path: str | os.PathLike[str] | None = None) -> nn.Module:
    """A task's trained network in evaluation mode.

    Args:
        path: default: the checkpoint that comes with the package.

    Raises:
        RecogError: no such file, damaged, of another task or of another network.
    """
    where = str(path or shipped_checkpoint(task.name))
    own = not type(task).__module__.startswith("recog.")
    called = task.given_as or "file.py:Class" if own else task.name
    tensors = _read(where, task.name, called)
    network = task.network()
    wanted = {
        key: value
        for key, value in network.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    if wanted.keys() != tensors.keys():
        odd = sorted(wanted.keys() ^ tensors.keys())
        raise RecogError(f"is of another network: {odd[0]} differs", where=where)
    for key, value in wanted.items():
        found = tensors[key]
        if found.shape != value.shape:
            shapes = f"{list(found.shape)}, not {list(value.shape)}"
            raise RecogError(f"is of another network: {key} is {shapes}", where=where)
        if not found.isfinite().all():
            raise RecogError(f"{key} holds NaN or infinite values", where=where)
        value.copy_(found)
    return network.eval()


def _read(where: str, name: str, trained_by: str) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError, safe_open

    if not os.path.isfile(where):
        raise RecogError(
            "no such checkpoint", where=where, hint=f"recog train {trained_by} writes one"
        )
    try:
        with safe_open(where, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError, OSError) as error:
        raise RecogError(f"is no checkpoint: {error}", where=where) from None
    found, _, version = metadata.get(METADATA_KEY, "").partition(" format ")
    if found != name:
        what = f"the task {found}" if found else "no task of recog"
        raise RecogError(f"holds weights of {what}, not of {name}", where=where)
    if version != FORMAT:
        raise RecogError(f"has format {version or 'none'}, not {FORMAT}", where=where)
    return tensors
