"""lit's configuration: `lit tests/filecheck`, from any environment that has recog."""

import os
import sys
from pathlib import Path

import lit.formats

here = Path(__file__).resolve().parent

config.name = "recog"
config.test_format = lit.formats.ShTest()
config.suffixes = [".mlir"]
config.test_source_root = str(here)
config.test_exec_root = str(here.parent.parent / "build" / "filecheck")

# The commands of the environment that runs lit, activated or not.
commands = str(Path(sys.executable).parent)
config.environment["PATH"] = os.pathsep.join([commands, os.environ.get("PATH", "")])
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    config.environment[name] = "1"
# lit hides it: the commands would be those of the installed package, not of this tree.
if "PYTHONPATH" in os.environ:
    config.environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
