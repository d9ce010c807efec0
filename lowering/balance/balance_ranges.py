"""balance-ranges: even out the ranges of channels by powers of two between layers.

All channels of a tensor share one format, so a channel far smaller than the others has few digits
or none. A producer's channel times 2^k and its consumers' weights times 2^-k compute the same, in
float bit for bit (Nagel et al., ICCV 2019, do so by any factors, from weights alone). Here ranges
are measured on example inputs, and only what costs digits is moved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from recog.dialects.functions import find_function
from recog.lowering.balance.channel_factors import FIXED, ChannelClasses, channel_classes
from recog.lowering.balance.constant_channels import ConstantChannels
from recog.lowering.balance.scaled_constants import scale_channels
from recog.lowering.common.data_files import check_frames, load_examples
from recog.lowering.common.notes import Note, log_notes
from recog.lowering.common.options import Options
from recog.lowering.common.rewriting import erase_dead_constants
from recog.lowering.common.shared_options import EntryOptions
from recog.lowering.encode.calibrate import ActivationFormats
from recog.lowering.encode.calibration_notes import ENOUGH
from recog.lowering.encode.example_inputs import example_inputs
from recog.lowering.encode.legality import absorbed_activation
from recog.lowering.encode.measured_frames import MeasuredFrames

HEADROOM = 1
"""Octaves that a channel stays below those that it is brought to: there may be larger inputs."""
MOST = 30
"""Octaves that a channel is moved by, at most: float32 holds the weights."""


@dataclass(frozen=True, kw_only=True)
class BalanceOptions(Options):
    """When ranges of channels are evened out."""

    balance_octaves: int = 4
    """Channels so many octaves below the largest of their tensor are brought up to it."""

    RANGES = {"balance_octaves": (2, MOST)}


@dataclass(frozen=True, kw_only=True)
class BalanceRangesPass(BalanceOptions, EntryOptions, ModulePass):
    """Move powers of two between layers, so that all channels of a tensor fit in one format.

    The network computes the same. Scales go through what keeps them, such as a ReLU, a pool or a
    concatenation, into the weights on both sides. Weights too small to change a code beside what
    their bias gives become 0.
    """

    name = "balance-ranges"

    data: str
    """An .npy or .npz file of example inputs, (N, ...)."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = find_function(op, self.entry)
        inputs = load_examples(self.data, function, what=f"{self.name} data")
        log_notes(balance_ranges(op, inputs, self.balance_octaves, entry=self.entry).notes)


class Balanced(NamedTuple):
    """Whether anything was to be done, and what there is to say of it."""

    changed: bool
    notes: list[Note]


def balance_ranges(
    module: ModuleOp,
    inputs: Sequence[np.ndarray],
    octaves: int = BalanceOptions.balance_octaves,
    *,
    entry: str = "main",
    progress: Callable[[float], None] | None = None,
) -> Balanced:
    """Even out the channels of a function by what example inputs (N, ...) show.

    Args:
        octaves: channels so far below the largest of their tensor are moved.

    Raises:
        RecogError: no inputs, or inputs that the network does not take.
    """
    function = find_function(module, entry)
    classes = channel_classes(function)
    constant = ConstantChannels(function)
    ranges = _measured(module, function, inputs, classes, constant, progress)
    notes = constant.drop_weights()
    exponents = _exponents(classes, ranges, octaves)
    scale_channels(classes, exponents)
    erase_dead_constants(module)
    return Balanced(bool(notes) or bool(exponents.any()), notes)


def _measured(
    module: ModuleOp,
    function: func.FuncOp,
    inputs: Sequence[np.ndarray],
    classes: ChannelClasses,
    constant: ConstantChannels,
    progress: Callable[[float], None] | None,
) -> dict[SSAValue, np.ndarray]:
    """The largest magnitude of each channel of each value that becomes codes, float64 (C), where
    enough was seen of it."""
    count = check_frames(inputs, what="calibration")
    examples, _ = example_inputs(inputs, function.args, ActivationFormats().unsigned)
    ranges: dict[SSAValue, np.ndarray] = {}
    seen: Counter[SSAValue] = Counter()

    absorbed = {op for op in function.body.block.ops if absorbed_activation(op) is not None}

    def look(value: SSAValue, array: object) -> None:
        if value not in classes.of:
            return
        low, high, values = extremes(array)
        constant.see(value, low, high)
        # What an activation follows in one step never becomes codes.
        if value.owner not in absorbed:
            largest = np.maximum(np.abs(low), np.abs(high))
            ranges[value] = np.maximum(ranges.get(value, 0.0), largest)
            seen[value] += values

    MeasuredFrames(module, function, examples, count).measure(look, progress)
    return {value: rows for value, rows in ranges.items() if seen[value] >= ENOUGH}


def extremes(values: object) -> tuple[np.ndarray, np.ndarray, int]:
    """The lowest and the highest value of each channel of (N, C, ...), float64 (C), and of how
    many."""
    import torch

    tensor = values if isinstance(values, torch.Tensor) else torch.from_numpy(np.asarray(values))
    axes = tuple(axis for axis in range(tensor.ndim) if axis != 1)
    low, high = tensor.detach().amin(axes), tensor.detach().amax(axes)
    count = tensor.numel() // len(low)
    return low.numpy().astype(np.float64), high.numpy().astype(np.float64), count


def _exponents(
    classes: ChannelClasses, ranges: dict[SSAValue, np.ndarray], octaves: int
) -> np.ndarray:
    """By how many octaves each class is to be larger, int64."""
    count = 1 + max((int(each.max()) for each in classes.of.values()), default=0)
    largest = np.zeros(count)
    for value, rows in ranges.items():
        np.maximum.at(largest, classes.of[value], rows)
    wanted = _wanted(classes, ranges, largest)
    movable = (largest > 0) & (wanted > 0) & np.isfinite(largest)
    movable[FIXED] = False
    ratio = np.where(movable, wanted, 1.0) / np.where(movable, largest, 1.0)
    distance = np.log2(ratio)
    moved = np.sign(distance) * (np.floor(np.abs(distance)) - HEADROOM)
    far = np.abs(distance) >= octaves
    return np.where(far, np.clip(moved, -MOST, MOST), 0).astype(np.int64)


def _wanted(
    classes: ChannelClasses, ranges: dict[SSAValue, np.ndarray], largest: np.ndarray
) -> np.ndarray:
    """For each class, how large the classes are that meet it in some tensor: those that are fixed
    where there are any, else the largest."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = [np.zeros((0, 2), np.int64)]
    for value in ranges:
        met = np.unique(classes.of[value][classes.of[value] != FIXED])
        pairs.append(np.stack([met[:-1], met[1:]], axis=1))
    lhs, rhs = np.concatenate(pairs).T
    size = len(largest)
    graph = coo_matrix((np.ones(len(lhs), np.int8), (lhs, rhs)), shape=(size, size))
    groups, group = connected_components(graph, directed=False)
    free, fixed = np.zeros(groups), np.zeros(groups)
    np.maximum.at(free, group, largest)
    for value, rows in ranges.items():
        own = classes.of[value]
        if (own == FIXED).any() and (own != FIXED).any():
            met = group[own[own != FIXED][0]]
            fixed[met] = max(fixed[met], rows[own == FIXED].max())
    return np.where(fixed > 0, fixed, free)[group]
