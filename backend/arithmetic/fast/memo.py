"""What was prepared for a layer, kept as long as its weights live.

Weights of a machine are resident: packing and proving them again in every frame would take a
tenth of the time of small layers. Only arrays that cannot be written are remembered; whoever
makes an array read-only promises that nothing else writes its memory.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from recog.backend.arithmetic.codes import Layer

MOST_TIMES = 16
"""How many times the size of the weights is remembered of them, for input shapes and the like."""

_entries: dict[int, dict[Any, tuple[Any, Any]]] = {}


def remembered(layer: Layer, engine: tuple[Any, int], make: Callable[[], Any]) -> Any:
    """make(), or what it gave for the same view of the same weights and all else the same.

    Args:
        engine: the kernels that are prepared for, and the number of threads.
    """
    code, threads = engine
    (w, w_format), init = layer.w, layer.init
    whole = w if layer.whole is None else layer.whole
    if whole.flags.writeable or (init is not None and init.flags.writeable):
        return make()
    if id(whole) not in _entries:
        _entries[id(whole)] = {}
        weakref.finalize(whole, _entries.pop, id(whole), None)
    own = _entries[id(whole)]
    # As long as the weights live, where a view of them begins and how it steps says what it holds.
    view = w.__array_interface__["data"][0], w.shape, w.strides
    # Formats may have thousands of biases: the same object is enough, and kept alive.
    kept = w_format, init, code
    others = layer.x.format, layer.out, layer.window, layer.relu, layer.arithmetic, threads
    key = (*view, layer.x.array.shape, *others, *(id(each) for each in kept))
    if key not in own:
        if len(own) * w.size >= MOST_TIMES * whole.size:
            own.clear()
        own[key] = (kept, make())
    return own[key][1]
