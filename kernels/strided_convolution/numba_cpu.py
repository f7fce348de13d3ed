"""Both convolutions and their gradients: one image at a time, one tile of multiply-adds for all sums.

The two directions share a weight, and each is the other's gradient. With `fine` the images of the larger
side, `coarse` those of the smaller, o over the 4x4 taps, and channels last:

    down    coarse[p, c] = sum over o, f of fine[2p + o - 1, f] weight[o, f, c]
    up      fine[q, f]   = sum over p, o with 2p + o - 1 = q, and c, of coarse[p, c] weight[o, f, c]
    weight  weight[o, f, c] = sum over p of fine[2p + o - 1, f] coarse[p, c]

Of the 16 taps four reach a pixel q: which, its parities say. In each of these sums a tile of the output
(pixels or taps by channels) stays in registers while the summed index walks along the rows of the images.
Images of one to three channels fill no vector: there the 16 taps do, and are added up afterwards.

An image goes through all layers before the next one starts, so that its layers meet in the second-level
cache. Each lies in a frame of zeros one pixel wide, which the taps may read; the frames of the forward pass
are what the backward pass is given.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from .._numba import launch, njit, wide_vectors
from .._tile import GROUP, LANES, ROWS, tile

_CHUNKS = 16  # each holds its own sum for the gradient of the weight
_IMAGES = 32  # of a chunk at the most, whose pixels are added one after the other: beyond, more chunks
_SLICE = 8192  # numbers of all weights, whose sums over the chunks a thread adds at a time
_MULTIPLY_ADD_NS = 0.0125  # on one thread
_TAPS = 16
_TAPS_OVER = np.array([[3, 1], [2, 0]])  # a pixel, by its parity: from the pixels before and after it


_wide_tile, _COLUMNS = tile(2), 2 * LANES
_narrow_tile = tile(_TAPS // LANES)


@njit
def _grid(width, row, pixel):
    """How many rows of pixels a tile covers, and the step from one group of four to the next.

    A tile of eight pixels is two groups, so that images of 4x4 have whole tiles too.
    """
    if ROWS == GROUP or width % ROWS == 0:
        return 1, GROUP * pixel
    return ROWS // GROUP, row


@njit
def _down(fine, weight, bias, coarse):
    """The inside of coarse = bias + fine through weight (4, 4, f, c)."""
    height, width, narrow = coarse.shape
    wide = fine.shape[2]
    row, out_row = fine.shape[1] * wide, width * narrow
    rows, out_far = _grid(width - 2, out_row, narrow)
    _, far = _grid(width - 2, 2 * row, 2 * wide)
    outs, xs = coarse.reshape(-1), fine.reshape(-1)
    for column in range(0, narrow, _COLUMNS):
        for i in range(0, height - 2, rows):
            for j in range(0, width - 2, ROWS // rows):
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


@njit
def _up(coarse, weight, bias, fine):
    """The inside of fine = bias + coarse through weight (4, 4, c, f): by parity, then the taps over it."""
    height, width, wide = fine.shape
    narrow = coarse.shape[2]
    row, out_row = coarse.shape[1] * narrow, width * wide
    rows, out_far = _grid(width // 2 - 1, 2 * out_row, 2 * wide)
    _, far = _grid(width // 2 - 1, row, narrow)
    outs, xs = fine.reshape(-1), coarse.reshape(-1)
    for a in range(2):
        for b in range(2):
            for column in range(0, wide, _COLUMNS):
                for i in range(0, height // 2 - 1, rows):
                    for j in range(0, width // 2 - 1, ROWS // rows):
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


@njit
def _up_by_taps(coarse, weight, bias, taps, fine):
    """The same into few channels: weight (c, 4, 4, f); taps (h + 2, w + 2, 4, 4, f), its border 0."""
    height, _, wide = fine.shape
    row, narrow = coarse.shape[1:]
    columns = _TAPS * wide
    rows, out_far = _grid(row - 2, row * columns, columns)
    _, far = _grid(row - 2, row * narrow, narrow)
    outs, xs = taps.reshape(-1), coarse.reshape(-1)
    nothing = np.zeros(_TAPS, coarse.dtype)
    for column in range(0, columns, _TAPS):
        for i in range(1, len(coarse) - 1, rows):
            for j in range(1, row - 1, ROWS // rows):
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


@njit
def _add_weight(fine, coarse, weight):
    """weight (4, 4, f, c) += its gradient, where one of the two images is itself a gradient."""
    wide, narrow = fine.shape[2], coarse.shape[2]
    row, run = fine.shape[1] * wide, coarse.shape[1] * narrow
    xs, weights = fine.reshape(-1), coarse.reshape(-1)
    for a in range(0, 4, ROWS // GROUP):
        for column in range(0, narrow, _COLUMNS):
            for k in range(0, 4 * wide, GROUP):
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


@njit
def _enter(image, framed):
    for i in range(len(image)):
        framed[i + 1, 1:-1].reshape(-1)[:] = image[i].reshape(-1)


@njit
def _leave(framed, image):
    for i in range(len(image)):
        image[i].reshape(-1)[:] = framed[i + 1, 1:-1].reshape(-1)


@njit
def _clear_border(framed):
    framed[0].reshape(-1)[:] = 0
    framed[-1].reshape(-1)[:] = 0
    for i in range(1, len(framed) - 1):
        framed[i, 0] = 0
        framed[i, -1] = 0


@njit
def _rectify(values, slope):
    """x to slope x where it is negative, in place; minus infinity to 0 if slope is 0."""
    flat = values.reshape(-1)
    if slope == 0:
        for k in range(flat.size):
            flat[k] = slope if flat[k] <= 0 else flat[k]
    else:
        for k in range(flat.size):
            flat[k] = slope * flat[k] if flat[k] <= 0 else flat[k]


@njit
def _through_rectifier(grad, output, slope):
    """The gradient of the rectifier's input, in place, from its output."""
    grads, outputs = grad.reshape(-1), output.reshape(-1)
    if slope == 0:  # not the product: an infinite gradient stops at a unit that is off
        for k in range(grads.size):
            grads[k] = slope if outputs[k] <= 0 else grads[k]
    else:
        for k in range(grads.size):
            grads[k] = slope * grads[k] if outputs[k] <= 0 else grads[k]


