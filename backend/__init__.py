"""The chip: its arithmetic, program files, the machine that runs them, targets and costs.

Imports recog.dialects.
"""
