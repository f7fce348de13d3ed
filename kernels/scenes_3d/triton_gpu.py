"""The ray caster for the GPU: each pixel by itself, 16 samples one after another, in float32.

A ray meets a face at 1/t = a x + b y + c. It enters a polyhedron through the last of the faces that look at
the camera, at their smallest 1/t, if that is before the first of the others, at their largest. Bytes differ
from the CPU's by one at most; where a sample lies on an edge to a hundred thousandth of a pixel, by as much
as a sixteenth of what the edge parts.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from .._triton import launch_options
from .reference import AMBIENT, CAMERA, CUBE, ELLIPSOID, FOCUS, HIGHLIGHT, PYRAMID, SAMPLES

_BLOCK = 128  # pixels
_FACES = 6
_ROW = 7 * _FACES  # numbers that tell how a solid lies


@triton.jit
def _power_40(x):
    x2 = x * x
    x4 = x2 * x2
    x8 = x4 * x4
    x16 = x8 * x8
    return x16 * x16 * x8


@triton.jit
def _one_light(light, nx, ny, nz, x, y, z, turned, inverse):
    """The diffuse part and the highlight of one light; the normal has length 1."""
    lx, ly, lz, strength = tl.load(light), tl.load(light + 1), tl.load(light + 2), tl.load(light + 3)
    cosine = tl.maximum(nx * lx + ny * ly + nz * lz, 0.0)
    along = tl.maximum((lx * x + ly * y + lz * z - cosine * turned) * inverse, 0.0)
    return strength * cosine, strength * _power_40(tl.where(cosine > 0, along, 0.0))


@triton.jit
def _enter_polyhedron(of, x, y, FACES: tl.constexpr):
    """Whether rays enter, and the normals there; of: of each face its normal, a, b, c, 1 if it looks here."""
    least, most = tl.full(x.shape, 1e30, tl.float32), tl.full(x.shape, 0.0, tl.float32)
    nx, ny, nz = tl.zeros(x.shape, tl.float32), tl.zeros(x.shape, tl.float32), tl.zeros(x.shape, tl.float32)
    for face in tl.static_range(FACES):
        at = of + 7 * face
        near = tl.load(at + 3) * x + tl.load(at + 4) * y + tl.load(at + 5)
        looks = tl.load(at + 6) > 0
        seen = tl.where(looks, near, 1e30) < least
        least = tl.where(seen, near, least)
        nx = tl.where(seen, tl.load(at), nx)
        ny = tl.where(seen, tl.load(at + 1), ny)
        nz = tl.where(seen, tl.load(at + 2), nz)
        most = tl.where(looks, most, tl.maximum(most, near))
    return least > most, nx, ny, nz


@triton.jit
def _enter_ellipsoid(of, x, y, focus):
    """The same; of: of each axis its direction and the camera's place, both divided by the half-axis."""
    ax, ay, az, a = tl.load(of), tl.load(of + 1), tl.load(of + 2), tl.load(of + 3)
    bx, by, bz, b = tl.load(of + 4), tl.load(of + 5), tl.load(of + 6), tl.load(of + 7)
    cx, cy, cz, c = tl.load(of + 8), tl.load(of + 9), tl.load(of + 10), tl.load(of + 11)
    d0, d1, d2 = ax * x - ay * y - az * focus, bx * x - by * y - bz * focus, cx * x - cy * y - cz * focus
    square, mixed = d0 * d0 + d1 * d1 + d2 * d2, a * d0 + b * d1 + c * d2
    root = mixed * mixed - square * (a * a + b * b + c * c - 1)
    t = (-mixed - tl.sqrt(tl.maximum(root, 0.0))) / square
    n0, n1, n2 = a + t * d0, b + t * d1, c + t * d2
    nx, ny, nz = n0 * ax + n1 * bx + n2 * cx, n0 * ay + n1 * by + n2 * cy, n0 * az + n1 * bz + n2 * cz
    inverse = 1 / tl.sqrt(nx * nx + ny * ny + nz * nz)
    return root > 0, nx * inverse, ny * inverse, nz * inverse


