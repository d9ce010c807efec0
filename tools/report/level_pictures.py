"""Pictures of the frames that a conversion is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recog.dialects.functions import find_function, result_names
from recog.lowering.check.metrics import Metric
from recog.lowering.pipeline import Conversion, Stage
from recog.tools.page import missing_libraries


class LevelPictures:
    """Keeps what the float network and the machine give, for `record`.

    Args:
        inputs: of the network, (N, ...) each.
        targets: of the frames, of any kind, where there are any.
        metric: says which frames lose most.
    """

    def __init__(
        self,
        conversion: Conversion,
        inputs: Sequence[np.ndarray],
        targets: np.ndarray | None,
        metric: Metric | None = None,
    ):
        self._names = result_names(find_function(conversion.stages[Stage.FLOAT], "main"))
        self._inputs, self._targets, self._metric = inputs, targets, metric
        self._outputs = dict[Stage, tuple[np.ndarray, ...]]()

    def observe(self, level: Stage, outputs: tuple[np.ndarray, ...]) -> None:
        """Take a level's outputs, as `measure_levels` gives them."""
        if level in (Stage.FLOAT, Stage.MACHINE):
            self._outputs[level] = outputs

    def record(self) -> dict[str, Any] | None:
        """See `task_pictures`; None too where what draws a page is not installed."""
        if missing_libraries() or len(self._outputs) < 2:
            return None
        from recog.tools.report.task_pictures import pictures_of

        ours, theirs = self._outputs[Stage.FLOAT], self._outputs[Stage.MACHINE]
        return pictures_of(self._inputs, ours, theirs, self._names, self._targets, self._metric)
