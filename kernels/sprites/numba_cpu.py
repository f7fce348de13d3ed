"""The scan line of reference.py with a row of pixels as one 64-bit word."""

import numpy as np

from .._cpu.compile import inlined
from .._cpu.parallel_for import parallel_for
from .reference import GRID, SIDE, SUBPIXELS, corners

_COLUMNS, _ROWS = GRID[-2:]
_POSITIONS = _COLUMNS * _ROWS
_CORNERS = 150  # of the heart, which has most
_HALF = SUBPIXELS // 2

# _FROM[c] has the pixels c, c + 1, ... of a row on, as eight bytes of packed bits read in the machine's order
_FROM = np.packbits(np.arange(SIDE) >= np.arange(SIDE + 1)[:, None], axis=1).view(np.uint64).ravel()


@inlined
def _draw(x, y, from_column, rows):
    """Toggle, for every edge and every row that it crosses, the pixels from the crossing on."""
    x0, y0 = np.int64(x[-1]), np.int64(y[-1])
    for k in range(len(x)):
        x1, y1 = np.int64(x[k]), np.int64(y[k])
        start, upper, end, lower = (x0, y0, x1, y1) if y0 < y1 else (x1, y1, x0, y0)
        first, last = (upper + _HALF) // SUBPIXELS, (lower + _HALF) // SUBPIXELS
        if first < last:
            height = lower - upper
            crossing = (start - _HALF) * height + (SUBPIXELS * first + _HALF - upper) * (end - start)
            for row in range(first, last):
                rows[row] ^= from_column[(crossing + SUBPIXELS * height - 1) // (SUBPIXELS * height)]
                crossing += SUBPIXELS * (end - start)
        x0, y0 = x1, y1


@parallel_for
def _render(first, last, x, y, sizes, from_column, skipped, images):
    for chunk in range(first, last):
        size = sizes[chunk]
        for position in range(_POSITIONS):
            image = chunk * _POSITIONS + position - skipped
            if 0 <= image < len(images):
                _draw(
                    x[chunk, position // _ROWS, :size],
                    y[chunk, position % _ROWS, :size],
                    from_column,
                    images[image],
                )


def render(first: int, last: int) -> np.ndarray:
    """Images first to last - 1 of the grid, (last - first, 512) packed bits.

    A chunk is one shape, scale and orientation at all its positions.
    """
    chunks = range(first // _POSITIONS, -(-last // _POSITIONS))
    x = np.empty((len(chunks), _COLUMNS, _CORNERS), np.int16)
    y = np.empty((len(chunks), _ROWS, _CORNERS), np.int16)
    sizes = np.empty(len(chunks), np.int64)
    for k, chunk in enumerate(chunks):
        _, shape, scale, orientation = np.unravel_index(chunk, GRID[:4])
        snapped = corners(int(shape), int(scale), int(orientation))
        sizes[k] = size = snapped[0].shape[1]
        x[k, :, :size], y[k, :, :size] = snapped
    images = np.zeros((last - first, SIDE), np.uint64)
    skipped = first - chunks.start * _POSITIONS
    _render(len(chunks), 400 * len(images), x, y, sizes, _FROM, skipped, images)
    return images.view(np.uint8)