@triton.jit(do_not_specialize=["side", "channels", "focus"])
def _draw_solids(
    shapes,
    geometry,
    lights,
    colours,
    images,
    side,
    channels,
    focus,
    AMBIENT: tl.constexpr,
    HIGHLIGHT: tl.constexpr,
    SAMPLES: tl.constexpr,
    FACES: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """images[n, channel, pixel] = 255 times the mean of the samples; geometry[n] as `draw` below makes it."""
    image = tl.program_id(0).to(tl.int64)
    pixel = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    left, top = (pixel % side).to(tl.float32) - 0.5 * side, (pixel // side).to(tl.float32) - 0.5 * side
    of, shape = geometry + 7 * FACES * image, tl.load(shapes + image)
    first = colours + image * channels
    r, g, b = tl.load(first), tl.load(first + channels // 2), tl.load(first + channels - 1)
    red, green = tl.zeros([BLOCK], tl.float32), tl.zeros([BLOCK], tl.float32)
    blue = tl.zeros([BLOCK], tl.float32)
    for sample in range(SAMPLES * SAMPLES):
        x, y = left + (sample % SAMPLES + 0.5) / SAMPLES, top + (sample // SAMPLES + 0.5) / SAMPLES
        if shape == 1:
            hit, nx, ny, nz = _enter_ellipsoid(of, x, y, focus)
        else:
            hit, nx, ny, nz = _enter_polyhedron(of, x, y, FACES)
        inverse = 1 / tl.sqrt(x * x + y * y + focus * focus)
        turned = 2 * (nx * x - ny * y - nz * focus)
        diffuse, shine = _one_light(lights, nx, ny, nz, x, -y, -focus, turned, inverse)
        more, other = _one_light(lights + 4, nx, ny, nz, x, -y, -focus, turned, inverse)
        diffuse, shine = AMBIENT + diffuse + more, HIGHLIGHT * (shine + other)
        red += tl.where(hit, tl.minimum(r * diffuse + shine, 1.0), 0.0)
        green += tl.where(hit, tl.minimum(g * diffuse + shine, 1.0), 0.0)
        blue += tl.where(hit, tl.minimum(b * diffuse + shine, 1.0), 0.0)
    mask, full = pixel < side * side, 255 / (SAMPLES * SAMPLES)
    place = images + image * channels * side * side + pixel
    tl.store(place, (full * red + 0.5).to(tl.int32).to(tl.uint8), mask=mask)
    if channels == 3:
        tl.store(place + side * side, (full * green + 0.5).to(tl.int32).to(tl.uint8), mask=mask)
        tl.store(place + 2 * side * side, (full * blue + 0.5).to(tl.int32).to(tl.uint8), mask=mask)


def _turns(first: Tensor, second: Tensor) -> Tensor:
    """(n, 3, 3): about x by the first angles, then about y by the second."""
    c, s, C, S = first.cos(), first.sin(), second.cos(), second.sin()
    none = torch.zeros_like(c)
    return torch.stack([C, S * s, S * c, none, c, -s, -S, C * s, C * c], dim=1).reshape(-1, 3, 3)


def _geometry(shapes: Tensor, placements: Tensor, side: int) -> Tensor:
    """(n, 42): for each of six faces its normal, a, b, c and 1 if it looks at the camera, 0 if not.

    For the ellipsoid 12 numbers, for each axis its direction and the camera's place, and no more.
    """
    device, n = shapes.device, len(shapes)
    rotation = _turns(placements[:, 3], placements[:, 4])
    camera = torch.tensor([0, 0, CAMERA], dtype=torch.float64, device=device) - placements[:, :3]
    solids = torch.zeros(2, _FACES, 4, dtype=torch.float64, device=device)
    solids[0], solids[1, :5] = torch.from_numpy(CUBE), torch.from_numpy(PYRAMID)
    faces = solids[(shapes == 2).long()]
    normals = faces[:, :, :3] @ rotation.mT
    behind = faces[:, :, 3] - (normals @ camera[:, :, None])[:, :, 0]
    scales = torch.tensor([1, -1, -FOCUS * side], dtype=torch.float64, device=device)
    near = normals * scales / torch.where(behind.abs() > 1e-12, behind, 1e-12)[:, :, None]
    solid = torch.cat([normals, near, (behind < 0)[:, :, None]], dim=2).flatten(1)
    axes = rotation.mT / torch.from_numpy(ELLIPSOID).to(device)[:, None]
    ellipsoid = torch.cat([axes, axes @ camera[:, :, None]], dim=2).flatten(1)
    ellipsoid = torch.cat([ellipsoid, solid.new_zeros(n, _ROW - 12)], dim=1)
    return torch.where((shapes == 1)[:, None], ellipsoid, solid).float()


def draw(shapes: Tensor, placements: Tensor, colours: Tensor, lights: Tensor, images: Tensor) -> None:
    """Fill images (n, channels, side, side)."""
    n, channels, side = images.shape[:3]
    if n == 0:
        return
    with torch.cuda.device_of(images):
        _draw_solids[(n, triton.cdiv(side * side, _BLOCK))](
            shapes.contiguous(),
            _geometry(shapes, placements, side),
            lights.float().contiguous(),
            colours.float().contiguous(),
            images,
            side,
            channels,
            FOCUS * side,
            AMBIENT,
            HIGHLIGHT,
            SAMPLES,
            _FACES,
            _BLOCK,
            **launch_options(4),
        )
