"""From PyTorch networks to programs for a chip that computes in logarithms.

    import recog

    module = recog.import_torch(model, example_inputs)
    conversion = recog.convert(module, [images])
    outputs = recog.Machine(conversion.assemble()).run(images)

What is imported here is loaded when it is first used: programs run without PyTorch.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recog.backend.machine import Machine
    from recog.dialects.errors import RecogError
    from recog.frontend.torch.importer import import_pt2, import_torch
    from recog.lowering.pipeline import Conversion, ConversionOptions, convert
    from recog.tools.tuning import Tuner, tune

    __version__: str

if "torch" not in sys.modules:
    # Waiting OpenMP threads that spin cost up to 16x on busy cores; read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__all__ = [
    "Conversion",
    "ConversionOptions",
    "Machine",
    "RecogError",
    "Tuner",
    "convert",
    "import_pt2",
    "import_torch",
    "tune",
]

_MODULES = {
    "Conversion": "recog.lowering.pipeline",
    "ConversionOptions": "recog.lowering.pipeline",
    "Machine": "recog.backend.machine",
    "RecogError": "recog.dialects.errors",
    "Tuner": "recog.tools.tuning",
    "convert": "recog.lowering.pipeline",
    "import_pt2": "recog.frontend.torch.importer",
    "import_torch": "recog.frontend.torch.importer",
    "tune": "recog.tools.tuning",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("recog")
    if name not in _MODULES:
        raise AttributeError(f"module 'recog' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
