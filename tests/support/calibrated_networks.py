"""The network of all kinds of layers with calibrated formats, and what it keeps on codes."""

from __future__ import annotations

import numpy as np
from middle_networks import apply, residual
from xdsl.dialects.builtin import ModuleOp

from recog.backend.interpreters.lns import run_lns
from recog.lowering.batch_norm.fold import FoldBatchNormPass
from recog.lowering.encode.calibrate import ActivationFormats, calibrate
from recog.lowering.encode.encode_lns import EncodeLnsPass


def calibrated(x: np.ndarray, seed: int = 0) -> ModuleOp:
    """`residual` with its batch norms folded, its formats those of frames (N, ...)."""
    module = residual(seed)
    apply(module, FoldBatchNormPass())
    calibrate(module, [x], ActivationFormats())
    return module


def sqnr(module: ModuleOp, x: np.ndarray, wanted: np.ndarray) -> float:
    """What a calibrated module keeps of the outputs wanted, in dB, encoded with default options."""
    encoded = module.clone()
    apply(encoded, EncodeLnsPass())
    found = run_lns(encoded, x)[0]
    return 10 * float(np.log10((wanted**2).sum() / ((found - wanted) ** 2).sum()))
