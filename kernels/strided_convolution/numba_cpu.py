"""Runs of layers and their gradients, image by image.

An image goes through all layers before the next one starts, so that its layers meet in the second-level
cache. Each lies in a frame of zeros, channels last; the frames of the forward pass are what the backward pass
is given.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from .._cpu.compile import inlined, wide_vectors
from .._cpu.parallel_for import parallel_for
from . import image_layers
from .image_layers import COLUMNS, TAPS

_CHUNKS = 16  # each holds its own sum for the gradient of the weight
_IMAGES = 32  # of a chunk at the most, whose pixels are added one after the other: beyond, more chunks
_MULTIPLY_ADD_NS = 0.0125  # on one thread
_TAPS_OVER = np.array([[3, 1], [2, 0]])  # a pixel, by its parity: from the pixels before and after it


@inlined
def _framed(buffer, layout):
    start, height, width, channels = layout[0], layout[1], layout[2], layout[3]
    return buffer[start : start + height * width * channels].reshape((height, width, channels))


@inlined
def _most_taps(layouts):
    """Numbers that `up_by_taps` needs for the widest of the layers."""
    most = 0
    for layer in range(len(layouts)):
        if layouts[layer, 3] < 4:
            height, width = layouts[layer, 1] // 2 + 1, layouts[layer, 2] // 2 + 1
            most = max(most, height * width * TAPS * layouts[layer, 3])
    return most


@inlined
def _apply(up, before, weight, bias, taps, after):
    wide = after.shape[2]
    if not up:
        image_layers.down(before, weight, bias, after)
    elif wide % COLUMNS == 0:
        image_layers.up(before, weight, bias, after)
    else:
        inside = taps[: before.shape[0] * before.shape[1] * TAPS * wide]
        image_layers.up_by_taps(before, weight, bias, inside.reshape((*before.shape[:2], 4, 4, wide)), after)


@parallel_for
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
            image_layers.clear_border(before)
            image_layers.enter(inputs[k], before)
            for layer in range(layers):
                layout = layouts[layer + 1]
                after = _framed(buffer, layout)
                image_layers.clear_border(after)
                _apply(up, before, weights[layout[4] :], biases[layout[5] :], taps, after)
                if slopes[layer] != 1:
                    image_layers.rectify(after, slopes[layer])
                before = after
            image_layers.leave(before, outputs[k])


@parallel_for
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
            image_layers.enter(grad_outputs[k], _framed(grads, layouts[layers]))
            for layer in range(layers - 1, -1, -1):
                layout = layouts[layer + 1]
                before, after = _framed(frames[k], layouts[layer]), _framed(frames[k], layout)
                grad = _framed(grads, layout)
                if slopes[layer] != 1:
                    image_layers.through_rectifier(grad, after, slopes[layer])
                image_layers.add_pixels(grad, grad_biases[chunk, layout[5] :])
                if grad_weights is not None:
                    if up:
                        image_layers.add_weight(grad, before, grad_weights[chunk, layout[4] :])
                    else:
                        image_layers.add_weight(before, grad, grad_weights[chunk, layout[4] :])
                if layer > 0 or grad_inputs is not None:
                    _apply(not up, grad, weights[layout[4] :], nothing, taps, _framed(grads, layouts[layer]))
            if grad_inputs is not None:
                image_layers.leave(_framed(grads, layouts[0]), grad_inputs[k])


@parallel_for
def _along(
    first,
    last,
    images,
    layouts,
    slopes,
    weights,
    transposed_weights,
    frames,
    grad_outputs,
    directions,
    outputs,
    grad_weights,
):
    """A direction through the layers of each image, and the weights' gradients of <gradient, direction>.

    frames: those of the forward pass, whose signs say which slopes the rectifiers have. grad_outputs and
    outputs: of the last layer; directions: of the images. grad_weights (chunks, size).
    """
    wide_vectors()
    batch, layers = len(frames), len(slopes)
    grads, values = np.zeros(frames.shape[1], frames.dtype), np.zeros(frames.shape[1], frames.dtype)
    nothing = np.zeros(layouts[:, 3].max(), frames.dtype)
    for chunk in range(first, last):
        grad_weights[chunk] = 0
        for k in range(chunk * images, min(chunk * images + images, batch)):
            image_layers.enter(grad_outputs[k], _framed(grads, layouts[layers]))
            for layer in range(layers - 1, -1, -1):
                layout = layouts[layer + 1]
                grad = _framed(grads, layout)
                image_layers.through_rectifier(grad, _framed(frames[k], layout), slopes[layer])
                if layer > 0:
                    below = _framed(grads, layouts[layer])
                    image_layers.up(grad, transposed_weights[layout[4] :], nothing, below)
            image_layers.enter(directions[k], _framed(values, layouts[0]))
            for layer in range(layers):
                layout = layouts[layer + 1]
                before, after = _framed(values, layouts[layer]), _framed(values, layout)
                image_layers.add_weight(before, _framed(grads, layout), grad_weights[chunk, layout[4] :])
                image_layers.down(before, weights[layout[4] :], nothing, after)
                image_layers.through_rectifier(after, _framed(frames[k], layout), slopes[layer])
            image_layers.leave(_framed(values, layouts[layers]), outputs[k])


@parallel_for
def _sum_of_chunks(first, last, layouts, narrow, parts, total):
    """By layers: total (c, 4, 4, f) = parts (chunks, 4, 4, f, c) added in the order of the chunks, flat."""
    wide_vectors()
    for layer in range(first, last):
        start, channels = layouts[layer + 1, 4], narrow[layer]
        stop = layouts[layer + 2, 4] if layer + 2 < len(layouts) else total.size
        rows = (stop - start) // channels
        line = np.empty(channels, parts.dtype)
        for row in range(rows):
            here = start + row * channels
            line[:] = 0
            for chunk in range(len(parts)):
                values = parts[chunk, here : here + channels]
                for c in range(channels):
                    line[c] += values[c]
            for c in range(channels):
                total[start + c * rows + row] = line[c]


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
    _forward(
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
    size = sum(weight.numel() for weight in weights)
    grad_inputs = np.empty((batch, height, width, channels), np.float32) if wanted[0] else None
    parts = np.empty((chunks, size), np.float32) if wanted[1] else None
    sums = np.empty((chunks, layouts[1:, 3].sum()))
    _backward(
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
    return grad_images, _by_layer(parts, layouts, weights), grad_biases


def along(
    grad: Tensor, frames: np.ndarray, directions: Tensor, weights: Sequence[Tensor], slopes: Sequence[float]
) -> Iterator[Tensor]:
    """Where directions of the images lead, and the gradients of <g, directions> by the weights.

    g is the gradient of the images that `backward` makes of grad, for layers that halve them. The first is
    (batch, outputs, ...) as the last layer's outputs are, the others are as the weights.
    """
    inputs = _channels_last(directions)
    batch, height, width, channels = inputs.shape
    chunks, each = _chunks(batch)
    layouts = _layouts(height, width, channels, weights, False)
    signals = _channels_last(grad)
    outputs = np.empty_like(signals)
    parts = np.empty((chunks, sum(weight.numel() for weight in weights)), np.float32)
    _along(
        chunks,
        3 * _MULTIPLY_ADD_NS * batch * _multiply_adds(layouts, weights),
        each,
        layouts,
        np.array(slopes, np.float32),
        _arranged(weights, False),
        _arranged(weights, True),
        frames,
        signals,
        inputs,
        outputs,
        parts,
    )
    yield torch.from_numpy(outputs).permute(0, 3, 1, 2)
    yield from _by_layer(parts, layouts, weights)


def _by_layer(parts: np.ndarray, layouts: np.ndarray, weights: Sequence[Tensor]) -> list[Tensor]:
    """The sums over chunks of the gradients of the weights, (c, f, 4, 4) each."""
    starts = [*layouts[1:, 4], parts.shape[1]]
    total = np.empty(parts.shape[1], np.float32)
    narrow = np.array([len(weight) for weight in weights])
    _sum_of_chunks(len(weights), 0.1 * parts.size, layouts, narrow, parts, total)
    return [
        torch.from_numpy(total[start:stop]).view(len(weight), 4, 4, -1).permute(0, 3, 1, 2)
        for (start, stop), weight in zip(pairwise(starts), weights, strict=True)
    ]


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
    """All weights (c, f, 4, 4) in one row, each as `down`, `up` or `up_by_taps` reads it."""
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
