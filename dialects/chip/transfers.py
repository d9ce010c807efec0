"""Instructions that move rows of tensors, or elements, between activation memory and DRAM."""

from __future__ import annotations

from math import prod
from typing import ClassVar

from recog.dialects.chip.costs import Queue
from recog.dialects.chip.descriptors import TensorDescriptorOp
from recog.dialects.chip.fields import reference_field
from recog.dialects.chip.instructions import (
    INSTRUCTION,
    LONG_INSTRUCTION,
    InstructionOp,
    verify_equal,
    verify_indices,
)
from recog.dialects.chip.records import record
from recog.dialects.chip.scope import Scope
from recog.dialects.chip.spans import Maps

__all__ = ["DmaInOp", "DmaOutOp", "FillOp", "GatherOp", "SpillOp", "TransferOp"]


class TransferOp(InstructionOp):
    """What moves rows of a tensor between activation memory and DRAM.

    Rows are those of the tensor in activation memory, in whose shape what lies in DRAM is seen.
    """

    def maps(self, scope: Scope) -> Maps | None:
        return {}

    def rows_in_dram(self, scope: Scope) -> range:
        """The rows that it moves of what lies in DRAM, in the shape of the tensor."""
        (box,) = self.touched(scope).values()
        return box.rows

    def columns_in_dram(self, scope: Scope) -> range:
        """The columns likewise."""
        (tensor,) = self.tensor_fields(scope).values()
        return tensor.held_columns

    def _verify_same(self, x: TensorDescriptorOp, y: TensorDescriptorOp) -> None:
        verify_equal("shape", list(x.shape), list(y.shape))
        verify_equal("element type", x.element_type, y.element_type)

    def _verify_alike(self, x: TensorDescriptorOp, y: TensorDescriptorOp) -> None:
        """An input or output is packed: a tensor of as many elements may show it otherwise."""
        if prod(x.shape) != prod(y.shape):
            verify_equal("shape", list(x.shape), list(y.shape))
        verify_equal("element type", x.element_type, y.element_type)


@record(0x02, INSTRUCTION)
class DmaInOp(TransferOp):
    """Copy an input, or rows of it, from DRAM into activation memory.

    Waits for the host where the host has not written the input yet: then it computes it from
    outputs that the program has written so far, by all transfers that stand before this one.
    """

    name = "chip.dma.in"
    QUEUE: ClassVar[Queue] = Queue.DMA_IN
    TRANSFERS: ClassVar[str] = "inputs"

    output = reference_field("where to", "chip.tensor", role="output")
    input = reference_field("where from", "chip.input", table="io", role="input")

    def verify_in(self, scope: Scope) -> None:
        self._verify_alike(scope.port(self.input), scope.tensor(self.output))


@record(0x03, INSTRUCTION)
class DmaOutOp(TransferOp):
    """Copy a tensor, or rows of it, from activation memory to an output in DRAM."""

    name = "chip.dma.out"
    QUEUE: ClassVar[Queue] = Queue.DMA_OUT
    TRANSFERS: ClassVar[str] = "outputs"

    output = reference_field("where to", "chip.output", table="io", role="output")
    input = reference_field("where from", "chip.tensor", role="input")

    def verify_in(self, scope: Scope) -> None:
        self._verify_alike(scope.tensor(self.input), scope.port(self.output))


@record(0x04, LONG_INSTRUCTION)
class SpillOp(TransferOp):
    """Put a tensor, or rows of it, aside in DRAM, where `chip.fill` finds it again."""

    name = "chip.spill"
    QUEUE: ClassVar[Queue] = Queue.DMA_OUT
    TRANSFERS: ClassVar[str] = "spills"

    output = reference_field("where to", "chip.buffer", role="output")
    input = reference_field("where from", "chip.tensor", role="input")

    def verify_in(self, scope: Scope) -> None:
        self._verify_same(scope.tensor(self.input), scope.buffer(self.output))


@record(0x05, LONG_INSTRUCTION)
class FillOp(TransferOp):
    """Take a tensor, or rows of it, back from DRAM.

    All that it reads has been spilled before, by instructions earlier in the program.
    """

    name = "chip.fill"
    QUEUE: ClassVar[Queue] = Queue.DMA_IN
    TRANSFERS: ClassVar[str] = "fills"

    output = reference_field("where to", "chip.tensor", role="output")
    input = reference_field("where from", "chip.buffer", role="input")

    def verify_in(self, scope: Scope) -> None:
        self._verify_same(scope.buffer(self.input), scope.tensor(self.output))


@record(0x06, LONG_INSTRUCTION)
class GatherOp(TransferOp):
    """Take the elements at some indices, all channels of each, of what has been put aside in DRAM.

    Indices are flat, those of classes x H x W; the element is that at index mod (H * W). Each is
    an access to DRAM by itself. All rows have been spilled before.
    """

    name = "chip.gather"
    QUEUE: ClassVar[Queue] = Queue.DMA_IN
    TRANSFERS: ClassVar[str] = "fills"
    APART: ClassVar[bool] = True

    output = reference_field("(C, 1, K) where to", "chip.tensor", role="output")
    input = reference_field("(C, H, W) where from", "chip.buffer", role="input")
    indices = reference_field("(K, 1, 1) 64-bit integers", "chip.tensor", role="input")

    def maps(self, scope: Scope) -> None:
        return None

    def rows_in_dram(self, scope: Scope) -> range:
        return range(scope.buffer(self.input).shape[1])

    def columns_in_dram(self, scope: Scope) -> range:
        return range(scope.buffer(self.input).shape[2])

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.buffer(self.input), scope.tensor(self.output)
        indices = scope.tensor(self.indices)
        verify_indices(indices, indices.shape[0])
        verify_equal("output shape", [x.shape[0], 1, indices.shape[0]], list(y.shape))
        verify_equal("element type", x.element_type, y.element_type)
