"""Ray casting along scan lines: four a row of pixels, and on each of them an interval for each surface."""

import math

import numpy as np
from torch import Tensor

from .._cpu.arrays import as_array
from .._cpu.compile import inlined
from .._cpu.parallel_for import parallel_for
from . import scan_lines as scan
from .reference import CAMERA, CUBE, ELLIPSOID, FOCUS, PYRAMID, SAMPLES

_CHUNK = 8  # images
_PIXEL_NS = 10
_AROUND = 6.1  # the radius of a ball that holds each of the solids


@inlined
def _turn(first, second, rotation):
    """About x by the first angle, then about y by the second."""
    c, s, C, S = math.cos(first), math.sin(first), math.cos(second), math.sin(second)
    rotation[0, 0], rotation[0, 1], rotation[0, 2] = C, S * s, S * c
    rotation[1, 0], rotation[1, 1], rotation[1, 2] = 0.0, c, -s
    rotation[2, 0], rotation[2, 1], rotation[2, 2] = -S, C * s, C * c


@inlined
def _draw_solid(samples, row, shape, seen, faces, body, focus, colour, one, two):
    """The samples of a row of pixels; the first of its pixels that have any, and one past the last."""
    count = samples.shape[2]
    left, right = count, 0
    for line in range(SAMPLES):
        y = scan.place(SAMPLES * row + line, count)
        for k in range(1 if shape == 1 else len(seen)):
            if shape == 1:
                first, last = scan.draw_ellipsoid(samples[line], y, focus, body, colour, one, two)
            elif seen[k, 3] > 0:
                low, high = scan.face_interval(seen, k, y)
                first, last = scan.first_sample(low, count), scan.first_sample(high, count)
                normal = faces[k, 0], faces[k, 1], faces[k, 2]
                scan.draw_face(samples[line], first, last, y, focus, normal, colour, one, two)
            else:
                continue
            if first < last:
                left, right = min(left, first), max(right, last)
    return left // SAMPLES, -(-right // SAMPLES)


@parallel_for
def _draw(first, last, shapes, placements, colours, lights, cube, pyramid, axes, images):
    channels, side = images.shape[1:3]
    focus, middle = FOCUS * side, 0.5 * side
    one = lights[0, 0], lights[0, 1], lights[0, 2], lights[0, 3]
    two = lights[1, 0], lights[1, 1], lights[1, 2], lights[1, 3]
    samples = np.zeros((SAMPLES, 3, SAMPLES * side))
    rotation, body, origin = np.empty((3, 3)), np.empty((3, 4)), np.empty(3)
    faces, seen = np.empty((6, 4)), np.empty((6, 4))
    for i in range(first * _CHUNK, min(last * _CHUNK, len(images))):
        image, shape = images[i], shapes[i]
        image[:] = 0
        colour = colours[i, 0], colours[i, channels // 2], colours[i, channels - 1]
        origin[0], origin[1], origin[2] = -placements[i, 0], -placements[i, 1], CAMERA - placements[i, 2]
        _turn(placements[i, 3], placements[i, 4], rotation)
        solid = cube if shape == 0 else pyramid
        count = len(solid)
        if shape == 1:
            for k in range(3):
                body[k, :3] = rotation[:, k] / axes[k]
                body[k, 3] = body[k, 0] * origin[0] + body[k, 1] * origin[1] + body[k, 2] * origin[2]
        else:
            for k in range(count):
                n0, n1, n2 = solid[k, 0], solid[k, 1], solid[k, 2]
                for m in range(3):
                    faces[k, m] = rotation[m, 0] * n0 + rotation[m, 1] * n1 + rotation[m, 2] * n2
                faces[k, 3] = solid[k, 3]
            scan.see_planes(faces[:count], origin, focus, seen)
        # the rows that a ball around the solid may reach
        up, down = (origin[1] - _AROUND) * focus, (origin[1] + _AROUND) * focus
        near, far = origin[2] - _AROUND, origin[2] + _AROUND
        top = max(0, math.floor(middle + min(up / near, up / far)))
        bottom = min(side, math.ceil(middle + max(down / near, down / far)))
        for row in range(top, bottom):
            left, right = _draw_solid(samples, row, shape, seen[:count], faces, body, focus, colour, one, two)
            if left < right:
                scan.write_row(image, row, samples, left, right)
                for line in samples:
                    for channel in range(3):
                        line[channel, SAMPLES * left : SAMPLES * right] = 0


def draw(shapes: Tensor, placements: Tensor, colours: Tensor, lights: Tensor, images: Tensor) -> None:
    """Fill images (n, channels, side, side)."""
    n, side = len(images), images.shape[2]
    given = as_array(shapes), as_array(placements), as_array(colours), as_array(lights)
    work = _PIXEL_NS * n * side**2
    _draw(-(-n // _CHUNK), work, *given, CUBE, PYRAMID, ELLIPSOID, images.numpy())
