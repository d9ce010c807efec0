"""The reference machine: runs chip programs bit for bit."""

from recog.backend.machine.budget import Budget
from recog.backend.machine.machine import Machine, Observer, run_program_op

__all__ = ["Budget", "Machine", "Observer", "run_program_op"]
