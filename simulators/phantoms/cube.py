"""The cube: a block of tissue with vessels of its own, the unit of the training data.

The stages in reading order: perfusion map, arterial and venous forests, capillary beds, step response.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import numpy as np

from simulators.constants import T1_BLOOD, T1_TISSUE
from simulators.errors import InputError
from simulators.imaging.readout import DEFAULT_TIME
from simulators.seeding import Seed, Stage, generator, stage_seed
from simulators.settings.checking import check_fields, from_plain
from simulators.settings.drawing import drawn_fields
from simulators.settings.limits import (
    T1,
    Bluntness,
    Candidates,
    CapillaryVolume,
    Drawn,
    Fluctuation,
    MurrayConstant,
    Perfusion,
    Span,
    VoxelSize,
    Within,
)
from simulators.tissue.capillaries import CapillaryBeds, CapillaryPlan, draw_capillaries
from simulators.tissue.exchange.base import Exchange
from simulators.tissue.exchange.flat import nested
from simulators.tissue.exchange.two_compartment import TwoCompartmentExchange
from simulators.tissue.label import LabelKinetics
from simulators.tissue.layout import PerfusionLayout
from simulators.tissue.perfusion import flow_from_perfusion, regional_perfusion
from simulators.transport.numba import NumbaSimulator
from simulators.transport.pieces import blood_volume, cut_at_voxel_faces
from simulators.transport.step_response import Simulator, StepResponse
from simulators.vessels.borrowed_trees import Trees, serving, turned
from simulators.vessels.forest import ARTERIAL_MURRAY_K, VENOUS_MURRAY_K, Forest
from simulators.vessels.growth import grow_forest
from simulators.vessels.passing import PassingVessels, with_passing_vessels
from simulators.vessels.vasculature import LAMINAR, Vasculature

MOST_VOXELS = 2**21
"""Of a cube, 128³: with 20 times and 2 images of each, its record is 170 MB."""

Edge = Annotated[int, Within(1, 512, "voxels", why="a cube is a block of tissue; a brain is a phantom of its own")]

Regions = Annotated[int, Within(1, 100_000)]

Reach = Annotated[float, Within(0, 100, "mm", above=True)]

Probability = Annotated[float, Within(0, 1, above=True)]

InletDelay = Annotated[float, Within(0, 20, "s", why="not ms", above=True)]

DelaySpread = Annotated[float, Within(0, 10, "s", why="not ms")]


@dataclass(frozen=True)
class CubeParameters:
    """What a cube is drawn from. A pair (low, high) is drawn uniformly for each cube; a number is taken as it is.

    Attributes:
        shape: simulated voxels along each axis.
        voxel_size_mm: edge lengths of a simulated voxel.
        n_regions: regions of equal mean perfusion.
        perfusion_range: (lowest, highest) mean perfusion of a region, mL/100g/min.
        perfusion_fluctuation: relative standard deviation of a voxel's perfusion about its region's.
        new_inlet_probability: that a new node starts a tree (N1 of the QTMnet paper).
        reach_mm: longest reach of a new terminal (d1); doubled to voxels apart from all others.
        n_candidates: segments compared for a new terminal (Na).
        arterial_murray_k, venous_murray_k: of r = k F^(1/3), mm (mm³/s)^(−1/3).
        capillary_volume_fraction: mL of capillary blood per mL of tissue.
        inlet_delay: s from the labeling plane to the cube.
        inlet_delay_spread: standard deviation of that delay among the trees, s.
        exchange: of label between capillary blood and tissue.
        t1_blood, t1_tissue: see `LabelKinetics`.
        bluntness: of the velocity profile in arteries and veins, 0 for laminar flow, towards 1 for plug flow, see
            `Vasculature`.
        layout: other ways for perfusion to lie than in regions alone.
        passing: great vessels that pass through cubes.
    """

    shape: tuple[Edge, Edge, Edge] = (32, 32, 32)
    voxel_size_mm: VoxelSize = (1.0, 1.0, 1.0)
    n_regions: Regions = 40
    perfusion_range: Span[Perfusion] = (0.0, 80.0)
    perfusion_fluctuation: Fluctuation = 0.1
    new_inlet_probability: Probability = 0.01
    reach_mm: Reach = 5.0
    n_candidates: Candidates = 3
    arterial_murray_k: Drawn[MurrayConstant] = ARTERIAL_MURRAY_K
    venous_murray_k: Drawn[MurrayConstant] = VENOUS_MURRAY_K
    capillary_volume_fraction: Drawn[CapillaryVolume] = 0.02
    inlet_delay: Drawn[InletDelay] = (0.2, 1.2)
    inlet_delay_spread: DelaySpread = 0.15
    exchange: Exchange = field(default_factory=TwoCompartmentExchange)
    t1_blood: T1 = T1_BLOOD
    t1_tissue: T1 = T1_TISSUE
    bluntness: Drawn[Bluntness] = LAMINAR
    layout: PerfusionLayout = field(default_factory=PerfusionLayout)
    passing: PassingVessels = field(default_factory=PassingVessels)

    def __post_init__(self) -> None:
        check_fields(self)
        if np.prod(self.shape) > MOST_VOXELS:
            raise InputError(
                f"shape: found {list(self.shape)}, {np.prod(self.shape)} voxels; give at most {MOST_VOXELS} in all"
            )
        if self.perfusion_range[1] == 0:
            raise InputError(f"perfusion_range: found {list(self.perfusion_range)}; give a range that ends above 0")

    def label(self, drawn: Mapping[str, float]) -> LabelKinetics:
        """Kinetics of the label in a cube for which these values were drawn."""
        return LabelKinetics(self.t1_blood, self.t1_tissue, self.exchange.with_numbers(drawn))

    @property
    def highest_perfusion(self) -> float:
        """Highest mean perfusion of a region, or of grey matter, in any of the cubes, lesions aside, mL/100g/min."""
        of_regions, of_sheets = self.perfusion_range[1], float(np.max(self.layout.sheets.grey_perfusion))
        share = self.layout.sheets_share
        return max(of_regions * (share < 1), of_sheets * (share > 0))

    @property
    def ranges(self) -> dict[str, float | tuple[float, float]]:
        """What is drawn for each cube, by name, in the order of drawing.

        The fourth value is the exchange's, and what it has more stands behind the cube's own: cubes of one seed that
        differ in exchange have all else in common. The bluntness comes last, and not at all in laminar flow: cubes
        and their records are then as they were before there was one.
        """
        *before, last, bluntness = [(name, getattr(self, name)) for name in drawn_fields(CubeParameters)]
        first, *more = [*self.exchange.ranges.items()] or [NOTHING_DRAWN]
        return dict([*before, first, last, *more, *([] if self.bluntness == LAMINAR else [bluntness])])

    def draw(self, seed: Seed) -> dict[str, float]:
        """The values of one cube for everything that may be a range."""
        rng = generator(stage_seed(seed, Stage.PARAMETERS))
        return {name: float(rng.uniform(*np.broadcast_to(value, 2))) for name, value in self.ranges.items()}

    @classmethod
    def from_plain(cls, content: Any, name: str = "phantom") -> "CubeParameters":
        """The parameters that `dataclasses.asdict` made `content` from, by this version or 0.2.0.

        Raises:
            InputError: for what are no parameters of a cube, with the dotted name of the field.
        """
        return from_plain(cls, nested(content) if isinstance(content, Mapping) else content, name)


NOTHING_DRAWN = ("exchange", 0.0)
"""In the place of an exchange that has nothing to draw."""

LEAST_INLET_DELAY = 0.05
"""s; a tree's inlet is never nearer to the labeling plane than this."""


