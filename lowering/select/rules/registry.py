"""The rule of every lns op that has one: `LOWERINGS`, filled by the modules of this folder."""

from recog.lowering.select.rules import boxes, pools, stereo
from recog.lowering.select.rules.layers_and_maps import LOWERINGS

MODULES = (boxes, pools, stereo)
"""Modules of rules beside `layers_and_maps`; importing one registers what it holds."""

__all__ = ["LOWERINGS", "MODULES"]
