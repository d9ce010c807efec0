"""torchvision, whose compiled part does not load beside a torch of another build: its schemas
suffice."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder
from importlib.util import find_spec
from typing import Any

_LIBRARIES: list[Any] = []


def load_torchvision() -> Any:
    """Import torchvision; where its own ops do not load, those that nobody calls here are declared,
    not computed."""
    import torch

    if not _LIBRARIES and not _has_own_ops():
        library = torch.library.Library("torchvision", "DEF")
        boxes = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        library.define(f"nms{boxes}")
        library.define(f"qnms{boxes}")
        library.define(
            "roi_align(Tensor input, Tensor rois, float spatial_scale, int pooled_height, "
            "int pooled_width, int sampling_ratio, bool aligned) -> Tensor"
        )
        _LIBRARIES.append(library)
    return import_module("torchvision")


def _has_own_ops() -> bool:
    """Whether torchvision's compiled part is loaded, now at the latest: it ends the process where
    another library has declared its ops before."""
    import torch

    if hasattr(torch.ops.torchvision, "nms"):
        return True
    package = find_spec("torchvision")
    for folder in () if package is None else package.submodule_search_locations or ():
        found = FileFinder(folder, (ExtensionFileLoader, EXTENSION_SUFFIXES)).find_spec("_C")
        if found is not None and found.origin is not None:
            with suppress(OSError):
                torch.ops.load_library(found.origin)
    return hasattr(torch.ops.torchvision, "nms")