@dataclass(frozen=True)
class Cube:
    """A simulated cube, all of it.

    Attributes:
        perfusion: truth, mL/100g/min, (X, Y, Z).
        vessels: arteries, capillaries, veins and inlet delays.
        label: kinetics that the label followed.
        response: step response, arterial label apart.
        drawn: values drawn for this cube.
    """

    perfusion: np.ndarray
    vessels: Vasculature
    label: LabelKinetics
    response: StepResponse
    drawn: dict[str, float]

    @property
    def arteries(self) -> Forest:
        """Arterial forest."""
        return self.vessels.arteries

    @property
    def veins(self) -> Forest:
        """Venous forest; its inlets are the outlets of the blood."""
        return self.vessels.veins

    @property
    def capillaries(self) -> CapillaryBeds | CapillaryPlan:
        """Capillary beds."""
        return self.vessels.capillaries

    @property
    def time(self) -> np.ndarray:
        """s since labeling began, (T,)."""
        return self.response.time

    @property
    def step_response(self) -> np.ndarray:
        """All label, mL of labeled blood per mL of tissue, (T, X, Y, Z)."""
        return self.response.total

    @property
    def arterial_step_response(self) -> np.ndarray:
        """The part of `step_response` that is in arteries, (T, X, Y, Z)."""
        return self.response.arterial

    @property
    def att(self) -> np.ndarray:
        """Arterial transit time of each voxel, s, (X, Y, Z); see `Vasculature.att`."""
        return self.vessels.att

    @property
    def blood_volume(self) -> np.ndarray:
        """Blood in arteries, capillaries and veins, mL per mL of tissue, (X, Y, Z)."""
        large = sum(blood_volume(forest, cut_at_voxel_faces(forest)) for forest in (self.arteries, self.veins))
        return large / self.vessels.voxel_volume + self.vessels.capillary_volume_fraction


