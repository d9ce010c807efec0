"""Programs at the limits of what kernels hold in a field."""

from __future__ import annotations

import numpy as np
import pytest

from recog.backend.assembly import assemble
from recog.backend.machine import Machine
from recog.dialects import chip
from recog.dialects.chip import ChipTarget

CHANNELS, ROWS, TAPS = 33, 64261, 255


def far_taps() -> bytes:
    """One layer of one output channel whose last taps lie 4.3 · 10^9 bytes behind the first."""
    count, codes = CHANNELS * TAPS, {"code_bits": 4, "frac": 3}
    pads = dict.fromkeys(("pad_top", "pad_left", "pad_bottom", "pad_right"), TAPS)
    weights = bytes([1]) + bytes(count // 8 + 1)
    shape = {"channels": CHANNELS, "height": ROWS}
    kernel = {"out_channels": 1, "in_channels": CHANNELS, "kernel_h": TAPS}
    body = [
        chip.SegmentOp("s", "tables", weights),
        chip.InputOp(sym_name="in", address=0, **shape, **codes),
        chip.OutputOp(sym_name="out", address=CHANNELS * ROWS, channels=1, width=511),
        chip.TensorOp(sym_name="x", address=0, **shape, **codes),
        chip.TensorOp(sym_name="y", address=CHANNELS * ROWS, channels=1, width=511),
        chip.CodebookOp(sym_name="c", address=0, entries=1, code_bits=4, frac=3),
        chip.WeightsOp(sym_name="w", codebook="c", pointers=1, pointer_bits=1, **kernel),
        chip.LdwOp(segment="s", size=len(weights), address=0),
        chip.DmaInOp(output="x", input="in"),
        chip.ConvOp(output="y", input="x", weights="w", dilation_h=TAPS, **pads),
        chip.DmaOutOp(output="out", input="y"),
        chip.HaltOp(),
    ]
    return assemble(chip.ProgramOp("main", body, ChipTarget(accumulator=64)))


@pytest.mark.parametrize("tap", [50, 200])
def test_taps_beyond_4_gigabytes(tap: int):
    """Each tap gives one output that is not zero, on kernels with 32-bit offsets too."""
    x = np.zeros((1, CHANNELS, ROWS, 1), np.uint8)
    row = tap * TAPS - TAPS
    if 0 <= row < ROWS:
        x[0, CHANNELS - 1, row, 0] = 7
    (codes,) = Machine(far_taps()).run_codes(x)
    expected = np.zeros(511, bool)
    expected[TAPS] = 0 <= row < ROWS
    np.testing.assert_array_equal(codes.reshape(-1) != 0, expected)
