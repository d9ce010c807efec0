"""The reference machine: runs chip programs bit for bit."""

from recog.backend.machine.budget import Budget
from recog.backend.machine.machine import Machine, run_program_op

__all__ = ["Budget", "Machine", "run_program_op"]
