"""Where the loss comes from: each layer's values in LNS against the float module's.

Two figures a layer, as signal-to-quantization-noise ratio against the float values:
*alone*, this layer on float inputs encoded for it, and *up to here*, all layers before it
converted too. A layer bad alone needs another format; one bad only up to here inherits.
What a layer costs alone in a metric of the outputs, `sensitivity` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from recog.backend.arithmetic.engine import DEFAULT_ENGINE, EngineChoice
from recog.backend.arithmetic.reference.boxes import decode_fixed
from recog.backend.arithmetic.reference.definition import decode, encode
from recog.backend.interpreters.lns import check_input, lns_interpreter, run_lns
from recog.dialects import lns
from recog.dialects.errors import RecogError, fail
from recog.dialects.functions import find_function
from recog.dialects.lns import format_of
from recog.dialects.lns.types import holds_codes
from recog.lowering.check.float_network import FloatNetwork
from recog.lowering.common.layer_names import label_of


@dataclass(frozen=True)
class LayerComparison:
    """One layer: its label and op, and both SQNRs in decibels (inf where nothing differs)."""

    layer: str
    op: str
    alone_db: float
    cumulative_db: float


class OutputsWithLayers(Protocol):
    """Sees the network's outputs with one layer alone on codes, all else in float."""

    def begin(self, outputs: tuple[np.ndarray, ...]) -> None:
        """Take the float network's outputs (N, ...) for all frames, before those of a layer."""
        ...

    def add(self, layer: str, frames: slice, outputs: tuple[np.ndarray, ...]) -> None:
        """Take the outputs for these frames with this layer on codes."""
        ...


def sqnr_db(reference: np.ndarray, value: np.ndarray) -> float:
    """10·log10(Σ reference² / Σ (reference − value)²); inf for equal arrays, 0 for no signal."""
    ratio = _Ratio()
    ratio.add(reference, value)
    return ratio.db


@dataclass
class _Ratio:
    """The energies of a signal and of its error, over any number of arrays."""

    signal: float = 0.0
    noise: float = 0.0

    def add(self, reference: np.ndarray, value: np.ndarray) -> None:
        reference, value = reference.astype(np.float64), value.astype(np.float64)
        self.noise += float(((reference - value) ** 2).sum())
        self.signal += float((reference**2).sum())

    @property
    def db(self) -> float:
        if self.noise == 0:
            return float("inf")
        return 10 * float(np.log10(self.signal / self.noise)) if self.signal else 0.0


