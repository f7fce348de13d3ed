"""A ray caster in NumPy and float64: the specification of ``draw``, for reading."""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SAMPLES = 4  # along a pixel's row and column
CAMERA = 20.0  # from the origin, on the z axis, looking at it
FOCUS = math.sqrt(3) / 2  # of the image's width: 60 degrees from its left to its right side
SHARPNESS = 40  # the power of Phong's term
AMBIENT, HIGHLIGHT = 0.2, 0.6
LIGHTS = np.array([[0.22, 0.44, 0.88, 0.8], [-0.88, -0.22, -0.44, 0.5]])  # towards the light; its strength
LIGHTS[:, :3] /= np.linalg.norm(LIGHTS[:, :3], axis=1, keepdims=True)

ELLIPSOID = np.array([3.0, 6.0, 3.0])  # half-axes
_S = math.sqrt(0.2)
# what lies behind a face n.p <= d: (faces, 4), a row n and d
CUBE = np.array([[*(sign * axis), 3.5] for axis in np.eye(3) for sign in (1, -1)])
PYRAMID = np.array(
    [
        [0, -1, 0, 3.5],
        [2 * _S, _S, 0, 3.5 * _S],
        [-2 * _S, _S, 0, 3.5 * _S],
        [0, _S, 2 * _S, 3.5 * _S],
        [0, _S, -2 * _S, 3.5 * _S],
    ]
)


def rays(side: int, focus: float = FOCUS) -> Array:
    """(4 side, 4 side, 3): a direction for each sample, row by row; x to the right, y up, -z ahead."""
    at = (np.arange(SAMPLES * side) + 0.5) / SAMPLES - side / 2
    x, y, z = np.broadcast_arrays(at[None, :], -at[:, None], -focus * side)
    return np.stack([x, y, z], axis=-1)


def turn(first: float, second: float) -> Array:
    """(3, 3): the rotation about x by the first angle, then about y by the second."""
    (c, s), (C, S) = ((math.cos(angle), math.sin(angle)) for angle in (first, second))
    about_x = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    about_y = np.array([[C, 0, S], [0, 1, 0], [-S, 0, C]])
    both: Array = about_y @ about_x
    return both


def hit_faces(faces: Array, origin: Array, directions: Array) -> tuple[Array, Array]:
    """t where the rays origin + t direction enter a convex polyhedron, infinite if never; the normals there.

    A ray is inside once it has passed all the faces that it meets from the front, until it leaves by another.
    """
    normals, reach = faces[:, :3], faces[:, 3]
    approach = directions @ normals.T
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (reach - normals @ origin) / approach
    entering = np.where(approach < 0, t, -np.inf)
    leaving = np.where(approach > 0, t, np.inf)
    enters = (entering.max(-1) < leaving.min(-1)) & ~((approach == 0) & (normals @ origin > reach)).any(-1)
    return np.where(enters, entering.max(-1), np.inf), normals[entering.argmax(-1)]


def hit_ellipsoid(axes: Array, origin: Array, directions: Array) -> tuple[Array, Array]:
    """The same for the ellipsoid with these half-axes: |(origin + t direction) / axes| = 1.

    An infinite half-axis makes it a cylinder.
    """
    o, d = origin / axes, directions / axes
    a, b, c = (d * d).sum(-1), d @ o, o @ o - 1
    root = b * b - a * c
    t = (-b - np.sqrt(np.maximum(root, 0))) / a
    normals = (o + t[..., None] * d) / axes
    return np.where(root > 0, t, np.inf), normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def shade(normals: Array, directions: Array, colour: Array, lights: Array, gloss: float = HIGHLIGHT) -> Array:
    """(..., channels): ambient light, and from each light a diffuse and a Phong term, at most 1."""
    towards_eye = -directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    diffuse, highlight = np.full(normals.shape[:-1], AMBIENT), np.zeros(normals.shape[:-1])
    for *light, strength in lights:
        cosine = normals @ np.array(light)
        mirrored = 2 * cosine[..., None] * normals - np.array(light)
        along = np.where(cosine > 0, (mirrored * towards_eye).sum(-1), 0)
        diffuse += strength * np.maximum(cosine, 0)
        highlight += gloss * strength * np.maximum(along, 0) ** SHARPNESS
    seen: Array = np.minimum(1, colour * diffuse[..., None] + highlight[..., None])
    return seen


def mean_of_samples(samples: Array) -> Array:
    """(4 side, 4 side, channels) to (channels, side, side)."""
    side = len(samples) // SAMPLES
    means: Array = samples.reshape(side, SAMPLES, side, SAMPLES, -1).mean(axis=(1, 3))
    return means.transpose(2, 0, 1)


def radiance(shape: int, placement: Array, colour: Array, side: int, lights: Array = LIGHTS) -> Array:
    """(channels, side, side) in [0, 1]: the mean over 4 x 4 samples of each pixel."""
    rotation = turn(*placement[3:])
    directions = rays(side)
    origin = (np.array([0, 0, CAMERA]) - placement[:3]) @ rotation
    turned = directions @ rotation
    if shape == 1:
        t, normals = hit_ellipsoid(ELLIPSOID, origin, turned)
    else:
        t, normals = hit_faces(CUBE if shape == 0 else PYRAMID, origin, turned)
    seen = np.isfinite(t)[..., None] * shade(normals @ rotation.T, directions, colour, lights)
    return mean_of_samples(seen)


def draw(
    shapes: NDArray[np.int64], placements: Array, colours: Array, side: int, lights: Array = LIGHTS
) -> NDArray[np.uint8]:
    """(n, channels, side, side) uint8 images."""
    images = np.empty((*colours.shape, side, side), np.uint8)
    for image, shape, placement, colour in zip(images, shapes, placements, colours, strict=True):
        image[:] = 255 * radiance(int(shape), placement, colour, side, lights) + 0.5
    return images
