"""The world: cubes as different as scans are, to train one network for all of them on.

A cube is either a block of tissue with vessels of its own, as in `simulators.phantoms.cube`, or one of the world that
kinetic models assume, where each voxel has one arrival time and well-mixed tissue. Between the two lie blunt velocity
profiles (from laminar to plug flow) and permeable capillaries (from slow exchange to none that is noticed).
"""

from dataclasses import dataclass, field, replace
from typing import Annotated

import numpy as np
from annotated_types import Len

from simulators.phantoms.cube import LEAST_INLET_DELAY, CubeParameters, Edge, InletDelay, Regions, grow_trees
from simulators.phantoms.kinetic_cube import KineticWorld, kinetic_tissue
from simulators.seeding import Seed, Stage, generator, stage_seed
from simulators.settings.checking import check_fields
from simulators.settings.limits import (
    Bluntness,
    CapillaryVolume,
    MurrayConstant,
    Perfusion,
    Permeability,
    Span,
    VoxelEdge,
    Within,
)
from simulators.tissue.capillaries import draw_capillaries
from simulators.tissue.exchange.two_compartment import TwoCompartmentExchange
from simulators.tissue.folded_sheets import FoldedSheets, folded_sheets
from simulators.tissue.label import LabelKinetics
from simulators.tissue.lesions import Lesions, Voids, draw_lesion, draw_voids
from simulators.tissue.perfusion import flow_from_perfusion, regional_perfusion
from simulators.transport.pieces import blood_volume, cut_at_voxel_faces
from simulators.transport.step_response import Simulator, StepResponse
from simulators.vessels.passing import PassingVessels, with_passing_vessels
from simulators.vessels.vasculature import Vasculature

Part = Annotated[float, Within(0, 1)]

T1Number = Annotated[float, Within(0.05, 20, "s", why="not ms")]

VoxelEdges = Annotated[tuple[VoxelEdge, ...], Len(1, 16)]

REACH_VOXELS, MOST_REACH_MM = 5.0, 100.0
"""Of a new terminal to the vessel that it joins."""


@dataclass(frozen=True)
class World:
    """What cubes are drawn from: of a pair (low, high) each cube draws its own value uniformly.

    Attributes:
        shape: simulated voxels along each axis.
        voxel_edges_mm: edges of a simulated voxel, one of which a cube has.
        t1_blood, t1_tissue: s, see `simulators.tissue.label.LabelKinetics`.
        sheets_share: of cubes whose perfusion is folded like cortex, see `sheets`; the others have regions.
        sheets: of folded cubes.
        regions: number of regions of equal mean perfusion.
        highest_perfusion: mL/100g/min, that regions reach at most, from 0.
        fluctuation: relative standard deviation of a voxel's perfusion about its region's.
        voids: places without perfusion in cubes with regions.
        lesions: places with other perfusion that blood reaches late, in all cubes.
        arterial_murray_k, venous_murray_k: of r = k F^(1/3), mm (mm³/s)^(−1/3).
        capillary_volume_fraction: mL of capillary blood per mL of tissue.
        permeability: mL/100g/min, of capillaries, drawn uniformly.
        well_mixed_share: of cubes whose permeability is drawn from `well_mixed` instead.
        well_mixed: mL/100g/min, drawn uniformly in its logarithm.
        inlet_delay: s from the labeling plane to the cube.
        inlet_delay_spread: standard deviation of that delay among the trees, s.
        laminar_share: of cubes whose flow is laminar.
        bluntness: of the velocity profile in the others, see `simulators.vessels.vasculature.Vasculature`.
        kinetic_share: of cubes of the kinetic models' world, see `kinetic`.
        kinetic: arrival times and arterial volumes of those; its T1 are not used, but those of the world.
        passing: great vessels that pass through cubes with vessels.

    Raises:
        InputError: for settings that no tissue has.
    """

    shape: tuple[Edge, Edge, Edge] = (32, 32, 32)
    voxel_edges_mm: VoxelEdges = (1.0, 2.0)
    t1_blood: Span[T1Number] = (1.5, 2.0)
    t1_tissue: Span[T1Number] = (1.0, 1.6)
    sheets_share: Part = 0.6
    sheets: FoldedSheets = field(default_factory=FoldedSheets)
    regions: Span[Regions] = (10, 80)
    highest_perfusion: Span[Perfusion] = (50.0, 120.0)
    fluctuation: Part = 0.1
    voids: Voids = field(default_factory=Voids)
    lesions: Lesions = field(default_factory=Lesions)
    arterial_murray_k: Span[MurrayConstant] = (0.09, 0.15)
    venous_murray_k: Span[MurrayConstant] = (0.12, 0.25)
    capillary_volume_fraction: Span[CapillaryVolume] = (0.01, 0.035)
    permeability: Span[Permeability] = (90.0, 220.0)
    well_mixed_share: Part = 0.3
    well_mixed: Span[Permeability] = (200.0, 10_000.0)
    inlet_delay: Span[InletDelay] = (0.1, 2.5)
    inlet_delay_spread: Span[InletDelay] = (0.05, 0.3)
    laminar_share: Part = 0.35
    bluntness: Span[Bluntness] = (0.0, 0.95)
    kinetic_share: Part = 0.4
    kinetic: KineticWorld = field(default_factory=KineticWorld)
    passing: PassingVessels = field(default_factory=PassingVessels)

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, eq=False)
class WorldCube:
    """A cube of the world.

    Attributes:
        voxel_mm: edge of a simulated voxel.
        perfusion: mL/100g/min, (X, Y, Z).
        att: time by which half of the arriving label has arrived, s, NaN where none does, (X, Y, Z).
        arterial_blood_volume: mL/mL, (X, Y, Z).
        response: step response, label in arteries apart.
        t1_blood: s.
    """

    voxel_mm: float
    perfusion: np.ndarray
    att: np.ndarray
    arterial_blood_volume: np.ndarray
    response: StepResponse
    t1_blood: float


