"""Random networks that end in decoders of boxes: maps that several read, that are channels of one
map, inputs or outputs, from one element up."""

from __future__ import annotations

import numpy as np
from image_networks import ImageNetwork
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from recog.dialects import lns
from recog.dialects.box_geometry import CameraGeometry, ImageGeometry

IMAGE = ImageGeometry(1 << 18, 1 << 16)
MOST_PEAKS = 60
SIZES = (1, 2, 3, 5, 8, 13, 19, 29)


class _Detector:
    def __init__(self, seed: int):
        self.rng = np.random.default_rng([seed, 7])
        height, width = (int(each) for each in self.rng.choice(SIZES, 2))
        shapes = [(3, height, width)]
        if self.rng.random() < 0.3:
            shapes.append((2, height, width))
        self.net, self.classes = ImageNetwork(*shapes, seed=seed), self.number(1, 4)
        self.cells = height * width
        self.features = self.net.relu(self.net.conv(self.net.inputs[0], self.number(1, 8)))
        self.maps: dict[int, list[SSAValue]] = {1: [], 2: [*self.net.inputs[1:]], 7: []}

    def number(self, start: int, stop: int) -> int:
        return int(self.rng.integers(start, stop))

    def peaks(self) -> tuple[SSAValue, SSAValue]:
        heat = self.net.conv(self.features, self.classes, int(self.rng.choice([1, 3])))
        elements = self.classes * self.cells
        count = int(self.rng.choice([1, 5, elements, lns.shape_of(heat)[3]]))
        op = lns.PeaksOp(heat, min(count, elements, MOST_PEAKS), None)
        self.net.block.add_op(op)
        scores, indices = op.results
        return scores, indices

    def map(self, channels: int) -> SSAValue:
        """One that there is, some channels of a new one, or a new one."""
        known, how = self.maps[channels], self.rng.random()
        if known and how < 0.4:
            return known[self.number(0, len(known))]
        first, more = self.number(0, 3), self.number(0, 3)
        if how > 0.7:
            first = more = 0
        whole = self.net.conv(self.features, first + channels + more, int(self.rng.choice([1, 3])))
        found = whole
        if first or more:
            *_, height, width = lns.shape_of(whole)
            stops = (1, first + channels, height, width)
            found = self.net.add_op(lns.SliceOp(whole, (0, first, 0, 0), stops, (1, 1, 1, 1)))
        known.append(found)
        return found

    def boxes(self, scores: SSAValue, indices: SSAValue) -> list[SSAValue]:
        if self.rng.random() < 0.4:
            priors = tuple(range(-3000 * self.classes, 6000 * self.classes, 3000))
            camera = CameraGeometry(
                1 << 18, (1 << 20, 1 << 19), 700 << 16, 560000, -58000, priors[: 3 * self.classes]
            )
            op = lns.DecodeBoxes3dOp(indices, self.map(1), self.map(7), camera, 6)
            return [self.net.add_op(lns.DecodeFixedOp(self.net.add_op(op)))]
        found = self.net.add_op(lns.DecodeBoxes2dOp(indices, self.map(2), self.map(2), IMAGE, 4))
        kept = self.net.add_op(lns.SuppressOp(found, scores, indices, self.cells, 32768))
        return [self.net.add_op(op) for op in (lns.DecodeFixedOp(found), lns.DecodeOp(kept))]


def random_detector(seed: int) -> tuple[ImageNetwork, ModuleOp]:
    """Up to two sets of peaks and three decoders, beside outputs and layers that read maps too."""
    made = _Detector(seed)
    peaks = [made.peaks() for _ in range(made.number(1, 3))]
    results = list[SSAValue]()
    for _ in range(made.number(1, 4)):
        results += made.boxes(*peaks[made.number(0, len(peaks))])
    maps = [each for some in made.maps.values() for each in some if each not in made.net.inputs]
    if maps and made.rng.random() < 0.4:
        results.append(maps[made.number(0, len(maps))])
    if maps and made.rng.random() < 0.4:
        results.append(made.net.conv(maps[made.number(0, len(maps))], 2))
    return made.net, made.net.module(*results)


def dim_frames(net: ImageNetwork, count: int) -> list[np.ndarray]:
    """Frames of small values: of others all peaks have the largest code, in the first row."""
    return [(x & 0x80) | (x % 40 + 1) for x in net.frames(count)]
