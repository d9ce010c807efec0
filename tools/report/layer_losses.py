"""What each layer of a conversion loses: against the float network's values, and in a metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from recog.dialects.words import counted
from recog.tools.console import by_share, progress, stage

if TYPE_CHECKING:
    import numpy as np

    from recog.backend.arithmetic.engine import EngineOptions
    from recog.lowering.check.compare_layers import LayerComparison
    from recog.lowering.check.metrics import Metric, MetricOfParts
    from recog.lowering.check.sensitivity import MetricCosts
    from recog.tools.compared_networks import ComparedNetworks


def layer_losses(
    networks: ComparedNetworks,
    inputs: Sequence[np.ndarray],
    engine: EngineOptions,
    metric: Metric | MetricOfParts | None,
    resamples: int,
) -> tuple[list[LayerComparison], MetricCosts | None]:
    """Both ratios of every layer, and what it alone costs in a metric, under progress bars.

    Args:
        inputs: arrays (N, ...), one an argument of the network.
        metric: None where costs are not wanted.
        resamples: draws of frames for the intervals of the costs.
    """
    from recog.lowering.check.sensitivity import Sensitivity

    if metric is None:
        return networks.layers(inputs, engine), None
    sensitivity = Sensitivity(metric, resamples)
    layers = networks.layers(inputs, engine, sensitivity)
    with stage(f"intervals of {counted(len(layers), 'loss')}"), progress("layers", 1000) as advance:
        return layers, sensitivity.costs(by_share(advance))
