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
    register_impls,
)

from recog.backend.arithmetic.bounds import (
    accumulator_limit,
    add_bound,
    check_accumulator,
    pool_bound,
    resize_bound,
    shown,
)
from recog.backend.arithmetic.reference import boxes, definition, sampling, stereo
from recog.backend.arithmetic.reference.engine import Engine
from recog.backend.assembly.assembler import memory_use
from recog.backend.machine.memory import FrameMemory
from recog.dialects import chip
from recog.dialects.chip import LayerWeights, PortOp, ProgramOp, TensorOp, WeightMemory
from recog.dialects.errors import RecogError
from recog.dialects.number_format import LnsFormat


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
        unsafe = check_accumulator(
            layer.codes, layer.format, x_format, layer.initial, self.arithmetic
        )
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


class MachineState:
    """The memories and semaphores of one run of a program on N frames."""

    def __init__(self, program: ProgramOp, frames: int):
        _, activation, dram = memory_use(program)
        self.activation = FrameMemory(frames, activation)
        self.dram = FrameMemory(frames, dram)
        self.semaphores = Counter[int]()


@register_impls
class ChipFunctions(InterpreterFunctions):
    """One implementation an instruction; the arithmetic itself is the engine's."""

    def __init__(self, state: MachineState, weights: WeightCache, engine: Engine):
        self.state = state
        self.cache = weights
        self.scope = weights.scope
        self.arithmetic = weights.arithmetic
        self.engine = engine

    def _tensor(self, reference: SymbolRefAttr) -> TensorOp:
        return self.scope.tensor(reference)

    def _port(self, reference: SymbolRefAttr) -> PortOp:
        return self.scope.port(reference)

    def _read(self, reference: SymbolRefAttr) -> np.ndarray:
        return self.state.activation.read(self._tensor(reference))

    def _write(self, reference: SymbolRefAttr, values: np.ndarray) -> PythonValues:
        self.state.activation.write(self._tensor(reference), values)
        return ()

    def _format(self, reference: SymbolRefAttr) -> LnsFormat:
        return self._tensor(reference).format

    @impl(chip.LdwOp)
    def run_ldw(self, _: Interpreter, op: chip.LdwOp, args: PythonValues) -> PythonValues:
        # The cache holds weight memory, which is the same in all frames and runs.
        return ()

    @impl(chip.DmaInOp)
    def run_dma_in(self, _: Interpreter, op: chip.DmaInOp, args: PythonValues) -> PythonValues:
        return self._write(op.output, self.state.dram.read(self._port(op.input)))

    @impl(chip.DmaOutOp)
    def run_dma_out(self, _: Interpreter, op: chip.DmaOutOp, args: PythonValues) -> PythonValues:
        self.state.dram.write(self._port(op.output), self._read(op.input))
        return ()

    @impl(chip.ConvOp)
    def run_conv(self, _: Interpreter, op: chip.ConvOp, args: PythonValues) -> PythonValues:
        return self._convolve(op)

    @impl(chip.DwconvOp)
    def run_dwconv(self, _: Interpreter, op: chip.DwconvOp, args: PythonValues) -> PythonValues:
        return self._convolve(op)

    def _convolve(self, op: chip.ConvolutionOp) -> PythonValues:
        x_format = self._format(op.input)
        layer = self.cache.weights(op.weights, x_format)
        codes = self.engine.conv2d(
            self._read(op.input),
            x_format,
            layer.codes,
            layer.format,
            layer.initial,
            self._format(op.output),
            strides=op.strides,
            padding=op.padding,
            dilation=op.dilation,
            groups=op.groups(self.scope),
            relu=op.relu is not None,
            arithmetic=self.arithmetic,
        )
        return self._write(op.output, codes)

    @impl(chip.DeconvOp)
    def run_deconv(self, _: Interpreter, op: chip.DeconvOp, args: PythonValues) -> PythonValues:
        x_format = self._format(op.input)
        layer = self.cache.weights(op.weights, x_format)
        top, left, bottom, right = op.crops(self.scope)
        codes = self.engine.conv_transpose2d(
            self._read(op.input),
            x_format,
            layer.codes,
            layer.format,
            layer.initial,
            self._format(op.output),
            strides=op.strides,
            padding=(top, left, max(bottom, 0), max(right, 0)),
            output_padding=(max(-bottom, 0), max(-right, 0)),
            dilation=op.dilation,
            groups=op.groups(self.scope),
            relu=op.relu is not None,
            arithmetic=self.arithmetic,
        )
        return self._write(op.output, codes)

    @impl(chip.PoolOp)
    def run_pool(self, _: Interpreter, op: chip.PoolOp, args: PythonValues) -> PythonValues:
        x, x_format = self._read(op.input), self._format(op.input)
        if op.mode.data == "max":
            codes = definition.max_pool2d(
                x,
                x_format,
                kernel=op.kernel,
                strides=op.strides,
                padding=op.padding,
                dilation=op.dilation,
            )
            return self._write(op.output, codes)
        self._check_bound(pool_bound(x_format, op.kernel[0] * op.kernel[1], self.arithmetic))
        codes = self.engine.avg_pool2d(
            x,
            x_format,
            self._format(op.output),
            kernel=op.kernel,
            strides=op.strides,
            padding=op.padding,
            count_include_pad=op.count_padding is not None,
            arithmetic=self.arithmetic,
        )
        return self._write(op.output, codes)

    @impl(chip.EltOp)
    def run_elt(self, _: Interpreter, op: chip.EltOp, args: PythonValues) -> PythonValues:
        lhs, rhs = self._format(op.lhs), self._format(op.rhs)
        operands = self._read(op.lhs), lhs, self._read(op.rhs), rhs, self._format(op.output)
        relu = op.relu is not None
        if op.mode.data == "mul":
            return self._write(op.output, self.engine.mul(*operands, relu=relu))
        self._check_bound(add_bound(lhs, rhs, self.arithmetic))
        subtract = op.mode.data == "sub"
        codes = self.engine.add(*operands, subtract=subtract, relu=relu, arithmetic=self.arithmetic)
        return self._write(op.output, codes)

    @impl(chip.ResizeOp)
    def run_resize(self, _: Interpreter, op: chip.ResizeOp, args: PythonValues) -> PythonValues:
        x, x_format = self._read(op.input), self._format(op.input)
        height, width = self._tensor(op.output).shape[1:]
        if op.mode.data == "nearest":
            return self._write(op.output, sampling.resize_nearest(x, (height, width)))
        self._check_bound(resize_bound(x_format, op.steps, self.arithmetic))
        codes = self.engine.resize_bilinear(
            x,
            x_format,
            self._format(op.output),
            size=(height, width),
            steps=op.steps,
            align_corners=op.align_corners is not None,
            arithmetic=self.arithmetic,
        )
        return self._write(op.output, codes)

    @impl(chip.ZeroOp)
    def run_zero(self, _: Interpreter, op: chip.ZeroOp, args: PythonValues) -> PythonValues:
        self.state.activation.clear(self._tensor(op.output))
        return ()

    def _check_bound(self, bound: int) -> None:
        limit = accumulator_limit(self.arithmetic)
        if bound > limit:
            raise RecogError(f"the sum may reach {shown(bound)}, accumulators hold {limit}")

    @impl(chip.TableOp)
    def run_table(self, _: Interpreter, op: chip.TableOp, args: PythonValues) -> PythonValues:
        return self._write(op.output, definition.table(self._read(op.input), self.cache.table(op)))

    @impl(chip.ConstantOp)
    def run_constant(self, _: Interpreter, op: chip.ConstantOp, args: PythonValues) -> PythonValues:
        elements = self.cache.table(op).reshape(self._tensor(op.output).shape)
        self.state.activation.write(self._tensor(op.output), elements[None])
        return ()

    @impl(chip.CopyOp)
    def run_copy(self, _: Interpreter, op: chip.CopyOp, args: PythonValues) -> PythonValues:
        x = self._read(op.input)
        if self._tensor(op.input).integer is not None:
            return self._write(op.output, x)
        x_format = self._format(op.input)
        if op.relu is not None:
            x = definition.relu(x, x_format)
        return self._write(op.output, definition.convert(x, x_format, self._format(op.output)))

    @impl(chip.ArgmaxOp)
    def run_argmax(self, _: Interpreter, op: chip.ArgmaxOp, args: PythonValues) -> PythonValues:
        index = definition.argmax(self._read(op.input), self._format(op.input), 1)
        return self._write(op.output, index[:, None])

    @impl(chip.CorrOp)
    def run_corr(self, _: Interpreter, op: chip.CorrOp, args: PythonValues) -> PythonValues:
        left, right = self._read(op.left), self._read(op.right)
        formats = self._format(op.left), self._format(op.right)
        bound = stereo.correlation_bound(*formats, left.shape[1], self.arithmetic)
        self._check_bound(bound)
        codes = self.engine.correlation(
            left,
            formats[0],
            right,
            formats[1],
            self._format(op.output),
            disparities=self._tensor(op.output).shape[0],
            arithmetic=self.arithmetic,
        )
        return self._write(op.output, codes)

    @impl(chip.ExpectOp)
    def run_expect(self, _: Interpreter, op: chip.ExpectOp, args: PythonValues) -> PythonValues:
        return self._expect(op, None)

    @impl(chip.ExpectAddOp)
    def run_expect_add(
        self, _: Interpreter, op: chip.ExpectAddOp, args: PythonValues
    ) -> PythonValues:
        return self._expect(op, op.residual)

    def _expect(self, op: chip.ExpectationOp, residual: SymbolRefAttr | None) -> PythonValues:
        codes = stereo.expectation(
            self._read(op.logits),
            self._format(op.logits),
            self.cache.bins(op),
            None if residual is None else self._read(residual),
            None if residual is None else self._format(residual),
            self._format(op.output),
            frac=op.frac.value.data,
        )
        return self._write(op.output, codes)

    @impl(chip.Disp2depthOp)
    def run_disp2depth(
        self, _: Interpreter, op: chip.Disp2depthOp, args: PythonValues
    ) -> PythonValues:
        codes = stereo.reciprocal(
            self._read(op.input),
            self._format(op.input),
            self._format(op.output),
            log_numerator=op.log_numerator.value.data,
            negative=op.negative is not None,
        )
        return self._write(op.output, codes)

    @impl(chip.PeaksOp)
    def run_peaks(self, _: Interpreter, op: chip.PeaksOp, args: PythonValues) -> PythonValues:
        count = self._tensor(op.output).shape[0]
        scores, indices = boxes.peaks(
            self._codes(op.heat), count, self._format(op.output), sigmoid=op.sigmoid is not None
        )
        self._write(op.indices, indices[..., None, None])
        return self._write(op.output, scores[..., None, None])

    @impl(chip.Boxdec2dOp)
    def run_boxdec2d(self, _: Interpreter, op: chip.Boxdec2dOp, args: PythonValues) -> PythonValues:
        indices, geometry = self._read(op.indices)[..., 0, 0], self.cache.geometry(op)
        maps, frac = (self._codes(op.offset), self._codes(op.size)), self._frac(op.output)
        return self._write(
            op.output, boxes.decode_boxes_2d(indices, *maps, geometry, frac)[..., None]
        )

    @impl(chip.Boxdec3dOp)
    def run_boxdec3d(self, _: Interpreter, op: chip.Boxdec3dOp, args: PythonValues) -> PythonValues:
        indices, geometry = self._read(op.indices)[..., 0, 0], self.cache.geometry(op)
        maps, frac = (self._codes(op.disparity), self._codes(op.box)), self._frac(op.output)
        return self._write(
            op.output, boxes.decode_boxes_3d(indices, *maps, geometry, frac)[..., None]
        )

    @impl(chip.NmsOp)
    def run_nms(self, _: Interpreter, op: chip.NmsOp, args: PythonValues) -> PythonValues:
        scores = boxes.suppress(
            self._read(op.boxes)[..., 0],
            self._read(op.scores)[..., 0, 0],
            self._read(op.indices)[..., 0, 0],
            cells=op.cells.value.data,
            overlap=op.overlap.value.data,
        )
        return self._write(op.output, scores[..., None, None])

    def _codes(self, reference: SymbolRefAttr) -> boxes.Codes:
        return boxes.Codes(self._read(reference), self._format(reference))

    def _frac(self, reference: SymbolRefAttr) -> int:
        return self._tensor(reference).frac.value.data

    @impl(chip.MarkOp)
    def run_mark(self, _: Interpreter, op: chip.MarkOp, args: PythonValues) -> PythonValues:
        return ()

    @impl_terminator(chip.HaltOp)
    def run_halt(self, _: Interpreter, op: chip.HaltOp, args: PythonValues):
        return ReturnedValues(()), ()
