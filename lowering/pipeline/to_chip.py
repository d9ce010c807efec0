"""recog-to-chip: the whole conversion under one name, on example inputs from a file."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from recog.dialects.functions import find_function
from recog.lowering.common.data_files import inputs_of, load_arrays
from recog.lowering.common.notes import log_notes
from recog.lowering.common.options import taken_from
from recog.lowering.pipeline.convert import convert
from recog.lowering.pipeline.named import ConversionOptions


@dataclass(frozen=True, kw_only=True)
class RecogToChipPass(ConversionOptions, ModulePass):
    """Convert an imported network to a chip program: all that `recog convert` does to IR.

    Runs fold-network, partition, balance-ranges, choose-layouts, cluster-weights, tune-centroids,
    calibrate, encode-lns and convert-lns-to-chip. What the chip cannot run is left beside the
    program as the function @host.
    """

    name = "recog-to-chip"

    data: str
    """An .npy or .npz file of example inputs (N, ...), and perhaps `targets` for tuning."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        arrays = load_arrays(self.data, what=f"{self.name} data")
        targets = arrays.pop("targets", None)
        count = len(find_function(op, self.entry).body.block.args)
        inputs = inputs_of(arrays, count, where=f"{self.name} data {self.data}")
        options = taken_from(self, ConversionOptions)
        conversion = convert(op, inputs, targets=targets, options=options)
        log_notes(conversion.notes)
        for old in reversed(list(op.body.block.ops)):
            old.detach()
            old.erase()
        for module in (conversion.chip_module, conversion.host_part):
            for new in [] if module is None else list(module.body.block.ops):
                new.detach()
                op.body.block.add_op(new)