def simulate_cube(
    seed: Seed,
    *,
    parameters: CubeParameters | None = None,
    time: np.ndarray | tuple[float, ...] = DEFAULT_TIME,
    simulator: Simulator | None = None,
    trees: Trees | None = None,
) -> Cube:
    """Simulate one cube.

    Args:
        seed: of all random draws; the same seed and parameters give the same cube, bit for bit.
        parameters: what to draw the cube from; the default is the paper's cube.
        time: s since labeling began, (T,), increasing, above 0.
        simulator: of the label's transport; `NumbaSimulator()` by default.
        trees: of another cube of the same shape, to be turned and given new flows; by default new ones are grown.

    Returns:
        The cube.

    Raises:
        InputError: for settings that no tissue has.
    """
    parameters = parameters or CubeParameters()
    drawn = parameters.draw(seed)
    perfusion, vessels = (
        grow_vessels(seed, parameters, drawn) if trees is None else borrow_vessels(seed, parameters, drawn, trees)
    )
    label = parameters.label(drawn)
    response = (simulator or NumbaSimulator()).step_response(vessels, np.asarray(time), label)
    return Cube(perfusion=perfusion, vessels=vessels, label=label, response=response, drawn=drawn)


def grow_vessels(seed: Seed, parameters: CubeParameters, drawn: dict[str, float]) -> tuple[np.ndarray, Vasculature]:
    """Perfusion map (mL/100g/min) of a cube and vessels grown for it."""
    perfusion, flow = draw_perfusion(seed, parameters)
    trees = grow_trees(seed, parameters, flow)
    arteries = trees.arteries.with_murray_radii(drawn["arterial_murray_k"])
    veins = trees.veins.with_murray_radii(drawn["venous_murray_k"])
    plan = _capillary_plan(seed, parameters, drawn, flow)
    capillaries = draw_capillaries(flow, plan.volume_fraction, seed=plan.seed, voxel_volume_mm3=plan.voxel_volume_mm3)
    return perfusion, _joined(seed, parameters, drawn, arteries, capillaries, veins)


