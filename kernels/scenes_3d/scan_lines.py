"""What the ray casters share: the samples of a scan line, the surface that each of them sees, and its light.

A ray from the camera o is o + t d with d = (x, -y, -f): x to the right and y down in pixels from the image's
centre, f the focal length in pixels. It meets the plane n.p = e at 1/t = n.d / (e - n.o), which is linear in
x and y: on a scan line, a face is seen between two zeros of linear functions.

Samples are kept as (lines, channels, samples of a line): the four lines of a row of pixels.
"""

import math

import numpy as np

from .._cpu.compile import inlined
from .reference import AMBIENT, HIGHLIGHT, SAMPLES

FAR = 1e9  # pixels
_STEP = 1 / SAMPLES


@inlined
def first_sample(x, count):
    """The first of a line's samples that does not lie left of x."""
    return max(0, min(count, math.ceil(SAMPLES * min(max(x, -FAR), FAR) + 0.5 * (count - 1))))


@inlined
def place(sample, count):
    """The x of a sample."""
    return (sample - 0.5 * (count - 1)) * _STEP


@inlined
def see_planes(faces, origin, focus, seen):
    """seen (faces, 4): 1/t = a x + b y + c of each face, and 1 if it looks at the camera, else 0.

    faces (faces, 4): n and e of each. origin: the camera.
    """
    for i in range(len(faces)):
        behind = faces[i, 3] - (faces[i, 0] * origin[0] + faces[i, 1] * origin[1] + faces[i, 2] * origin[2])
        seen[i, 3] = behind < 0
        behind = behind if abs(behind) > 1e-12 else 1e-12  # a face seen from its own plane is not seen
        seen[i, 0] = faces[i, 0] / behind
        seen[i, 1] = -faces[i, 1] / behind
        seen[i, 2] = -faces[i, 2] * focus / behind


@inlined
def face_interval(seen, i, y):
    """Where on the line y rays meet face i after all faces that look at the camera, and before all others."""
    low, high = -FAR, FAR
    at = seen[i, 1] * y + seen[i, 2]
    for j in range(len(seen)):
        if j == i:
            continue
        slope, ahead = seen[i, 0] - seen[j, 0], at - (seen[j, 1] * y + seen[j, 2])
        if seen[j, 3] > 0:
            slope, ahead = -slope, -ahead
        if slope > 0:
            low = max(low, -ahead / slope)
        elif slope < 0:
            high = min(high, -ahead / slope)
        elif ahead < 0:
            return FAR, -FAR
    return low, high


@inlined
def _power_40(x):
    x2 = x * x
    x4 = x2 * x2
    x8 = x4 * x4
    x16 = x8 * x8
    return x16 * x16 * x8


@inlined
def light(nx, ny, nz, dx, dy, dz, one, two):
    """Strengths of diffuse light and of the highlight at a normal of any length, seen along d."""
    n, d = 1 / math.sqrt(nx * nx + ny * ny + nz * nz), 1 / math.sqrt(dx * dx + dy * dy + dz * dz)
    turned = 2 * (nx * dx + ny * dy + nz * dz) * n
    first = max(0.0, (nx * one[0] + ny * one[1] + nz * one[2]) * n)
    second = max(0.0, (nx * two[0] + ny * two[1] + nz * two[2]) * n)
    along = max(0.0, (one[0] * dx + one[1] * dy + one[2] * dz - first * turned) * d)
    beside = max(0.0, (two[0] * dx + two[1] * dy + two[2] * dz - second * turned) * d)
    along, beside = along if first > 0 else 0.0, beside if second > 0 else 0.0
    diffuse = AMBIENT + one[3] * first + two[3] * second
    return diffuse, HIGHLIGHT * (one[3] * _power_40(along) + two[3] * _power_40(beside))


@inlined
def draw_face(line, first, last, y, focus, normal, colour, one, two):
    """Samples first to last - 1 of the line y (channels, samples) see a flat face."""
    start = place(first, line.shape[1])
    red, green, blue = line[0, first:last], line[1, first:last], line[2, first:last]
    nx, ny, nz = normal
    for k in range(len(red)):
        diffuse, highlight = light(nx, ny, nz, start + k * _STEP, -y, -focus, one, two)
        red[k] = min(1.0, colour[0] * diffuse + highlight)
        green[k] = min(1.0, colour[1] * diffuse + highlight)
        blue[k] = min(1.0, colour[2] * diffuse + highlight)


