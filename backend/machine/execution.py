"""What each instruction does: the interpreter of the chip dialect."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from xdsl.dialects.builtin import SymbolRefAttr
from xdsl.interpreter import (
    Interpreter,
    InterpreterFunctions,
    PythonValues,
    ReturnedValues,
    impl,
    impl_terminator,
)

from recog.backend.arithmetic.bounds import accumulator_limit, shown
from recog.backend.arithmetic.codes import Codes, Layer, LegalCodes
from recog.backend.arithmetic.reference import definition
from recog.backend.arithmetic.reference.engine import Engine
from recog.backend.evaluation import Reference, Values, evaluate
from recog.backend.evaluation.values import Summed, register_evaluators
from recog.backend.machine.memory import FrameMemory, Place
from recog.backend.machine.resident import LayerOp, Resident
from recog.dialects import chip
from recog.dialects.chip import (
    Box,
    BufferOp,
    InstructionOp,
    PortOp,
    TensorOp,
)
from recog.dialects.chip.fields import ReferenceField
from recog.dialects.chip.records import layout
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import PoolWindow


class MachineState:
    """The memories of one run of a program on N frames."""

    def __init__(self, frames: int, activation: int, dram: int):
        """Memories of so many bytes a frame."""
        self.activation = FrameMemory(frames, activation)
        self.dram = FrameMemory(frames, dram)


class ChipValues(Values):
    """The operands of an instruction: tensors in activation memory, weights in weight memory."""

    def __init__(self, state: MachineState, resident: Resident, engine: Engine):
        self.engine = engine
        self.state = state
        self.resident = resident
        self.scope = resident.scope
        self._boxes: dict[str, Box] | None = None

    @property
    def arithmetic(self) -> Arithmetic:
        return self.resident.arithmetic

    def tensor(self, reference: Reference) -> TensorOp:
        return self.scope.tensor(_symbol(reference))

    def place(self, reference: Reference) -> Place:
        return self.resident.place(_symbol(reference))

    def begin(self, op: InstructionOp) -> None:
        """From now on operands and results are those of this instruction."""
        self._boxes = self.resident.boxes(op)

    def computed(self, reference: Reference) -> Box | None:
        return None if self._boxes is None else self._boxes[self.place(reference).name]

    def window(self, op: chip.PoolOp) -> PoolWindow:
        computed, read = self.computed(op.output), self.computed(op.input)
        return op.window if computed is None or read is None else op.window_of(computed, read)

    def read(self, reference: Reference) -> np.ndarray:
        return self.state.activation.read(self.place(reference), self.computed(reference))

    def codes(self, reference: Reference) -> Codes:
        return LegalCodes(self.read(reference), self.format(reference))

    def write(self, reference: Reference, values: np.ndarray, *, legal: bool = False) -> None:
        """Store a tensor's elements in every frame; axes of size 1 may be left out.

        Args:
            legal: codes are known to be ones of the tensor's format.
        """
        place, box = self.place(reference), self.computed(reference)
        shape = place.shape if box is None else (place.shape[0], *map(len, box))
        elements = values.reshape(len(values), *shape)
        self.state.activation.write(place, elements, box, legal=legal)

    def shape(self, reference: Reference) -> tuple[int, ...]:
        return self.place(reference).shape

    def format(self, reference: Reference) -> LnsFormat:
        return self.place(reference).format

    def summed(self, reference: Reference) -> Summed | None:
        return self.place(reference).summed

    def fixed_frac(self, reference: Reference) -> int:
        return self.tensor(reference).frac.value.data

    def layer(self, op: LayerOp) -> Layer:
        layer, in_padding = self.resident.layer(op)
        x = self.codes(op.input)
        if in_padding:
            shape = (len(x.array), *layer.x.array.shape[1:])
            x = x._replace(array=np.zeros(shape, x.array.dtype))
        return layer._replace(x=x)

    def table(self, op: chip.TableOp) -> np.ndarray:
        return self.resident.table(op)

    def bins(self, op: chip.ExpectationOp) -> np.ndarray:
        return self.resident.bins(op)

    def geometry(self, op: chip.BoxdecOp) -> Any:
        return self.resident.geometry(op)

    def check_sum(self, bound: int) -> None:
        limit = accumulator_limit(self.arithmetic)
        if bound > limit:
            raise RecogError(f"the sum may reach {shown(bound)}, accumulators hold {limit}")


def _symbol(reference: Reference) -> SymbolRefAttr:
    if not isinstance(reference, SymbolRefAttr):
        raise TypeError(f"instructions have symbols, not values such as {reference}")
    return reference


def _evaluate(functions: ChipFunctions, op: InstructionOp, args: PythonValues) -> PythonValues:
    """Run an instruction that `evaluation` knows, and store what it gives."""
    functions.values.begin(op)
    results = evaluate(op, functions.values)
    for reference, result in zip(_outputs(op), results, strict=True):
        functions.values.write(reference, result, legal=True)
    return ()


def _outputs(op: InstructionOp) -> list[SymbolRefAttr]:
    """The tensors that an instruction writes, in the order of its results."""
    written = (op.properties[name] for name in _output_names(type(op)))
    return [each for each in written if isinstance(each, SymbolRefAttr)]


@lru_cache(maxsize=256)
def _output_names(kind: type[InstructionOp]) -> list[str]:
    return [
        field.name
        for field, _ in layout(kind)
        if isinstance(field, ReferenceField) and field.role == "output"
    ]


@register_evaluators("chip", _evaluate)
class ChipFunctions(InterpreterFunctions):
    """The instructions that move data; `evaluation` has those that compute."""

    def __init__(self, values: ChipValues):
        self.values = values

    @impl(chip.LdwOp)
    def run_ldw(self, _: Interpreter, op: chip.LdwOp, args: PythonValues) -> PythonValues:
        # The cache holds weight memory, which is the same in all frames and runs.
        return ()

    @impl(chip.DmaInOp)
    def run_dma_in(self, _: Interpreter, op: chip.DmaInOp, args: PythonValues) -> PythonValues:
        self._to_activation(op, op.output, self.values.scope.port(op.input))
        return ()

    @impl(chip.FillOp)
    def run_fill(self, _: Interpreter, op: chip.FillOp, args: PythonValues) -> PythonValues:
        self._to_activation(op, op.output, self.values.scope.buffer(op.input))
        return ()

    @impl(chip.GatherOp)
    def run_gather(self, _: Interpreter, op: chip.GatherOp, args: PythonValues) -> PythonValues:
        self.values.begin(op)
        whole = self.values.resident.dram_place(self.values.scope.buffer(op.input))
        elements = self.values.state.dram.read(whole, None)
        frames, channels, height, width = elements.shape
        cells = self.values.read(op.indices)[:, None, :, 0, 0]
        flat = elements.reshape(frames, channels, height * width)
        self.values.write(op.output, np.take_along_axis(flat, cells % flat.shape[2], 2))
        return ()

    @impl(chip.DmaOutOp)
    def run_dma_out(self, _: Interpreter, op: chip.DmaOutOp, args: PythonValues) -> PythonValues:
        self._to_dram(op, self.values.scope.port(op.output), op.input)
        return ()

    @impl(chip.SpillOp)
    def run_spill(self, _: Interpreter, op: chip.SpillOp, args: PythonValues) -> PythonValues:
        self._to_dram(op, self.values.scope.buffer(op.output), op.input)
        return ()

    def _to_activation(
        self, op: InstructionOp, tensor: SymbolRefAttr, source: PortOp | BufferOp
    ) -> None:
        self.values.begin(op)
        dram, box = self.values.state.dram, self.values.computed(tensor)
        self.values.write(tensor, dram.read(self._dram_place(source, tensor), box))

    def _to_dram(self, op: InstructionOp, target: PortOp | BufferOp, tensor: SymbolRefAttr) -> None:
        self.values.begin(op)
        dram, box = self.values.state.dram, self.values.computed(tensor)
        dram.write(self._dram_place(target, tensor), self.values.read(tensor), box)

    def _dram_place(self, op: PortOp | BufferOp, tensor: SymbolRefAttr) -> Place:
        return self.values.resident.dram_place(op).seen_as(self.values.place(tensor).shape)

    @impl(chip.ZeroOp)
    def run_zero(self, _: Interpreter, op: chip.ZeroOp, args: PythonValues) -> PythonValues:
        self.values.begin(op)
        place, box = self.values.place(op.output), self.values.computed(op.output)
        shape = place.shape if box is None else (place.shape[0], *map(len, box))
        self.values.write(op.output, np.zeros((1, *shape), place.dtype))
        return ()

    @impl(chip.ConstantOp)
    def run_constant(self, _: Interpreter, op: chip.ConstantOp, args: PythonValues) -> PythonValues:
        self.values.begin(op)
        elements = self.values.resident.table(op).reshape(1, *self.values.shape(op.output))
        box = self.values.computed(op.output)
        if box is not None:
            (rows, columns) = box
            elements = elements[:, :, rows.start : rows.stop, columns.start : columns.stop]
        self.values.write(op.output, elements)
        return ()

    @impl(chip.CopyOp)
    def run_copy(self, _: Interpreter, op: chip.CopyOp, args: PythonValues) -> PythonValues:
        self.values.begin(op)
        if not self.values.place(op.input).holds_codes:
            self.values.write(op.output, self.values.read(op.input))
            return ()
        x = self.values.codes(op.input)
        if op.relu is not None:
            x = Codes(definition.relu(x), x.format)
        self.values.write(op.output, definition.convert(x, self.values.format(op.output)))
        return ()

    @impl(chip.MarkOp)
    def run_mark(self, _: Interpreter, op: chip.MarkOp, args: PythonValues) -> PythonValues:
        return ()

    @impl_terminator(chip.HaltOp)
    def run_halt(self, _: Interpreter, op: chip.HaltOp, args: PythonValues):
        return ReturnedValues(()), ()
