"""What errors count in the heads that a decoder takes boxes from, beside each other.

An output that nothing decodes counts as the share of its power that is wrong. Heads are compared by
what becomes of them:

- An error in a heat counts what it does to its score (the variance of a Bernoulli variable is the
  Fisher information of its logit).
- One in what a box is decoded from counts by how far it moves or stretches the box, over the box's
  size, as much as the cell's score. A third of the size counts 1: a box moved by that much along an
  axis covers itself by half (intersection over union).

So nearly all cells of a detector's heads, which show no object, count nothing, and of a stereo
detector's disparity a tenth of a pixel may count more than all of a box's height. Both are per
object, of which frames have as many as their scores' sum, or one. Boxes whose cells are not those
that peaks picked, and maps of another size than the heat, count by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.dialects.nn.boxes import numbers

if TYPE_CHECKING:
    from torch import Tensor

HALF_COVERED = 3.0
"""What an error counts that is as large as the box: (1 - 1/3) / (1 + 1/3) is a half."""
KNOWN_DISPARITY = 1.0
"""Pixels: as near as this disparities are known at all, whatever box they would move."""
LARGEST_LOG = 3.0
"""Of a box's size, over the prior's or a cell: heads where no object is may say anything."""
SMALLEST = 1e-15
"""Of what errors are measured against."""


class DecodedHeads:
    """The heads of a function that returns them (see `returning_heads`)."""

    def __init__(self, function: FuncOp):
        end = function.body.block.last_op
        self._values = list(end.operands) if isinstance(end, ReturnOp) else []
        self._decoders = [self._decoder_of(value) for value in self._values]

    def counts(self, outputs: Sequence[Tensor]) -> list[Tensor]:
        """The root of what a squared error in each element of the heads counts, of shapes that
        these broadcast to. Their errors count together what their squares add up to."""
        return [self._count(i, outputs).detach() for i in range(len(outputs))]

    def _decoder_of(self, head: SSAValue) -> tuple[nn.BoxOp, nn.PeaksOp] | None:
        """What takes a map of cells first, peaks or boxes at them, and the peaks; None where these
        are of no head with the same cells."""
        if len(nn.shape_of(head)) != 4:
            return None
        taken = (use.operation for use in head.uses)
        decoder = next((op for op in taken if isinstance(op, nn.BoxOp)), None)
        peaks = None if decoder is None else _peaks_of(decoder)
        if decoder is None or peaks is None or peaks.heat not in self._values:
            return None
        same_cells = nn.shape_of(peaks.heat)[2:] == nn.shape_of(head)[2:]
        return (decoder, peaks) if same_cells else None

    def _count(self, number: int, outputs: Sequence[Tensor]) -> Tensor:
        """Of one head (N, C, H, W), or an output that nothing decodes."""
        found = self._decoders[number]
        if found is None:
            return over_its_power(outputs[number])
        decoder, peaks = found
        heat = self._of(peaks.heat, outputs)
        scores = heat.sigmoid() if peaks.sigmoid is not None else heat.clamp(0, 1)
        seen = scores.amax(1, keepdim=True)
        objects = seen.sum().clamp_min(1).sqrt()
        if decoder is not peaks:
            moved = self._moved(number, decoder, heat, outputs)
            return HALF_COVERED * seen.sqrt() * moved / objects
        if peaks.sigmoid is not None:
            return (scores * (1 - scores)).sqrt() / objects
        return 2 / objects  # of a score itself the least that it can be

    def _moved(
        self, number: int, decoder: nn.BoxOp, heat: Tensor, outputs: Sequence[Tensor]
    ) -> Tensor:
        """How far an error in each element moves or stretches a box, over the box's size."""
        import torch

        value = self._values[number]
        match decoder:
            case nn.DecodeBoxes2dOp(offset=offset, size=size) if value == offset:
                if size not in self._values:
                    return torch.ones(())
                return (-self._of(size, outputs).clamp(-LARGEST_LOG, LARGEST_LOG)).exp()
            case nn.DecodeBoxes3dOp(disparity=disparity, box=box):
                if disparity in self._values and box in self._values:
                    maps = self._of(disparity, outputs), self._of(box, outputs)
                    of_disparity, of_box = _moved_in_space(decoder, heat, *maps)
                    return of_disparity if value == disparity else of_box
            case _:
                pass
        return torch.ones(())

    def _of(self, value: SSAValue, outputs: Sequence[Tensor]) -> Tensor:
        return outputs[self._values.index(value)].detach()


def over_its_power(output: Tensor) -> Tensor:
    """The root of what a squared error in each element of an output counts by itself."""
    import torch

    values = torch.as_tensor(output).detach().float()
    norm = values.norm()
    norm = norm if bool(norm.isfinite()) else values.double().norm()
    return 1 / norm.clamp_min(SMALLEST)


def _moved_in_space(
    decoder: nn.DecodeBoxes3dOp, heat: Tensor, disparity: Tensor, box: Tensor
) -> tuple[Tensor, Tensor]:
    """The same for a disparity (N, 1, H, W) and what boxes are decoded from, (N, 7, H, W)."""
    import torch

    focal, _, _, baseline = numbers(decoder.camera)
    priors = torch.tensor(numbers(decoder.priors), dtype=box.dtype).reshape(-1, 3)
    classes = heat.argmax(1, keepdim=True).clamp_max(len(priors) - 1)
    logs = box[:, 2:5].clamp(-LARGEST_LOG, LARGEST_LOG) + priors.log()[classes[:, 0]].movedim(3, 1)
    size = logs.mean(1, keepdim=True).exp()  # of a cube of the same volume, metres
    disparity = disparity.clamp_min(KNOWN_DISPARITY)
    z = focal * baseline / disparity
    # Over the pixels of disparity that the box is long, and those that are not known.
    of_disparity = 1 / (size * disparity / z + KNOWN_DISPARITY)
    offset = (decoder.stride.value.data * z / focal / size).expand(-1, 2, -1, -1)
    turned = 0.5 / box[:, 5:].norm(dim=1, keepdim=True).clamp_min(0.1).expand(-1, 2, -1, -1)
    return of_disparity, torch.cat([offset, torch.ones_like(logs), turned], 1)


def _peaks_of(decoder: nn.BoxOp) -> nn.PeaksOp | None:
    """What picks the cells that a decoder takes."""
    if isinstance(decoder, nn.PeaksOp):
        return decoder
    return next((v.owner for v in decoder.operands if isinstance(v.owner, nn.PeaksOp)), None)
