"""What simulating a brain takes, and reading it with a protocol."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from qtmnet.costs.cost import Cost
from qtmnet.costs.cubes import LONGER_STEP, transport_bytes, transport_seconds
from qtmnet.costs.devices import device_cost
from qtmnet.costs.scans import SECONDS_OF_A_FRAME, fit_bytes, image_shape, network_cost
from simulators.imaging.acquisition import Acquisition
from simulators.machine.cores import n_cores
from simulators.phantoms.brain import STAGES, fitted
from simulators.phantoms.brain_parameters import BrainParameters
from simulators.transport.cupy import CupySimulator
from simulators.transport.reference import ReferenceSimulator
from simulators.transport.step_response import Simulator

if TYPE_CHECKING:  # it takes torch, which simulating does without
    from qtmnet.methods.network.estimator import Estimator

# `python benchmarks/costs.py` measures all coefficients of this file; a terminal is a voxel of grey or white matter.

TISSUE_MM3 = 1_729_575
"""Grey and white matter of MNI152, and about what a head has."""

DOMAIN_PER_TERMINAL = 2.83
"""Voxels of the grid that holds brain and neck."""

BYTES_OF_A_MAP_VOXEL = 30
"""While the anatomy is read: of the three maps, their sum and what is resampled."""

MAP_VOXELS = 197 * 233 * 189
"""Of MNI152."""

BYTES_AT_LEAST = 1.6e8
"""Whatever the voxels are."""

BYTES_OF_A_TERMINAL = 600
"""While trees grow."""

BYTES_WITH_LABEL = 850
"""Of a terminal: trees, pieces and flows, beside amounts and images."""

BYTES_AT_A_TIME = 32
"""Of a terminal at each time: amounts and images of arteries and beds."""

KEPT_BYTES_AT_A_TIME = 8 * DOMAIN_PER_TERMINAL
"""Of a terminal at each time, afterwards: the images of arteries and beds on the whole grid."""

DISK_BYTES_OF_A_TERMINAL = 240
"""Of all stages but the label's."""

DISK_BYTES_AT_A_TIME = 9.7
"""Of a terminal in the label's stage."""

SECONDS_AT_LEAST = 25.0
"""Of the anatomy and the pial vessels."""

GROWTH_SECONDS = 2.1e-5
"""Of a core and a terminal, for one of the two trees, comparing three candidates."""

LABEL_SECONDS = 4.6e-5
"""Of a core and a terminal until 5 s in steps of 25 ms, of which a sixth grows as the square of the steps."""


def brain_costs(
    parameters: BrainParameters,
    time: tuple[float, ...],
    simulator: Simulator,
    folder: str | Path,
    *,
    until: str | None = None,
) -> Iterator[Cost]:
    """What the stages of a brain take.

    Args:
        parameters: of the brain.
        time: s since labeling began, at which label is looked for.
        simulator: of the label's transport.
        folder: that keeps the stages.
        until: stage of `STAGES` to stop after; all are run by default.
    """
    n = n_terminals(parameters)
    voxel = " × ".join(f"{edge:.3g}" for edge in parameters.voxel_size_mm)
    brain, larger = f"a brain of {voxel} mm voxels", "give larger voxels"
    yield Cost(
        "reading the maps of the anatomy",
        "anatomy.grey",
        "give coarser maps",
        memory_bytes=_map_voxels(parameters) * BYTES_OF_A_MAP_VOXEL,
    )
    if until in STAGES[:3]:  # up to the pial vessels: a small part of a brain
        return
    with_label = until is None
    disk = n * (DISK_BYTES_OF_A_TERMINAL + with_label * DISK_BYTES_AT_A_TIME * len(time))
    yield Cost(
        f"growing {brain}",
        "phantom.voxel_size_mm",
        larger,
        memory_bytes=BYTES_AT_LEAST + n * BYTES_OF_A_TERMINAL,
        disk_bytes=max(disk - _bytes_in(folder), 0.0),
        disk_at=str(folder),
        seconds=SECONDS_AT_LEAST + n * GROWTH_SECONDS * parameters.n_candidates / 3 * 2 / min(n_cores(), 2),
    )
    if with_label and isinstance(simulator, CupySimulator):
        yield device_cost(f"following label through {brain}", "phantom.voxel_size_mm", larger, simulator, n, time)
    if with_label:
        transport = _transport_bytes(simulator, time[-1], n)
        rest = BYTES_AT_LEAST + n * (BYTES_WITH_LABEL + BYTES_AT_A_TIME * len(time))
        coarser = ("phantom.voxel_size_mm", f"{larger}, or a protocol that ends sooner")
        setting, advice = LONGER_STEP if transport > rest else coarser
        yield Cost(
            f"following label through {brain} until {time[-1]:g} s",
            setting,
            advice,
            memory_bytes=rest + transport,
            seconds=n * _label_seconds(simulator, time[-1]),
        )


