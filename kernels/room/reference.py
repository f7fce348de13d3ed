"""The room's geometry and a ray caster in NumPy and float64: the specification of ``draw``, for reading."""

import math

import numpy as np
from numpy.typing import NDArray

from ..scenes_3d.reference import Array, hit_ellipsoid, hit_faces, mean_of_samples, rays, shade

DISTANCE, HEIGHT = 8.5, 4.0  # of the camera: along the floor from the room's middle, and above it
TARGET = 1.1  # the height of the point above the middle that it looks at
FOCUS = 1.25  # of the image's width: 44 degrees from its left to its right side
FACES = np.array(  # the floor and three walls: inside is n.p <= e
    [[0.0, -1, 0, 0], [-1, 0, 0, 5], [1, 0, 0, 5], [0, 0, -1, 5]]
)
LIGHTS = np.array([[0.35, 0.75, 0.55, 0.6], [-0.7, 0.35, 0.6, 0.35]])  # towards the light; its strength
LIGHTS[:, :3] /= np.linalg.norm(LIGHTS[:, :3], axis=1, keepdims=True)

# at scale 1; all stand on the floor
CUBE = 0.9  # half its side
CYLINDER = 0.9, 1.9  # radius and height
SPHERE = 1.1  # radius
CAPSULE = 0.75, 2.4  # radius and height with both round ends


def look(angle: float) -> Array:
    """(3, 3): to the right, up and backwards, for a camera that has gone round the middle by this angle."""
    behind = np.array([DISTANCE * math.sin(angle), HEIGHT - TARGET, DISTANCE * math.cos(angle)])
    behind /= np.linalg.norm(behind)
    right = np.array([math.cos(angle), 0, -math.sin(angle)])
    return np.stack([right, np.cross(behind, right), behind])


def box(low: float, high: float, half: float) -> Array:
    """The six faces of an upright box of width 2 half, from one height to another."""
    sides = [[1, 0, 0, half], [-1, 0, 0, half], [0, 0, 1, half], [0, 0, -1, half]]
    return np.array([[0, 1, 0, high], [0, -1, 0, -low], *sides], float)


def hit_cylinder(
    radius: float, low: float, high: float, origin: Array, directions: Array
) -> tuple[Array, Array]:
    """t where rays enter an upright cylinder around the y axis, infinite if never, and the normals there."""
    flat = np.array([radius, np.inf, radius])
    side, normals = hit_ellipsoid(flat, origin, directions)
    back = -hit_ellipsoid(flat, origin, -directions)[0]  # where they leave it, if it had no ends
    between = box(low, high, np.inf)[:2]
    slab, ends = hit_faces(between, origin, directions)
    beyond = -hit_faces(between, origin, -directions)[0]
    t = np.maximum(side, slab)
    return np.where(t < np.minimum(back, beyond), t, np.inf), np.where(
        (slab > side)[..., None], ends, normals
    )


def hit_capsule(radius: float, height: float, origin: Array, directions: Array) -> tuple[Array, Array]:
    """The same for a cylinder with two half balls as its ends: the first that is met of its three parts."""
    ball, up = np.full(3, radius), np.array([0.0, 1, 0])
    parts = [
        hit_cylinder(radius, radius, height - radius, origin, directions),
        hit_ellipsoid(ball, origin - radius * up, directions),
        hit_ellipsoid(ball, origin - (height - radius) * up, directions),
    ]
    t = np.stack([part[0] for part in parts])
    first = t.argmin(axis=0)[None, ..., None]
    return t.min(axis=0), np.take_along_axis(np.stack([part[1] for part in parts]), first, axis=0)[0]


def hit_object(shape: int, scale: float, origin: Array, directions: Array) -> tuple[Array, Array]:
    """t and normals for a shape: 0 the cube, 1 the cylinder, 2 the sphere, 3 the capsule."""
    if shape == 0:
        return hit_faces(box(0, 2 * scale * CUBE, scale * CUBE), origin, directions)
    if shape == 1:
        return hit_cylinder(scale * CYLINDER[0], 0, scale * CYLINDER[1], origin, directions)
    if shape == 2:
        radius = scale * SPHERE
        return hit_ellipsoid(np.full(3, radius), origin - np.array([0, radius, 0]), directions)
    return hit_capsule(scale * CAPSULE[0], scale * CAPSULE[1], origin, directions)


def radiance(colours: Array, shape: int, scale: float, angle: float, side: int) -> Array:
    """(3, side, side) in [0, 1]: the mean over 4 x 4 samples of each pixel.

    colours: (3, 3), red, green and blue of the floor, the walls and the object.
    """
    camera = look(angle)
    directions = rays(side, FOCUS) @ camera
    origin = np.array([0, TARGET, 0]) + np.hypot(DISTANCE, HEIGHT - TARGET) * camera[2]
    # from inside, the face that is seen is the first through which a ray leaves
    approach = directions @ FACES[:, :3].T
    with np.errstate(divide="ignore"):
        t = np.where(approach > 0, (FACES[:, 3] - FACES[:, :3] @ origin) / approach, np.inf)
    face = t.argmin(axis=-1)
    colour = colours[np.minimum(face, 1)]
    room = shade(-FACES[face, :3], directions, colour, LIGHTS, gloss=0)
    t, normals = hit_object(shape, scale, origin, directions)
    thing = shade(normals, directions, colours[2], LIGHTS)
    return mean_of_samples(np.where(np.isfinite(t)[..., None], thing, room))


def draw(
    colours: Array, shapes: NDArray[np.int64], scales: Array, angles: Array, side: int
) -> NDArray[np.uint8]:
    """(n, 3, side, side) uint8 images."""
    images = np.empty((len(shapes), 3, side, side), np.uint8)
    for image, colour, shape, scale, angle in zip(images, colours, shapes, scales, angles, strict=True):
        image[:] = 255 * radiance(colour, int(shape), scale, angle, side) + 0.5
    return images