def borrow_vessels(
    seed: Seed, parameters: CubeParameters, drawn: dict[str, float], trees: Trees
) -> tuple[np.ndarray, Vasculature]:
    """Perfusion map (mL/100g/min) of a cube and the vessels of another that serve it, see `borrowed_trees`.

    Its capillaries are planned, not drawn: those that a grown cube of this seed would have.
    """
    perfusion, flow = draw_perfusion(seed, parameters)
    arteries = turned(trees.arteries, stage_seed(seed, Stage.ARTERIES))
    veins = turned(trees.veins, stage_seed(seed, Stage.VEINS))
    arteries = serving(arteries, flow, drawn["arterial_murray_k"])
    veins = serving(veins, flow, drawn["venous_murray_k"])
    plan = _capillary_plan(seed, parameters, drawn, flow)
    return perfusion, _joined(seed, parameters, drawn, arteries, plan, veins)


def _joined(
    seed: Seed,
    parameters: CubeParameters,
    drawn: dict[str, float],
    arteries: Forest,
    capillaries: CapillaryBeds | CapillaryPlan,
    veins: Forest,
) -> Vasculature:
    """The vessels of a cube together, with those that pass, and the delays before its inlets and to its lesion."""
    extra = parameters.layout.extra_delay(parameters.shape, parameters.voxel_size_mm, seed=seed)
    delay = _inlet_delay(seed, parameters, drawn, arteries)
    murray_k = drawn["arterial_murray_k"]
    arteries, veins, lead = with_passing_vessels(arteries, veins, parameters.passing, murray_k, seed=seed)
    delay = np.concatenate([delay, np.maximum(lead * drawn["inlet_delay"], LEAST_INLET_DELAY)])
    detour = None if extra is None else arteries.of_terminals(extra)
    return Vasculature(arteries, capillaries, veins, delay, detour, drawn.get("bluntness", LAMINAR))


def draw_perfusion(seed: Seed, parameters: CubeParameters) -> tuple[np.ndarray, np.ndarray]:
    """Perfusion (mL/100g/min) and flow (mm³/s) of each voxel of a cube, (X, Y, Z) each."""
    regions = partial(
        regional_perfusion,
        parameters.shape,
        seed=stage_seed(seed, Stage.PERFUSION),
        n_regions=min(parameters.n_regions, int(np.prod(parameters.shape))),
        perfusion_range=parameters.perfusion_range,
        fluctuation=parameters.perfusion_fluctuation,
    )
    perfusion = parameters.layout.perfusion(parameters.shape, parameters.voxel_size_mm, regions, seed=seed)
    return perfusion, flow_from_perfusion(perfusion, np.asarray(parameters.voxel_size_mm, float))


def grow_trees(seed: Seed, parameters: CubeParameters, flow: np.ndarray) -> Trees:
    """Forests that serve the voxels of a cube (mm³/s), with radii of the default Murray constant."""
    arteries, veins = (
        grow_forest(
            flow,
            seed=stage_seed(seed, stage),
            voxel_size_mm=parameters.voxel_size_mm,
            new_inlet_probability=parameters.new_inlet_probability,
            reach_mm=parameters.reach_mm,
            n_candidates=parameters.n_candidates,
        )
        for stage in (Stage.ARTERIES, Stage.VEINS)
    )
    return Trees(arteries, veins)


def _capillary_plan(seed: Seed, parameters: CubeParameters, drawn: dict[str, float], flow: np.ndarray) -> CapillaryPlan:
    """The capillaries of a cube, to be drawn by who needs them."""
    fraction = np.full(flow.shape, drawn["capillary_volume_fraction"])
    volume = float(np.prod(parameters.voxel_size_mm))
    return CapillaryPlan(flow, fraction, stage_seed(seed, Stage.CAPILLARIES), volume)


def _inlet_delay(seed: Seed, parameters: CubeParameters, drawn: dict[str, float], arteries: Forest) -> np.ndarray:
    """s from the labeling plane to each arterial inlet, (n_inlets,)."""
    rng = generator(stage_seed(seed, Stage.INLETS))
    delay = drawn["inlet_delay"] + parameters.inlet_delay_spread * rng.standard_normal(len(arteries.inlets))
    return np.maximum(delay, LEAST_INLET_DELAY)
