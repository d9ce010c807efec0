"""Clusters chosen for what layers give on example inputs, layer by layer.

The float network and the clustered one run side by side, so that each layer's pointers are chosen
for the inputs that it will have, toward the outputs that it has in the float network. Biases make
up for what shifts the means of channels, and the weights of layers that stay dense for what else
they can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import Float32Type, ModuleOp
from xdsl.ir import SSAValue

from recog.backend.threads import fixed_threads
from recog.dialects import nn
from recog.dialects.data import ConstantOp
from recog.dialects.functions import find_function
from recog.lowering.cluster.carried_pointers import Part, carry_errors
from recog.lowering.cluster.clustered_weight import ClusteredWeight, nearest_pointers
from recog.lowering.cluster.layouts import BlockLayout, ClusterOptions
from recog.lowering.common.error_carrying import damped
from recog.lowering.common.input_moments import Moments, few_values_notes, nothing_learned
from recog.lowering.common.layer_by_layer import LayerByLayer
from recog.lowering.common.notes import Note
from recog.lowering.common.side_by_side import Pair
from recog.lowering.encode.calibrate import frames_in_memory
from recog.lowering.encode.label_layers import layer_name

if TYPE_CHECKING:
    from torch import Tensor


class Found(NamedTuple):
    """Clusters by the weights that they stand for, and what there is to say."""

    weights: Mapping[SSAValue, ClusteredWeight]
    notes: list[Note]


@fixed_threads(1)
def cluster_on_data(
    module: ModuleOp,
    layouts: Mapping[SSAValue, BlockLayout],
    options: ClusterOptions,
    inputs: Sequence[np.ndarray],
    entry: str,
    progress: Callable[[float], None] | None,
    tables: Mapping[str, np.ndarray],
) -> Found:
    """Choose clusters for the layers of a function, and correct its other constants in place.

    The order of sums on one thread, so that equal inputs give equal bytes.

    Args:
        tables: the centroids that layers share, by the names in their layouts.
    """
    function = find_function(module, entry)
    clustering = _Clustering(function, layouts, options, progress, tables)
    clustering.run(module, frames_in_memory(inputs, function, "clustering"), entry)
    clustering.store()
    return Found(clustering.weights, few_values_notes(clustering.few))


class _Clustering(LayerByLayer):
    """The layers of a function, clustered as their turn comes; what became of them."""

    def __init__(
        self,
        function: func.FuncOp,
        layouts: Mapping[SSAValue, BlockLayout],
        options: ClusterOptions,
        progress: Callable[[float], None] | None,
        tables: Mapping[str, np.ndarray],
    ):
        super().__init__(function, progress)
        self._layouts, self._options, self._tables = layouts, options, tables
        self._values: dict[SSAValue, Tensor] = {}
        self._corrected: dict[ConstantOp, Tensor] = {}
        self.weights: dict[SSAValue, ClusteredWeight] = {}
        self.few: list[str] = []

    def replaced(self, op: nn.LayerOp, rows: Tensor, moments: Moments) -> Tensor:
        """See `LayerByLayer`: weights as float32 holds them."""
        import torch

        if op.weight not in self._values:  # not shared with a layer before
            values = self._replaced(op, rows, moments).to(torch.float32)
            self._values[op.weight] = values.to(torch.float64).reshape(rows.shape)
        return self._values[op.weight]

    def corrected(self, op: nn.LayerOp, bias: Pair, shift: Tensor) -> Tensor:
        """See `LayerByLayer`."""
        import torch

        from recog.backend.interpreters.nn_tensors import as_tensor

        new_bias, constant = as_tensor(bias.coded), _own_constant(op.bias)
        if constant is None or not bool(shift.any()):
            return new_bias
        self._corrected[constant] = (new_bias + shift).to(torch.float32)
        return self._corrected[constant]

    def _replaced(self, op: nn.LayerOp, rows: Tensor, moments: Moments) -> Tensor:
        """A layer's weights (G, O, D), clustered or such as make up for errors before."""
        import torch

        layout = self._layouts.get(op.weight)
        if layout is not None:
            clustered = (
                self._clustered(op, layout, rows, moments)
                if moments.finite
                else nearest_pointers(
                    _array(op.weight), layout, self._options, table=self._table(layout)
                )
            )
            self.weights[op.weight] = clustered
            return torch.from_numpy(clustered.values)
        constant = _own_constant(op.weight)
        if constant is None or moments.missing is None or not moments.finite:
            return rows
        if nothing_learned(rows):
            return rows
        parts = (moments.of(s).toward_float(rows[:, :, s]) for s in moments.spans())
        values = torch.cat(list(parts), 2).to(torch.float32)
        self._corrected[constant] = values.reshape(nn.shape_of(op.weight))
        return values

    def _clustered(
        self, op: nn.LayerOp, layout: BlockLayout, rows: Tensor, moments: Moments
    ) -> ClusteredWeight:
        import torch

        weight, (groups, outputs, _) = _array(op.weight), rows.shape
        width = prod(layout.block)
        spans = [(span, moments.of(span)) for span in moments.spans(width)]
        # Of each block: what an error in it costs while nothing makes up for it.
        squares = [damped(each.second).diagonal(dim1=1, dim2=2) for _, each in spans]
        costs = torch.cat(squares, 1).reshape(groups, 1, -1, width).mean(3)
        importance = (costs / costs.mean()).expand(-1, outputs, -1).reshape(-1).numpy()
        table = self._table(layout)
        start = nearest_pointers(weight, layout, self._options, importance, table)
        if layout.palette is not None or np.allclose(start.values, weight, 1e-6, 0):
            return start  # nothing is lost
        if nothing_learned(rows):
            return start
        if moments.few:
            self.few.append(layer_name(op))
        wanted = (each.toward_float(rows[:, :, span]) for span, each in spans)
        parts = [Part(each, of.shrunk) for each, (_, of) in zip(wanted, spans)]
        return carry_errors(start, parts, self._options.weight_format, fixed=table is not None)

    def _table(self, layout: BlockLayout) -> np.ndarray | None:
        return None if layout.table is None else self._tables[layout.table]

    def store(self) -> None:
        """Write what other constants have become into the module."""
        for constant, values in self._corrected.items():
            constant.set_array(values.numpy())


def _own_constant(value: SSAValue | None) -> ConstantOp | None:
    """The constant of floats that only one op takes."""
    if value is None or not value.has_one_use() or not isinstance(value.owner, ConstantOp):
        return None
    constant = value.owner
    return constant if isinstance(constant.value.type.element_type, Float32Type) else None


def _array(value: SSAValue) -> np.ndarray:
    if not isinstance(value.owner, ConstantOp):
        raise ValueError("only constants are clustered")
    return value.owner.value.to_array()