@inlined
def samples_that_meet(u, v, o, outside, count):
    """The samples of a line whose rays meet |o + t d| = r, d = x u + v: the first, and one past the last.

    outside: o.o - r², above 0. The discriminant (o.d)² - outside d.d of the equation for t is quadratic in x.
    """
    ou, ov = o[0] * u[0] + o[1] * u[1] + o[2] * u[2], o[0] * v[0] + o[1] * v[1] + o[2] * v[2]
    uu, vv = u[0] * u[0] + u[1] * u[1] + u[2] * u[2], v[0] * v[0] + v[1] * v[1] + v[2] * v[2]
    uv = u[0] * v[0] + u[1] * v[1] + u[2] * v[2]
    square, mixed, constant = ou * ou - uu * outside, ou * ov - uv * outside, ov * ov - vv * outside
    root = mixed * mixed - square * constant
    if root <= 0:
        return 0, 0
    root = math.sqrt(root)
    return first_sample((-mixed + root) / square, count), first_sample((-mixed - root) / square, count)


@inlined
def draw_ellipsoid(line, y, focus, body, colour, one, two):
    """The samples of the line y (channels, samples) that see an ellipsoid: the first, and one past the last.

    body (3, 4): for each of its axes, its direction and the camera's place along it from the centre, both
    divided by the half-axis. So the ellipsoid is the ball |o + t d| = 1.
    """
    count = line.shape[1]
    u0, u1, u2 = body[0, 0], body[1, 0], body[2, 0]
    y0, y1, y2 = body[0, 1], body[1, 1], body[2, 1]
    z0, z1, z2 = body[0, 2], body[1, 2], body[2, 2]
    o0, o1, o2 = body[0, 3], body[1, 3], body[2, 3]
    v0, v1, v2 = -y * y0 - focus * z0, -y * y1 - focus * z1, -y * y2 - focus * z2
    outside = o0 * o0 + o1 * o1 + o2 * o2 - 1
    first, last = samples_that_meet((u0, u1, u2), (v0, v1, v2), (o0, o1, o2), outside, count)
    start = place(first, count)
    red, green, blue = line[0, first:last], line[1, first:last], line[2, first:last]
    for k in range(len(red)):
        x = start + k * _STEP
        d0, d1, d2 = x * u0 + v0, x * u1 + v1, x * u2 + v2
        a, b = d0 * d0 + d1 * d1 + d2 * d2, o0 * d0 + o1 * d1 + o2 * d2
        t = (-b - math.sqrt(max(0.0, b * b - a * outside))) / a
        n0, n1, n2 = o0 + t * d0, o1 + t * d1, o2 + t * d2
        nx, ny, nz = n0 * u0 + n1 * u1 + n2 * u2, n0 * y0 + n1 * y1 + n2 * y2, n0 * z0 + n1 * z1 + n2 * z2
        diffuse, highlight = light(nx, ny, nz, x, -y, -focus, one, two)
        red[k] = min(1.0, colour[0] * diffuse + highlight)
        green[k] = min(1.0, colour[1] * diffuse + highlight)
        blue[k] = min(1.0, colour[2] * diffuse + highlight)
    return first, last


@inlined
def write_row(image, row, samples, left, right):
    """Pixels left to right - 1 of a row, from its samples (lines, channels, samples of a line)."""
    for channel in range(len(image)):
        sums = samples[0, channel, SAMPLES * left : SAMPLES * right]
        for line in range(1, SAMPLES):
            others = samples[line, channel, SAMPLES * left : SAMPLES * right]
            for k in range(len(sums)):
                sums[k] += others[k]
        for c in range(right - left):
            total = 0.0
            for k in range(SAMPLES):
                total += sums[SAMPLES * c + k]
            image[channel, row, left + c] = np.uint8(np.int32(total * (255 / SAMPLES**2) + 0.5))
