"""What each operation computes, said once for the lns op and the chip's instruction alike.

A function here takes an op, of either dialect, and the `Values` that it is run on; it hands
operands and parameters to the definition or to an engine. The interpreter of lns runs them on SSA
values, the machine on its memories.
"""

from recog.backend.evaluation import boxes, elementwise, layers, maps, stereo
from recog.backend.evaluation.values import EVALUATORS, Reference, Results, Values, evaluate

__all__ = [
    "EVALUATORS",
    "Reference",
    "Results",
    "Values",
    "boxes",
    "elementwise",
    "evaluate",
    "layers",
    "maps",
    "stereo",
]
