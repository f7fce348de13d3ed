"""Signed areas, as font rasterisers add them up: an outline tells each pixel it passes what lies right of it.

A piece of an outline that goes down by h inside one pixel, at a mean distance m from the pixel's left side,
covers (1 - m) h of that pixel and h of every pixel to its right. Two entries of a row hold this, (1 - m) h in
the pixel's place and m h in the next, and a running sum along the row gives all coverages; a piece on the
right side of the shape counts negatively. For the ellipse a piece is an arc: its chord, and beside it a
segment of area det M (asin h - h sqrt(1 - h²)), h being half the chord in the unit disc that M maps to it.

All geometry is relative to the pixel that holds the centre, so a move by whole pixels changes no bit.
"""

import math

import numpy as np
from torch import Tensor

from .._cpu.arrays import as_array
from .._cpu.compile import inlined
from .._cpu.parallel_for import parallel_for
from .reference import CORNERS, ELLIPSE, TIE

_CHUNK = 16  # images
_IMAGE_NS, _BYTE_NS = 3000, 0.1
_LONG, _SHORT = ELLIPSE


@inlined
def _deposit(covers, row, column, height, moment):
    """Add a piece of this height (negative on the right side), with its first moment, to its row."""
    rows, columns = covers.shape
    if 0 <= row < rows and column < columns - 1:
        if column >= 0:
            covers[row, column] += height - moment
            covers[row, column + 1] += moment
        else:
            covers[row, 0] += height


@inlined
def _edge(covers, row, column, x0, y0, x1, y1):
    """The edge from (x0, y0) to (x1, y1), in pixels from the upper left corner of pixel (row, column)."""
    sign = 1.0
    if y0 > y1:
        sign, x0, y0, x1, y1 = -1.0, x1, y1, x0, y0
    if y0 == y1:
        return
    slope = (x1 - x0) / (y1 - y0)
    start, upper = x0, y0
    for line in range(math.floor(y0), math.ceil(y1)):
        lower = min(y1, line + 1.0)
        end = x1 if lower == y1 else x0 + slope * (lower - y0)
        height = sign * (lower - upper)
        low, high = min(start, end), max(start, end)
        first, last = math.floor(low), math.ceil(high) - 1
        if first >= last:
            _deposit(covers, row + line, column + first, height, height * (0.5 * (low + high) - first))
        else:
            steep = height / (high - low)
            for c in range(first, last + 1):
                left, right = max(low, float(c)), min(high, c + 1.0)
                part = steep * (right - left)
                _deposit(covers, row + line, column + c, part, part * (0.5 * (left + right) - c))
        start, upper = end, lower


@inlined
def _quarter(covers, row, column, x, y, side, half, sxx, sxy, syy, area):
    """A quarter of the ellipse p' S^-1 p = 1 around (x, y), monotone in both coordinates.

    side: 1 for the left one, -1 for the right one. half: -1 for the upper one, 1 for the lower one. The
    positions of its points are relative to the centre; area is the square root of det S.
    """
    width, height = math.sqrt(sxx), math.sqrt(syy)
    tilt_x, reach_x = sxy / syy, -side * area / height  # x = tilt_x y + reach_x sqrt(1 - y²/syy)
    tilt_y, reach_y = sxy / sxx, half * area / width
    x0, y0, x1, y1 = -side * width, -side * sxy / width, half * sxy / height, half * height
    if half < 0:
        x0, y0, x1, y1 = x1, y1, x0, y0
    step = 1 if x1 > x0 else -1
    for line in range(math.floor(y0 + y), math.ceil(y1 + y)):
        lower = min(y1, line + 1.0 - y)
        end = x1
        if lower < y1:
            end = tilt_x * lower + reach_x * math.sqrt(max(0.0, 1 - lower * lower / syy))
            end = max(x0, min(x1, end)) if step > 0 else min(x0, max(x1, end))
        c = math.floor(x0 + x) if step > 0 else math.ceil(x0 + x) - 1
        last = math.ceil(end + x) - 1 if step > 0 else math.floor(end + x)
        while True:
            next_x, next_y = end, lower
            if step * (last - c) > 0:
                next_x = c + (1 if step > 0 else 0) - x
                next_y = tilt_y * next_x + reach_y * math.sqrt(max(0.0, 1 - next_x * next_x / sxx))
                next_y = max(y0, min(lower, next_y))
            dx, dy = next_x - x0, next_y - y0
            chord = 0.5 * math.sqrt(max(0.0, syy * dx * dx - 2 * sxy * dx * dy + sxx * dy * dy)) / area
            chord = min(chord, 1.0)
            segment = area * (math.asin(chord) - chord * math.sqrt(1 - chord * chord))
            moment = side * dy * (0.5 * (x0 + next_x) + x - c) - segment
            _deposit(covers, row + line, column + c, side * dy, moment)
            x0, y0 = next_x, next_y
            if step * (last - c) <= 0:
                break
            c += step


