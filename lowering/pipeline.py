"""The whole conversion as one call: what the `recog` command and the demo run.

The same passes, in the same order, can be run one by one with recog-opt; this adds the
data that stays in memory between them, and progress.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from recog.backend.split_network import Run, SplitNetwork
from recog.dialects.data import ConstantOp
from recog.dialects.number_format import LnsFormat
from recog.dialects.verification import located_errors, verify_module
from recog.lowering.batch_norm.fold import FoldBatchNormPass
from recog.lowering.cluster.cluster_weights import ClusterWeightsPass
from recog.lowering.cluster.differentiable_outputs import returning_heads
from recog.lowering.cluster.pointer_reassignment import weights_before
from recog.lowering.cluster.tune_centroids import tune
from recog.lowering.cluster.tuner import TuneSettings
from recog.lowering.encode.calibrate import ActivationFormats, calibrate
from recog.lowering.encode.encode_lns import EncodeLnsPass
from recog.lowering.legalize.channels_first import ChannelsFirstPass
from recog.lowering.legalize.decompose_conv3d import DecomposeConv3dPass
from recog.lowering.legalize.decompose_normalization import DecomposeNormalizationPass
from recog.lowering.legalize.share_constants import ShareConstantsPass
from recog.lowering.partition.partition import host_inputs, partition, split_modules
from recog.lowering.select.convert_lns_to_chip import ConvertLnsToChipPass

Progress = Callable[[str, float], None]
"""Called with what is being done and the share of it that is done."""

CALIBRATION_FRAMES = 256


@dataclass(frozen=True)
class ConversionOptions:
    """Every choice of a conversion; `cluster` or `tune` None leaves that step out."""

    cluster: ClusterWeightsPass | None = ClusterWeightsPass()
    tune: TuneSettings | None = TuneSettings()
    activations: ActivationFormats = ActivationFormats()
    weights: LnsFormat = LnsFormat(8, 4)
    antilog_bits: int = 6
    accumulator_width: int | None = None
    mitchell: bool = False
    chip: ConvertLnsToChipPass = ConvertLnsToChipPass()


@dataclass
class Conversion:
    """What a conversion made: the module after each stage, in order, by the stage's name.

    Stages: `float` (as imported), `folded`, `clustered`, `tuned`, `calibrated`, `lns`, `chip`.
    Where not all can run on the chip there is `split` after `folded`, with the functions @main
    and @host; the later stages hold the chip's part.
    """

    stages: dict[str, ModuleOp] = field(default_factory=dict[str, ModuleOp])
    chip_part: ModuleOp | None = None
    """The folded float network's part for the chip, None where that is all."""
    host_part: ModuleOp | None = None
    """The host's part, the function @host of float ops, None where there is none."""

    @property
    def float_module(self) -> ModuleOp:
        """The folded float network, or its chip part: what the later stages compare with."""
        return self.chip_part or self.stages["folded"]

    def network(self, run_chip: Run) -> SplitNetwork:
        """The whole network, of which `run_chip` (such as `Machine.run`) runs the chip's part."""
        if self.host_part is None:
            return SplitNetwork(run_chip, None)
        return SplitNetwork(run_chip, self.host_part, host_inputs(self.host_part))

    @property
    def lns_module(self) -> ModuleOp:
        return self.stages["lns"]

    @property
    def chip_module(self) -> ModuleOp:
        return self.stages["chip"]

    def assemble(self) -> bytes:
        """The program file's bytes."""
        from recog.backend.assembly import assemble

        return assemble(self.chip_module)


def weight_bytes(module: ModuleOp) -> int:
    """Bytes of all constants of a module, pointers packed: what the weights take at this level."""
    return sum(len(op.value.content) for op in module.walk() if isinstance(op, ConstantOp))


def convert(
    module: ModuleOp,
    inputs: Sequence[np.ndarray],
    *,
    targets: np.ndarray | None = None,
    options: ConversionOptions | None = None,
    progress: Progress | None = None,
) -> Conversion:
    """Convert an nn module into a chip module.

    Args:
        module: as imported; left as it is.
        inputs: example inputs, float (N, ...), one array an argument of the network. They
            calibrate the activations, and tune the centroids.
        targets: what tuning aims at: labels (N,) or wanted outputs; by default the float
            network's own outputs, so that no labels are needed. A network that is divided
            is always tuned toward what the float network gives at the boundary, and one that
            ends in indices or boxes toward what the float network gives its decoders.

    Raises:
        RecogError: an op without an LNS or chip form, data that does not fit, an overflow.
    """
    with located_errors():
        return _convert(module, inputs, targets, options or ConversionOptions(), progress)


def _convert(
    module: ModuleOp,
    inputs: Sequence[np.ndarray],
    targets: np.ndarray | None,
    options: ConversionOptions,
    progress: Progress | None,
) -> Conversion:
    report = progress or (lambda stage, share: None)
    context = Context()
    conversion = Conversion({"float": module})
    current = module.clone()

    def finish(stage: str) -> None:
        verify_module(current)
        conversion.stages[stage] = current.clone()
        report(stage, 1.0)

    fold_norms(context, current)
    finish("folded")
    if partition(current):
        finish("split")
        current, conversion.host_part = split_modules(current)
        conversion.chip_part, targets = current.clone(), None
    if options.cluster is not None:
        options.cluster.apply(context, current)
        finish("clustered")
    if options.cluster is not None and options.tune is not None:
        with returning_heads(current) as by_heads:
            tune(
                current,
                inputs,
                targets if targets is not None and not by_heads else _teacher(conversion, inputs),
                options.tune,
                originals=weights_before(conversion.float_module, current),
                progress=lambda share, loss: report(f"tuned (loss {loss:.4f})", 0.99 * share),
            )
        finish("tuned")
    chosen = np.random.default_rng(0).permutation(len(inputs[0]))[:CALIBRATION_FRAMES]
    calibrate(
        current,
        [np.asarray(x)[np.sort(chosen)] for x in inputs],
        options.activations,
        progress=lambda share: report("calibrated", 0.99 * share),
    )
    finish("calibrated")
    EncodeLnsPass(
        weight_width=options.weights.width,
        weight_frac=options.weights.frac,
        antilog_bits=options.antilog_bits,
        accumulator_width=options.accumulator_width,
        mitchell=options.mitchell,
    ).apply(context, current)
    finish("lns")
    options.chip.apply(context, current)
    finish("chip")
    return conversion


def fold_norms(context: Context, module: ModuleOp) -> None:
    """Everything exact that precedes the choice of numbers: as the chip has it."""
    ChannelsFirstPass().apply(context, module)
    DecomposeNormalizationPass().apply(context, module)
    FoldBatchNormPass().apply(context, module)
    ShareConstantsPass().apply(context, module)
    DecomposeConv3dPass().apply(context, module)


def _teacher(conversion: Conversion, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """What the float network gives: its outputs, or what its decoders take."""
    with returning_heads(conversion.float_module):
        return module_outputs(conversion.float_module, inputs)


def module_outputs(
    module: ModuleOp, inputs: Sequence[np.ndarray], batch: int = 64
) -> tuple[np.ndarray, ...]:
    """All outputs of an nn module for all inputs, (N, ...) each."""
    import torch

    from recog.backend.interpreters.nn import run_nn

    with torch.no_grad():
        parts = [
            run_nn(module, *(np.asarray(x)[i : i + batch] for x in inputs))
            for i in range(0, len(inputs[0]), batch)
        ]
    return tuple(np.concatenate([value.numpy() for value in values]) for values in zip(*parts))
