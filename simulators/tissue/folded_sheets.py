"""Perfusion that looks like cortex: folded sheets of grey matter between white matter and fluid."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from scipy import ndimage

from simulators.errors import InputError
from simulators.seeding import Seed, generator
from simulators.settings.checking import check_fields
from simulators.settings.drawing import draw_numbers
from simulators.settings.limits import Drawn, Fluctuation, Perfusion, Within
from simulators.tissue.perfusion import LEAST_PERFUSION
from simulators.tissue.smooth_noise import highest, smooth_noise

Thickness = Annotated[float, Within(0.1, 50, "mm", why="cortex has 2 to 4.5")]

Smoothing = Annotated[float, Within(0.5, 100, "mm", why="of noise that folds are made of")]

WhiteToGrey = Annotated[float, Within(0, 2, why="white matter has 0.2 to 0.55 of grey matter's perfusion")]

FluidShare = Annotated[float, Within(0, 0.9, why="some tissue must be left")]


@dataclass(frozen=True)
class FoldedSheets:
    """What folded sheets are drawn from. A pair (low, high) is drawn uniformly for each block.

    Attributes:
        grey_perfusion: mL/100g/min, of grey matter.
        grey_thickness_mm: of the sheet of grey matter that lies about fluid.
        white_to_grey: perfusion of white matter, relative to grey matter's.
        fluid_share: of the voxels, those of fluid, without perfusion.
        fold_size_mm: standard deviation of the Gaussian that smooths the noise whose level set is the fluid's surface.
        modulation: relative standard deviation of perfusion that varies smoothly through both tissues.
        modulation_length_mm: standard deviation of the Gaussian that smooths it.
        fluctuation: relative standard deviation of each voxel's perfusion about that.

    Raises:
        InputError: for values that no tissue has.
    """

    grey_perfusion: Drawn[Perfusion] = (25.0, 110.0)
    grey_thickness_mm: Drawn[Thickness] = (2.0, 4.5)
    white_to_grey: Drawn[WhiteToGrey] = (0.2, 0.55)
    fluid_share: Drawn[FluidShare] = (0.05, 0.25)
    fold_size_mm: Drawn[Smoothing] = (2.5, 6.0)
    modulation: Drawn[Fluctuation] = 0.15
    modulation_length_mm: Drawn[Smoothing] = 15.0
    fluctuation: Fluctuation = 0.1

    def __post_init__(self) -> None:
        check_fields(self)


def folded_sheets(
    shape: tuple[int, ...], voxel_size_mm: tuple[float, ...], settings: FoldedSheets, *, seed: Seed
) -> np.ndarray:
    """Perfusion of a block of folded cortex.

    Fluid is where a smooth random field is highest; tissue within the thickness of grey matter from it is grey, and
    deeper tissue white. A voxel that the border between them passes is of both, by the part of it on each side. What
    lies beyond the edges of the block folds like what lies within, and counts for the depth.

    Args:
        shape: voxels along each axis.
        voxel_size_mm: edge lengths of a voxel.
        settings: what to draw it from.
        seed: of the random draws.

    Returns:
        Perfusion in mL/100g/min, of the given shape: 0 in fluid, positive in tissue.

    Raises:
        InputError: for a shape that is not one.
    """
    if len(shape) != 3 or min(shape) < 1:
        raise InputError(f"shape: found {tuple(shape)}; give three voxel counts of at least 1")
    rng = generator(seed)
    drawn = draw_numbers(settings, rng)
    depth = _depth(shape, voxel_size_mm, drawn, rng)
    grey_part = np.clip((drawn["grey_thickness_mm"] - depth) / _edge(voxel_size_mm) + 0.5, 0, 1)
    tissue = drawn["white_to_grey"] + (1 - drawn["white_to_grey"]) * grey_part
    varying = 1 + drawn["modulation"] * smooth_noise(shape, voxel_size_mm, drawn["modulation_length_mm"], rng)
    varying *= 1 + settings.fluctuation * rng.standard_normal(shape)
    return np.where(depth >= 0, np.maximum(drawn["grey_perfusion"] * tissue * varying, LEAST_PERFUSION), 0.0)


def _depth(
    shape: tuple[int, ...], voxel_size_mm: tuple[float, ...], drawn: dict[str, float], rng: np.random.Generator
) -> np.ndarray:
    """Depth (mm) of each voxel's middle below the surface of the fluid, negative in fluid, (X, Y, Z)."""
    edge = _edge(voxel_size_mm)
    margin = [int(np.ceil((drawn["grey_thickness_mm"] + edge) / size)) for size in voxel_size_mm]
    within = tuple(slice(m, m + n) for m, n in zip(margin, shape, strict=True))
    around = tuple(n + 2 * m for m, n in zip(margin, shape, strict=True))
    field = smooth_noise(around, voxel_size_mm, drawn["fold_size_mm"], rng)
    fluid = highest(field[within], drawn["fluid_share"])
    if not fluid.any():
        return np.full(shape, np.inf)
    above = field - field[within][fluid].min()
    return np.where(fluid, -edge, _below_surface(above, voxel_size_mm, within, edge))


def _below_surface(
    above: np.ndarray, voxel_size_mm: tuple[float, ...], within: tuple[slice, ...], edge: float
) -> np.ndarray:
    """Distance (mm) to the level set 0 of a field from the voxels of a part of it where it is negative.

    From the nearest voxel of fluid the way goes along the field's gradient, less what that voxel lies behind the
    surface itself: exact where the surface is flat. Nowhere is it further than that voxel, or nearer by a voxel's edge.
    """
    size = np.asarray(voxel_size_mm).reshape(3, 1, 1, 1)
    nearest = ndimage.distance_transform_edt(
        above < 0, sampling=voxel_size_mm, return_distances=False, return_indices=True
    )[:, *within]
    way = (nearest - np.indices(above.shape)[:, *within]) * size
    distance = np.sqrt((way**2).sum(axis=0))
    there = tuple(nearest)
    slope = np.stack([of_axis[there] for of_axis in np.gradient(above, *voxel_size_mm)])
    steepness = np.maximum(np.sqrt((slope**2).sum(axis=0)), 1e-12)
    depth = ((way * slope).sum(axis=0) - above[there]) / steepness
    return np.clip(depth, np.maximum(distance - edge, 0), distance)


def _edge(voxel_size_mm: tuple[float, ...]) -> float:
    """mm; of the cube that is as large as a voxel."""
    return float(np.prod(voxel_size_mm) ** (1 / 3))
