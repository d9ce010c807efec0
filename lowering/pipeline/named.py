"""Named pipelines: passes in their order, run under one name as a pass is.

This is the one place that knows the order. What runs a whole conversion on arrays in memory is
`convert`, which goes through the same steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from recog.lowering.allocation.choose_layouts import ChooseLayoutsPass
from recog.lowering.allocation.options import LayoutOptions
from recog.lowering.balance.balance_ranges import BalanceOptions, BalanceRangesPass
from recog.lowering.batch_norm.fold import FoldBatchNormPass, FoldOptions
from recog.lowering.batch_norm.merge_branches import MergeBranchesPass
from recog.lowering.cluster.cluster_weights import ClusterWeightsPass
from recog.lowering.cluster.layouts import ClusterOptions
from recog.lowering.cluster.tune_centroids import TuneCentroidsPass
from recog.lowering.cluster.tune_settings import TuneSettings
from recog.lowering.common.options import UnusedOptionError, taken_from
from recog.lowering.common.pass_times import timed
from recog.lowering.encode.calibrate import CalibratePass, CalibrationOptions
from recog.lowering.encode.encode_lns import EncodeLnsPass, EncodeOptions
from recog.lowering.legalize.batch_first import BatchFirstPass
from recog.lowering.legalize.channels_first import ChannelsFirstPass
from recog.lowering.legalize.decompose_conv3d import DecomposeConv3dPass
from recog.lowering.legalize.decompose_normalization import DecomposeNormalizationPass
from recog.lowering.legalize.decompose_softmax import DecomposeSoftmaxPass
from recog.lowering.legalize.one_frame import OneFramePass
from recog.lowering.legalize.pixels_first import PixelsFirstPass
from recog.lowering.legalize.share_constants import ShareConstantsPass
from recog.lowering.legalize.slice_takes import SliceTakesPass
from recog.lowering.legalize.split_sums import SplitSumsPass
from recog.lowering.partition.partition import PartitionPass
from recog.lowering.pipeline.stages import Stage
from recog.lowering.precision.choose_formats import ChooseFormatsPass, FormatOptions
from recog.lowering.precision.round_weights import RoundWeightsPass
from recog.lowering.raising.correlation import RaiseCorrelationPass
from recog.lowering.raising.expectation import RaiseExpectationPass
from recog.lowering.raising.peaks import RaisePeaksPass
from recog.lowering.raising.split_batch import SplitBatchPass
from recog.lowering.select.convert_lns_to_chip import ConvertLnsToChipPass, TargetOptions


class Step(NamedTuple):
    """One pass of a pipeline, and the stage that is reached with it, if one is."""

    type: type[ModulePass]
    reaches: Stage | None = None


RAISING = (
    Step(OneFramePass),
    Step(SplitBatchPass),
    Step(RaiseCorrelationPass),
    Step(RaisePeaksPass),
    Step(RaiseExpectationPass),
)
"""What a network spells out op by op becomes the one op that it means."""

FOLDING = (
    Step(BatchFirstPass),
    Step(SliceTakesPass),
    Step(PixelsFirstPass),
    Step(ChannelsFirstPass),
    Step(DecomposeNormalizationPass),
    Step(FoldBatchNormPass),
    Step(MergeBranchesPass),
    Step(ShareConstantsPass),
    Step(DecomposeConv3dPass),
    Step(SplitSumsPass),
    Step(DecomposeSoftmaxPass, Stage.FOLDED),
)
"""Everything exact that precedes the choice of numbers: what the chip has ops for."""

CONVERSION = (
    *RAISING,
    *FOLDING,
    Step(PartitionPass, Stage.SPLIT),
    Step(BalanceRangesPass, Stage.BALANCED),
    Step(ChooseLayoutsPass),
    Step(ClusterWeightsPass, Stage.CLUSTERED),
    Step(TuneCentroidsPass, Stage.TUNED),
    Step(CalibratePass),
    Step(ChooseFormatsPass, Stage.CALIBRATED),
    Step(RoundWeightsPass, Stage.ROUNDED),
    Step(EncodeLnsPass, Stage.LNS),
    Step(ConvertLnsToChipPass, Stage.CHIP),
)
"""From the network as imported to its chip program."""


class _Reason(NamedTuple):
    """Why a pass does not run.

    Attributes:
        phrase: after "with".
        because: the options that say so, by field.
    """

    phrase: str
    because: Sequence[str]

    @staticmethod
    def off(switch: str) -> _Reason:
        """For a switch that is false."""
        return _Reason(f"option {switch.replace('_', '-')}=false", [switch])


@dataclass(frozen=True, kw_only=True)
class ConversionOptions(
    TargetOptions,
    EncodeOptions,
    FormatOptions,
    CalibrationOptions,
    TuneSettings,
    LayoutOptions,
    ClusterOptions,
    BalanceOptions,
    FoldOptions,
):
    """Every choice of a conversion: the options of its passes, and which of them run.

    An option that differs from its default, and that no pass that runs takes, is refused.
    """

    balance: bool = True
    """Even out the ranges of channels by powers of two; the network computes the same."""
    cluster: bool = True
    """Cluster the weights; without, they become codes one by one, or stay the clusters that they
    are."""
    tune: bool = True
    """Tune the centroids by backpropagation."""
    round_weights: bool = True
    """Round dense weights with the error of each carried to those not yet rounded, and correct
    biases; without, each becomes the nearest code."""

    def __post_init__(self) -> None:
        super().__post_init__()
        left_out = self._left_out()
        for name, default in _defaults().items():
            takers = _takers(name)
            if left_out.keys() >= set(takers) and getattr(self, name) != default:
                raise UnusedOptionError(name, *left_out[takers[0]])
            if name in FOR_ALL_LAYERS and self.allocates and getattr(self, name) != default:
                why = "a ratio or a budget, by which each layer gets its own"
                raise UnusedOptionError(name, why, ["ratio", "budget"])

    def steps(self) -> tuple[Step, ...]:
        """The passes that run, in order."""
        left_out = self._left_out()
        return tuple(step for step in CONVERSION if step.type not in left_out)

    def dense(self) -> ConversionOptions:
        """The same choices, of those that still count, without clustering and tuning."""
        unused = {
            name: default
            for name, default in _defaults().items()
            if CLUSTERING.issuperset(_takers(name))
        }
        return replace(self, cluster=False, **unused)

    def _left_out(self) -> dict[type[ModulePass], _Reason]:
        """The passes that do not run, and why."""
        left_out = dict[type[ModulePass], _Reason]()
        if not self.allocates and self.layouts is None:
            why = "no option ratio, option budget or option layouts"
            left_out[ChooseLayoutsPass] = _Reason(why, ["ratio", "budget", "layouts"])
        for pass_type, switch in (
            (BalanceRangesPass, "balance"),
            (TuneCentroidsPass, "tune"),
            (RoundWeightsPass, "round_weights"),
        ):
            if not getattr(self, switch):
                left_out[pass_type] = _Reason.off(switch)
        if not self.cluster:
            left_out |= dict.fromkeys(CLUSTERING, _Reason.off("cluster"))
        return left_out


CLUSTERING = {ChooseLayoutsPass, ClusterWeightsPass, TuneCentroidsPass}
"""The passes that there are for clustered weights alone."""
FOR_ALL_LAYERS = ("centroids", "table_share", "scalar_centroids", "channel_block", "linear_block")
"""Options of clustering in whose place layouts are chosen for a number of bytes."""
UNMISSED = ("seed", "batch", "jobs")
"""Options that need no pass to count: batches of a user's own are drawn with the first two, and
no result depends on the third."""


def _takers(option: str) -> list[type[ModulePass]]:
    """The passes that take an option."""
    return [
        step.type for step in CONVERSION if any(field.name == option for field in fields(step.type))
    ]


def _defaults() -> dict[str, Any]:
    """The options that count where a pass takes them, with their defaults."""
    return {
        field.name: field.default
        for field in fields(ConversionOptions)
        if field.name not in UNMISSED and _takers(field.name)
    }


def run_steps(steps: Sequence[Step], ctx: Context, module: ModuleOp, options: object) -> None:
    """Run passes in their order, each with those of the options that it takes."""
    for step in steps:
        with timed(step.type.name):
            taken_from(options, step.type).apply(ctx, module)


@dataclass(frozen=True, kw_only=True)
class RaiseTorchPass(ModulePass):
    """Replace what torch networks spell out op by op by single ops.

    Runs one-frame, split-batch, raise-correlation, raise-peaks and raise-expectation.
    """

    name = "raise-torch"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        run_steps(RAISING, ctx, op, self)


@dataclass(frozen=True, kw_only=True)
class FoldNetworkPass(FoldOptions, ModulePass):
    """Bring an imported network into ops that the chip has, exactly, batch norms folded.

    Runs raise-torch, batch-first, slice-takes, pixels-first, channels-first,
    decompose-normalization, fold-batch-norm, merge-branches, share-constants, decompose-conv3d,
    split-sums and decompose-softmax: what every conversion begins with.
    """

    name = "fold-network"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        run_steps((*RAISING, *FOLDING), ctx, op, self)


def raise_torch(module: ModuleOp) -> None:
    """Replace what an imported network spells out op by op by single ops."""
    RaiseTorchPass().apply(Context(), module)


def fold_network(module: ModuleOp) -> None:
    """Bring an imported network into ops that the chip has, as every conversion begins."""
    FoldNetworkPass().apply(Context(), module)


def pass_names(steps: Sequence[Step]) -> Iterator[str]:
    """The names of the passes of some steps."""
    return (step.type.name for step in steps)
