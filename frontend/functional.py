"""What the heads of perception networks compute beside layers: matching, peaks, boxes.

`correlation` and `soft_argmin` are plain torch code through which gradients flow. `peaks`,
`decode_boxes_2d`, `decode_boxes_3d` and `suppress` are custom ops in the namespace `recog`, so
that `torch.export` keeps each as one node, which the importer turns into one op; none has a
gradient. Maps are NCHW, float32. A flat index counts classes x H x W: its cell is index mod
(H * W), its class index div (H * W).
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

MIN_DISPARITY = 2.0**-10
"""In pixels; smaller disparities count as this one, so that every depth is finite."""


def correlation(left: Tensor, right: Tensor, disparities: int) -> Tensor:
    """Matching scores of two feature maps (Mayer et al. 2016, section 4).

    Args:
        left, right: (N, C, H, W) each.
        disparities: D, the number of shifts by 0, 1, ... D - 1 cells.

    Returns:
        (N, D, H, W): plane d is the mean over channels of left times right moved d cells to the
        right, with zeros entering.
    """
    width = left.shape[3]
    planes = []
    for d in range(disparities):
        moved = F.pad(right, (d, 0))[:, :, :, :width]
        planes.append((left * moved).mean(1))
    return torch.stack(planes, 1)


def soft_argmin(logits: Tensor, bins: Tensor, residual: Tensor | None = None) -> Tensor:
    """The expected bin under softmax, plus a residual (Kendall et al. 2017, section 3.4).

    Args:
        logits: (N, D, H, W), the larger the likelier.
        bins: (D,), the value of each bin.
        residual: (N, 1, H, W) to add.

    Returns:
        (N, 1, H, W)
    """
    probability = F.softmax(logits, dim=1)
    expected = torch.sum(probability * bins.view(1, -1, 1, 1), dim=1, keepdim=True)
    return expected if residual is None else expected + residual


def peaks(heat: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k highest local maxima, highest first (Zhou et al. 2019, "Objects as Points", section 4).

    A local maximum is at least as large as its eight neighbours of the same class; cells beyond
    the border do not count. Of equal scores the lowest flat index comes first.

    Args:
        heat: (N, classes, H, W), scores in (0, 1].
        k: at most classes * H * W.

    Returns:
        scores (N, k) and flat indices int64 (N, k); 0 and 0 where there are fewer maxima.
    """
    scores, indices = torch.ops.recog.peaks(heat, k)
    return scores, indices


def decode_boxes_2d(indices: Tensor, offset: Tensor, size: Tensor, stride: float) -> Tensor:
    """Boxes x1, y1, x2, y2 in pixels at flat indices.

    With (v, u) the cell of an index: centre = (u + offset_x, v + offset_y) * stride, width and
    height = exp(size_x), exp(size_y) times stride.

    Args:
        indices: int64 (N, k).
        offset, size: (N, 2, H, W) each, x before y.
        stride: pixels a cell.

    Returns:
        (N, k, 4)
    """
    return torch.ops.recog.decode_boxes_2d(indices, offset, size, float(stride))


def decode_boxes_3d(
    indices: Tensor,
    disparity: Tensor,
    box: Tensor,
    stride: float,
    camera: Sequence[float],
    priors: Sequence[float],
) -> Tensor:
    """Boxes in camera coordinates (metres; x right, y down, z forward) at flat indices.

    z = focal * baseline / max(disparity, MIN_DISPARITY); x = ((u + offset_x) * stride - cu) * z /
    focal, y likewise; yaw = alpha + atan2(x, z), in (-pi, pi].

    Args:
        indices: int64 (N, k).
        disparity: (N, 1, H, W) in pixels of the image.
        box: (N, 7, H, W): offsets x, y of the projected centre in cells; logarithms of h, w, l
            over the class's prior; sine and cosine of the observation angle alpha, of any length.
        stride: pixels a cell.
        camera: focal length, cu, cv in pixels, baseline in metres.
        priors: h, w, l in metres of each class, one class after the other.

    Returns:
        (N, k, 7): x, y, z of the box's centre, h, w, l, yaw.
    """
    return torch.ops.recog.decode_boxes_3d(
        indices, disparity, box, float(stride), list(camera), list(priors)
    )


def suppress(boxes: Tensor, scores: Tensor, indices: Tensor, cells: int, iou: float) -> Tensor:
    """Greedy non-maximum suppression within each class, in the order of the rows.

    A row whose intersection over union with a kept earlier row of its class exceeds `iou` gets
    score 0. Rows of score 0 neither survive nor suppress.

    Args:
        boxes: (N, k, 4), x1, y1, x2, y2.
        scores: (N, k), ranked.
        indices: flat, int64 (N, k).
        cells: H * W of the map that the indices are of.

    Returns:
        scores (N, k)
    """
    return torch.ops.recog.suppress(boxes, scores, indices, cells, float(iou))


