"""Kernels as machine code: compiled by LLVM for this processor, or for a named one."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from recog.backend.arithmetic.fast.emit import Form, module
from recog.backend.arithmetic.fast.paths import FORMS, host


class Kernels:
    """The compiled kernels of a form: their addresses, by name."""

    def __init__(self, form: Form, *, portable: bool = False):
        import llvmlite.binding as llvm

        self.form = form
        parsed, machine = _optimised(form, *(("", "") if portable else _host_target()))
        self._engine = llvm.create_mcjit_compiler(parsed, machine)
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        return self._engine.get_function_address(name)


@lru_cache(maxsize=8)
def kernels(path: str) -> Kernels:
    """The kernels of a path, compiled when first asked for: tens of milliseconds."""
    return Kernels(FORMS[path], portable=path == "portable")


def assembly(form: Form, cpu: str, features: str) -> str:
    """The kernels of a form as assembly for any x86 processor."""
    parsed, machine = _optimised(form, cpu, features)
    return machine.emit_assembly(parsed)


def _host_target() -> tuple[str, str]:
    cpu, features = host()
    return cpu, ",".join(f"{'+' if on else '-'}{name}" for name, on in sorted(features.items()))


def _optimised(form: Form, cpu: str, features: str) -> tuple[Any, Any]:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    parsed = llvm.parse_assembly(module(form))
    parsed.verify()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(cpu=cpu, features=features, opt=3)
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    # The kernels are written as vectors and loops of the right size already.
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(parsed, passes)
    return parsed, machine
