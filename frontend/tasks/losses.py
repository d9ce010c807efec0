"""Losses of the detectors' heads."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from recog.frontend.tasks.base import Targets


def heat_loss(logits: Tensor, targets: Targets) -> Tensor:
    """Penalty-reduced focal loss on centres (Zhou et al. 2019, equation 1), over the wanted
    objects' number. Cells that `counted` excludes cost nothing."""
    heat = targets["heat"]
    positive = heat == 1
    log_yes, log_no = F.logsigmoid(logits), F.logsigmoid(-logits)
    score = logits.sigmoid()
    found = -((1 - score) ** 2 * log_yes)[positive].sum()
    wrong = -((1 - heat) ** 4 * score**2 * log_no * targets["counted"])[~positive].sum()
    return (found + wrong) / positive.sum().clamp(min=1)


def soft_heat_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Kullback-Leibler divergence from another network's heat, over the objects that it sees."""
    soft = wanted.sigmoid()
    entropy = F.binary_cross_entropy_with_logits(logits, soft, reduction="sum")
    least = F.binary_cross_entropy_with_logits(wanted, soft, reduction="sum")
    return (entropy - least) / soft.sum().clamp(min=1)


def soft_class_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Mean Kullback-Leibler divergence from another network's classes, along axis 1."""
    logs, soft = F.log_softmax(logits, 1), F.log_softmax(wanted, 1)
    return (soft.exp() * (soft - logs)).sum(1).mean()


def where_seen(errors: Tensor, heat: Tensor) -> Tensor:
    """The mean of errors (N, C, H, W) over channels, weighted by how sure another network's heat
    logits (N, classes, H, W) are that there is an object."""
    seen = heat.sigmoid().amax(1, keepdim=True)
    return (errors * seen).sum() / errors.shape[1] / seen.sum().clamp(min=1)


def at_objects(maps: Tensor, targets: Targets) -> Tensor:
    """(N, C, H, W) at the wanted objects' cells → (M, C)."""
    return maps.flatten(2)[targets["frame"], :, targets["cell"]]


def box_2d_loss(offset: Tensor, size: Tensor, targets: Targets) -> Tensor:
    """Absolute errors of centres in cells and of logarithmic extents, and 1 - GIoU."""
    found = torch.cat([at_objects(offset, targets), at_objects(size, targets)], 1)
    truth = targets["box_2d"]
    if not len(truth):
        return found.sum()
    errors = F.smooth_l1_loss(found, truth, beta=0.1)
    return errors + 0.5 * (1 - _generalised_iou(found, truth)).mean()


def _generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Of centres and logarithmic extents (M, 4) (Rezatofighi et al. 2019)."""
    a_half, b_half = a[:, 2:].clamp(max=6).exp() / 2, b[:, 2:].exp() / 2
    a1, a2, b1, b2 = a[:, :2] - a_half, a[:, :2] + a_half, b[:, :2] - b_half, b[:, :2] + b_half
    shared = (torch.minimum(a2, b2) - torch.maximum(a1, b1)).clamp(min=0).prod(1)
    union = (a2 - a1).prod(1) + (b2 - b1).prod(1) - shared
    hull = (torch.maximum(a2, b2) - torch.minimum(a1, b1)).prod(1)
    return shared / union - (hull - union) / hull


def disparity_loss(logits: Tensor, bins: Tensor, found: Tensor, truth: Tensor) -> Tensor:
    """Of M objects: cross-entropy against the two nearest bins, and the error of the expected
    disparity, dearer where a pixel is more depth.

    Args:
        logits: (M, D); bins: (D,), rising evenly, pixels; found, truth: (M,), pixels.
    """
    if not len(truth):
        return logits.sum() + found.sum()
    entropy = -(two_hot(truth, bins) * F.log_softmax(logits, 1)).sum(1).mean()
    weight = (12 / truth).clamp(0.5, 3)
    errors = weight * F.smooth_l1_loss(found, truth, beta=0.1, reduction="none")
    return 0.3 * entropy + errors.mean()


def two_hot(values: Tensor, bins: Tensor) -> Tensor:
    """Values (M,) as weights (M, D) of the two nearest of evenly rising bins."""
    step = bins[1] - bins[0]
    at = ((values - bins[0]) / step).clamp(0, len(bins) - 1)
    return (1 - (at[:, None] - torch.arange(len(bins))).abs()).clamp(min=0)