@torch.library.custom_op("recog::peaks", mutates_args=())
def _peaks(heat: Tensor, k: int) -> tuple[Tensor, Tensor]:
    count = math.prod(heat.shape[1:])
    if not 1 <= k <= count:
        raise ValueError(f"k must be from 1 to {count}, the elements of a map, got {k}")
    is_maximum = F.max_pool2d(heat, 3, 1, 1) == heat
    ranked, order = (heat * is_maximum).flatten(1).sort(stable=True, dim=1, descending=True)
    scores = ranked[:, :k].clone()
    return scores, torch.where(scores > 0, order[:, :k], 0)


@_peaks.register_fake
def _peaks_shape(heat: Tensor, k: int) -> tuple[Tensor, Tensor]:
    shape = (heat.shape[0], k)
    return heat.new_empty(shape), heat.new_empty(shape, dtype=torch.int64)


@torch.library.custom_op("recog::decode_boxes_2d", mutates_args=())
def _decode_boxes_2d(indices: Tensor, offset: Tensor, size: Tensor, stride: float) -> Tensor:
    u, v = _cells(indices, offset.shape)
    moved, log_extent = _at(offset, indices), _at(size, indices)
    centre = (torch.stack([u, v], -1) + moved) * stride
    half = torch.exp(log_extent) * (stride / 2)
    return torch.cat([centre - half, centre + half], -1)


@_decode_boxes_2d.register_fake
def _decode_boxes_2d_shape(indices: Tensor, offset: Tensor, size: Tensor, stride: float) -> Tensor:
    return offset.new_empty((*indices.shape, 4))


@torch.library.custom_op("recog::decode_boxes_3d", mutates_args=())
def _decode_boxes_3d(
    indices: Tensor,
    disparity: Tensor,
    box: Tensor,
    stride: float,
    camera: list[float],
    priors: list[float],
) -> Tensor:
    focal, cu, cv, baseline = camera
    u, v = _cells(indices, box.shape)
    found = _at(box, indices)
    d = _at(disparity, indices)[..., 0].clamp(min=MIN_DISPARITY)
    z = focal * baseline / d
    x = ((u + found[..., 0]) * stride - cu) * z / focal
    y = ((v + found[..., 1]) * stride - cv) * z / focal
    classes = indices // (box.shape[2] * box.shape[3])
    prior = torch.tensor(priors, dtype=box.dtype, device=box.device).view(-1, 3)[classes]
    extent = prior * torch.exp(found[..., 2:5])
    yaw = wrap_angle(torch.atan2(found[..., 5], found[..., 6]) + torch.atan2(x, z))
    return torch.cat([torch.stack([x, y, z], -1), extent, yaw[..., None]], -1)


@_decode_boxes_3d.register_fake
def _decode_boxes_3d_shape(
    indices: Tensor,
    disparity: Tensor,
    box: Tensor,
    stride: float,
    camera: list[float],
    priors: list[float],
) -> Tensor:
    return box.new_empty((*indices.shape, 7))


@torch.library.custom_op("recog::suppress", mutates_args=())
def _suppress(boxes: Tensor, scores: Tensor, indices: Tensor, cells: int, iou: float) -> Tensor:
    same_class = (indices // cells)[:, :, None] == (indices // cells)[:, None, :]
    overlapping = same_class & (_pairwise_iou(boxes) > iou)
    alive = scores > 0
    for row in range(scores.shape[1] - 1):
        later = overlapping[:, row, row + 1 :]
        alive[:, row + 1 :] &= ~(alive[:, row, None] & later)
    return torch.where(alive, scores, 0.0)


@_suppress.register_fake
def _suppress_shape(
    boxes: Tensor, scores: Tensor, indices: Tensor, cells: int, iou: float
) -> Tensor:
    return torch.empty_like(scores)


def wrap_angle(angle: Tensor) -> Tensor:
    """Angles in radians moved by turns into (-pi, pi]."""
    return math.pi - torch.remainder(math.pi - angle, 2 * math.pi)


def _cells(indices: Tensor, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Column u and row v of flat indices, as floats."""
    height, width = shape[2], shape[3]
    cell = indices % (height * width)
    return (cell % width).float(), (cell // width).float()


def _at(values: Tensor, indices: Tensor) -> Tensor:
    """(N, C, H, W) at the cells of flat indices (N, k) → (N, k, C)."""
    cell = indices % (values.shape[2] * values.shape[3])
    picked = values.flatten(2).gather(2, cell[:, None].expand(-1, values.shape[1], -1))
    return picked.transpose(1, 2)


def _pairwise_iou(boxes: Tensor) -> Tensor:
    """(N, k, 4) → (N, k, k)."""
    low = torch.maximum(boxes[:, :, None, :2], boxes[:, None, :, :2])
    high = torch.minimum(boxes[:, :, None, 2:], boxes[:, None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    area = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)
    union = area[:, :, None] + area[:, None, :] - shared
    return torch.where(union > 0, shared / union, 0.0)
