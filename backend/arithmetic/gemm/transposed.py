"""Transposed convolution as convolutions: one for each phase of the stride.

Outputs y with (y + top) mod stride = φ are reached by the taps r with r · dilation mod stride = φ
alone. Those taps are evenly spaced, and each meets the inputs one after the other, so the phase
is a convolution of stride 1 with them in reverse order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import gcd
from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.codes import Codes, Layer
from recog.backend.arithmetic.reference.sampling import crop
from recog.dialects.windows import Window


class _Phase(NamedTuple):
    """One phase along one axis: outputs first, first + stride, ..., and the taps they meet."""

    outputs: slice
    taps: slice
    dilation: int
    before: int
    after: int


def _phases(
    given: int, wanted: int, taps: int, stride: int, dilation: int, top: int
) -> Iterator[_Phase]:
    """The phases that some tap reaches, `taps` in reverse order: to be taken of w[::-1]."""
    common = gcd(stride, dilation)
    for phase in range(min(stride, wanted)):
        rest = (phase + top) % stride
        met = [tap for tap in range(taps) if tap * dilation % stride == rest]
        if not met:
            continue
        count = -(-(wanted - phase) // stride)
        # Output phase + j · stride meets input j + shift with the last of its taps.
        shift = (phase + top - met[-1] * dilation) // stride
        spread = (met[-1] - met[0]) * dilation // stride
        yield _Phase(
            slice(phase, None, stride),
            slice(taps - 1 - met[-1], taps - met[0], stride // common),
            dilation // common,
            -shift,
            count + spread - given + shift,
        )


def conv_transpose2d(
    convolve: Callable[[Layer], np.ndarray], layer: Layer, unreached: np.ndarray
) -> np.ndarray:
    """The result of `sampling.conv_transpose2d`, [N, O, Ho, Wo], of `unreached`'s dtype.

    Args:
        convolve: computes a convolution of stride 1, without padding.
        unreached: what outputs that no input reaches hold, [O].
    """
    (x, x_format), (w, w_format) = layer.x, layer.w
    size, window = layer.transposed_size, layer.window
    out = np.empty((len(x), len(w), *size), unreached.dtype)
    out[...] = unreached[:, None, None]
    backward = w[:, :, ::-1, ::-1]
    vertical, horizontal = (
        list(
            _phases(
                x.shape[2 + axis],
                size[axis],
                w.shape[2 + axis],
                window.strides[axis],
                window.dilation[axis],
                window.padding[axis],
            )
        )
        for axis in (0, 1)
    )
    for rows in vertical:
        for columns in horizontal:
            around = rows.before, columns.before, rows.after, columns.after
            phase = layer._replace(
                x=Codes(crop(x, around), x_format),
                w=Codes(backward[:, :, rows.taps, columns.taps], w_format),
                whole=w,
                window=Window(dilation=(rows.dilation, columns.dilation), groups=window.groups),
            )
            out[:, :, rows.outputs, columns.outputs] = convolve(phase)
    return out