def compare_layers(
    float_module: ModuleOp,
    lns_module: ModuleOp,
    inputs: Sequence[np.ndarray],
    *,
    host: ModuleOp | None = None,
    entry: str = "main",
    engine: EngineChoice = DEFAULT_ENGINE,
    outputs: OutputsWithLayers | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[LayerComparison]:
    """Both SQNRs of every layer that the two modules share, in execution order.

    Args:
        float_module: the nn module before or after clustering: what "lossless" means here.
            Where the network is divided, its part for the chip.
        lns_module: the same network after encode-lns.
        inputs: float arrays (N, ...), one an argument of the network.
        host: the host's functions of a divided network, in float.
        outputs: sees what each layer does to the network's outputs.
        progress: called with the share of the work that is done.

    Raises:
        RecogError: the modules have no layer in common.
    """
    run = _Comparison(FloatNetwork(float_module, host, entry), lns_module, entry, engine)
    return run.compare(inputs, outputs, progress or (lambda _: None))


class _Alone(NamedTuple):
    """What a layer gives on operands as good as their format allows, as real numbers."""

    label: str
    op: Operation
    results: list[np.ndarray]


@dataclass
class _Layer:
    """What is known of a layer so far."""

    op: str
    alone: _Ratio = field(default_factory=_Ratio)
    cumulative: _Ratio = field(default_factory=_Ratio)


class _Comparison:
    """A float network and the same in LNS, batch by batch of frames."""

    def __init__(self, network: FloatNetwork, module: ModuleOp, entry: str, engine: EngineChoice):
        self.network, self.module, self.entry, self.engine = network, module, entry, engine
        self.interpreter = lns_interpreter(module, engine)
        self.block = find_function(module, entry).body.block
        self.layers = {
            label: _Layer(op.name)
            for op in self.block.ops
            if (label := label_of(op)) in network.layers and not isinstance(op, lns.ArgmaxOp)
        }
        if not self.layers:
            raise RecogError(
                "the float and the lns module have no layer in common",
                hint="compare an lns module with the nn module that it was made from",
            )

    def compare(
        self,
        inputs: Sequence[np.ndarray],
        outputs: OutputsWithLayers | None,
        progress: Callable[[float], None],
    ) -> list[LayerComparison]:
        batches = self.network.batches(inputs)
        if outputs is not None:
            parts = [self.network.outputs([x[frames] for x in inputs]) for frames in batches]
            outputs.begin(tuple(np.concatenate(each) for each in zip(*parts)))
        for number, frames in enumerate(batches):
            values = self.network.values([x[frames] for x in inputs])
            self._add_cumulative(values)
            for done, (label, op, results) in enumerate(self._alone(values), 1):
                self.layers[label].alone.add(
                    self._reference(label, op, results[0], values), results[0]
                )
                if outputs is not None:
                    outputs.add(label, frames, self.network.outputs_with(values, label, results))
                progress((number + done / len(self.layers)) / len(batches))
        return [
            LayerComparison(label, layer.op, layer.alone.db, layer.cumulative.db)
            for label, layer in self.layers.items()
        ]

    def _add_cumulative(self, values: dict[SSAValue, np.ndarray]) -> None:
        def observe(op: Operation, results: Sequence[Any]) -> None:
            label = label_of(op)
            if label in self.layers:
                value = _decoded(op.results[0], results[0])
                reference = self._reference(label, op, value, values)
                self.layers[label].cumulative.add(reference, value)

        given = self.network.chip_inputs(values)
        run_lns(self.module, *given, entry=self.entry, engine=self.engine, observe=observe)

    def _reference(
        self, label: str, op: Operation, value: np.ndarray, values: dict[SSAValue, np.ndarray]
    ) -> np.ndarray:
        """What the float network has in a layer, in the shape of what the op gives."""
        reference = values[self.network.layers[label].output]
        if reference.size != value.size:
            fail(
                op,
                f"gives {list(value.shape)}, the float network {list(reference.shape)} in this "
                "layer",
                hint="compare an lns module with the nn module that it was made from",
            )
        return reference.reshape(value.shape)

    def _alone(self, references: dict[SSAValue, np.ndarray]) -> Iterator[_Alone]:
        """Run each op on operands as good as their format allows."""
        given = zip(self.block.args, self.network.chip_inputs(references), strict=True)
        values: dict[SSAValue, Any] = {
            arg: check_input(i, x, arg.type) for i, (arg, x) in enumerate(given)
        }
        for op in self.block.ops:
            if isinstance(op, func.ReturnOp):
                break
            results = self.interpreter.run_op(op, tuple(values[operand] for operand in op.operands))
            values.update(zip(op.results, results))
            label = label_of(op)
            if label not in self.layers:
                continue
            decoded = [_decoded(value, x) for value, x in zip(op.results, results)]
            reference = self._reference(label, op, decoded[0], references)
            yield _Alone(label, op, decoded)
            if isinstance(op, lns.PeaksOp):
                # What is picked there has the same rows in both.
                values[op.indices] = references[self.network.layers[label].results[1]]
            if holds_codes(op.results[0]):
                values[op.results[0]] = encode(reference, format_of(op.results[0]))


def _decoded(value: SSAValue, array: np.ndarray) -> np.ndarray:
    element = value.type.element_type  # pyright: ignore[reportAttributeAccessIssue]
    match element:
        case lns.NumberType():
            return decode(array, element.format)
        case lns.FixedType():
            return decode_fixed(array, element.frac)
        case _:
            return array
