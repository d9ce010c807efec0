"""round-weights: choose the codes of weights by what they do to the outputs of their layers.

Layers are taken in order, on example frames. Each sees the inputs that it will have on codes, after
all that was rounded before it, and its weights are rounded one input at a time, the error of each
carried to those not yet rounded (`error_carrying`). Its bias makes up for what is left of each
channel's mean: for the errors of its weights, of its inputs' codes, and of all layers before it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from recog.backend.arithmetic.bounds import check_accumulator
from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.reference.definition import encode
from recog.backend.arithmetic.tables import encode_bias
from recog.backend.threads import fixed_threads
from recog.dialects import nn
from recog.dialects.cluster import LookupOp
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.functions import find_function
from recog.dialects.lns import NumberType
from recog.dialects.number_format import LnsFormat
from recog.lowering.cluster.differentiable_outputs import returning_heads
from recog.lowering.common.batches import frames_that_fit
from recog.lowering.common.data_files import load_examples
from recog.lowering.common.error_carrying import round_carrying
from recog.lowering.common.input_moments import (
    Moments,
    few_values_notes,
    nothing_learned,
)
from recog.lowering.common.layer_by_layer import LayerByLayer
from recog.lowering.common.notes import Note, log_notes
from recog.lowering.common.run_on_codes import run_on_codes
from recog.lowering.common.shared_options import EntryOptions
from recog.lowering.common.side_by_side import Pair
from recog.lowering.common.smaller_frames import SmallerFrames, smaller_frames
from recog.lowering.common.weight_grids import CodeGrid
from recog.lowering.encode.accumulator_room import largest_biases
from recog.lowering.encode.calibrate import FORMAT, frames_in_memory
from recog.lowering.encode.constants import (
    ConstantEncoder,
    channel_biases,
    looked_up,
    rounded_codebook,
    weight_format_of,
)
from recog.lowering.encode.elementwise_fusion import find_chains
from recog.lowering.encode.encode_lns import EncodeOptions
from recog.lowering.encode.label_layers import layer_name
from recog.lowering.encode.measured_frames import PARTS
from recog.lowering.precision.coded_values import coded_values, is_dense, rounded

if TYPE_CHECKING:
    from torch import Tensor

SHARES = 8
"""Parts of large frames are as large as so many fit in memory with all their values and gradients:
a few hundred thousand positions tell as much of the layers' inputs as more would."""