@njit
def _add_pixels(framed, sums):
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


@njit
def _framed(buffer, layout):
    start, height, width, channels = layout[0], layout[1], layout[2], layout[3]
    return buffer[start : start + height * width * channels].reshape((height, width, channels))


@njit
def _most_taps(layouts):
    """Numbers that `_up_by_taps` needs for the widest of the layers."""
    most = 0
    for layer in range(len(layouts)):
        if layouts[layer, 3] < 4:
            height, width = layouts[layer, 1] // 2 + 1, layouts[layer, 2] // 2 + 1
            most = max(most, height * width * _TAPS * layouts[layer, 3])
    return most


@njit
def _apply(up, before, weight, bias, taps, after):
    wide = after.shape[2]
    if not up:
        _down(before, weight, bias, after)
    elif wide % _COLUMNS == 0:
        _up(before, weight, bias, after)
    else:
        inside = taps[: before.shape[0] * before.shape[1] * _TAPS * wide]
        _up_by_taps(before, weight, bias, inside.reshape((*before.shape[:2], 4, 4, wide)), after)


@njit
def _forward(first, last, images, up, layouts, slopes, weights, biases, inputs, frames, outputs):
    """Chunks of `images` images through all layers; inputs and outputs (batch, height, width, channels).

    layouts: see `_layouts`. frames: the framed images of all layers, (batch, size), or (chunks, size) where
    they are not wanted afterwards.
    """
    wide_vectors()
    batch, layers = len(inputs), len(slopes)
    taps = np.zeros(_most_taps(layouts) if up else 0, inputs.dtype)
    for chunk in range(first, last):
        for k in range(chunk * images, min(chunk * images + images, batch)):
            buffer = frames[k if len(frames) == batch else chunk]
            before = _framed(buffer, layouts[0])
            _clear_border(before)
            _enter(inputs[k], before)
            for layer in range(layers):
                layout = layouts[layer + 1]
                after = _framed(buffer, layout)
                _clear_border(after)
                _apply(up, before, weights[layout[4] :], biases[layout[5] :], taps, after)
                if slopes[layer] != 1:
                    _rectify(after, slopes[layer])
                before = after
            _leave(before, outputs[k])


