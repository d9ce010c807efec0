"""The ops of a dialect, collected from the modules of its families."""

from __future__ import annotations

from collections.abc import Mapping

from xdsl.ir import Operation


def collected_ops(namespace: Mapping[str, object], dialect: str) -> list[type[Operation]]:
    """The ops of a dialect among the values of a module's namespace, by the names of their classes.

    A family module lists its ops in `__all__`, and the dialect's package imports all of them.
    """
    ops = {
        value.__name__: value
        for value in namespace.values()
        if isinstance(value, type)
        and issubclass(value, Operation)
        and getattr(value, "name", "").startswith(f"{dialect}.")
    }
    return [ops[name] for name in sorted(ops)]
