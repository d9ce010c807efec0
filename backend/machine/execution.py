"""What each instruction does: the interpreter of the chip dialect."""

from __future__ import annotations

from collections import Counter
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

from recog.backend.arithmetic.bounds import accumulator_limit, check_accumulator, shown
from recog.backend.arithmetic.codes import Codes, Layer
from recog.backend.arithmetic.reference import definition, stereo
from recog.backend.arithmetic.reference.engine import Engine
from recog.backend.evaluation import Reference, Values, evaluate
from recog.backend.evaluation.values import register_evaluators
from recog.backend.machine.memory import FrameMemory, Place
from recog.dialects import chip
from recog.dialects.chip import (
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

_LayerOp = chip.ConvOp | chip.DwconvOp | chip.DeconvOp


class Resident:
    """What a program's instructions take that is the same in every frame, made when first needed:
    weights as the engine takes them, tables, and where tensors lie."""

    def __init__(self, program: ProgramOp):
        self.scope = program.scope
        self.arithmetic = program.target.data.arithmetic
        self._memory = WeightMemory()
        self._places: dict[str, Place] = {}
        self._layers: dict[_LayerOp, Layer] = {}
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

    def layer(self, op: _LayerOp) -> Layer:
        """The layer that an instruction computes, with an input of no frames."""
        if op not in self._layers:
            x, output = self.place(op.input), self.place(op.output)
            weights = self.weights(op.weights, x.format)
            self._layers[op] = Layer(
                Codes(np.zeros((0, *x.shape), x.dtype), x.format),
                Codes(weights.codes, weights.format),
                weights.initial,
                output.format,
                self.arithmetic,
                op.window(self.scope),
                op.relu is not None,
                resident=op,
            )
        return self._layers[op]

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
    """The memories and semaphores of one run of a program on N frames."""

    def __init__(self, frames: int, activation: int, dram: int):
        """Memories of so many bytes a frame."""
        self.activation = FrameMemory(frames, activation)
        self.dram = FrameMemory(frames, dram)
        self.semaphores = Counter[int]()


class ChipValues(Values):
    """The operands of an instruction: tensors in activation memory, weights in weight memory."""

    def __init__(self, state: MachineState, resident: Resident, engine: Engine):
        self.engine = engine
        self.state = state
        self.resident = resident
        self.scope = resident.scope

    @property
    def arithmetic(self) -> Arithmetic:
        return self.resident.arithmetic

    def tensor(self, reference: Reference) -> TensorOp:
        return self.scope.tensor(_symbol(reference))

    def place(self, reference: Reference) -> Place:
        return self.resident.place(_symbol(reference))

    def read(self, reference: Reference) -> np.ndarray:
        return self.state.activation.read(self.place(reference))

    def write(self, reference: Reference, values: np.ndarray) -> None:
        """Store a tensor's elements in every frame; axes of size 1 may be left out."""
        place = self.place(reference)
        self.state.activation.write(place, values.reshape(len(values), *place.shape))

    def shape(self, reference: Reference) -> tuple[int, ...]:
        return self.place(reference).shape

    def format(self, reference: Reference) -> LnsFormat:
        return self.place(reference).format

    def fixed_frac(self, reference: Reference) -> int:
        return self.tensor(reference).frac.value.data

    def layer(self, op: _LayerOp) -> Layer:
        return self.resident.layer(op)._replace(x=self.codes(op.input))

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
    results = evaluate(op, functions.values)
    for reference, result in zip(_outputs(op), results, strict=True):
        functions.values.write(reference, result)
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
        self.values.write(op.output, self.values.state.dram.read(self._port(op.input)))
        return ()

    @impl(chip.DmaOutOp)
    def run_dma_out(self, _: Interpreter, op: chip.DmaOutOp, args: PythonValues) -> PythonValues:
        self.values.state.dram.write(self._port(op.output), self.values.read(op.input))
        return ()

    def _port(self, reference: SymbolRefAttr) -> PortOp:
        return self.values.scope.port(reference)

    @impl(chip.ZeroOp)
    def run_zero(self, _: Interpreter, op: chip.ZeroOp, args: PythonValues) -> PythonValues:
        self.values.state.activation.clear(self.values.place(op.output))
        return ()

    @impl(chip.ConstantOp)
    def run_constant(self, _: Interpreter, op: chip.ConstantOp, args: PythonValues) -> PythonValues:
        self.values.write(op.output, self.values.resident.table(op).reshape(1, -1))
        return ()

    @impl(chip.CopyOp)
    def run_copy(self, _: Interpreter, op: chip.CopyOp, args: PythonValues) -> PythonValues:
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
