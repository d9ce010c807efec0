"""Engines by name: the operations with arithmetic behind one interface, `reference.Engine`.

Every engine gives the same bits; they differ in speed. Operations on codes alone (relu,
max_pool2d, table, convert, concat, argmax, crop, resize_nearest) have one implementation, in
`definition` and `sampling`.
"""

from __future__ import annotations

from collections.abc import Callable

from recog.backend.arithmetic.reference.engine import Engine
from recog.dialects.errors import RecogError


def _gemm_engine() -> Engine:
    from recog.backend.arithmetic.gemm.engine import GemmEngine

    return GemmEngine()


def _fast_engine() -> Engine:
    from recog.backend.arithmetic.fast.engine import FastEngine

    return FastEngine()


ENGINES: dict[str, Callable[[], Engine]] = {
    "reference": Engine,
    "gemm": _gemm_engine,
    "fast": _fast_engine,
}
"""Engines by name; made lazily, so that one with heavy imports costs only those who use it."""


DEFAULT_ENGINE = "fast"


def get_engine(name: str = DEFAULT_ENGINE) -> Engine:
    """The engine of that name.

    Raises:
        RecogError: there is none.
    """
    if name not in ENGINES:
        raise RecogError(f"unknown engine '{name}'", hint=f"choose from: {', '.join(ENGINES)}")
    return ENGINES[name]()