@dataclass(frozen=True, kw_only=True)
class RoundWeightsPass(EncodeOptions, EntryOptions, ModulePass):
    """Round the weights of a calibrated module to codes, with the errors carried, on example data.

    Clustered weights stay as they are; the biases of their layers are corrected too.
    """

    name = "round-weights"

    data: str
    """An .npy or .npz file of example inputs, (N, ...)."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = find_function(op, self.entry)
        inputs = load_examples(self.data, function, what=f"{self.name} data")
        log_notes(round_weights(op, inputs, self.encoder(), entry=self.entry))


@fixed_threads(1)
def round_weights(
    module: ModuleOp,
    inputs: Sequence[np.ndarray],
    encoder: ConstantEncoder,
    *,
    entry: str = "main",
    progress: Callable[[float], None] | None = None,
) -> list[Note]:
    """Replace dense weights by values that are codes, their formats beside them, and biases.

    The order of sums on one thread, so that equal inputs give equal bytes. Large frames are seen in
    parts, as `MeasuredFrames` has them.

    Args:
        inputs: example inputs, float (N, ...), of which as many are used as memory holds.
        encoder: whose formats and accumulators the weights are for.

    Returns:
        The layers that too few frames were seen of.

    Raises:
        RecogError: values without a calibrated format, inputs that the network does not take.
    """
    function = find_function(module, entry)
    formats = coded_values(function, find_chains(module))
    frames = frames_in_memory(inputs, function, "rounding")
    smaller = _on_parts(module, function)
    own: dict[SSAValue, SSAValue] = {}
    if smaller is not None:
        own, formats = smaller.own, smaller.of_parts(formats)
        module, function = smaller.module, smaller.function
        count = min(max(PARTS, len(frames[0])), frames_that_fit(function))
        frames = smaller.batch(frames, count)
    rounding = _Rounding(function, formats, encoder, progress)

    def on_codes(value: SSAValue, given: Any) -> Any:
        return rounded(given, formats.get(value))

    rounding.run(module, frames, entry, on_codes, run_on_codes(formats))
    rounding.store(own)
    return rounding.notes()


def _on_parts(module: ModuleOp, function: func.FuncOp) -> SmallerFrames | None:
    """The function up to its heads on parts of frames; None where whole frames run: they are small,
    or parts do not see all layers."""
    with returning_heads(module, function.sym_name.data):
        smaller = smaller_frames(function, SHARES)
    if smaller is None:
        return None
    layers = (op for op in function.body.block.ops if isinstance(op, nn.LayerOp))
    return smaller if all(op.output in smaller.values for op in layers) else None


class _Rounding(LayerByLayer):
    """The layers of a function, rounded as their turn comes; what became of them."""

    def __init__(
        self,
        function: func.FuncOp,
        formats: dict[SSAValue, LnsFormat],
        encoder: ConstantEncoder,
        progress: Callable[[float], None] | None,
    ):
        super().__init__(function, progress)
        self._formats, self._encoder = formats, encoder
        self._weights: dict[SSAValue, tuple[Tensor, LnsFormat]] = {}
        self._biases: dict[SSAValue, Tensor] = {}
        self._few: list[str] = []
        self._sharing: dict[SSAValue, list[nn.LayerOp]] = defaultdict(list)
        """The layers of each weight, whose inputs may have other formats."""
        for op in function.body.block.ops:
            if isinstance(op, nn.LayerOp):
                self._sharing[op.weight].append(op)

    def corrected(self, op: nn.LayerOp, bias: Pair, shift: Tensor) -> Tensor:
        """See `LayerByLayer`."""
        import torch

        from recog.backend.interpreters.nn_tensors import as_tensor

        new_bias = as_tensor(bias.exact)
        if op.bias is None or not op.bias.has_one_use():
            return new_bias
        new_bias = (new_bias + shift).to(torch.float32)
        if isinstance(op.bias.owner, ConstantOp):
            self._biases[op.bias] = new_bias
        return new_bias

    def replaced(self, op: nn.LayerOp, rows: Tensor, moments: Moments) -> Tensor:
        """See `LayerByLayer`: weights as codes have them."""
        import torch

        if op.weight in self._weights:  # shared with a layer before
            return self._weights[op.weight][0]
        shape = nn.shape_of(op.weight)
        if isinstance(op.weight.owner, LookupOp):
            values = self._on_codes(op.weight.owner)
            if values is not None:
                return torch.from_numpy(values).to(torch.float64).reshape(rows.shape)
        if not is_dense(op.weight):
            return rows
        if moments.few:
            self._few.append(layer_name(op))
        format = self._format(op, rows.reshape(shape).numpy())
        nearest = CodeGrid(format, rows.shape[0], rows.shape[1]).nearest(rows)
        if nothing_learned(rows) or not moments.finite:
            return nearest
        rounded = self._carried(rows, moments, format)
        fitting = self._fitting(op, rounded.reshape(shape).numpy(), format)
        if fitting != format:
            format, rounded = fitting, self._carried(rows, moments, fitting)
        if not self._is_proved(op, rounded.reshape(shape).numpy(), format):
            return nearest
        self._weights[op.weight] = rounded, format
        return rounded

    def _on_codes(self, lookup: LookupOp) -> np.ndarray | None:
        """What a lookup gives with the codes of its centroids; None where it is of what is
        computed, which encode-lns refuses."""
        codebook = constant_array(lookup.codebook)
        if codebook is None:
            return None
        return looked_up(lookup, rounded_codebook(codebook, self._encoder.format))

    def _carried(self, rows: Tensor, moments: Moments, format: LnsFormat) -> Tensor:
        import torch

        grid = CodeGrid(format, rows.shape[0], rows.shape[1])
        parts = (round_carrying(rows[:, :, s], moments.of(s).shrunk, grid) for s in moments.spans())
        return torch.cat(list(parts), 2)

    def _format(self, op: nn.LayerOp, weight: np.ndarray) -> LnsFormat:
        format = weight_format_of(op, self._encoder.format)
        limit: np.ndarray | None = None
        for each in self._sharing[op.weight]:
            given, most = self._formats.get(each.input), None
            if given is not None:
                most = self._encoder.largest_biases(each.weight, each.bias, given, format)
            if most is not None:
                limit = most.wanted if limit is None else np.minimum(limit, most.wanted)
        return format.with_bias(channel_biases(weight, format, limit), 0)

    def _fitting(self, op: nn.LayerOp, rounded: np.ndarray, format: LnsFormat) -> LnsFormat:
        """A format in which these weights, which may sum to more than before, leave no accumulator:
        the same, or one of lower biases."""
        biases = np.array(format.biases)
        for each in self._sharing[op.weight]:
            given = self._formats.get(each.input)
            bias = None if each.bias is None else constant_array(each.bias)
            if given is not None and (each.bias is None or bias is not None):
                most = largest_biases(rounded, bias, given, format, self._encoder.arithmetic)
                biases = np.minimum(biases, most.safe)
        return format.with_bias(tuple(biases.tolist()), 0)

    def _is_proved(self, op: nn.LayerOp, rounded: np.ndarray, format: LnsFormat) -> bool:
        """Whether no sum of these weights can leave its accumulator, in any layer that has them."""
        codes = Codes(encode(rounded, format), format)
        arithmetic = self._encoder.arithmetic
        for each in self._sharing[op.weight]:
            given = self._formats.get(each.input)
            if given is None:
                continue
            bias = None if each.bias is None else constant_array(each.bias)
            initial = None if bias is None else encode_bias(bias, given, format, arithmetic)
            if check_accumulator(codes, given, initial, arithmetic):
                return False
        return True

    def store(self, own: Mapping[SSAValue, SSAValue]) -> None:
        """Write what the layers have into the module.

        Args:
            own: the module's own weights and biases, where the layers are copies.
        """
        for weight, (values, format) in self._weights.items():
            constant = _constant(own.get(weight, weight))
            constant.set_array(values.numpy().astype(np.float32))
            constant.attributes[FORMAT] = NumberType(format)
        for bias, values in self._biases.items():
            _constant(own.get(bias, bias)).set_array(values.numpy())

    def notes(self) -> list[Note]:
        """What there is to say."""
        return few_values_notes(self._few)


def _constant(value: SSAValue) -> ConstantOp:
    if not isinstance(value.owner, ConstantOp):
        raise ValueError("only constants have other values")
    return value.owner
