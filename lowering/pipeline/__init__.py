"""Conversions as a whole: stages, named pipelines, and `convert` on arrays in memory."""

from recog.lowering.common.module_outputs import module_outputs
from recog.lowering.pipeline.conversion import Conversion, weight_bytes
from recog.lowering.pipeline.convert import (
    BALANCING_FRAMES,
    CALIBRATION_FRAMES,
    SENSITIVITY_FRAMES,
    Progress,
    convert,
    some_frames,
)
from recog.lowering.pipeline.extra import ExtraPass, parse_extra_pass
from recog.lowering.pipeline.named import CONVERSION, ConversionOptions, fold_network, raise_torch
from recog.lowering.pipeline.stages import Stage

__all__ = [
    "BALANCING_FRAMES",
    "CALIBRATION_FRAMES",
    "CONVERSION",
    "Conversion",
    "ConversionOptions",
    "ExtraPass",
    "Progress",
    "SENSITIVITY_FRAMES",
    "Stage",
    "convert",
    "fold_network",
    "module_outputs",
    "parse_extra_pass",
    "raise_torch",
    "some_frames",
    "weight_bytes",
]
