"""What each instruction does: the interpreter of the chip dialect."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

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

from recog.backend.arithmetic.bounds import accumulator_limit, check_accumulator, shown
from recog.backend.arithmetic.codes import Codes, Layer, LegalCodes
from recog.backend.arithmetic.reference import definition, stereo
from recog.backend.arithmetic.reference.engine import Engine
from recog.backend.evaluation import Reference, Values, evaluate
from recog.backend.evaluation.values import Summed, register_evaluators
from recog.backend.machine.memory import FrameMemory, Place
from recog.dialects import chip
from recog.dialects.chip import (
    Box,
    BufferOp,
    InstructionOp,
    LayerWeights,
    PortOp,
    ProgramOp,
    TensorOp,
    WeightMemory,
)
from recog.dialects.chip.fields import ReferenceField
from recog.dialects.chip.records import layout
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import PoolWindow, Window

_LayerOp = chip.ConvOp | chip.DwconvOp | chip.DeconvOp


class _Resident:
    """Stands for a layer of a program, in the caches of engines."""


def _in_the_padding(window: Window, shape: tuple[int, ...]) -> tuple[Window, tuple[int, ...]]:
    """Windows that see padding alone, as windows over as many rows and columns of zeros."""
    top, left, bottom, right = window.padding
    whole = (shape[0] + top + bottom, shape[1] + left + right)
    return replace(window, padding=(0, 0, 0, 0)), whole


class ResidentLayer(NamedTuple):
    """The layer that an instruction computes.

    Attributes:
        layer: with an input of no frames.
        in_padding: whether it sees padding alone, so zeros in place of what it reads.
    """

    layer: Layer
    in_padding: bool


class Resident:
    """What a program's instructions take that is the same in every frame, made when first needed:
    weights as the engine takes them, tables, and where tensors lie."""

    def __init__(self, program: ProgramOp):
        self.scope = program.scope
        self.arithmetic = program.target.data.arithmetic
        self._memory = WeightMemory()
        self._places: dict[str, Place] = {}
        self._boxes: dict[InstructionOp, dict[str, Box] | None] = {}
        self._layers: dict[tuple[object, ...], Layer] = {}
        self._layers_of: dict[_LayerOp, ResidentLayer] = {}
        self._weights: dict[str, LayerWeights] = {}
        self._tables: dict[chip.TableOp | chip.ConstantOp, np.ndarray] = {}
        self._bins: dict[chip.ExpectationOp, np.ndarray] = {}
        self._geometries: dict[chip.BoxdecOp, Any] = {}
        self._proven: set[tuple[str, LnsFormat]] = set()

    def place(self, reference: SymbolRefAttr) -> Place:
        """Where a tensor of activation memory lies."""
        name = reference.string_value()
        if name not in self._places:
            self._places[name] = Place(self.scope.tensor(reference))
        return self._places[name]

    def boxes(self, op: InstructionOp) -> dict[str, Box] | None:
        """The rows and columns that an instruction writes and reads of each tensor, by its symbol.

        None where it takes whole tensors.
        """
        if op not in self._boxes:
            tensors = op.tensor_fields(self.scope)
            whole = not op.rows.value.data and all(each.is_whole for each in tensors.values())
            boxes = {} if whole else op.touched(self.scope)
            named = {tensors[name].sym_name.data: box for name, box in boxes.items()}
            self._boxes[op] = None if whole else named
        return self._boxes[op]

    def layer(self, op: _LayerOp) -> ResidentLayer:
        """The layer that an instruction computes.

        Instructions for rows of one tensor share theirs where the rows lie alike.
        """
        if op not in self._layers_of:
            self._layers_of[op] = self._layer(op)
        return self._layers_of[op]

    def _layer(self, op: _LayerOp) -> ResidentLayer:
        x, output = self.place(op.input), self.place(op.output)
        boxes, in_padding = self.boxes(op), False
        if boxes is None:
            key, window, shape = (op,), op.window(self.scope), x.shape[1:]
        else:
            computed, read = boxes[output.name], boxes[x.name]
            window = op.window_of(self.scope, computed, read)
            shape = tuple(map(len, read))
            in_padding = min(window.padding) < 0
            if in_padding:
                window, shape = _in_the_padding(window, shape)
            key = (op.weights, x.format, output.format, op.relu is None, window, shape)
        if key not in self._layers:
            weights = self.weights(op.weights, x.format)
            self._layers[key] = Layer(
                Codes(np.zeros((0, x.shape[0], *shape), x.dtype), x.format),
                Codes(weights.codes, weights.format),
                weights.initial,
                output.format,
                self.arithmetic,
                window,
                op.relu is not None,
                resident=_Resident(),
            )
        return ResidentLayer(self._layers[key], in_padding)

    def dram_place(self, op: PortOp | BufferOp) -> Place:
        """Where an input, an output or a buffer lies in DRAM."""
        name = op.sym_name.data
        if name not in self._places:
            self._places[name] = Place(op)
        return self._places[name]

    def load(self, op: chip.LdwOp) -> None:
        self._memory.load(op, self.scope)

    def weights(self, reference: SymbolRefAttr, x_format: LnsFormat) -> LayerWeights:
        """A layer's weights, proven not to overflow an accumulator with such inputs."""
        name = reference.string_value()
        if name not in self._weights:
            op = self.scope.weights(reference)
            layer = self._memory.read_weights(op, self.scope.codebook(op.codebook))
            for array in (layer.codes, layer.initial):
                if array is not None:
                    array.flags.writeable = False  # engines may keep what they prepare of it
            self._weights[name] = layer
        layer = self._weights[name]
        if (name, x_format) not in self._proven:
            self._prove(name, layer, x_format)
            self._proven.add((name, x_format))
        return layer

    def _prove(self, name: str, layer: LayerWeights, x_format: LnsFormat) -> None:
        codes = Codes(layer.codes, layer.format)
        unsafe = check_accumulator(codes, x_format, layer.initial, self.arithmetic)
        if unsafe:
            channel, bound = unsafe[0]
            raise RecogError(
                f"output channel {channel} of @{name} may reach {shown(bound)}, accumulators of "
                f"{self.arithmetic.accumulator_width} bits hold "
                f"{accumulator_limit(self.arithmetic)}"
            )

    def geometry(self, op: chip.BoxdecOp) -> Any:
        """The numbers of a camera, as the op's arithmetic takes them."""
        if op not in self._geometries:
            self._geometries[op] = op.geometry(self._memory.read)
        return self._geometries[op]

    def table(self, op: chip.TableOp | chip.ConstantOp) -> np.ndarray:
        """The entries of a function table, or the elements of a constant."""
        if op not in self._tables:
            output = self.scope.tensor(op.output)
            self._tables[op] = self._memory.read_table(op.region(self.scope), output)
        return self._tables[op]

    def bins(self, op: chip.ExpectationOp) -> np.ndarray:
        """The bins of an expectation, proven not to overflow its sums."""
        if op not in self._bins:
            content = self._memory.read(op.region(self.scope), "bins")
            bins = np.frombuffer(content, "<i4").astype(np.int32)
            stereo.check_expectation(bins)
            self._bins[op] = bins
        return self._bins[op]

    def decoding(self, op: chip.OutputOp) -> LnsFormat | None:
        """The format that the host decodes an output from; None of integers."""
        if op.integer is not None:
            return None
        table = op.bias_region if op.bias_bits.value.data else range(0)
        return op.decoding(self._memory.read(table, "bias table"))


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

    def layer(self, op: _LayerOp) -> Layer:
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
