"""What a program costs on a chip: cycles, bytes and energy (docs/cost.md)."""

from recog.backend.cost.instructions import RESOURCES, InstructionCost, Traffic
from recog.backend.cost.program import LayerCost, ProgramCost, program_cost

__all__ = [
    "RESOURCES",
    "InstructionCost",
    "LayerCost",
    "ProgramCost",
    "Traffic",
    "program_cost",
]
