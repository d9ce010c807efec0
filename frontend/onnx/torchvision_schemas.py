"""torchvision, whose compiled part does not load beside a CPU torch: its schemas suffice."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_LIBRARIES: list[Any] = []


def load_torchvision() -> Any:
    """Import torchvision; ops that nobody calls here are declared, not computed."""
    import torch

    if not _LIBRARIES and not hasattr(torch.ops.torchvision, "nms"):
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
