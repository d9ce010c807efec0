"""Conversions as a whole: stages, named pipelines, and `convert` on arrays in memory."""

from recog.lowering.pipeline.convert import (
    CALIBRATION_FRAMES,
    Conversion,
    Progress,
    convert,
    fold_network,
    module_outputs,
    raise_torch,
    weight_bytes,
)
from recog.lowering.pipeline.extra import ExtraPass, parse_extra_pass
from recog.lowering.pipeline.named import CONVERSION, ConversionOptions
from recog.lowering.pipeline.stages import Stage

__all__ = [
    "CALIBRATION_FRAMES",
    "CONVERSION",
    "Conversion",
    "ConversionOptions",
    "ExtraPass",
    "Progress",
    "Stage",
    "convert",
    "fold_network",
    "module_outputs",
    "parse_extra_pass",
    "raise_torch",
    "weight_bytes",
]
