"""Interpreter of nn's peaks, boxes and suppression on torch tensors."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls

from recog.backend.interpreters.nn_tensors import tensors
from recog.dialects import nn
from recog.dialects.errors import RecogError
from recog.dialects.nn.boxes import numbers
from recog.dialects.words import counted

MIN_DISPARITY = 2.0**-10
"""In pixels; smaller disparities count as this one, so that every depth is finite."""


@register_impls
class NnBoxFunctions(InterpreterFunctions):
    """One implementation an op; none has a gradient."""

    @impl(nn.PeaksOp)
    def run_peaks(self, _: Interpreter, op: nn.PeaksOp, args: PythonValues) -> PythonValues:
        heat = tensors(args)[0].detach()
        is_peak = F.max_pool2d(heat, 3, 1, 1) == heat
        if op.sigmoid is None:
            is_peak &= heat > 0
        ranked = torch.where(is_peak, heat, -math.inf).flatten(1)
        best, order = ranked.sort(stable=True, dim=1, descending=True)
        best, order = best[:, : op.k.value.data], order[:, : op.k.value.data]
        found = best > -math.inf
        scores = best if op.sigmoid is None else torch.sigmoid(best)
        return torch.where(found, scores, 0.0), torch.where(found & (scores > 0), order, 0)

    @impl(nn.DecodeBoxes2dOp)
    def run_decode_boxes_2d(
        self, _: Interpreter, op: nn.DecodeBoxes2dOp, args: PythonValues
    ) -> PythonValues:
        indices, offset, size = (each.detach() for each in tensors(args))
        stride = op.stride.value.data
        centre = (_cells(indices, offset) + _at(indices, offset)) * stride
        half = torch.exp(_at(indices, size)) * (stride / 2)
        return (torch.cat([centre - half, centre + half], -1),)

    @impl(nn.DecodeBoxes3dOp)
    def run_decode_boxes_3d(
        self, _: Interpreter, op: nn.DecodeBoxes3dOp, args: PythonValues
    ) -> PythonValues:
        indices, disparity, box = (each.detach() for each in tensors(args))
        focal, cu, cv, baseline = numbers(op.camera)
        found = _at(indices, box)
        z = focal * baseline / _at(indices, disparity).clamp(min=MIN_DISPARITY)
        pixel = (_cells(indices, box) + found[..., :2]) * op.stride.value.data
        ray = (pixel - torch.tensor([cu, cv], dtype=box.dtype)) / focal
        extent = _priors(op, indices, box) * torch.exp(found[..., 2:5])
        alpha = torch.atan2(found[..., 5], found[..., 6])
        yaw = _wrapped(alpha + torch.atan(ray[..., 0]))
        return (torch.cat([ray * z, z, extent, yaw[..., None]], -1),)

    @impl(nn.SuppressOp)
    def run_suppress(self, _: Interpreter, op: nn.SuppressOp, args: PythonValues) -> PythonValues:
        boxes, scores, indices = (each.detach() for each in tensors(args))
        classes = indices // op.cells.value.data
        same = classes[:, :, None] == classes[:, None, :]
        overlapping = same & (_overlap(boxes) > op.iou.value.data)
        alive = scores > 0
        for row in range(scores.shape[1] - 1):
            alive[:, row + 1 :] &= ~(alive[:, row, None] & overlapping[:, row, row + 1 :])
        return (torch.where(alive, scores, 0.0),)


def _cells(indices: Tensor, values: Tensor) -> Tensor:
    """Column and row of flat indices (N, k) on a map (N, C, H, W): (N, k, 2)."""
    height, width = values.shape[2:]
    cell = indices % (height * width)
    return torch.stack([cell % width, cell // width], -1).to(values.dtype)


def _at(indices: Tensor, values: Tensor) -> Tensor:
    """(N, C, H, W) at the cells of flat indices (N, k): (N, k, C)."""
    flat = values.flatten(2)
    cell = (indices % flat.shape[2])[:, None].expand(-1, flat.shape[1], -1)
    return flat.gather(2, cell).transpose(1, 2)


def _priors(op: nn.DecodeBoxes3dOp, indices: Tensor, box: Tensor) -> Tensor:
    priors = torch.tensor(numbers(op.priors), dtype=box.dtype).view(-1, 3)
    classes = indices // (box.shape[2] * box.shape[3])
    if int(classes.max()) >= len(priors) or int(classes.min()) < 0:
        raise RecogError(f"an index is beyond the {counted(len(priors), 'class')} with priors")
    return priors[classes]


def _wrapped(angle: Tensor) -> Tensor:
    """Angles moved by turns into (-π, π]."""
    return math.pi - torch.remainder(math.pi - angle, 2 * math.pi)


def _overlap(boxes: Tensor) -> Tensor:
    """Intersection over union of all pairs, (N, k, 4) → (N, k, k); 0 where the union is empty."""
    low = torch.maximum(boxes[:, :, None, :2], boxes[:, None, :, :2])
    high = torch.minimum(boxes[:, :, None, 2:], boxes[:, None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    area = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)
    union = area[:, :, None] + area[:, None, :] - shared
    return torch.where(union > 0, shared / union, 0.0)
