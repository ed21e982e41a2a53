"""Tissue in which the assumptions of kinetic models hold: what their transit times and arteries are drawn from."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from scipy.special import ndtr

from simulators.seeding import Seed, generator
from simulators.settings.checking import check_fields
from simulators.settings.drawing import draw_numbers
from simulators.settings.limits import T1, Drawn, Within
from simulators.tissue.smooth_noise import highest, smooth_noise
from simulators.transport.kinetic import LEAST_ARRIVAL, MOST_DISPERSION, KineticTissue

Arrival = Annotated[float, Within(LEAST_ARRIVAL, 20, "s", why="not ms")]

ArrivalSpread = Annotated[float, Within(0, 10, "s", why="not ms")]

Smoothing = Annotated[float, Within(0, 100, "mm")]

ShareOfVoxels = Annotated[float, Within(0, 1)]

BloodVolume = Annotated[float, Within(0, 1, "mL/mL")]

Dispersion = Annotated[
    float, Within(0, MOST_DISPERSION, why="of the arrival; beyond, label would come before labeling")
]


@dataclass(frozen=True)
class KineticWorld:
    """What tissue of the kinetic models is drawn from. A pair (low, high) is drawn uniformly for each block.

    Attributes:
        arrival: s from the labeling plane to the tissue, mean over the block.
        arrival_variation: s, standard deviation of the arrival that varies smoothly through the block.
        arrival_length_mm: standard deviation of the Gaussian that smooths it.
        arrival_jitter: s, standard deviation of each voxel's arrival about that.
        arterial_lead: s that label comes earlier to the arteries of a voxel than to its tissue, at most; 0 to this.
        arterial_share: of the voxels, those that arteries pass through.
        arterial_volume: mL of blood in them per mL of tissue, the most of a block; 0 to this, by clusters.
        artery_size_mm: standard deviation of the Gaussian that smooths the noise whose peaks are arteries.
        dispersion: standard deviation of arrival times, relative to their mean.
        t1_blood, t1_tissue: s.

    Raises:
        InputError: for values that no tissue has.
    """

    arrival: Drawn[Arrival] = (0.3, 3.0)
    arrival_variation: Drawn[ArrivalSpread] = (0.1, 0.5)
    arrival_length_mm: Drawn[Smoothing] = 10.0
    arrival_jitter: Drawn[ArrivalSpread] = (0.0, 0.1)
    arterial_lead: Drawn[ArrivalSpread] = 0.4
    arterial_share: Drawn[ShareOfVoxels] = (0.01, 0.08)
    arterial_volume: Drawn[BloodVolume] = (0.05, 0.3)
    artery_size_mm: Drawn[Smoothing] = (0.7, 1.5)
    dispersion: Drawn[Dispersion] = (0.0, 0.25)
    t1_blood: Drawn[T1] = (1.5, 2.0)
    t1_tissue: Drawn[T1] = (1.0, 1.6)

    def __post_init__(self) -> None:
        check_fields(self)


def kinetic_tissue(
    perfusion: np.ndarray,
    voxel_size_mm: tuple[float, float, float],
    world: KineticWorld,
    *,
    seed: Seed,
    extra_delay: np.ndarray | float = 0.0,
) -> KineticTissue:
    """Draw transit times and arteries for a perfusion map.

    Args:
        perfusion: mL/100g/min, 0 or more, (X, Y, Z).
        voxel_size_mm: edge lengths of a voxel.
        world: what to draw from.
        seed: of the random draws.
        extra_delay: s that blood comes later to the tissue and arteries of each voxel, as in a lesion.

    Returns:
        The tissue; `step_response(time)` gives its label. Arrivals are at least 0.05 s.
    """
    rng = generator(seed)
    drawn = draw_numbers(world, rng)
    shape = perfusion.shape
    slow = smooth_noise(shape, voxel_size_mm, drawn["arrival_length_mm"], rng)
    arrival = drawn["arrival"] + drawn["arrival_variation"] * slow + extra_delay
    arrival += drawn["arrival_jitter"] * rng.standard_normal(shape)
    arrival = np.maximum(arrival, LEAST_ARRIVAL)
    lead = drawn["arterial_lead"] * ndtr(smooth_noise(shape, voxel_size_mm, drawn["arrival_length_mm"], rng))
    field = smooth_noise(shape, voxel_size_mm, drawn["artery_size_mm"], rng)
    return KineticTissue(
        perfusion=perfusion,
        arrival=arrival,
        arterial_volume=_peaks(field, drawn["arterial_share"], drawn["arterial_volume"]),
        arterial_arrival=np.maximum(arrival - lead, LEAST_ARRIVAL),
        t1_blood=drawn["t1_blood"],
        t1_tissue=drawn["t1_tissue"],
        dispersion=drawn["dispersion"],
        voxel_size_mm=voxel_size_mm,
    )


def _peaks(field: np.ndarray, share: float, most: float) -> np.ndarray:
    """0 but in the share of voxels where a field is highest, and there by its height up to `most`."""
    inside = highest(field, share)
    if not inside.any() or inside.all():
        return np.where(inside, most, 0.0)
    foot = field[~inside].max()
    return np.where(inside, most * (field - foot) / (field.max() - foot), 0.0)
