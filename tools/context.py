"""xDSL contexts that share nothing with each other."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.context import Context
from xdsl.ir import Dialect
from xdsl.universe import Universe


def make_context(*, allow_unregistered: bool = False) -> Context:
    """A context that knows every dialect of recog and xDSL, loaded when first used."""
    context = Context(allow_unregistered=allow_unregistered)
    register_dialects(context)
    return context


def register_dialects(context: Context) -> None:
    """Register all dialects of the environment, with resource stores of this context alone.

    xDSL keeps the resources of a parsed module on the one global builtin dialect, where a
    second module with the same resource name loses its weights without a word.
    """
    for name, factory in Universe.get_multiverse().all_dialects.items():
        context.register_dialect(name, _own_builtin(factory) if name == "builtin" else factory)


def _own_builtin(factory: Callable[[], Dialect]) -> Callable[[], Dialect]:
    def make() -> Dialect:
        from xdsl.dialect_interfaces.op_asm import OpAsmDialectInterface

        from recog.dialects.data import hex_to_bytes

        class HexResources(OpAsmDialectInterface):
            """xDSL's resources, which are written as they were read: of hex digits alone."""

            def parse_resource(self, key: str, val: str) -> None:
                hex_to_bytes(val)
                super().parse_resource(key, val)

        shared = factory()
        return Dialect(
            shared.name, list(shared.operations), list(shared.attributes), [HexResources()]
        )

    return make
