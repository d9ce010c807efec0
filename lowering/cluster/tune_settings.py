"""How a clustered network is tuned: the options of tune-centroids, and of all that holds it."""

from __future__ import annotations

from dataclasses import dataclass

from recog.lowering.common.shared_options import EntryOptions, SeedOptions, WeightFormatOptions

VERSION = 2
"""Of what tuning computes: what another one left is not gone on from."""

LOSSES = ("auto", "mse", "kl", "cross-entropy")


@dataclass(frozen=True, kw_only=True)
class TuneSettings(WeightFormatOptions, SeedOptions, EntryOptions):
    """How to tune: the options of tune-centroids but for its data."""

    epochs: int = 10
    """Passes of tuning over the data."""
    batch: int = 32
    """Inputs per training step."""
    learning_rate: float = 2e-3
    """Learning rate of Adam, for centroids of root mean square 1; decays to zero along a cosine."""
    loss: str = "auto"
    """Loss of tuning; auto is cross-entropy for integer targets, else mse."""
    reassign: int = 1
    """Reassign blocks to their nearest centroid every so many steps; 0 keeps the pointers of
    clustering."""
    move_share: float = 1.0
    """Share of a layer's blocks that change centroids at once, at most: those that come nearer by
    most."""

    round_activations: bool = True
    """Compute with activations as their codes will have them, too, not with the weights' alone."""
    distill: float = 1.0
    """Weight of the error against what the float network gives, beside the targets; 0 for none."""
    features: float = 0.0
    """Weight of the same error of some of the values between."""
    warm_up: float = 0.05
    """Share of the steps in which the learning rate rises."""
    clip: float = 2.0
    """Gradients longer than so many times their usual length are cut to that; 0 leaves all."""
    tune_scales: bool = True
    """Tune the scales of output channels, in the steps that they can have."""
    tune_dense: bool = True
    """Tune the weights that are not clustered."""

    RANGES = {
        "epochs": (1, 10**6),
        "batch": (1, 10**6),
        "learning_rate": (0.0, 10.0),
        "reassign": (0, 10**6),
        "move_share": (0.0, 1.0),
        "distill": (0.0, 1e6),
        "features": (0.0, 1e6),
        "warm_up": (0.0, 1.0),
        "clip": (0.0, 1e6),
    }
    CHOICES = {"loss": LOSSES}