def brain_evaluation_costs(
    phantom: BrainParameters,
    acquisition: Acquisition,
    simulator: Simulator,
    folder: str | Path,
    estimator: "Estimator | None",
) -> Iterator[Cost]:
    """What simulating a brain for a protocol and estimating its perfusion with all methods takes."""
    parameters, time = fitted(phantom, acquisition)
    yield from brain_costs(parameters, time, simulator, folder)
    yield from _reading(parameters, acquisition, len(time))
    if estimator is not None:
        edge = max(round(acquired_voxels(acquisition) ** (1 / 3)), 1)
        yield network_cost(estimator, (edge,) * 3, "a brain", setting="acquisition.voxel_size_mm")


def _reading(parameters: BrainParameters, acquisition: Acquisition, n_times: int) -> Iterator[Cost]:
    """What imaging a brain and fitting the kinetic models to its frames takes."""
    n, frames = n_terminals(parameters), acquisition.n_frames
    kept = n * (BYTES_WITH_LABEL / 2 + KEPT_BYTES_AT_A_TIME * n_times)
    inside = TISSUE_MM3 / math.prod(acquisition.voxel_size_mm)
    grid = acquired_voxels(acquisition)
    yield Cost(
        f"fitting {frames} frames of a brain",
        "acquisition.post_labeling_delays",
        "give fewer delays, or larger acquired voxels",
        memory_bytes=kept + grid * (4 * n_times + 16 * frames) + fit_bytes(inside, frames),
        seconds=inside * frames * SECONDS_OF_A_FRAME,
    )


def acquired_voxels(acquisition: Acquisition) -> float:
    """Voxels of a brain's image."""
    return TISSUE_MM3 * DOMAIN_PER_TERMINAL / math.prod(acquisition.voxel_size_mm)


def n_terminals(parameters: BrainParameters) -> float:
    """Voxels of grey and white matter: MNI152's, or as many as maps of another head hold at most."""
    tissue = float(TISSUE_MM3)
    seen = _map_volume(parameters)
    return (tissue if seen is None else min(tissue, seen)) / math.prod(parameters.voxel_size_mm)


def _transport_bytes(simulator: Simulator, last: float, n: float) -> float:
    whole_grid = DOMAIN_PER_TERMINAL if isinstance(simulator, ReferenceSimulator) else 1.0
    return transport_bytes(simulator, last, whole_grid * n)


def _label_seconds(simulator: Simulator, last: float) -> float:
    if isinstance(simulator, ReferenceSimulator):
        return transport_seconds(simulator, last)
    steps = last / 5 * 0.025 / float(getattr(simulator, "time_step", 0.025))
    return LABEL_SECONDS * (5 / 6 + steps**2 / 6) / n_cores()


def _map_volume(parameters: BrainParameters) -> float | None:
    """mm³ that the maps of another head cover; None for MNI152 or what cannot be read, which others refuse."""
    found = image_shape(parameters.anatomy.files[0]) if parameters.anatomy.files else None
    return None if found is None else math.prod(found.shape) * found.voxel_mm3


def _map_voxels(parameters: BrainParameters) -> float:
    found = image_shape(parameters.anatomy.files[0]) if parameters.anatomy.files else None
    return MAP_VOXELS if found is None else math.prod(found.shape)


def _bytes_in(folder: str | Path) -> float:
    """Bytes of the stages that a folder keeps: those of this brain are not written again."""
    try:
        return float(sum(file.stat().st_size for file in Path(folder).glob("*.npz")))
    except OSError:
        return 0.0
