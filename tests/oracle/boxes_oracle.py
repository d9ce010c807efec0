"""A second opinion on peaks and boxes: scalar Python, after docs/arithmetic.md.

Tables are computed with libm, whose last bits no table here is near to; rounding is by floor
division of Python integers. Nothing is shared with the definition.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from recog.dialects.number_format import LnsFormat

LARGEST = 2**31 - 1
HIGH = [round(2 ** (i / 2**8) * 2**30) for i in range(256)]
LOW = [round(2 ** (i / 2**16) * 2**30) for i in range(256)]
SOFT = [round(math.log2(1 + 2 ** (-i / 32)) * 2**16) for i in range(514)]
ATAN = [round(math.atan(i / 256) * 2**20) for i in range(258)]
PI, HALF_PI = round(math.pi * 2**20), round(math.pi / 2 * 2**20)
LOG_LOG_E = round(math.log2(math.log2(math.e)) * 2**16)


def rounded(value: int, shift: int) -> int:
    """⌊value / 2^shift + 1/2⌋."""
    return value * 2**-shift if shift <= 0 else (2 * value + 2**shift) // 2 ** (shift + 1)


def mantissa(logarithm: int) -> int:
    part = logarithm % 2**16
    return rounded(HIGH[part // 256] * LOW[part % 256], 30)


def exp2(logarithm: int | None, frac: int) -> int:
    """`logarithm` None is that of zero."""
    if logarithm is None:
        return 0
    octave = logarithm // 2**16
    shift = 30 - frac - octave
    return min(LARGEST, rounded(mantissa(logarithm), shift)) if shift >= 0 else LARGEST


def parse(code: int, format: LnsFormat) -> tuple[int, int | None]:
    """Sign and logarithm of a code."""
    magnitude = code & format.max_magnitude
    if not magnitude:
        return 0, None
    sign = -1 if code & format.sign_mask else 1
    return sign, (magnitude - format.biases[0]) * 2 ** (16 - format.frac)


def linear(code: int, format: LnsFormat, frac: int) -> int:
    sign, logarithm = parse(code, format)
    return sign * exp2(logarithm, frac)


def exponent(code: int, format: LnsFormat) -> int:
    """x · log2(e)."""
    sign, logarithm = parse(code, format)
    return 0 if logarithm is None else sign * exp2(logarithm + LOG_LOG_E, 16)


def sigmoid(code: int, format: LnsFormat, out: LnsFormat) -> int:
    u = exponent(code, format)
    whole, part = divmod(abs(u), 2**11)
    soft = 0
    if abs(u) < 16 * 2**16:
        soft = SOFT[whole] + rounded((SOFT[whole + 1] - SOFT[whole]) * part, 11)
    logarithm = min(u, 0) - soft
    step = 2 ** (16 - out.frac)
    found = logarithm + out.biases[0] * step
    if found < step - 2**16:
        return 0
    return max(1, min(out.max_magnitude, rounded(2 * found, 17 - out.frac)))


def order(code: int, format: LnsFormat) -> int:
    magnitude = code & format.max_magnitude
    return -magnitude if code & format.sign_mask else magnitude


def peaks(
    heat: Sequence[Sequence[Sequence[int]]],
    format: LnsFormat,
    k: int,
    out: LnsFormat,
    with_sigmoid: bool,
) -> list[tuple[int, int]]:
    """Scores and indices of one frame."""
    found = []
    height, width = len(heat[0]), len(heat[0][0])
    for c, plane in enumerate(heat):
        for y in range(height):
            for x in range(width):
                value = order(plane[y][x], format)
                around = [
                    order(plane[j][i], format)
                    for j in range(max(y - 1, 0), min(y + 2, height))
                    for i in range(max(x - 1, 0), min(x + 2, width))
                ]
                if value == max(around) and (with_sigmoid or value > 0):
                    found.append((-value, (c * height + y) * width + x, plane[y][x]))
    rows = []
    for _, index, code in sorted(found)[:k]:
        score = sigmoid(code, format, out) if with_sigmoid else code
        rows.append((score, index if score else 0))
    return rows + [(0, 0)] * (k - len(rows))


def box_2d(cell, offset, offset_format, size, size_format, stride, extent, frac):
    """x1, y1, x2, y2 of the cell (u, v)."""
    centre = [
        rounded((at * 2**16 + linear(o, offset_format, 16)) * stride, 16)
        for at, o in zip(cell, offset)
    ]
    half = [exp2(extent + exponent(s, size_format), 16) for s in size]
    corners = [c - h for c, h in zip(centre, half)] + [c + h for c, h in zip(centre, half)]
    return [clipped(rounded(each, 16 - frac)) for each in corners]


def clipped(value: int) -> int:
    return max(-LARGEST - 1, min(LARGEST, value))


def arc(ratio: int, steep: bool) -> int:
    whole, part = divmod(ratio, 2**12)
    angle = ATAN[whole] + rounded((ATAN[whole + 1] - ATAN[whole]) * part, 12)
    return HALF_PI - angle if steep else angle


def angle(sine: int, cosine: int, format: LnsFormat) -> int:
    (s, log_s), (c, log_c) = parse(sine, format), parse(cosine, format)
    if log_s is None and log_c is None:
        return 0
    if log_s is None or log_c is None:
        result = arc(0, log_c is None)
    else:
        result = arc(exp2(-abs(log_s - log_c), 20), log_s > log_c)
    result = PI - result if c < 0 else result
    return -result if s < 0 else result


def slope(y: int, x: int) -> int:
    low, high = sorted((abs(y), x))
    result = arc((low * 2**20 + high // 2) // high, abs(y) > x)
    return -result if y < 0 else result


def box_3d(cell, disparity, disparity_format, box, format, geometry, prior, frac):
    """x, y, z, h, w, l, yaw of the cell (u, v)."""
    sign, near = parse(disparity, disparity_format)
    near = max(near, -10 * 2**16) if near is not None and sign > 0 else -10 * 2**16
    ray = []
    for at, o, middle in zip(cell, box, geometry.centre):
        pixel = rounded((at * 2**16 + linear(o, format, 16)) * geometry.stride, 16)
        ray.append(max(-LARGEST, min(LARGEST, pixel - middle)))
    far = geometry.baseline - near
    shift = 46 - frac - far // 2**16
    xy = [rounded(each * mantissa(far), shift) if shift <= 62 else 0 for each in ray]
    z = exp2(geometry.depth - near, frac)
    extent = [exp2(p + exponent(b, format), frac) for p, b in zip(prior, box[2:5])]
    yaw = angle(box[5], box[6], format) + slope(ray[0], geometry.focal)
    yaw -= 2 * PI if yaw > PI else 0
    yaw += 2 * PI if yaw <= -PI else 0
    return [clipped(each) for each in (*xy, z, *extent, rounded(yaw, 20 - frac))]


def suppress(boxes, scores, classes, overlap):
    """Scores of one frame after suppression."""
    kept: list[int] = []
    result = list(scores)
    for row, score in enumerate(scores):
        if not score:
            continue
        rivals = [other for other in kept if classes[other] == classes[row]]
        if any(_overlaps(boxes[row], boxes[other], overlap) for other in rivals):
            result[row] = 0
        else:
            kept.append(row)
    return result


def _overlaps(a, b, overlap: int) -> bool:
    shared = _area(max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))
    union = _area(*a) + _area(*b) - shared
    return shared * 2**16 > union * overlap


def _area(x1: int, y1: int, x2: int, y2: int) -> int:
    width, height = (min(max(side, 0), 2**23 - 1) for side in (x2 - x1, y2 - y1))
    return width * height