@njit
def _backward(
    first,
    last,
    images,
    up,
    layouts,
    slopes,
    weights,
    frames,
    grad_outputs,
    grad_inputs,
    grad_weights,
    grad_biases,
):
    """The gradients, from the frames of the forward pass and the weights of the other direction.

    grad_inputs may be None; grad_weights (chunks, size) too; grad_biases (chunks, size).
    """
    wide_vectors()
    batch, layers = len(frames), len(slopes)
    grads = np.zeros(frames.shape[1], frames.dtype)
    nothing = np.zeros(grad_biases.shape[1] + layouts[0, 3], frames.dtype)
    taps = np.zeros(0 if up else _most_taps(layouts), frames.dtype)
    for chunk in range(first, last):
        grad_biases[chunk] = 0
        if grad_weights is not None:
            grad_weights[chunk] = 0
        for k in range(chunk * images, min(chunk * images + images, batch)):
            _enter(grad_outputs[k], _framed(grads, layouts[layers]))
            for layer in range(layers - 1, -1, -1):
                layout = layouts[layer + 1]
                before, after = _framed(frames[k], layouts[layer]), _framed(frames[k], layout)
                grad = _framed(grads, layout)
                if slopes[layer] != 1:
                    _through_rectifier(grad, after, slopes[layer])
                _add_pixels(grad, grad_biases[chunk, layout[5] :])
                if grad_weights is not None:
                    if up:
                        _add_weight(grad, before, grad_weights[chunk, layout[4] :])
                    else:
                        _add_weight(before, grad, grad_weights[chunk, layout[4] :])
                if layer > 0 or grad_inputs is not None:
                    _apply(not up, grad, weights[layout[4] :], nothing, taps, _framed(grads, layouts[layer]))
            if grad_inputs is not None:
                _leave(_framed(grads, layouts[0]), grad_inputs[k])


@njit
def _sum_of_chunks(first, last, size, parts, total):
    """total = parts (chunks, total.size), added in the order of the chunks; `size` numbers at a time."""
    for k in range(first * size, min(last * size, total.size), size):
        part = total[k : k + size]
        part[:] = 0
        for chunk in range(len(parts)):
            values = parts[chunk, k : k + size]
            for i in range(part.size):
                part[i] += values[i]


def forward(
    images: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    slopes: Sequence[float],
    up: bool,
    keep: bool,
) -> tuple[Tensor, np.ndarray]:
    """The outputs, channels last, and what `backward` needs, where it is to be kept."""
    inputs = _channels_last(images)
    batch, height, width, channels = inputs.shape
    chunks, each = _chunks(batch)
    layouts = _layouts(height, width, channels, weights, up)
    height, width, channels = (int(size) for size in layouts[-1, 1:4] - (2, 2, 0))
    outputs = torch.empty(
        (batch, channels, height, width),
        dtype=images.dtype,
        device=images.device,
        memory_format=torch.channels_last,
    )
    frames = np.empty((batch if keep else chunks, layouts[-1, 0] + layouts[-1, 1:4].prod()), np.float32)
    launch(
        _forward,
        chunks,
        _MULTIPLY_ADD_NS * batch * _multiply_adds(layouts, weights),
        each,
        up,
        layouts,
        np.array(slopes, np.float32),
        _arranged(weights, up),
        torch.cat([bias.detach() for bias in biases]).numpy(),
        inputs,
        frames,
        _channels_last(outputs),
    )
    return outputs, frames


