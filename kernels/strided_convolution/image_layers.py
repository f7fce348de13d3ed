"""What happens to one image: the three sums of a layer, a tile of multiply-adds at a time, and the rectifier.

With `fine` the images of a layer's larger side, `coarse` those of its smaller, and o over the 4x4 taps:

    down        coarse[p, c] = sum over o, f of fine[2p + o - 1, f] weight[o, f, c]
    up          fine[q, f]   = sum over p, o with 2p + o - 1 = q, and c, of coarse[p, c] weight[o, f, c]
    add_weight  weight[o, f, c] = sum over p of fine[2p + o - 1, f] coarse[p, c]

Of the 16 taps four reach a pixel q: which, its parities say. In each of these sums a tile of the output
(pixels or taps by channels) stays in registers while the summed index walks along the rows of the images.
Images of one to three channels fill no vector: there the 16 taps do, and are added up afterwards. All images
are (height + 2, width + 2, channels), in a frame of zeros that the taps may read.
"""

import numpy as np

from .._cpu.compile import exact, inlined
from .._cpu.register_tile import ROW_GROUP, TILE_ROWS, register_tile
from .._cpu.simd import SIMD_WIDTH

TAPS = 16
COLUMNS = 2 * SIMD_WIDTH
_wide_tile, _narrow_tile = register_tile(2), register_tile(TAPS // SIMD_WIDTH)


@inlined
def _grid(width, row, pixel):
    """How many rows of pixels a tile covers, and the step from one group of four to the next.

    A tile of eight pixels is two groups, so that images of 4x4 have whole tiles too.
    """
    if TILE_ROWS == ROW_GROUP or width % TILE_ROWS == 0:
        return 1, ROW_GROUP * pixel
    return TILE_ROWS // ROW_GROUP, row


@exact
def down(fine, weight, bias, coarse):
    """The inside of coarse = bias + fine through weight (4, 4, f, c)."""
    height, width, narrow = coarse.shape
    wide = fine.shape[2]
    row, out_row = fine.shape[1] * wide, width * narrow
    rows, out_far = _grid(width - 2, out_row, narrow)
    _, far = _grid(width - 2, 2 * row, 2 * wide)
    outs, xs = coarse.reshape(-1), fine.reshape(-1)
    for column in range(0, narrow, COLUMNS):
        for i in range(0, height - 2, rows):
            for j in range(0, width - 2, TILE_ROWS // rows):
                _wide_tile(
                    (bias, column),
                    (0, 0),
                    (outs, (i + 1) * out_row + (j + 1) * narrow + column),
                    (narrow, out_far),
                    (xs, 2 * i * row + 2 * j * wide),
                    (2 * wide, far, row, 1),
                    (weight, column),
                    (4 * wide * narrow, narrow),
                    (4, 4 * wide),
                )


@exact
def up(coarse, weight, bias, fine):
    """The inside of fine = bias + coarse through weight (4, 4, c, f): by parity, then the taps over it."""
    height, width, wide = fine.shape
    narrow = coarse.shape[2]
    row, out_row = coarse.shape[1] * narrow, width * wide
    rows, out_far = _grid(width // 2 - 1, 2 * out_row, 2 * wide)
    _, far = _grid(width // 2 - 1, row, narrow)
    outs, xs = fine.reshape(-1), coarse.reshape(-1)
    for a in range(2):
        for b in range(2):
            for column in range(0, wide, COLUMNS):
                for i in range(0, height // 2 - 1, rows):
                    for j in range(0, width // 2 - 1, TILE_ROWS // rows):
                        _wide_tile(
                            (bias, column),
                            (0, 0),
                            (outs, (2 * i + a + 1) * out_row + (2 * j + b + 1) * wide + column),
                            (2 * wide, out_far),
                            (xs, (i + a) * row + (j + b) * narrow),
                            (narrow, far, row, 1),
                            (weight, (2 * a + b) * 4 * narrow * wide + column),
                            (2 * narrow * wide, wide),
                            (2, 2 * narrow),
                        )


@exact
def up_by_taps(coarse, weight, bias, taps, fine):
    """The same into few channels: weight (c, 4, 4, f); taps (h + 2, w + 2, 4, 4, f), its border 0."""
    height, _, wide = fine.shape
    row, narrow = coarse.shape[1:]
    columns = TAPS * wide
    rows, out_far = _grid(row - 2, row * columns, columns)
    _, far = _grid(row - 2, row * narrow, narrow)
    outs, xs = taps.reshape(-1), coarse.reshape(-1)
    nothing = np.zeros(TAPS, coarse.dtype)
    for column in range(0, columns, TAPS):
        for i in range(1, len(coarse) - 1, rows):
            for j in range(1, row - 1, TILE_ROWS // rows):
                _narrow_tile(
                    (nothing, 0),
                    (0, 0),
                    (outs, (i * row + j) * columns + column),
                    (columns, out_far),
                    (xs, (i * row + j) * narrow),
                    (narrow, far, 0, 1),
                    (weight, column),
                    (0, columns),
                    (1, narrow),
                )
    for i in range(height - 2):
        # the tap over this row of the row before it, and that of the next one
        before, low, high = (i + 1) // 2, (3, 2)[i % 2], (1, 0)[i % 2]
        for f in range(wide):
            upper = taps[before].reshape(-1)[4 * low * wide + f :]
            lower = taps[before + 1].reshape(-1)[4 * high * wide + f :]
            line = fine[i + 1].reshape(-1)[wide + f :]
            for j in range(row - 2):
                k, after, pixel = j * columns, (j + 1) * columns, 2 * j * wide
                line[pixel] = bias[f] + (
                    (upper[k + 3 * wide] + upper[after + wide]) + (lower[k + 3 * wide] + lower[after + wide])
                )
                line[pixel + wide] = bias[f] + (
                    (upper[after + 2 * wide] + upper[after + columns])
                    + (lower[after + 2 * wide] + lower[after + columns])
                )


@exact
def add_weight(fine, coarse, weight):
    """weight (4, 4, f, c) += its gradient, where one of the two images is itself a gradient."""
    wide, narrow = fine.shape[2], coarse.shape[2]
    row, run = fine.shape[1] * wide, coarse.shape[1] * narrow
    xs, weights = fine.reshape(-1), coarse.reshape(-1)
    for a in range(0, 4, TILE_ROWS // ROW_GROUP):
        for column in range(0, narrow, COLUMNS):
            for k in range(0, 4 * wide, ROW_GROUP):
                here, strides = (weight, (4 * a * wide + k) * narrow + column), (narrow, 4 * wide * narrow)
                _wide_tile(
                    here,
                    strides,
                    here,
                    strides,
                    (xs, a * row + k),
                    (1, row, 2 * row, 2 * wide),
                    (weights, run + narrow + column),
                    (run, narrow),
                    (coarse.shape[0] - 2, coarse.shape[1] - 2),
                )


@inlined
def enter(image, framed):
    for i in range(len(image)):
        framed[i + 1, 1:-1].reshape(-1)[:] = image[i].reshape(-1)


@inlined
def leave(framed, image):
    for i in range(len(image)):
        image[i].reshape(-1)[:] = framed[i + 1, 1:-1].reshape(-1)


@inlined
def clear_border(framed):
    framed[0].reshape(-1)[:] = 0
    framed[-1].reshape(-1)[:] = 0
    for i in range(1, len(framed) - 1):
        framed[i, 0] = 0
        framed[i, -1] = 0


@inlined
def rectify(values, slope):
    """x to slope x where it is not positive, in place; to 0 if slope is 0, be it infinite."""
    flat = values.reshape(-1)
    for k in range(flat.size):
        below = slope * flat[k] if slope != 0 else slope
        flat[k] = below if flat[k] <= 0 else flat[k]


@inlined
def through_rectifier(grad, output, slope):
    """The gradient of the rectifier's input, in place, from its output."""
    grads, outputs = grad.reshape(-1), output.reshape(-1)
    for k in range(grads.size):
        below = slope * grads[k] if slope != 0 else slope
        grads[k] = below if outputs[k] <= 0 else grads[k]


@inlined
def add_pixels(framed, sums):
    """sums (channels,) += the sum over pixels."""
    channels = framed.shape[2]
    columns = np.zeros(framed.shape[1] * channels, framed.dtype)
    for i in range(1, len(framed) - 1):
        row = framed[i].reshape(-1)
        for k in range(columns.size):
            columns[k] += row[k]
    for j in range(framed.shape[1]):
        for c in range(channels):
            sums[c] += columns[j * channels + c]
