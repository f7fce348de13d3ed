"""The room along scan lines: the intervals of floor and walls first, then the object's samples over them."""

import math

import numpy as np
from torch import Tensor

from .._cpu.arrays import as_array
from .._cpu.compile import inlined
from .._cpu.parallel_for import parallel_for
from ..scenes_3d import scan_lines as scan
from ..scenes_3d.reference import SAMPLES
from .reference import (
    CAPSULE,
    CUBE,
    CYLINDER,
    DISTANCE,
    FACES,
    FOCUS,
    HEIGHT,
    LIGHTS,
    SPHERE,
    TARGET,
    box,
)

_CHUNK = 4  # images
_PIXEL_NS = 20
_UPRIGHT = box(0, 2, 1)
_SIZES = np.array([[CUBE, 2 * CUBE], CYLINDER, [SPHERE, 2 * SPHERE], CAPSULE])  # radius, height at scale 1


@inlined
def _draw_cylinder(line, y, focus, body, radius, height, colour, one, two):
    """The samples of the line y that see an upright cylinder.

    body (3, 4): the room's axes in the camera's directions, and the camera's place, which is above the
    cylinder. A ray is inside between the later of its entries through side and upper end and the earlier of
    its exits.
    """
    x0, x1, x2 = body[0, 0], body[1, 0], body[2, 0]
    y0, y1, y2 = body[0, 1], body[1, 1], body[2, 1]
    z0, z1, z2 = body[0, 2], body[1, 2], body[2, 2]
    o0, o1, o2 = body[0, 3], body[1, 3], body[2, 3]
    v0, v1, v2 = -y * y0 - focus * z0, -y * y1 - focus * z1, -y * y2 - focus * z2
    outside = o0 * o0 + o2 * o2 - radius * radius
    first, last = scan.samples_that_meet((x0, 0.0, x2), (v0, 0.0, v2), (o0, 0.0, o2), outside, line.shape[1])
    start = scan.place(first, line.shape[1])
    red, green, blue = line[0, first:last], line[1, first:last], line[2, first:last]
    for k in range(len(red)):
        x = start + k * (1 / SAMPLES)
        d0, d1, d2 = x * x0 + v0, x * x1 + v1, x * x2 + v2
        a, b = d0 * d0 + d2 * d2, o0 * d0 + o2 * d2
        square = b * b - a * outside
        root = math.sqrt(max(0.0, square))
        side, end = (-b - root) / a, (height - o1) / d1
        t = max(side, end)
        hit = (square > 0) & (d1 < 0) & (t * a < root - b) & (o1 + t * d1 > 0)
        n1 = 1.0 if end > side else 0.0
        n0, n2 = (o0 + t * d0) * (1 - n1), (o2 + t * d2) * (1 - n1)
        nx, ny, nz = n0 * x0 + n1 * x1 + n2 * x2, n0 * y0 + n1 * y1 + n2 * y2, n0 * z0 + n1 * z1 + n2 * z2
        diffuse, highlight = scan.light(nx, ny, nz, x, -y, -focus, one, two)
        r, g, b = red[k], green[k], blue[k]
        red[k] = min(1.0, colour[0] * diffuse + highlight) if hit else r
        green[k] = min(1.0, colour[1] * diffuse + highlight) if hit else g
        blue[k] = min(1.0, colour[2] * diffuse + highlight) if hit else b


@inlined
def _draw_capsule(line, y, focus, body, radius, height, colour, one, two):
    """The same for a cylinder with half balls as its ends.

    A ray enters it where it enters the endless cylinder, if that is at a height where the side is straight;
    else, if at all, through the ball that is nearer to this height.
    """
    x0, x1, x2 = body[0, 0], body[1, 0], body[2, 0]
    y0, y1, y2 = body[0, 1], body[1, 1], body[2, 1]
    z0, z1, z2 = body[0, 2], body[1, 2], body[2, 2]
    o0, o1, o2 = body[0, 3], body[1, 3], body[2, 3]
    v0, v1, v2 = -y * y0 - focus * z0, -y * y1 - focus * z1, -y * y2 - focus * z2
    outside = o0 * o0 + o2 * o2 - radius * radius
    first, last = scan.samples_that_meet((x0, 0.0, x2), (v0, 0.0, v2), (o0, 0.0, o2), outside, line.shape[1])
    start = scan.place(first, line.shape[1])
    red, green, blue = line[0, first:last], line[1, first:last], line[2, first:last]
    for k in range(len(red)):
        x = start + k * (1 / SAMPLES)
        d0, d1, d2 = x * x0 + v0, x * x1 + v1, x * x2 + v2
        a, b = d0 * d0 + d2 * d2, o0 * d0 + o2 * d2
        square = b * b - a * outside
        side = (-b - math.sqrt(max(0.0, square))) / a
        at = o1 + side * d1
        centre = min(max(at, radius), height - radius)
        above = o1 - centre
        a_ball, b_ball = a + d1 * d1, b + above * d1
        square_ball = b_ball * b_ball - a_ball * (outside + above * above)
        ball = (-b_ball - math.sqrt(max(0.0, square_ball))) / a_ball
        straight = at == centre
        t = side if straight else ball
        hit = (square > 0) & (straight | (square_ball > 0))
        n0, n1, n2 = o0 + t * d0, o1 + t * d1 - centre, o2 + t * d2
        nx, ny, nz = n0 * x0 + n1 * x1 + n2 * x2, n0 * y0 + n1 * y1 + n2 * y2, n0 * z0 + n1 * z1 + n2 * z2
        diffuse, highlight = scan.light(nx, ny, nz, x, -y, -focus, one, two)
        r, g, b = red[k], green[k], blue[k]
        red[k] = min(1.0, colour[0] * diffuse + highlight) if hit else r
        green[k] = min(1.0, colour[1] * diffuse + highlight) if hit else g
        blue[k] = min(1.0, colour[2] * diffuse + highlight) if hit else b


