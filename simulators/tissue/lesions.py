"""Places in a perfusion map where blood is scarce, plenty or late, and places that have none."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from simulators.seeding import Seed, generator
from simulators.settings.checking import check_fields
from simulators.settings.drawing import draw_numbers
from simulators.settings.limits import Drawn, Span, Within

Chance = Annotated[float, Within(0, 1)]

Factor = Annotated[float, Within(0.01, 100, why="of the perfusion there would be; for none, see voids")]

ExtraDelay = Annotated[float, Within(0, 20, "s", why="not ms")]

Radius = Annotated[float, Within(0.1, 1000, "mm", above=True)]

EdgeWidth = Annotated[float, Within(0, 100, "mm", why="0 for a sharp edge")]

Count = Annotated[int, Within(1, 1000)]


@dataclass(frozen=True)
class Lesions:
    """What the lesion of a block is drawn from: an ellipsoid with other perfusion, which blood reaches late.

    Attributes:
        probability: that there is one.
        perfusion_factor: of the perfusion inside it, drawn uniformly in its logarithm.
        extra_delay: s, that blood loses on its way to it.
        radius_mm: semi-axes of the ellipsoid, each drawn for itself.
        edge_mm: width of the edge over which both fade; 0 for a sharp one.

    Raises:
        InputError: for values that make none.
    """

    probability: Chance = 0.25
    perfusion_factor: Drawn[Factor] = (0.1, 2.0)
    extra_delay: Drawn[ExtraDelay] = (0.5, 2.0)
    radius_mm: Span[Radius] = (4.0, 15.0)
    edge_mm: Drawn[EdgeWidth] = (0.0, 4.0)

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class Voids:
    """What the places without perfusion in a block are drawn from: ellipsoids, of fluid as it were.

    Attributes:
        probability: that there are any.
        count: fewest and most of them, where there are some.
        radius_mm: semi-axes of the ellipsoids, each drawn for itself.
        largest_share: of the block that they may take; one that would take more is left out.

    Raises:
        InputError: for values that make none.
    """

    probability: Chance = 0.4
    count: Span[Count] = (1, 4)
    radius_mm: Span[Radius] = (2.0, 8.0)
    largest_share: Annotated[float, Within(0, 0.9, why="some tissue must be left")] = 0.4

    def __post_init__(self) -> None:
        check_fields(self)


def draw_lesion(
    shape: tuple[int, ...], voxel_size_mm: tuple[float, ...], lesions: Lesions, *, seed: Seed
) -> tuple[np.ndarray, np.ndarray]:
    """Factor of each voxel's perfusion, and s that its blood comes later, (X, Y, Z) each.

    Where no lesion is drawn they are 1 and 0. The ellipsoid's middle is a random place of the block.

    Args:
        shape: voxels along each axis.
        voxel_size_mm: edge lengths of a voxel.
        lesions: what to draw it from.
        seed: of the random draws.
    """
    rng = generator(seed)
    if rng.random() >= lesions.probability:
        return np.ones(shape), np.zeros(shape)
    drawn = draw_numbers(lesions, rng, logarithmic=("perfusion_factor",))
    outside = _outside_ellipsoid_mm(shape, voxel_size_mm, lesions.radius_mm, rng)
    edge = drawn["edge_mm"]
    part = np.clip(0.5 - outside / edge, 0, 1) if edge > 0 else (outside <= 0).astype(float)
    return 1 + (drawn["perfusion_factor"] - 1) * part, drawn["extra_delay"] * part


def draw_voids(shape: tuple[int, ...], voxel_size_mm: tuple[float, ...], voids: Voids, *, seed: Seed) -> np.ndarray:
    """Which voxels have no perfusion, (X, Y, Z).

    Args:
        shape: voxels along each axis.
        voxel_size_mm: edge lengths of a voxel.
        voids: what to draw them from.
        seed: of the random draws.
    """
    rng = generator(seed)
    void = np.zeros(shape, bool)
    if rng.random() >= voids.probability:
        return void
    for _ in range(rng.integers(voids.count[0], voids.count[1] + 1)):
        larger = void | (_outside_ellipsoid_mm(shape, voxel_size_mm, voids.radius_mm, rng) <= 0)
        void = larger if larger.mean() <= voids.largest_share else void
    return void


def _outside_ellipsoid_mm(
    shape: tuple[int, ...], voxel_size_mm: tuple[float, ...], radius_mm: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """How far (mm, to first order) each voxel's middle lies outside of a random ellipsoid, negative inside, (X, Y, Z).

    With g(x) = |A x|, 1 on its surface, that is (g − 1) g / |∇g g|: exact at the surface and for spheres.
    """
    extent = np.asarray(shape) * voxel_size_mm
    axes = rng.uniform(*radius_mm, 3)
    middle = rng.uniform(0, extent)
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    place = [(np.arange(n) + 0.5) * size - m for n, size, m in zip(shape, voxel_size_mm, middle, strict=True)]
    along = [
        turn[k, 0] * place[0][:, None, None] + turn[k, 1] * place[1][:, None] + turn[k, 2] * place[2] for k in range(3)
    ]
    level = np.sqrt(sum((x / a) ** 2 for x, a in zip(along, axes, strict=True)))
    slope = np.sqrt(sum((x / a**2) ** 2 for x, a in zip(along, axes, strict=True)))
    return (level - 1) * level / np.maximum(slope, 1e-12)
