"""The lowering of every lns op that has one: `LOWERINGS`, filled by the modules named here."""

from recog.lowering import chip_patterns_boxes, chip_patterns_stereo
from recog.lowering.chip_patterns import LOWERINGS

MODULES = (chip_patterns_boxes, chip_patterns_stereo)
"""Modules of lowerings beside `chip_patterns`; importing one registers what it holds."""

__all__ = ["LOWERINGS", "MODULES"]