def backward(
    grad: Tensor,
    frames: np.ndarray,
    sizes: tuple[int, int, int],
    weights: Sequence[Tensor],
    slopes: Sequence[float],
    up: bool,
    wanted: tuple[bool, bool],
) -> tuple[Tensor | None, Sequence[Tensor | None], Sequence[Tensor]]:
    """The gradients of the images and of the weights, where wanted, and of the biases.

    sizes: channels, height and width of the images.
    """
    channels, height, width = sizes
    batch = len(frames)
    chunks, each = _chunks(batch)
    layouts = _layouts(height, width, channels, weights, up)
    starts, bias_starts = [*layouts[1:, 4], sum(w.numel() for w in weights)], [*layouts[1:, 5]]
    grad_inputs = np.empty((batch, height, width, channels), np.float32) if wanted[0] else None
    parts = np.empty((chunks, starts[-1]), np.float32) if wanted[1] else None
    sums = np.empty((chunks, bias_starts[-1] + layouts[-1, 3]))
    launch(
        _backward,
        chunks,
        2 * _MULTIPLY_ADD_NS * batch * _multiply_adds(layouts, weights),
        each,
        up,
        layouts,
        np.array(slopes, np.float32),
        _arranged(weights, not up),
        frames,
        _channels_last(grad),
        grad_inputs,
        parts,
        sums,
    )
    grad_images = None if grad_inputs is None else torch.from_numpy(grad_inputs).permute(0, 3, 1, 2)
    grad_biases = torch.from_numpy(sums.sum(0).astype(np.float32)).split([int(n) for n in layouts[1:, 3]])
    if parts is None:
        return grad_images, [None] * len(weights), grad_biases
    total = np.empty(starts[-1], np.float32)
    launch(_sum_of_chunks, -(-total.size // _SLICE), 0.1 * parts.size, _SLICE, parts, total)
    grad_weights = [
        torch.from_numpy(total[start:stop]).view(4, 4, weight.shape[1], weight.shape[0]).permute(3, 2, 0, 1)
        for (start, stop), weight in zip(pairwise(starts), weights, strict=True)
    ]
    return grad_images, grad_weights, grad_biases


def _chunks(batch: int) -> tuple[int, int]:
    """Their number, and images in each."""
    images = min(max(1, -(-batch // _CHUNKS)), _IMAGES)
    return -(-batch // images), images


def _layouts(height: int, width: int, channels: int, weights: Sequence[Tensor], up: bool) -> np.ndarray:
    """(layers + 1, 6), the first the images': where a layer's frame begins, its height, width and channels,
    and where the weight and the bias that lead to it begin."""
    layouts = [(0, height + 2, width + 2, channels, 0, 0)]
    weight_start = bias_start = 0
    for weight in weights:
        start, *framed, _, _ = layouts[-1]
        height, width = (2 * height, 2 * width) if up else (height // 2, width // 2)
        channels = weight.shape[1 if up else 0]
        layouts.append((start + math.prod(framed), height + 2, width + 2, channels, weight_start, bias_start))
        weight_start, bias_start = weight_start + weight.numel(), bias_start + channels
    return np.array(layouts)


def _multiply_adds(layouts: np.ndarray, weights: Sequence[Tensor]) -> float:
    """Of an image's forward pass."""
    pixels = (layouts[:, 1] - 2) * (layouts[:, 2] - 2)
    return float(sum(min(pair) * w.numel() for pair, w in zip(pairwise(pixels), weights, strict=True)))


def _arranged(weights: Sequence[Tensor], up: bool) -> np.ndarray:
    """All weights (c, f, 4, 4) in one row, each as `_down`, `_up` or `_up_by_taps` reads it."""
    row = np.empty(sum(weight.numel() for weight in weights), np.float32)
    start = 0
    for weight in weights:
        narrow, wide = weight.shape[:2]
        here = row[start : start + weight.numel()]
        values = weight.numpy(force=True)
        if not up:
            here.reshape(4, 4, wide, narrow)[:] = values.transpose(2, 3, 1, 0)
        elif wide < 4:
            here.reshape(narrow, 4, 4, wide)[:] = values.transpose(0, 2, 3, 1)
        else:
            by_pixel = values.transpose(2, 3, 0, 1)[_TAPS_OVER][:, :, _TAPS_OVER]  # (a, tap, b, tap, c, f)
            here.reshape(2, 2, 2, 2, narrow, wide)[:] = by_pixel.transpose(0, 2, 1, 3, 4, 5)
        start += weight.numel()
    return row


def _channels_last(images: Tensor) -> np.ndarray:
    """(batch, channels, height, width) as an array (batch, height, width, channels)."""
    return np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy(force=True))
