"""Engines by choice: the operations with arithmetic behind one interface, `reference.Engine`.

Every engine gives the same bits; they differ in speed. Operations that gain nothing by another
implementation (relu, table, convert, argmax, expectation, boxes and the like) have one, the
definition in `reference`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from recog.backend.arithmetic.reference.engine import Engine
from recog.dialects.errors import RecogError

DEFAULT_ENGINE = "fast"


@dataclass(frozen=True)
class EngineOptions:
    """Which engine, and how it runs; it is read when an engine is made, and never again.

    Attributes:
        name: one of ENGINES.
        path: the kernels of `fast`: avx512, avx2 or portable. None for RECOG_ENGINE_PATH, or
            where that is not set the best ones that this processor runs.
        threads: those of `fast`. None for RECOG_THREADS, or where that is not set one a core.
    """

    name: str = DEFAULT_ENGINE
    path: str | None = None
    threads: int | None = None


EngineChoice = str | EngineOptions | Engine
"""An engine's name, a configuration, or an engine itself."""


def _reference_engine(options: EngineOptions) -> Engine:
    return Engine()


def _gemm_engine(options: EngineOptions) -> Engine:
    from recog.backend.arithmetic.gemm.engine import GemmEngine

    return GemmEngine()


def _fast_engine(options: EngineOptions) -> Engine:
    from recog.backend.arithmetic.fast.engine import FastEngine

    return FastEngine(options.path, options.threads)


ENGINES: dict[str, Callable[[EngineOptions], Engine]] = {
    "reference": _reference_engine,
    "gemm": _gemm_engine,
    "fast": _fast_engine,
}
"""Engines by name; made lazily, so that one with heavy imports costs only those who use it."""


def get_engine(choice: EngineChoice = DEFAULT_ENGINE) -> Engine:
    """The engine that is chosen; one that is given as such is returned as it is.

    Raises:
        RecogError: there is no engine of that name, or it cannot run as it is told to.
    """
    if isinstance(choice, Engine):
        return choice
    options = EngineOptions(choice) if isinstance(choice, str) else choice
    if options.name not in ENGINES:
        raise RecogError(
            f"unknown engine '{options.name}'", hint=f"choose from: {', '.join(ENGINES)}"
        )
    return ENGINES[options.name](options)


def check_default_engine() -> None:
    """Raise RecogError now for an environment in which the default engine could not compute, not
    after the hours that come before."""
    from recog.backend.arithmetic.fast.engine import check_compiler

    get_engine()
    check_compiler()
