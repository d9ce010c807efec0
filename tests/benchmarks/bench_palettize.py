"""Cluster the weights of the perception tasks beside coremltools' k-means, at equal packed bytes.

    make bench-palettize
    python tests/benchmarks/bench_palettize.py --only classification --frames 360

Both get the same folded weights, one layer at a time, and neither trains. coremltools
(`PostTrainingPalettizer`, `cluster_dim` 8, 8 bits: blocks of 8 output channels, 256 centroids of
16 bits) says what a layer may take; recog's blocks (whole kernels, or 8 input channels) get as many
centroids, of 8 bits, as fit in no more. Layers that coremltools leaves as they are stay float for
both. `recog_nearest` is plain k-means, `recog` carries the errors on `--calibration` frames.

One row a network and method: `packed_bytes` of these layers, `seconds`, `weight_error`
(squared, over the squared weights, each input channel weighted by the mean square of what reaches
it) and `metric`, in percent, with the clustered weights and all else in float; `lost` against
float, and its 95 % `interval` (paired bootstrap over the frames).
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from coremltools.optimize.torch.palettization import (
    PostTrainingPalettizer,
    PostTrainingPalettizerConfig,
)
from xdsl.dialects.builtin import ModuleOp
from xdsl.interpreter import Interpreter
from xdsl.ir import Operation, SSAValue

from recog.backend.interpreters.execute import run_op
from recog.backend.interpreters.nn_runner import NnRunner
from recog.backend.threads import fixed_threads
from recog.dialects import nn
from recog.dialects.cluster import Layout, LayoutAttr
from recog.dialects.data import constant_array
from recog.frontend.tasks import TASK_NAMES, get_task
from recog.frontend.tasks.checkpoints import load_checkpoint
from recog.frontend.torch.importer import import_torch
from recog.lowering.cluster.cluster_weights import cluster_weights, layer_weight
from recog.lowering.cluster.layouts import BlockLayout, ClusterOptions
from recog.lowering.pipeline import fold_network
from recog.tools.console import print_table
from recog.tools.report.task_frames import load_frames
from recog.tools.report.task_scores import loss_interval

Weights = Mapping[SSAValue, np.ndarray]
ROOT = Path(__file__).resolve().parent.parent.parent
DIM, BITS, TABLE_BITS = 8, 8, 16
"""coremltools: output channels of a block, and bits of a pointer and of a number in the table."""
OPTIONS, MOST_CENTROIDS, BATCH = ClusterOptions(), 4096, 16
COLUMNS = {
    "network": "network",
    "method": "method",
    "layers": "layers",
    "packed_bytes": "bytes",
    "seconds": "s",
    "weight_error": "weight error",
    "metric": "metric %",
    "lost": "lost",
    "interval": "95 % interval",
}


def main() -> int:
    arguments = _arguments()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    out = Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    with fixed_threads(1):
        for name in arguments.only:
            for row in Comparison(name, arguments).rows():
                rows.append(row)
                out.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    cells = [[_cell(row.get(key)) for key in COLUMNS] for row in rows]
    print_table("Clustered weights, untuned, all else in float", list(COLUMNS.values()), cells)
    print(f"rows: {out}")
    return 0


@dataclass
class Clustered:
    """What a method made: a module, the weights of its layers, and the bits that these take."""

    module: ModuleOp
    weights: Weights
    bits: int


class Comparison:
    """One task's network with the weights that each method gives."""

    def __init__(self, name: str, arguments: argparse.Namespace):
        self.task = get_task(name)
        self.test = load_frames(self.task, "test", arguments.scenes, arguments.frames)
        few = load_frames(self.task, "train", arguments.scenes, arguments.calibration)
        self.calibration = few.inputs()
        network = load_checkpoint(self.task)
        self.module = import_torch(network, tuple(map(torch.from_numpy, few.inputs(slice(1)))))
        fold_network(self.module)
        self.layers = palettizable(self.module)
        self.powers = self._input_powers()

    def rows(self) -> Iterator[dict[str, Any]]:
        """Measure the float network and every method."""
        truth = self._outputs(Clustered(self.module, {}, 0))
        yield self._row("float", 0, 0.0) | {"metric": self._metric(truth)}
        for method, cluster in METHODS.items():
            start = time.perf_counter()
            clustered = cluster(self)
            row = self._row(method, clustered.bits, time.perf_counter() - start)
            found = self._outputs(clustered)
            row["weight_error"] = self._weight_error(clustered.weights)
            row["metric"] = self._metric(found)
            row["lost"] = self._metric(truth) - row["metric"]
            row["interval"] = loss_interval(self.task, self.test.truths, truth, found)
            yield row

    def _row(self, method: str, bits: int, seconds: float) -> dict[str, Any]:
        what = {"network": self.task.name, "method": method, "layers": len(self.layers)}
        return what | {"packed_bytes": -(-bits // 8), "seconds": seconds}

    def _metric(self, outputs: Sequence[np.ndarray]) -> float:
        return self.task.metric(outputs, self.test.truths)[self.task.metric_name]

    def _outputs(self, clustered: Clustered) -> list[np.ndarray]:
        """The network's outputs on the held-out frames."""
        inputs, runner = self.test.inputs(), NnRunner(clustered.module)
        own = clustered.module is self.module
        given = {v: torch.from_numpy(x) for v, x in clustered.weights.items()} if own else {}
        parts = list[tuple[torch.Tensor, ...]]()
        with torch.no_grad():
            for first in range(0, len(self.test), BATCH):
                parts.append(runner(*(x[first : first + BATCH] for x in inputs), constants=given))
        return [torch.cat(each).numpy() for each in zip(*parts)]

    def _input_powers(self) -> dict[SSAValue, np.ndarray]:
        """The mean square of what each weight (O, I, ...) is multiplied with, as (O, I, 1, ...)."""
        powers = dict[SSAValue, np.ndarray]()

        def run(interpreter: Interpreter, op: Operation, operands: tuple[Any, ...]) -> Any:
            if op in self.layers:
                powers[op.operands[1]] = _powers(operands[0].numpy(), operands[1].shape)
            return run_op(interpreter, op, operands)

        NnRunner(self.module)(*(x[:BATCH] for x in self.calibration), run=run)
        return powers

    def _weight_error(self, weights: Weights) -> float:
        lost = kept = 0.0
        for layer in self.layers:
            own, power = layer_weight(layer), self.powers[layer.weight]
            lost += float((power * (weights[layer.weight] - own) ** 2).sum())
            kept += float((power * own**2).sum())
        return lost / kept


def _powers(x: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    axes = tuple(axis for axis in range(x.ndim) if axis != (1 if x.ndim == 4 else x.ndim - 1))
    channels = (x.astype(np.float64) ** 2).mean(axes).reshape(-1, shape[1])
    each = np.repeat(channels, shape[0] // len(channels), axis=0)
    return each.reshape(*shape[:2], *(1 for _ in shape[2:]))


def palettizable(module: ModuleOp) -> list[nn.LayerOp]:
    """The layers that coremltools clusters: output channels divide, and blocks are enough."""
    found = dict[SSAValue, nn.LayerOp]()
    for op in module.walk():
        if not isinstance(op, nn.Conv2dOp | nn.LinearOp) or constant_array(op.weight) is None:
            continue
        shape = nn.shape_of(op.weight)
        if shape[0] % DIM == 0 and prod(shape) // DIM > 2**BITS:
            found.setdefault(op.weight, op)
    return list(found.values())


def bits_of(layer: nn.LayerOp) -> int:
    """What coremltools takes for a layer: pointers and a table."""
    return prod(nn.shape_of(layer.weight)) // DIM * BITS + 2**BITS * DIM * TABLE_BITS


def by_coremltools(comparison: Comparison) -> Clustered:
    """The clustered weights of all layers, and the bits that they take."""

    def module_of(layer: nn.LayerOp) -> torch.nn.Module:
        weight = torch.from_numpy(layer_weight(layer))
        made = (
            torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
            if weight.ndim == 2
            else torch.nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2:], bias=False)
        )
        made.weight.data.copy_(weight)
        return made

    network = torch.nn.Sequential(*map(module_of, comparison.layers))
    options = {"n_bits": BITS, "cluster_dim": DIM, "granularity": "per_tensor"}
    config = PostTrainingPalettizerConfig.from_dict({"global_config": options})
    made = PostTrainingPalettizer(network, config).compress(num_kmeans_workers=1)
    weights = [each.weight.detach().numpy() for each in made]
    for each in weights:
        blocks = np.moveaxis(each.reshape(-1, DIM, *each.shape[1:]), 1, -1).reshape(-1, DIM)
        assert len(np.unique(blocks, axis=0)) <= 2**BITS, "a layer is not clustered as assumed"
    found = dict(zip((layer.weight for layer in comparison.layers), weights))
    return Clustered(comparison.module, found, sum(map(bits_of, comparison.layers)))


def by_recog(comparison: Comparison, *, carried: bool) -> Clustered:
    """As `by_coremltools`, in no more bits a layer.

    Args:
        carried: whether pointers are chosen by the outputs on the frames of calibration.
    """
    module = comparison.module.clone()
    twins = dict(zip(comparison.module.walk(), module.walk()))
    layers = [twins[layer] for layer in comparison.layers]
    bits = 0
    for op in module.walk():
        if isinstance(op, nn.LayerOp):
            layout = largest_layout(op) if op in layers else None
            chosen = Layout() if layout is None else Layout(layout.block, layout.centroids)
            op.attributes[LayoutAttr.name] = LayoutAttr(chosen)
            bits += 0 if layout is None else layout.bits + scale_bits(op)
    cluster_weights(module, OPTIONS, comparison.calibration if carried else None)
    found = dict[SSAValue, np.ndarray]()
    originals = dict(zip(layers, comparison.layers))

    def run(interpreter: Interpreter, op: Operation, operands: tuple[Any, ...]) -> Any:
        if op in originals:
            found[originals[op].weight] = operands[1].numpy()
        return run_op(interpreter, op, operands)

    NnRunner(module)(*(x[:1] for x in comparison.calibration), run=run)
    return Clustered(module, found, bits)


def largest_layout(layer: nn.LayerOp) -> BlockLayout:
    """recog's own blocks, with as many centroids as fit in what coremltools takes."""
    shape = nn.shape_of(layer.weight)
    block, room = OPTIONS.block_of(shape), bits_of(layer) - scale_bits(layer)
    most = min(MOST_CENTROIDS, prod(shape) // prod(block))
    layouts = (BlockLayout.of(shape, block, k, OPTIONS.weight_width) for k in range(most, 1, -1))
    return next(layout for layout in layouts if layout.bits <= room)


def scale_bits(layer: nn.LayerOp) -> int:
    """The scales of the output channels, which are codes too."""
    return nn.shape_of(layer.weight)[0] * OPTIONS.weight_width


METHODS: dict[str, Callable[[Comparison], Clustered]] = {
    "coremltools": by_coremltools,
    "recog_nearest": partial(by_recog, carried=False),
    "recog": partial(by_recog, carried=True),
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--only", nargs="+", choices=TASK_NAMES, default=list(TASK_NAMES))
    parser.add_argument("--frames", type=int, default=320, help="held out")
    parser.add_argument("--calibration", type=int, default=32, help="frames to calibrate with")
    parser.add_argument("--scenes", default=str(ROOT / "build/scenes"), help="rendered scenes")
    parser.add_argument("--out", default=str(ROOT / "build/bench/palettize.json"))
    return parser.parse_args()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return " to ".join("?" if each is None else f"{each:.2f}" for each in value)
    return (
        f"{value:,.4g}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else value
    )


if __name__ == "__main__":
    sys.exit(main())
