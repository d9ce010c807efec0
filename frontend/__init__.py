"""Where networks come from: torch.export, and the perception tasks with their data.

Imports recog.lowering, recog.backend and recog.dialects.
"""
