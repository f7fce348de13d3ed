"""The exact coverage for the GPU: each pixel by itself, from the whole outline, in float32.

An edge of the square or the triangle covers, in a pixel, the part of the pixel's height that it crosses times
the mean width to its right. The ellipse is the image of the unit disc, and a pixel the image of a
parallelogram: the area they share is a sum over the parallelogram's sides of the area between a side and the
disc's centre, cut off by the circle. Bytes differ from the CPU's by one at most.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from .._triton import launch_options
from .reference import ELLIPSE, HALF_SIDE, RADIUS

_BLOCK = 256  # pixels
_SINE = 0.75**0.5  # of 60 degrees


@triton.jit
def _clamp(x):
    return tl.minimum(tl.maximum(x, 0.0), 1.0)


@triton.jit
def _edge(x0, y0, x1, y1):
    """What an edge from (x0, y0) to (x1, y1) covers to its right in the unit square, negative going up."""
    height = y1 - y0
    slope = (x1 - x0) / tl.where(height == 0, 1.0, height)
    upper, lower = _clamp(y0), _clamp(y1)
    least, most = tl.minimum(x0, x1), tl.maximum(x0, x1)
    start = tl.minimum(tl.maximum(x0 + (upper - y0) * slope, least), most)
    end = tl.minimum(tl.maximum(x0 + (lower - y0) * slope, least), most)
    left, right = tl.minimum(start, end), tl.maximum(start, end)
    inside_left, inside_right = _clamp(left), _clamp(right)
    integral = tl.maximum(tl.minimum(right, 0.0) - left, 0.0)
    integral += (inside_right - inside_left) * (1 - 0.5 * (inside_left + inside_right))
    width = right - left
    return (lower - upper) * tl.where(width > 0, integral / tl.where(width > 0, width, 1.0), 1 - inside_left)


@triton.jit
def _polygon(u0, v0, u1, v1, u2, v2, u3, v3, x, y, cosine, sine):
    """The coverage of pixels with the upper left corner (x, y), seen from the shape's centre."""
    x0, y0 = u0 * cosine + v0 * sine - x, v0 * cosine - u0 * sine - y
    x1, y1 = u1 * cosine + v1 * sine - x, v1 * cosine - u1 * sine - y
    x2, y2 = u2 * cosine + v2 * sine - x, v2 * cosine - u2 * sine - y
    x3, y3 = u3 * cosine + v3 * sine - x, v3 * cosine - u3 * sine - y
    return _edge(x0, y0, x1, y1) + _edge(x1, y1, x2, y2) + _edge(x2, y2, x3, y3) + _edge(x3, y3, x0, y0)


@triton.jit
def _angle(cross, dot):
    """The angle whose sine and cosine are in the ratio cross : dot, between -pi and pi."""
    length = tl.sqrt(cross * cross + dot * dot)
    t = cross / tl.maximum(length + tl.abs(dot), 1e-30)  # the tangent of half of it
    t = t / (1 + tl.sqrt(1 + t * t))  # and of a quarter
    s = t * t
    series = -1.0 / 15
    series = series * s + 1.0 / 13
    series = series * s - 1.0 / 11
    series = series * s + 1.0 / 9
    series = series * s - 1.0 / 7
    series = series * s + 1.0 / 5
    series = series * s - 1.0 / 3
    angle = 4 * (t + t * s * series)
    return tl.where(dot >= 0, angle, tl.where(cross >= 0, 3.141592653589793, -3.141592653589793) - angle)


@triton.jit
def _side(px, py, qx, qy):
    """The area, signed, that the triangle (0, p, q) shares with the unit disc."""
    dx, dy = qx - px, qy - py
    square, mixed = dx * dx + dy * dy, px * dx + py * dy
    root = tl.sqrt(tl.maximum(mixed * mixed - square * (px * px + py * py - 1), 0.0))
    first, last = _clamp((-mixed - root) / square), _clamp((-mixed + root) / square)
    ax, ay, bx, by = px + first * dx, py + first * dy, px + last * dx, py + last * dy
    before = _angle(px * ay - py * ax, px * ax + py * ay)
    after = _angle(bx * qy - by * qx, bx * qx + by * qy)
    return 0.5 * (before + after + ax * by - ay * bx)


@triton.jit
def _ellipse(x, y, cosine, sine, LONG: tl.constexpr, SHORT: tl.constexpr):
    square = cosine * cosine + sine * sine  # the scale's
    u, v = (x * cosine - y * sine) / (square * LONG), (x * sine + y * cosine) / (square * SHORT)
    right_u, right_v = cosine / (square * LONG), sine / (square * SHORT)
    down_u, down_v = -sine / (square * LONG), cosine / (square * SHORT)
    area = _side(u, v, u + right_u, v + right_v)
    area += _side(u + right_u, v + right_v, u + right_u + down_u, v + right_v + down_v)
    area += _side(u + right_u + down_u, v + right_v + down_v, u + down_u, v + down_v)
    area += _side(u + down_u, v + down_v, u, v)
    return area * square * LONG * SHORT


@triton.jit(do_not_specialize=["side", "channels"])
def _draw_shapes(
    shapes,
    geometry,
    colours,
    images,
    side,
    channels,
    HALF: tl.constexpr,
    RADIUS: tl.constexpr,
    SINE: tl.constexpr,
    LONG: tl.constexpr,
    SHORT: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """images[n, channel, pixel] = 255 colours[n, channel] coverage; geometry[n] as `draw` below makes it."""
    image = tl.program_id(0).to(tl.int64)
    pixel = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    of = geometry + 6 * image
    x = (pixel % side).to(tl.float32) - tl.load(of) - tl.load(of + 1)
    y = (pixel // side).to(tl.float32) - tl.load(of + 2) - tl.load(of + 3)
    cosine, sine = tl.load(of + 4), tl.load(of + 5)
    shape = tl.load(shapes + image)
    if shape == 0:
        covered = _polygon(-HALF, -HALF, -HALF, HALF, HALF, HALF, HALF, -HALF, x, y, cosine, sine)
    elif shape == 1:
        covered = _ellipse(x, y, cosine, sine, LONG, SHORT)
    else:
        low, wide = 0.5 * RADIUS, SINE * RADIUS
        covered = _polygon(0.0, -RADIUS, -wide, low, wide, low, 0.0, -RADIUS, x, y, cosine, sine)
    covered = _clamp(covered)
    mask = pixel < side * side
    for channel in range(channels):
        value = 255 * tl.load(colours + image * channels + channel) * covered + 0.5
        place = images + (image * channels + channel) * side * side + pixel
        tl.store(place, value.to(tl.int32).to(tl.uint8), mask=mask)


def draw(shapes: Tensor, placements: Tensor, colours: Tensor, images: Tensor) -> None:
    """Fill images (n, channels, side, side)."""
    n, channels, side = images.shape[:3]
    if n == 0:
        return
    whole = placements[:, :2].floor()
    part = placements[:, :2] - whole
    turned = placements[:, 2:3] * torch.stack([placements[:, 3].cos(), placements[:, 3].sin()], dim=1)
    geometry = torch.cat([torch.stack([whole, part], dim=2).flatten(1), turned], dim=1).float()
    with torch.cuda.device_of(images):
        _draw_shapes[(n, triton.cdiv(side * side, _BLOCK))](
            shapes.contiguous(),
            geometry,
            colours.float().contiguous(),
            images,
            side,
            channels,
            HALF_SIDE,
            RADIUS,
            _SINE,
            *ELLIPSE,
            _BLOCK,
            **launch_options(4),
        )
