"""What the instructions of a program take that is the same in every frame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from xdsl.dialects.builtin import SymbolRefAttr

from recog.backend.arithmetic.bounds import accumulator_limit, check_accumulator, shown
from recog.backend.arithmetic.codes import Codes, Layer
from recog.backend.arithmetic.reference import stereo
from recog.backend.machine.memory import Place
from recog.dialects import chip
from recog.dialects.chip import (
    Box,
    BufferOp,
    InstructionOp,
    LayerWeights,
    PortOp,
    ProgramOp,
    WeightMemory,
)
from recog.dialects.errors import RecogError
from recog.dialects.number_format import LnsFormat
from recog.dialects.windows import Window

LayerOp = chip.ConvOp | chip.DwconvOp | chip.DeconvOp


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
        self._layers_of: dict[LayerOp, ResidentLayer] = {}
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

    def layer(self, op: LayerOp) -> ResidentLayer:
        """The layer that an instruction computes.

        Instructions for rows of one tensor share theirs where the rows lie alike.
        """
        if op not in self._layers_of:
            self._layers_of[op] = self._layer(op)
        return self._layers_of[op]

    def _layer(self, op: LayerOp) -> ResidentLayer:
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
