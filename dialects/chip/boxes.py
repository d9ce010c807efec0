"""Instructions that end detectors: boxes in the image and in space, suppression.

Indices are flat, 64-bit integers: classes x H x W; a cell is the index mod (H * W), a class the
index div (H * W). Boxes are fixed point. docs/arithmetic.md has every step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
from xdsl.utils.exceptions import VerifyException

from recog.dialects.box_geometry import (
    IMAGE_WORDS,
    CameraGeometry,
    ImageGeometry,
    camera_words,
)
from recog.dialects.chip.costs import Queue, WeightRead
from recog.dialects.chip.descriptors import TensorOp
from recog.dialects.chip.fields import address_field, int_field, reference_field
from recog.dialects.chip.instructions import (
    INSTRUCTION,
    InstructionOp,
    pair_of,
    tensor_roles,
    verify_codes,
    verify_equal,
    verify_indices,
)
from recog.dialects.chip.records import record
from recog.dialects.chip.scope import Scope
from recog.dialects.lns.boxes import MAX_OVERLAP
from recog.dialects.words import counted

__all__ = ["Boxdec2dOp", "Boxdec3dOp", "BoxdecOp", "NmsOp"]

WORD_BYTES = 4
PAIR_STEPS = 64
"""Steps of the vector unit that one comparison of two boxes counts for."""
PAIR_WORK = 6 * PAIR_STEPS
"""Steps of the reference machine, measured: each takes 0.2 ns there."""
ReadMemory = Callable[[range, str], bytes]
"""`WeightMemory.read`."""


class BoxdecOp(InstructionOp, ABC):
    """What the decoders of boxes have in common: numbers of the camera in weight memory.

    Maps are whole, (C, H, W), or hold the elements at the indices alone, (C, 1, K), as
    `chip.gather` takes them. Where one does, `map_height` and `map_width` are H and W,
    which differ from 1 and K.
    """

    output = reference_field("boxes in fixed point", "chip.tensor", role="output")
    indices = reference_field("(K, 1, 1) 64-bit integers", "chip.tensor", role="input")
    parameters = address_field("first byte of the parameters in weight memory")
    map_height = int_field(16, "H of whole maps, where not all maps are whole", default=0, at=160)
    map_width = int_field(16, "W likewise, 0: all maps are whole", default=0, at=176)

    QUEUE: ClassVar[Queue] = Queue.VECTOR
    STEPS: ClassVar[int] = 8

    @property
    @abstractmethod
    def words(self) -> int:
        """How many parameters there are."""

    @property
    def plane(self) -> tuple[int, int] | None:
        """Height and width of whole maps, where not all maps are whole."""
        height, width = pair_of(self, "map_height", "map_width")
        return (height, width) if width else None

    def map_fields(self) -> list[str]:
        """The fields that name maps."""
        return sorted(tensor_roles(type(self)).keys() - {"output", "indices"})

    def verify_maps(self, scope: Scope, **channels: int) -> None:
        """Raise VerifyException unless maps have so many channels, and are of one plane."""
        tensors = self.tensor_fields(scope)
        maps = {name: tensors[name] for name in channels}
        verify_codes(*maps.values())
        height, width = pair_of(self, "map_height", "map_width")
        if bool(height) != bool(width):
            raise VerifyException("map_height and map_width go together")
        plane = self.plane or next(iter(maps.values())).shape[1:]
        gathered = (1, tensors["indices"].shape[0]) if self.plane else plane
        if self.plane == gathered:
            raise VerifyException(
                f"maps of 1 x {gathered[1]} cannot be told from "
                f"{counted(gathered[1], 'element')} of them: "
                "give whole maps, and neither map_height nor map_width"
            )
        for name, each in maps.items():
            here = gathered if each.shape[1:] == gathered else plane
            verify_equal(f"shape of {name}", [channels[name], *here], list(each.shape))

    @property
    def region(self) -> range:
        """The bytes of weight memory that the parameters take."""
        start = self.parameters.value.data
        return range(start, start + WORD_BYTES * self.words)

    def read_words(self, read: ReadMemory) -> list[int]:
        """The parameters; raises VerifyException where they are not loaded."""
        return np.frombuffer(read(self.region, "parameters"), "<i4").tolist()

    @abstractmethod
    def geometry(self, read: ReadMemory) -> ImageGeometry | CameraGeometry:
        """The parameters; raises VerifyException where they are not loaded or out of range."""

    def moved(self, scope: Scope) -> dict[str, int]:
        """Of maps, the elements at the indices alone."""
        boxes = scope.tensor(self.indices).shape[0]
        return super().moved(scope) | {
            name: boxes * self.part(scope, name)[0] for name in self.map_fields()
        }

    def weight_reads(self, scope: Scope) -> Sequence[WeightRead]:
        return (WeightRead("parameters", len(self.region)),)


@record(0x29, INSTRUCTION)
class Boxdec2dOp(BoxdecOp):
    """Boxes x1, y1, x2, y2 in pixels at indices, from maps of offset and logarithm of size.

    The parameters are two 32-bit integers: the stride in 2^-16 pixels, and the logarithm to base
    2 of half a stride in 2^-16.
    """

    name = "chip.boxdec2d"

    offset = reference_field("(2, H, W)", "chip.tensor", role="input")
    size = reference_field("(2, H, W)", "chip.tensor", role="input")

    @property
    def words(self) -> int:
        return IMAGE_WORDS

    def geometry(self, read: ReadMemory) -> ImageGeometry:
        try:
            return ImageGeometry.from_words(self.read_words(read))
        except ValueError as error:
            raise VerifyException(str(error)) from None

    def verify_in(self, scope: Scope) -> None:
        self.verify_maps(scope, offset=2, size=2)
        rows = _verify_boxes(scope.tensor(self.output), 4)
        verify_indices(scope.tensor(self.indices), rows)


@record(0x2A, INSTRUCTION)
class Boxdec3dOp(BoxdecOp):
    """Boxes x, y, z, h, w, l in metres and yaw in radians at indices, from disparities.

    The box map holds offsets x, y, logarithms of h, w, l over the class's prior, sine and cosine
    of the observation angle. The parameters are 32-bit integers: the stride, cu, cv and the
    focal length in 2^-16 pixels; then logarithms to base 2 in 2^-16: of focal length times
    baseline, of the baseline, and of h, w, l of each class.
    """

    name = "chip.boxdec3d"

    disparity = reference_field("(1, H, W)", "chip.tensor", role="input")
    box = reference_field("(7, H, W)", "chip.tensor", role="input")
    classes = int_field(12, "classes that have priors", minimum=1)

    @property
    def words(self) -> int:
        return camera_words(self.classes.value.data)

    def geometry(self, read: ReadMemory) -> CameraGeometry:
        try:
            return CameraGeometry.from_words(self.read_words(read))
        except ValueError as error:
            raise VerifyException(str(error)) from None

    def verify_in(self, scope: Scope) -> None:
        self.verify_maps(scope, box=7, disparity=1)
        rows = _verify_boxes(scope.tensor(self.output), 7)
        verify_indices(scope.tensor(self.indices), rows)


@record(0x2B, INSTRUCTION)
class NmsOp(InstructionOp):
    """Greedy non-maximum suppression: scores, 0 where a kept earlier row overlaps too much.

    Rows are taken in their order. One whose intersection over union with a kept earlier row of
    its class exceeds `overlap` gets score 0; the comparison is exact. Rows of score 0 neither
    survive nor suppress.
    """

    name = "chip.nms"
    QUEUE: ClassVar[Queue] = Queue.VECTOR

    output = reference_field("(K, 1, 1) scores", "chip.tensor", role="output")
    boxes = reference_field("(K, 4, 1) x1, y1, x2, y2", "chip.tensor", role="input")
    scores = reference_field("(K, 1, 1)", "chip.tensor", role="input")
    indices = reference_field("(K, 1, 1) 64-bit integers", "chip.tensor", role="input")
    cells = int_field(32, "H * W of the map that the indices are of", minimum=1)
    overlap = int_field(17, "intersection over union in 2^-16", maximum=MAX_OVERLAP)

    def work(self, scope: Scope) -> int:
        """Comparisons of pairs, each of some dozens of steps in exact integers."""
        return PAIR_WORK * scope.tensor(self.scores).shape[0] ** 2

    def verify_in(self, scope: Scope) -> None:
        scores, y = scope.tensor(self.scores), scope.tensor(self.output)
        verify_codes(scores, y)
        verify_equal("element type", scores.element_type, y.element_type)
        rows = _verify_boxes(scope.tensor(self.boxes), 4)
        verify_equal("shape of scores", [rows, 1, 1], list(scores.shape))
        verify_equal("output shape", [rows, 1, 1], list(y.shape))
        verify_indices(scope.tensor(self.indices), rows)

    def vector_steps(self, scope: Scope) -> int:
        """Every pair of boxes."""
        return PAIR_STEPS * scope.tensor(self.scores).shape[0] ** 2


def _verify_boxes(boxes: TensorOp, columns: int) -> int:
    """The number of rows of a tensor of boxes."""
    rows = boxes.shape[0]
    verify_equal("shape of boxes", [rows, columns, 1], list(boxes.shape))
    if boxes.fixed is None:
        raise VerifyException(f"@{boxes.sym_name.data} must hold fixed-point numbers")
    return rows
