"""What recog adds to xDSL: dialects, passes and targets, found by `xdsl-opt` too.

xDSL discovers `RECOG_UNIVERSE` through the entry point group `xdsl.universe`. Every factory
imports its module only when called, so that `recog-opt --help` starts fast; the one-line
summaries stand here for the same reason.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from xdsl.universe import Universe

if TYPE_CHECKING:
    from xdsl.ir import Dialect
    from xdsl.passes import ModulePass


def _attribute(module: str, name: str) -> Any:
    return getattr(import_module(module), name)


def _dialect(module: str, name: str) -> Callable[[], Dialect]:
    return lambda: _attribute(module, name)


def _pass(name: str) -> Callable[[], type[ModulePass]]:
    """The pass `encode-lns` is the class `EncodeLnsPass` of the module that `PASSES` names."""
    class_name = "".join(word.capitalize() for word in name.split("-")) + "Pass"
    module = (PASSES | NAMED_PIPELINES)[name].module
    return lambda: _attribute(f"recog.lowering.{module}", class_name)


def _data_dialect() -> Dialect:
    # Made anew at each call: it holds the constants of one context.
    return _attribute("recog.dialects.data", "get_data_dialect")()


class PassEntry(NamedTuple):
    """Where a pass is, below `recog.lowering`, and what it does in one line."""

    module: str
    summary: str


PASSES: dict[str, PassEntry] = {
    "raise-correlation": PassEntry(
        "raising.correlation",
        "replace correlation volumes written plane by plane by one op",
    ),
    "split-batch": PassEntry(
        "raising.split_batch",
        "run what works on a batch joined of several values on each value alone",
    ),
    "raise-expectation": PassEntry(
        "raising.expectation",
        "replace a softmax over bins, multiplied and summed, by one op",
    ),
    "raise-peaks": PassEntry(
        "raising.peaks",
        "take the sigmoid before peaks into the op that ranks them",
    ),
    "one-frame": PassEntry(
        "legalize.one_frame",
        "give networks that run any batch types of a batch of one",
    ),
    "pixels-first": PassEntry(
        "legalize.pixels_first",
        "convert and normalize 8-bit pixels before they are moved",
    ),
    "batch-first": PassEntry("legalize.batch_first", "what is stacked before the batch, behind it"),
    "slice-takes": PassEntry("legalize.slice_takes", "elements at constant positions as slices"),
    "channels-first": PassEntry(
        "legalize.channels_first",
        "move permutations to channels last behind what has a form without them",
    ),
    "decompose-normalization": PassEntry(
        "legalize.decompose_normalization",
        "write group and layer norms with ops that the chip has",
    ),
    "fold-batch-norm": PassEntry(
        "batch_norm.fold",
        "fold batch norms into the layers before or after them, exactly",
    ),
    "merge-branches": PassEntry(
        "batch_norm.merge_branches",
        "merge added convolutions and batch norms of an image into one layer",
    ),
    "share-constants": PassEntry(
        "legalize.share_constants",
        "make equal constants of one parameter one constant",
    ),
    "decompose-softmax": PassEntry(
        "legalize.decompose_softmax",
        "write softmaxes that weigh what layers see with ops that the chip has",
    ),
    "decompose-conv3d": PassEntry(
        "legalize.decompose_conv3d",
        "write convolutions of volumes as convolutions of images",
    ),
    "split-sums": PassEntry(
        "legalize.split_sums",
        "write layers of very many inputs as sums of layers of fewer",
    ),
    "partition": PassEntry(
        "partition.partition",
        "move what the chip cannot run into the function @host",
    ),
    "balance-ranges": PassEntry(
        "balance.balance_ranges",
        "even out the ranges of channels by powers of two between layers",
    ),
    "choose-layouts": PassEntry(
        "allocation.choose_layouts",
        "choose block, centroids and table of each layer for a number of bytes",
    ),
    "cluster-weights": PassEntry(
        "cluster.cluster_weights",
        "replace weights by pointers into codebooks, chosen for what layers give",
    ),
    "tune-centroids": PassEntry(
        "cluster.tune_centroids",
        "tune codebooks and biases by backpropagation through the IR",
    ),
    "calibrate": PassEntry(
        "encode.calibrate",
        "measure activation ranges on example inputs and record them",
    ),
    "choose-formats": PassEntry(
        "precision.choose_formats",
        "more fraction bits where the outputs need them",
    ),
    "round-weights": PassEntry(
        "precision.round_weights",
        "round weights to codes, each error carried to the next",
    ),
    "encode-lns": PassEntry(
        "encode.encode_lns",
        "convert layers, codebooks and activations to LNS codes",
    ),
    "prove-accumulators": PassEntry(
        "encode.prove_accumulators",
        "prove that no sum can leave its accumulator, from the actual weights",
    ),
    "convert-lns-to-chip": PassEntry(
        "select.convert_lns_to_chip",
        "select chip instructions and allocate the chip's memories",
    ),
    "split-pools": PassEntry(
        "schedule.split_pools",
        "take long windows of pools in steps, rows first, where memory is small",
    ),
    "split-peaks": PassEntry(
        "schedule.split_peaks",
        "rank the rows of large heat maps as they come, where memory is small",
    ),
    "plan-cascades": PassEntry(
        "schedule.plan_cascades",
        "choose which instructions run together row by row, and what goes to DRAM",
    ),
    "size-rings": PassEntry(
        "schedule.size_rings",
        "size what memory holds of each tensor while a cascade goes down the image",
    ),
    "emit-stripes": PassEntry(
        "schedule.emit_stripes",
        "write planned cascades as instructions for some rows each",
    ),
    "place-tensors": PassEntry(
        "schedule.place_tensors",
        "give the tensors of a program their places in activation memory",
    ),
    "check-hazards": PassEntry(
        "schedule.check_hazards",
        "follow which row lies where: every row that is read must be there",
    ),
    "estimate-cost": PassEntry(
        "schedule.estimate_cost",
        "write on each instruction when it runs and what it is bound by",
    ),
    "run-checks": PassEntry(
        "check.run_checks",
        "interpret the module and compare with its check.expect_* ops",
    ),
}

NAMED_PIPELINES: dict[str, PassEntry] = {
    "raise-torch": PassEntry(
        "pipeline.named", "what torch networks spell out op by op becomes single ops"
    ),
    "fold-network": PassEntry(
        "pipeline.named", "raise-torch, then everything exact: into ops of the chip, norms folded"
    ),
    "schedule": PassEntry(
        "schedule.schedule", "let what does not fit memory whole run some rows at a time"
    ),
    "recog-to-chip": PassEntry(
        "pipeline.to_chip", "the whole conversion, from an imported network to its chip program"
    ),
}
"""Passes that run others in their order; `recog convert` runs the last."""

PASS_SUMMARIES: dict[str, str] = {name: entry.summary for name, entry in PASSES.items()}
PIPELINE_SUMMARIES: dict[str, str] = {
    name: entry.summary for name, entry in NAMED_PIPELINES.items()
}

TARGET_SUMMARIES: dict[str, str] = {
    "mlir": "IR as text (the default)",
    "chip-asm": "the chip program as assembly text",
    "chip-program": "the chip program as a binary file; needs -o or a redirected output",
}

RECOG_UNIVERSE = Universe(
    all_dialects={
        "data": _data_dialect,
        "check": _dialect("recog.dialects.check", "Check"),
        "nn": _dialect("recog.dialects.nn", "Nn"),
        "cluster": _dialect("recog.dialects.cluster", "Cluster"),
        "lns": _dialect("recog.dialects.lns", "Lns"),
        "chip": _dialect("recog.dialects.chip", "Chip"),
    },
    all_passes={name: _pass(name) for name in PASSES | NAMED_PIPELINES},
    all_targets={
        "chip-asm": lambda: _attribute("recog.backend.targets", "ChipAsmTarget"),
        "chip-program": lambda: _attribute("recog.backend.targets", "ChipProgramTarget"),
    },
)