@inlined
def _look(angle, camera, origin):
    """camera (3, 3): to the right, up and backwards; origin: its place. Both in the room's axes."""
    sine, cosine = math.sin(angle), math.cos(angle)
    length = math.hypot(DISTANCE, HEIGHT - TARGET)
    away, above = DISTANCE / length, (HEIGHT - TARGET) / length
    camera[0, 0], camera[0, 1], camera[0, 2] = cosine, 0.0, -sine
    camera[1, 0], camera[1, 1], camera[1, 2] = -above * sine, away, -above * cosine
    camera[2, 0], camera[2, 1], camera[2, 2] = away * sine, above, away * cosine
    origin[0], origin[1], origin[2] = DISTANCE * sine, HEIGHT, DISTANCE * cosine


@inlined
def _into_camera(camera, vectors, turned):
    """turned[k, :3] = camera @ vectors[k, :3]"""
    for k in range(len(vectors)):
        for m in range(3):
            turned[k, m] = (
                camera[m, 0] * vectors[k, 0] + camera[m, 1] * vectors[k, 1] + camera[m, 2] * vectors[k, 2]
            )


@inlined
def _draw_room(line, y, faces, seen, shades):
    """All samples of the line y: each sees the floor or a wall."""
    count = line.shape[1]
    for k in range(len(faces)):
        low, high = scan.face_interval(seen, k, y)
        first, last = scan.first_sample(low, count), scan.first_sample(high, count)
        for channel in range(3):
            line[channel, first:last] = shades[k, channel]


@parallel_for
def _draw(first, last, colours, shapes, scales, angles, room, upright, lights, sizes, images):
    side = images.shape[2]
    focus, count = FOCUS * side, SAMPLES * side
    samples = np.empty((SAMPLES, 3, count))
    camera, place, origin = np.empty((3, 3)), np.empty(3), np.empty((1, 3))
    walls, walls_seen, shades = np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 3))
    faces, seen, body, turned = np.empty((6, 4)), np.empty((6, 4)), np.empty((3, 4)), np.empty((2, 3))
    for i in range(first * _CHUNK, min(last * _CHUNK, len(images))):
        shape = shapes[i]
        radius, height = scales[i] * sizes[shape, 0], scales[i] * sizes[shape, 1]
        _look(angles[i], camera, place)
        _into_camera(camera, place.reshape(1, 3), origin)
        _into_camera(camera, lights, turned)
        one = turned[0, 0], turned[0, 1], turned[0, 2], lights[0, 3]
        two = turned[1, 0], turned[1, 1], turned[1, 2], lights[1, 3]

        _into_camera(camera, room, walls)
        walls[:, 3] = room[:, 3]
        scan.see_planes(walls, origin[0], focus, walls_seen)
        for k in range(len(room)):
            diffuse, _ = scan.light(-walls[k, 0], -walls[k, 1], -walls[k, 2], 0.0, 0.0, 1.0, one, two)
            for channel in range(3):
                shades[k, channel] = min(1.0, colours[i, min(k, 1), channel] * diffuse)

        colour = colours[i, 2, 0], colours[i, 2, 1], colours[i, 2, 2]
        if shape == 0:
            _into_camera(camera, upright, faces)
            faces[:, 3] = radius * upright[:, 3]
            scan.see_planes(faces, origin[0], focus, seen)
        unit = radius if shape == 2 else 1.0
        for k in range(3):
            for m in range(3):
                body[k, m] = camera[m, k] / unit
            body[k, 3] = (place[k] - (radius if shape == 2 and k == 1 else 0.0)) / unit

        # the rows that a ball around the object may reach
        around = math.sqrt((2 if shape == 0 else 1) * radius * radius + 0.25 * height * height)
        below = origin[0, 1] - 0.5 * height * camera[1, 1]
        depth = origin[0, 2] - 0.5 * height * camera[2, 1]
        near, far = depth - around, depth + around
        top = math.floor(0.5 * side + focus * min((below - around) / near, (below - around) / far))
        bottom = math.ceil(0.5 * side + focus * max((below + around) / near, (below + around) / far))
        for row in range(side):
            for part in range(SAMPLES):
                line, y = samples[part], scan.place(SAMPLES * row + part, count)
                _draw_room(line, y, walls, walls_seen, shades)
                if row < top or row >= bottom:
                    continue
                if shape == 0:
                    for k in range(6):
                        if seen[k, 3] > 0:
                            low, high = scan.face_interval(seen, k, y)
                            left, right = (
                                scan.first_sample(low, count),
                                scan.first_sample(high, count),
                            )
                            normal = faces[k, 0], faces[k, 1], faces[k, 2]
                            scan.draw_face(line, left, right, y, focus, normal, colour, one, two)
                elif shape == 2:
                    scan.draw_ellipsoid(line, y, focus, body, colour, one, two)
                elif shape == 1:
                    _draw_cylinder(line, y, focus, body, radius, height, colour, one, two)
                else:
                    _draw_capsule(line, y, focus, body, radius, height, colour, one, two)
            scan.write_row(images[i], row, samples, 0, side)


def draw(colours: Tensor, shapes: Tensor, scales: Tensor, angles: Tensor, images: Tensor) -> None:
    """Fill images (n, 3, side, side)."""
    n, side = len(images), images.shape[2]
    given = as_array(colours), as_array(shapes), as_array(scales), as_array(angles)
    work = _PIXEL_NS * n * side**2
    _draw(-(-n // _CHUNK), work, *given, FACES, _UPRIGHT, LIGHTS, _SIZES, images.numpy())
