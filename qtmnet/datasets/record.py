"""What is kept of a cube.

The *increments* of the step response from each time to the next, in float16, arterial label apart. Frames are sums of
increments, C = S(LD + PLD) − S(PLD), so the error of a frame is at most `ENCODING_ERROR` of the increments it sums,
however large S is.

Of the arterial transit time the plug-flow time is kept, as in version 0.3.0 and before, where it went by that name:
datasets of then and cubes that were added to them later are read alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qtmnet.datasets.cube_recipe import CubeRecipe
from qtmnet.datasets.shard import Fields
from simulators.errors import InputError
from simulators.phantoms.cube import Cube
from simulators.transport.pieces import Pieces, blood_volume, cut_at_voxel_faces
from simulators.vessels.vasculature import LAMINAR, Vasculature, half_arrival

INCREMENT_SCALE = 1024.0
"""Increments are kept times this, clear of float16's smallest numbers: below 6e-8 mL/mL errors are absolute, 3e-11."""

ENCODING_ERROR = 2.0**-11
"""Largest relative error of an increment that is kept: float16 has 11 significant bits."""

UNITS = {
    "drawn": "arterial_murray_k and venous_murray_k, mm (mm³/s)^(−1/3); capillary_volume_fraction, mL/mL; "
    "what the exchange draws, or 0; inlet_delay, s; what it draws besides; bluntness, unless flow is laminar",
    "perfusion": "mL/100g/min, (X, Y, Z)",
    "att": "plug-flow time from the labeling plane, s, (X, Y, Z); divided by √(1 + (1 − b)²), where b is the cube's "
    "bluntness or 0, it is the arterial transit time",
    "arterial_blood_volume": "mL/mL, (X, Y, Z)",
    "blood_volume": "mL/mL, arteries, capillaries and veins, (X, Y, Z)",
    "arterial": f"mL of labeled blood per mL of tissue times {INCREMENT_SCALE:g}, increment of S from each time to the "
    "next, in arteries up to each velocity and in all, (V, T, X, Y, Z)",
    "bed": "as arterial, in capillaries, tissue and veins, (T, X, Y, Z)",
}
"""Of each array of a record."""

MAPS = ("perfusion", "att", "arterial_blood_volume", "blood_volume")
"""Maps of the truth."""


@dataclass(frozen=True)
class StoredCube:
    """A cube as it is kept.

    Attributes:
        maps: truth by name (`MAPS`), each (X, Y, Z).
        arterial: increments of the step response in arteries up to each velocity of `crushing` and in all, mL of
            labeled blood per mL of tissue, (V, T, X, Y, Z), float32.
        bed: increments in capillaries, tissue and veins, (T, X, Y, Z), float32.
        crushing: mm/s, (V − 1,).
        drawn: values drawn for the cube, by name.
    """

    maps: dict[str, np.ndarray]
    arterial: np.ndarray
    bed: np.ndarray
    crushing: tuple[float, ...]
    drawn: dict[str, float]

    def visible(self, vascular_crushing: float | None) -> np.ndarray:
        """Increments of the label that a protocol does not crush, (T, X, Y, Z).

        Args:
            vascular_crushing: mm/s; see `Acquisition`.

        Raises:
            InputError: for a velocity that arterial label was not kept for.
        """
        if vascular_crushing == 0:
            return self.bed
        kept = (*self.crushing, None)
        if vascular_crushing not in kept:
            raise InputError(
                f"vascular_crushing: found {vascular_crushing}; kept are 0, none and {list(self.crushing)} mm/s; "
                "choose one of these or simulate with this setting"
            )
        return self.bed + self.arterial[kept.index(vascular_crushing)]


def fields(recipe: CubeRecipe) -> Fields:
    """Arrays of a cube's record."""
    shape, n_times = recipe.phantom.shape, len(recipe.time)
    maps = tuple((name, "<f4", shape) for name in MAPS)
    return (
        ("drawn", "<f8", (len(recipe.phantom.ranges),)),
        *maps,
        ("arterial", "<f2", (len(recipe.crushing) + 1, n_times, *shape)),
        ("bed", "<f2", (n_times, *shape)),
    )


def cube_arrays(cube: Cube, recipe: CubeRecipe) -> dict[str, np.ndarray]:
    """What is kept of a simulated cube."""
    slower = [
        recipe.simulator.arterial_step_response(cube.vessels, cube.time, cube.label, slower_than=velocity)
        for velocity in recipe.crushing
    ]
    return {
        "drawn": np.array([cube.drawn[name] for name in recipe.phantom.ranges]),
        **truth_maps(cube.perfusion, cube.vessels),
        "att": cube.vessels.plug_flow_time,
        "arterial": np.stack([_increments(part) for part in (*slower, cube.response.arterial)]),
        "bed": _increments(cube.response.bed),
    }


def truth_maps(
    perfusion: np.ndarray, vessels: Vasculature, pieces: tuple[Pieces, Pieces] | None = None
) -> dict[str, np.ndarray]:
    """What a scan could tell of a cube, by name (`MAPS`), (X, Y, Z) each.

    Args:
        perfusion: mL/100g/min, (X, Y, Z).
        vessels: of the cube.
        pieces: of its arteries and veins, cut at voxel faces, where they are there already.
    """
    forests = vessels.arteries, vessels.veins
    arterial, venous = (
        blood_volume(forest, parts) / vessels.voxel_volume
        for forest, parts in zip(forests, pieces or map(cut_at_voxel_faces, forests), strict=True)
    )
    return {
        "perfusion": perfusion,
        "att": vessels.att,
        "arterial_blood_volume": arterial,
        "blood_volume": arterial + venous + vessels.capillary_volume_fraction,
    }


def read_maps(record: np.void | Mapping[str, np.ndarray], bluntness: float) -> dict[str, np.ndarray]:
    """The truth by name (`MAPS`), float32, of a record of a cube of this bluntness: with the arterial transit time."""
    maps = {name: np.asarray(record[name], np.float32) for name in MAPS}
    return maps | {"att": maps["att"] * np.float32(half_arrival(bluntness))}


def kept_maps(maps: Mapping[str, np.ndarray], bluntness: float) -> dict[str, np.ndarray]:
    """Maps for a record, with the plug-flow time: what `read_maps` reads."""
    return {**maps, "att": maps["att"] / np.float32(half_arrival(bluntness))}


def _increments(step_response: np.ndarray) -> np.ndarray:
    return np.diff(step_response, axis=0, prepend=np.float32(0)) * np.float32(INCREMENT_SCALE)


def cube_as_kept(cube: Cube, recipe: CubeRecipe) -> StoredCube:
    """A simulated cube as it would be read from a store, but for the rounding to float16."""
    kept = cube_arrays(cube, recipe)
    scale = np.float32(1 / INCREMENT_SCALE)
    maps = read_maps(kept, cube.vessels.bluntness)
    return StoredCube(maps, kept["arterial"] * scale, kept["bed"] * scale, recipe.crushing, cube.drawn)


def stored_cube(record: np.void, recipe: CubeRecipe) -> StoredCube:
    """The cube of a record."""
    scale = np.float32(1 / INCREMENT_SCALE)
    drawn = dict(zip(recipe.phantom.ranges, record["drawn"].tolist(), strict=True))
    return StoredCube(
        maps=read_maps(record, drawn.get("bluntness", LAMINAR)),
        arterial=record["arterial"].astype(np.float32) * scale,
        bed=record["bed"].astype(np.float32) * scale,
        crushing=recipe.crushing,
        drawn=drawn,
    )
