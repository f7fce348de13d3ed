"""The random words of an image, a few hundred counters at a time, then its pixels, while both are cached."""

import numpy as np
from torch import Tensor

from .._cpu.compile import inlined, wide_vectors
from .._cpu.parallel_for import parallel_for
from .reference import MULTIPLIERS, round_keys

_CHUNK = 4  # images
_BLOCK = 256  # counters at once: 4 KB, and long enough loops
_NS = {"color": 0.3, "noise": 1.0, "scream": 0.5}  # a pixel and channel
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
    """sprite = 0 and 1, once for three channels."""
    for k in range(len(packed)):
        for bit in range(8):
            sprite[8 * k + bit] = _ONE if packed[k] & (128 >> bit) else _ZERO


@parallel_for
def _noise(first, last, packed, indices, visit, keys, background, out):
    """out[n, c] = max(sprite, noise)"""
    wide_vectors()
    words = np.empty((4, _BLOCK), np.uint32)
    sprite = np.empty(out.shape[2] * out.shape[3], np.float32)
    for n in range(first * _CHUNK, min(last * _CHUNK, len(indices))):
        elements = out[n].reshape(4, -1)
        for block in range(0, elements.shape[1], _BLOCK):
            counters = min(_BLOCK, elements.shape[1] - block)
            _philox(block, counters, indices[n], visit, keys, words)
            for j in range(4):
                drawn, target = words[j], elements[j, block:]
                for k in range(counters):
                    target[k] = _uniform(drawn[k])
        _unpack(packed[indices[n]], sprite)
        for c in range(3):
            plane = out[n, c].ravel()
            for p in range(len(sprite)):
                plane[p] = max(plane[p], sprite[p])


@parallel_for
def _color(first, last, packed, indices, visit, keys, background, out):
    """out[n, c] = one colour where the sprite is."""
    wide_vectors()
    words = np.empty((4, 1), np.uint32)
    sprite = np.empty(out.shape[2] * out.shape[3], np.float32)
    for n in range(first * _CHUNK, min(last * _CHUNK, len(indices))):
        _philox(0, 1, indices[n], visit, keys, words)
        _unpack(packed[indices[n]], sprite)
        for c in range(3):
            color, plane = _HALF + _HALF * _uniform(words[c, 0]), out[n, c].ravel()
            for p in range(len(sprite)):
                plane[p] = color * sprite[p]


@parallel_for
def _scream(first, last, packed, indices, visit, keys, background, out):
    """out[n, c] = a tinted crop of the background, inverted where the sprite is."""
    wide_vectors()
    words = np.empty((4, 2), np.uint32)
    height, width = out.shape[2:]
    sprite = np.empty(height * width, np.float32)
    for n in range(first * _CHUNK, min(last * _CHUNK, len(indices))):
        _philox(0, 2, indices[n], visit, keys, words)
        top = np.int64(words[0, 1]) * (background.shape[1] - height + 1) >> 32
        left = np.int64(words[1, 1]) * (background.shape[2] - width + 1) >> 32
        _unpack(packed[indices[n]], sprite)
        for c in range(3):
            tint = _uniform(words[c, 0])
            for y in range(height):
                row, target, on = background[c, top + y, left:], out[n, c, y], sprite[y * width :]
                for x in range(width):
                    behind = (row[x] + tint) * _HALF
                    target[x] = _ONE - behind if on[x] > _ZERO else behind


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
    """Fill out (n, 3, height, width) from the rows (n,) of packed (count, bytes)."""
    packed = packed.view()
    packed.flags.writeable = False  # as a mapped file is: one compiled variant for both
    _KERNELS[nuisance](
        -(-len(indices) // _CHUNK),
        _NS[nuisance] * out.numel(),
        packed,
        indices,
        visit,
        round_keys(seed),
        background,
        out.numpy(),
    )
