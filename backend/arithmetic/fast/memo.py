"""What was prepared for a layer, kept as long as its weights live.

Weights of a machine are resident: packing and proving them again in every frame would take a
tenth of the time of small layers. Only arrays that cannot be written are remembered; whoever
makes an array read-only promises that nothing else writes its memory.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from recog.backend.arithmetic.operands import Layer

MOST_SHAPES = 16
"""Input shapes, formats and the like that are remembered for the same weights."""

_entries: dict[int, dict[Any, tuple[Any, Any]]] = {}


def remembered(layer: Layer, code: Any, make: Callable[[], Any]) -> Any:
    """make(), or what it gave for the same weights and all else the same."""
    w, init = layer.w, layer.init
    if w.flags.writeable or (init is not None and init.flags.writeable):
        return make()
    if id(w) not in _entries:
        _entries[id(w)] = {}
        weakref.finalize(w, _entries.pop, id(w), None)
    own = _entries[id(w)]
    # Formats may have thousands of biases: the same object is enough, and kept alive.
    kept = layer.w_format, init, code
    others = layer.x_format, layer.out_format, layer.window, layer.relu, layer.arithmetic
    key = (layer.x.shape, *others, *(id(each) for each in kept))
    if key not in own:
        if len(own) >= MOST_SHAPES:
            own.clear()
        own[key] = (kept, make())
    return own[key][1]