@inlined
def _outline(covers, row, column, shape, x, y, scale, angle, corners):
    """Deposit the outline of a shape around (x, y); how far it reaches from there along x and along y."""
    cosine, sine = math.cos(angle), math.sin(angle)
    if shape == 1:
        long, short = (_LONG * scale) ** 2, (_SHORT * scale) ** 2
        sxx = long * cosine * cosine + short * sine * sine
        sxy = (short - long) * cosine * sine
        syy = long * sine * sine + short * cosine * cosine
        for side in (1, -1):
            for half in (-1, 1):
                _quarter(covers, row, column, x, y, side, half, sxx, sxy, syy, math.sqrt(long * short))
        return math.sqrt(sxx), math.sqrt(syy)
    count = 4 if shape == 0 else 3
    reach_x, reach_y = 0.0, 0.0
    x0, y0 = 0.0, 0.0
    for k in range(count + 1):
        u, v = scale * corners[shape, k % count, 0], scale * corners[shape, k % count, 1]
        x1, y1 = u * cosine + v * sine, v * cosine - u * sine
        if k > 0:
            _edge(covers, row, column, x + x0, y + y0, x + x1, y + y1)
        reach_x, reach_y = max(reach_x, abs(x1)), max(reach_y, abs(y1))
        x0, y0 = x1, y1
    return reach_x, reach_y


@parallel_for
def _draw(first, last, shapes, placements, colours, corners, images):
    channels, side = images.shape[1:3]
    covers = np.zeros((side, side + 1))
    for i in range(first * _CHUNK, min(last * _CHUNK, len(images))):
        x, y, scale, angle = placements[i, 0], placements[i, 1], placements[i, 2], placements[i, 3]
        column, row = math.floor(x), math.floor(y)
        x, y = x - column, y - row
        reach_x, reach_y = _outline(covers, row, column, shapes[i], x, y, scale, angle, corners)
        left, right = column + math.floor(x - reach_x) - 1, column + math.ceil(x + reach_x) + 1
        left, right = max(0, left), max(0, min(side, right))
        top, bottom = row + math.floor(y - reach_y) - 1, row + math.ceil(y + reach_y) + 1
        top, bottom = max(0, top), min(side, bottom)
        for channel in range(channels):
            image, full = images[i, channel], 255 * colours[i, channel]
            image[:] = 0
            for r in range(top, bottom):
                covered = 0.0
                if channel == 0:
                    for c in range(left, right):
                        covered += covers[r, c]
                        covers[r, c] = covered
                for c in range(left, right):
                    image[r, c] = np.uint8(np.int32(full * covers[r, c] + (0.5 + TIE)))
        for r in range(top, bottom):
            covers[r, left : right + 1] = 0


def draw(shapes: Tensor, placements: Tensor, colours: Tensor, images: Tensor) -> None:
    """Fill images (n, channels, side, side)."""
    n, channels, side = images.shape[:3]
    work = n * (_IMAGE_NS + _BYTE_NS * channels * side**2)
    given = as_array(shapes), as_array(placements), as_array(colours)
    _draw(-(-n // _CHUNK), work, *given, CORNERS, images.numpy())
