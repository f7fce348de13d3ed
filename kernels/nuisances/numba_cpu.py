"""The random words of an image, a few hundred counters at a time, then its pixels, while both are cached."""

import numpy as np
from torch import Tensor

from .._cpu.compile import inlined, wide_vectors
from .._cpu.parallel_for import parallel_for
from .._cpu.prefetch import prefetch
from ..counter_random.reference import MULTIPLIERS
from .reference import round_keys

_CHUNK = 4  # images
_BLOCK = 256  # counters at once: 4 KB, and long enough loops
_NS = {"color": 0.1, "noise": 1.0, "scream": 0.5}  # a pixel and channel
_FIRST, _SECOND = (np.uint64(multiplier) for multiplier in MULTIPLIERS)
_HALF_WORD = np.uint64(32)
_UNIT, _HALF, _ONE, _ZERO = np.float32(2.0**-24), np.float32(0.5), np.float32(1), np.float32(0)


@inlined
def _philox(block, counters, image, visit, keys, words):
    """words[:, k] = the block cipher of counter (block + k, image, visit, image >> 32), for k < counters.

    Round by round over all counters: of ten rounds in one body the compiler makes no vectors.
    """
    wide_vectors()
    c0, c1, c2, c3 = words[0], words[1], words[2], words[3]
    for k in range(counters):
        c0[k], c1[k] = np.uint32(block + k), np.uint32(image)
        c2[k], c3[k] = np.uint32(visit), np.uint32(image >> 32)
    for r in range(len(keys)):
        k0, k1 = keys[r, 0], keys[r, 1]
        for k in range(counters):
            p0, p1 = np.uint64(c0[k]) * _FIRST, np.uint64(c2[k]) * _SECOND
            c0[k] = np.uint32(p1 >> _HALF_WORD) ^ c1[k] ^ k0
            c1[k] = np.uint32(p1)
            c2[k] = np.uint32(p0 >> _HALF_WORD) ^ c3[k] ^ k1
            c3[k] = np.uint32(p0)


@inlined
def _uniform(word):
    return np.float32(np.int32(word >> np.uint32(8))) * _UNIT


@inlined
def _unpack(packed, sprite):
    """sprite = 0 and 1."""
    for k in range(len(packed)):
        for bit in range(8):
            sprite[8 * k + bit] = _ONE if packed[k] & (128 >> bit) else _ZERO


@inlined
def _tinted(sprite, red, green, blue, image):
    """image[3 p + c] = colour c where the sprite is, else 0."""
    for p in range(len(sprite)):
        image[3 * p] = red * sprite[p]
        image[3 * p + 1] = green * sprite[p]
        image[3 * p + 2] = blue * sprite[p]


@parallel_for
def _noise(first, last, packed, indices, visit, keys, background, out):
    """out[n, e] = max(sprite[e], noise)"""
    wide_vectors()
    words = np.empty((4, _BLOCK), np.uint32)
    sprite, mask = np.empty(out.shape[1] // 3, np.float32), np.empty(out.shape[1], np.float32)
    for n in range(first * _CHUNK, min(last * _CHUNK, len(indices))):
        _unpack(packed[indices[n]], sprite)
        _tinted(sprite, _ONE, _ONE, _ONE, mask)
        quarter = out.shape[1] // 4
        for block in range(0, quarter, _BLOCK):
            counters = min(_BLOCK, quarter - block)
            _philox(block, counters, indices[n], visit, keys, words)
            for j in range(4):
                start = j * quarter + block
                drawn, on, target = words[j], mask[start:], out[n, start:]
                for k in range(counters):
                    target[k] = max(on[k], _uniform(drawn[k]))


@parallel_for
def _color(first, last, packed, indices, visit, keys, background, out):
    """out[n, 3 p + c] = one colour where the sprite is.

    Most bytes are empty: to clear the image and fill in the others costs hardly more than to write it.
    """
    wide_vectors()
    words = np.empty((4, 1), np.uint32)
    stop = min(last * _CHUNK, len(indices))
    for n in range(first * _CHUNK, stop):
        prefetch(packed[indices[min(n + 1, stop - 1)]])
        _philox(0, 1, indices[n], visit, keys, words)
        red = _HALF + _HALF * _uniform(words[0, 0])
        green = _HALF + _HALF * _uniform(words[1, 0])
        blue = _HALF + _HALF * _uniform(words[2, 0])
        row, image = packed[indices[n]], out[n]
        image[:] = _ZERO
        for k in range(len(row)):
            byte = row[k]
            for bit in range(8 if byte else 0):
                if byte & (128 >> bit):
                    p = 3 * (8 * k + bit)
                    image[p], image[p + 1], image[p + 2] = red, green, blue


@parallel_for
def _scream(first, last, packed, indices, visit, keys, background, out):
    """out[n, y, 3 x + c] = a tinted crop of background (H, 3 W), inverted where the sprite is."""
    wide_vectors()
    words = np.empty((4, 2), np.uint32)
    height, width = out.shape[1:]  # of three channels
    sprite, mask = np.empty(height * width // 3, np.float32), np.empty(height * width, np.float32)
    tints = np.empty(width, np.float32)
    for n in range(first * _CHUNK, min(last * _CHUNK, len(indices))):
        _philox(0, 2, indices[n], visit, keys, words)
        for e in range(width):
            tints[e] = _uniform(words[e % 3, 0])
        top = np.int64(words[0, 1]) * (len(background) - height + 1) >> 32
        left = np.int64(words[1, 1]) * ((background.shape[1] - width) // 3 + 1) >> 32
        _unpack(packed[indices[n]], sprite)
        _tinted(sprite, _ONE, _ONE, _ONE, mask)
        for y in range(height):
            crop, target, on = background[top + y, 3 * left :], out[n, y], mask[y * width :]
            for e in range(width):
                behind = (crop[e] + tints[e]) * _HALF
                target[e] = _ONE - behind if on[e] > _ZERO else behind


_KERNELS = {"color": _color, "noise": _noise, "scream": _scream}


def fill(
    nuisance: str,
    packed: np.ndarray,
    indices: np.ndarray,
    seed: int,
    visit: int,
    background: np.ndarray,
    out: Tensor,
) -> None:
    """Fill out (n, height, width, 3) from the rows (n,) of packed (count, bytes)."""
    packed = packed.view()
    packed.flags.writeable = False  # as a mapped file is: one compiled variant for both
    count, height, width, _ = out.shape
    shape = (count, height, 3 * width) if nuisance == "scream" else (count, 3 * height * width)
    _KERNELS[nuisance](
        -(-count // _CHUNK),
        _NS[nuisance] * out.numel(),
        packed,
        indices,
        visit,
        round_keys(seed),
        background.reshape(len(background), 3 * background.shape[1]),
        out.numpy().reshape(shape),
    )
