"""Small networks for the tests of the lowering passes."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from recog.dialects.verification import verify_module
from recog.tools.context import make_context
from recog.tools.opt.ir_parser import parse_module

OpT = TypeVar("OpT", bound=Operation)

RESIDUAL = Path(__file__).with_name("residual.mlir")
"""Every kind of layer; `residual` gives it weights."""


def parse(text: str) -> ModuleOp:
    return parse_module(make_context(), text.encode(), "net.mlir")


def ops_of(module: ModuleOp, kind: type[OpT]) -> list[OpT]:
    return [op for op in module.walk() if isinstance(op, kind)]


def apply(module: ModuleOp, *passes) -> ModuleOp:
    """The module itself, after the passes, each verified."""
    for step in passes:
        step.apply(Context(), module)
        verify_module(module)
    return module


def randomize(module: ModuleOp, seed: int = 0) -> ModuleOp:
    """Give every float constant values as a trained network has: normal, by fan-in."""
    from xdsl.dialects.builtin import Float32Type

    from recog.dialects.data import ConstantOp, DenseAttr

    random = np.random.default_rng(seed)
    for op in ops_of(module, ConstantOp):
        element_type, shape = op.value.type.element_type, op.value.type.get_shape()
        if isinstance(element_type, Float32Type):
            fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 16
            values = random.normal(0, fan_in**-0.5, shape)
            op.properties["value"] = DenseAttr.from_array(values, element_type)
    return module


def residual(seed: int = 0) -> ModuleOp:
    return randomize(parse(RESIDUAL.read_text()), seed)


def images(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (count, 2, 6, 6)).astype(np.float32)
