"""The stages of conversions in memory, so that what two of them have in common is computed once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from xdsl.dialects.builtin import ModuleOp

from recog.lowering.cluster.tuner import Resumable
from recog.lowering.pipeline import Stage, weight_bytes
from recog.lowering.pipeline.kept import KeptStage, Part, stage_keys

MAX_BYTES = 1 << 30
"""Of the weights of what is kept; what was not used for longest goes."""


class KeptStages:
    """Finished stages by all that they follow from: a `KeptConversion` for many conversions of one
    network. A conversion for another chip begins where only the chip counts, one with other formats
    after the tuning.

    Attributes:
        keys: of the conversion that began last, a digest for each stage of what it follows from.
    """

    def __init__(self, max_bytes: int = MAX_BYTES):
        self._max_bytes = max_bytes
        self._kept = OrderedDict[str, tuple[KeptStage, tuple[str, ...], int]]()
        self._chain: tuple[str, ...] = ()
        self.keys: dict[Stage, str] = {}

    def begin(self, network: ModuleOp, parts: Sequence[Part]) -> Sequence[KeptStage]:
        """See `KeptConversion`."""
        self.keys, self._chain = stage_keys(parts), ()
        for key in reversed(self.keys.values()):
            _, before, _ = self._kept.get(key, (None, (), 0))
            chain = (*before, key)
            if all(each in self._kept for each in chain):
                self._chain = chain
                break
        for key in self._chain:
            self._kept.move_to_end(key)
        return [self._kept[key][0] for key in self._chain]

    def keep(self, finished: KeptStage) -> None:
        """See `KeptConversion`."""
        module, notes = finished.module.clone(), tuple(finished.notes)
        key, kept = self.keys[finished.stage], finished._replace(module=module, notes=notes)
        self._kept[key] = (kept, self._chain, weight_bytes(module))
        self._chain = (*self._chain, key)
        while sum(size for _, _, size in self._kept.values()) > self._max_bytes:
            self._kept.popitem(last=False)

    def tuning(self) -> NoState:
        """See `KeptConversion`: an interrupted tuning begins anew."""
        return NoState()


class NoState:
    """Keeps no state of a tuning."""

    def begin(self, tuner: Resumable) -> None:
        """See `KeptTuning`."""

    def offer(self, tuner: Resumable) -> None:
        """See `KeptTuning`."""