def simulate_world_cube(seed: Seed, *, world: World, time: np.ndarray, simulator: Simulator) -> WorldCube:
    """Simulate one cube of a world.

    Args:
        seed: of all random draws.
        world: to draw from.
        time: s since labeling began, (T,), increasing, above 0.
        simulator: of the label's transport where there are vessels.
    """
    rng = generator(stage_seed(seed, Stage.PARAMETERS))
    voxel_mm = float(rng.choice(world.voxel_edges_mm))
    label = _label(world, rng)
    perfusion, extra_delay = _draw_perfusion(seed, world, voxel_mm, rng)
    if rng.random() < world.kinetic_share:
        return _kinetic_cube(seed, world, voxel_mm, perfusion, extra_delay, label, time)
    vessels = _grow_vessels(seed, world, voxel_mm, perfusion, extra_delay, rng)
    arteries = vessels.arteries
    return WorldCube(
        voxel_mm=voxel_mm,
        perfusion=perfusion,
        att=vessels.att,
        arterial_blood_volume=blood_volume(arteries, cut_at_voxel_faces(arteries)) / vessels.voxel_volume,
        response=simulator.step_response(vessels, time, label),
        t1_blood=label.t1_blood,
    )


def _label(world: World, rng: np.random.Generator) -> LabelKinetics:
    t1_blood, t1_tissue = float(rng.uniform(*world.t1_blood)), float(rng.uniform(*world.t1_tissue))
    well_mixed = rng.random() < world.well_mixed_share
    permeability = np.exp(rng.uniform(*np.log(world.well_mixed))) if well_mixed else rng.uniform(*world.permeability)
    return LabelKinetics(t1_blood, t1_tissue, TwoCompartmentExchange(float(permeability)))


def _draw_perfusion(
    seed: Seed, world: World, voxel_mm: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Perfusion (mL/100g/min) of each voxel and s that its blood comes later, (X, Y, Z) each."""
    size, own = (voxel_mm,) * 3, stage_seed(seed, Stage.PERFUSION)
    layout, voids, lesions = own.spawn(3)
    if rng.random() < world.sheets_share:
        perfusion = folded_sheets(world.shape, size, world.sheets, seed=layout)
    else:
        perfusion = regional_perfusion(
            world.shape,
            seed=layout,
            n_regions=min(int(rng.integers(world.regions[0], world.regions[1] + 1)), int(np.prod(world.shape))),
            perfusion_range=(0.0, float(rng.uniform(*world.highest_perfusion))),
            fluctuation=world.fluctuation,
        )
        perfusion = np.where(draw_voids(world.shape, size, world.voids, seed=voids), 0.0, perfusion)
    factor, delay = draw_lesion(world.shape, size, world.lesions, seed=lesions)
    return perfusion * factor, delay


def _grow_vessels(
    seed: Seed, world: World, voxel_mm: float, perfusion: np.ndarray, extra_delay: np.ndarray, rng: np.random.Generator
) -> Vasculature:
    size = (voxel_mm,) * 3
    flow = flow_from_perfusion(perfusion, np.asarray(size))
    growth = CubeParameters(shape=world.shape, voxel_size_mm=size, reach_mm=min(REACH_VOXELS * voxel_mm, MOST_REACH_MM))
    trees = grow_trees(seed, growth, flow)
    arterial_k = float(rng.uniform(*world.arterial_murray_k))
    arteries = trees.arteries.with_murray_radii(arterial_k)
    veins = trees.veins.with_murray_radii(float(rng.uniform(*world.venous_murray_k)))
    capillaries = draw_capillaries(
        flow,
        float(rng.uniform(*world.capillary_volume_fraction)),
        seed=stage_seed(seed, Stage.CAPILLARIES),
        voxel_volume_mm3=voxel_mm**3,
    )
    middle, spread = rng.uniform(*world.inlet_delay), rng.uniform(*world.inlet_delay_spread)
    delay = middle + spread * generator(stage_seed(seed, Stage.INLETS)).standard_normal(len(arteries.inlets))
    arteries, veins, lead = with_passing_vessels(arteries, veins, world.passing, arterial_k, seed=seed)
    delay = np.concatenate([delay, lead * middle])
    detour = arteries.of_terminals(extra_delay)
    bluntness = 0.0 if rng.random() < world.laminar_share else float(rng.uniform(*world.bluntness))
    return Vasculature(
        arteries, capillaries, veins, np.maximum(delay, LEAST_INLET_DELAY), detour if detour.any() else None, bluntness
    )


def _kinetic_cube(
    seed: Seed,
    world: World,
    voxel_mm: float,
    perfusion: np.ndarray,
    extra_delay: np.ndarray,
    label: LabelKinetics,
    time: np.ndarray,
) -> WorldCube:
    """The label of a kinetic model in a perfusion map, with transit times and arteries drawn for it."""
    kinetic = replace(world.kinetic, t1_blood=label.t1_blood, t1_tissue=label.t1_tissue)
    own = stage_seed(seed, Stage.TREES)
    tissue = kinetic_tissue(perfusion, (voxel_mm,) * 3, kinetic, seed=own, extra_delay=extra_delay)
    return WorldCube(
        voxel_mm=voxel_mm,
        perfusion=perfusion,
        att=np.where(perfusion > 0, tissue.arrival, np.nan),
        arterial_blood_volume=tissue.arterial_volume,
        response=tissue.step_response(time),
        t1_blood=label.t1_blood,
    )
