"""Kernels as machine code: compiled by LLVM for this processor, or for a named one."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

from recog.backend.arithmetic.fast import cache
from recog.backend.arithmetic.fast.emit import kernel
from recog.backend.arithmetic.fast.paths import FORMS, host
from recog.backend.arithmetic.fast.vector_ir import Form


class Kernels:
    """The kernels of a path, each compiled when its address is first asked for.

    Args:
        path: its name; the kernels of `portable` are for any processor of this architecture,
            those of others for this one.
        form: theirs, by default that of the path.
    """

    def __init__(self, path: str, form: Form | None = None):
        self.path, self.form = path, form or FORMS[path]
        self._target = ("", "") if path == "portable" else _host_target()
        self._addresses: dict[str, int] = {}
        self._engines: list[Any] = []

    def address(self, name: str) -> int:
        """Where the kernel of that name begins."""
        if name not in self._addresses:
            engine = _compile(kernel(self.form, name), *self._target)
            self._engines.append(engine)
            self._addresses[name] = engine.get_function_address(name)
        return self._addresses[name]


@lru_cache(maxsize=8)
def kernels(path: str) -> Kernels:
    """The kernels of a path."""
    return Kernels(path)


def assembly(form: Form, name: str, cpu: str, features: str) -> str:
    """A kernel of a form as assembly for any processor of this architecture."""
    machine = _machine(cpu, features)
    return machine.emit_assembly(_optimised(kernel(form, name), machine))


def _host_target() -> tuple[str, str]:
    cpu, features = host()
    return cpu, ",".join(f"{'+' if on else '-'}{name}" for name, on in sorted(features.items()))


def _compile(text: str, cpu: str, features: str) -> Any:
    """An engine with the module's machine code, which is kept for the next process."""
    import llvmlite.binding as llvm

    machine = _machine(cpu, features)
    key = hashlib.sha256("\0".join((text, cpu, features)).encode()).hexdigest() + ".o"
    kept = cache.load(key)
    parsed = _optimised(text, machine) if kept is None else llvm.parse_assembly(text)
    engine = llvm.create_mcjit_compiler(parsed, machine)

    def keep(module: Any, code: bytes) -> None:
        cache.keep(key, code)

    def give(module: Any) -> bytes | None:
        return kept

    engine.set_object_cache(keep, give)
    engine.finalize_object()
    return engine


def _machine(cpu: str, features: str) -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(cpu=cpu, features=features, opt=3)


def _optimised(text: str, machine: Any) -> Any:
    import llvmlite.binding as llvm

    parsed = llvm.parse_assembly(text)
    parsed.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    # The kernels are written as vectors and loops of the right size already.
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(parsed, passes)
    return parsed
