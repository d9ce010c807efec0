"""What each instruction does: the interpreter of the chip dialect."""

from __future__ import annotations

from collections import Counter
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
from recog.backend.assembly.assembler import memory_use
from recog.backend.evaluation import Reference, Values, evaluate
from recog.backend.evaluation.values import register_evaluators
from recog.backend.machine.memory import FrameMemory
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


class WeightCache:
    """Weights as the engine takes them, unpacked when an instruction first needs them.

    Weights are resident, so what an instruction reads is the same in every frame.
    """

    def __init__(self, program: ProgramOp):
        self.scope = program.scope
        self.arithmetic = program.target.data.arithmetic
        self._memory = WeightMemory()
        self._layers: dict[str, LayerWeights] = {}
        self._tables: dict[chip.TableOp | chip.ConstantOp, np.ndarray] = {}
        self._bins: dict[chip.ExpectationOp, np.ndarray] = {}
        self._geometries: dict[chip.BoxdecOp, Any] = {}
        self._proven: set[tuple[str, LnsFormat]] = set()

    def load(self, op: chip.LdwOp) -> None:
        self._memory.load(op, self.scope)

    def weights(self, reference: SymbolRefAttr, x_format: LnsFormat) -> LayerWeights:
        """A layer's weights, proven not to overflow an accumulator with such inputs."""
        name = reference.string_value()
        if name not in self._layers:
            op = self.scope.weights(reference)
            layer = self._memory.read_weights(op, self.scope.codebook(op.codebook))
            for array in (layer.codes, layer.initial):
                if array is not None:
                    array.flags.writeable = False  # engines may keep what they prepare of it
            self._layers[name] = layer
        layer = self._layers[name]
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

    def __init__(self, program: ProgramOp, frames: int):
        _, activation, dram = memory_use(program)
        self.activation = FrameMemory(frames, activation)
        self.dram = FrameMemory(frames, dram)
        self.semaphores = Counter[int]()


class ChipValues(Values):
    """The operands of an instruction: tensors in activation memory, weights in weight memory."""

    def __init__(self, state: MachineState, weights: WeightCache, engine: Engine):
        self.engine = engine
        self.state = state
        self.cache = weights
        self.scope = weights.scope

    @property
    def arithmetic(self) -> Arithmetic:
        return self.cache.arithmetic

    def tensor(self, reference: Reference) -> TensorOp:
        if not isinstance(reference, SymbolRefAttr):
            raise TypeError(f"instructions have symbols, not values such as {reference}")
        return self.scope.tensor(reference)

    def read(self, reference: Reference) -> np.ndarray:
        return self.state.activation.read(self.tensor(reference))

    def write(self, reference: Reference, values: np.ndarray) -> None:
        """Store a tensor's elements in every frame; axes of size 1 may be left out."""
        tensor = self.tensor(reference)
        self.state.activation.write(tensor, values.reshape(len(values), *tensor.shape))

    def shape(self, reference: Reference) -> tuple[int, ...]:
        return self.tensor(reference).shape

    def format(self, reference: Reference) -> LnsFormat:
        return self.tensor(reference).format

    def fixed_frac(self, reference: Reference) -> int:
        return self.tensor(reference).frac.value.data

    def layer(self, op: chip.ConvOp | chip.DwconvOp | chip.DeconvOp) -> Layer:
        x = self.codes(op.input)
        weights = self.cache.weights(op.weights, x.format)
        return Layer(
            x,
            Codes(weights.codes, weights.format),
            weights.initial,
            self.format(op.output),
            self.arithmetic,
            op.window(self.scope),
            op.relu is not None,
        )

    def table(self, op: chip.TableOp) -> np.ndarray:
        return self.cache.table(op)

    def bins(self, op: chip.ExpectationOp) -> np.ndarray:
        return self.cache.bins(op)

    def geometry(self, op: chip.BoxdecOp) -> Any:
        return self.cache.geometry(op)

    def check_sum(self, bound: int) -> None:
        limit = accumulator_limit(self.arithmetic)
        if bound > limit:
            raise RecogError(f"the sum may reach {shown(bound)}, accumulators hold {limit}")


def _evaluate(functions: ChipFunctions, op: InstructionOp, args: PythonValues) -> PythonValues:
    """Run an instruction that `evaluation` knows, and store what it gives."""
    results = evaluate(op, functions.values)
    for reference, result in zip(_outputs(op), results, strict=True):
        functions.values.write(reference, result)
    return ()


def _outputs(op: InstructionOp) -> list[SymbolRefAttr]:
    """The tensors that an instruction writes, in the order of its results."""
    names = [
        field.name
        for field, _ in layout(type(op))
        if isinstance(field, ReferenceField) and field.role == "output"
    ]
    return [each for name in names if isinstance(each := op.properties[name], SymbolRefAttr)]


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
        self.values.state.activation.clear(self.values.tensor(op.output))
        return ()

    @impl(chip.ConstantOp)
    def run_constant(self, _: Interpreter, op: chip.ConstantOp, args: PythonValues) -> PythonValues:
        self.values.write(op.output, self.values.cache.table(op).reshape(1, -1))
        return ()

    @impl(chip.CopyOp)
    def run_copy(self, _: Interpreter, op: chip.CopyOp, args: PythonValues) -> PythonValues:
        if self.values.tensor(op.input).integer is not None:
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
