"""The brain: from the great arteries to a terminal in every voxel, and back out through the veins.

The stages in reading order: great vessels, anatomy, pial vessels, arterioles and venules, perfusion, label. Each can be
kept in a folder and is made anew only when something that it depends on has changed.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt

from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.readout import DEFAULT_TIME, nested_voxel_size, simulated_time
from simulators.machine.cores import n_cores
from simulators.phantoms.brain_parameters import BrainParameters
from simulators.phantoms.brain_vessels import (
    BrainTree,
    delays,
    great_tree,
    grow_arterioles,
    nodes_of,
    nominal_flow,
    scaffold,
    territories_of,
    with_flow,
)
from simulators.phantoms.simulated_brain import NO_TERRITORY, Brain
from simulators.phantoms.stages import Arrays, StageFolder, StageResult, file_fingerprint
from simulators.seeding import Stage, generator, stage_seed
from simulators.tissue.anatomy import GREY, MAPS, Anatomy, place_on_grid
from simulators.tissue.capillaries import CapillaryPlan
from simulators.tissue.perfusion import LEAST_PERFUSION, flow_from_perfusion
from simulators.tissue.territories import points_along
from simulators.transport.numba import NumbaSimulator
from simulators.transport.step_response import Simulator, StepResponse
from simulators.vessels.great_vessels import GreatVessels
from simulators.vessels.vasculature import Vasculature

FORMAT = 3
"""Of the kept stages; raised when the same settings would give another result."""

SIDES = {"left": -1.0, "right": 1.0}
"""Which way from the middle each side lies."""

STAGES = ("great_vessels", "anatomy", "pial", "arterioles", "perfusion", "label")


def simulate_brain(
    parameters: BrainParameters | None = None,
    *,
    time: np.ndarray | tuple[float, ...] = DEFAULT_TIME,
    simulator: Simulator | None = None,
    folder: str | Path | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Brain:
    """Simulate a brain.

    Args:
        parameters: what to make it from; the default is MNI152 with the template's vessels.
        time: s since labeling began, (T,), increasing, above 0.
        simulator: of the label's transport; `NumbaSimulator()` with a thread for each core by default.
        folder: keeps the stages, so that a killed simulation goes on from the last finished one; None: nothing is kept.
        tell: called with a line as each stage begins and ends.

    Raises:
        InputError: for files that cannot be read or settings that no brain has.
    """
    return BrainStages(parameters or BrainParameters(), folder=folder, tell=tell).brain(time, simulator)


def fitted(parameters: BrainParameters, acquisition: Acquisition) -> tuple[BrainParameters, tuple[float, ...]]:
    """Parameters with voxels that nest in the acquired ones, and the times (s) to simulate for a protocol."""
    size = nested_voxel_size(parameters.voxel_size_mm, acquisition)
    return replace(parameters, voxel_size_mm=size), simulated_time(acquisition)


class BrainStages:
    """The stages of one brain; each is made, or read from its folder, when it is first asked for.

    Args:
        parameters: what the brain is made from.
        folder: keeps the stages; None: nothing is kept.
        tell: called with a line as each stage begins and ends.
    """

    def __init__(
        self,
        parameters: BrainParameters,
        *,
        folder: str | Path | None = None,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        parameters.anatomy.look()
        self.parameters = parameters
        self.stages = StageFolder(Path(folder) if folder else None, tell)

    def run_until(self, stage: str) -> None:
        """Run the stages up to one of `STAGES`, all but the label's.

        Raises:
            InputError: for another name.
        """
        runs = ("great_vessels", "anatomy", "pial_vessels", "trees", "perfusion")
        if stage not in STAGES[:-1]:
            raise InputError(f"until: found {stage!r}; give one of {', '.join(STAGES[:-1])}, or null for all")
        for attribute in runs[: STAGES.index(stage) + 1]:
            getattr(self, attribute)

    @cached_property
    def _great(self) -> StageResult:
        angiography = self.parameters.angiography
        settings = {
            "format": FORMAT,
            "files": {name: file_fingerprint(file, f"angiography.{name}") for name, file in angiography.files.items()},
            "inlets": angiography.inlets,
        }
        return self.stages.run(
            "great_vessels",
            settings,
            lambda: {**angiography.arteries().to_arrays("arteries"), **angiography.veins().to_arrays("veins")},
        )

    @cached_property
    def great_vessels(self) -> tuple[GreatVessels, GreatVessels]:
        """Great arteries and veins, in mm of the anatomy."""
        arteries, veins = (GreatVessels.from_arrays(name, self._great.arrays) for name in ("arteries", "veins"))
        return arteries, veins

    @cached_property
    def _anatomy(self) -> StageResult:
        maps = self.parameters.anatomy
        settings = {
            "great_vessels": self._great.fingerprint,
            "files": [file_fingerprint(file, f"anatomy.{name}") for name, file in zip(MAPS, maps.files, strict=False)],
            "voxel_size_mm": self.parameters.voxel_size_mm,
        }

        def make() -> Arrays:
            to_hold = np.concatenate([vessels.position for vessels in self.great_vessels])
            anatomy = place_on_grid(*maps.read(), self.parameters.voxel_size_mm, to_hold)
            return {"tissue": anatomy.tissue, "shell": anatomy.shell, "affine": anatomy.affine}

        return self.stages.run("anatomy", settings, make)

    @cached_property
    def anatomy(self) -> Anatomy:
        """Tissue classes on the brain's grid."""
        return Anatomy(**self._anatomy.arrays)

    @cached_property
    def _nominal_flow(self) -> np.ndarray:
        return nominal_flow(self.anatomy, self.parameters.grey_perfusion, self.parameters.white_perfusion)

    @cached_property
    def _pial(self) -> tuple[StageResult, StageResult]:
        parameters, (arteries, veins) = self.parameters, self.great_vessels
        self._check_names(arteries)
        settings = {
            "anatomy": self._anatomy.fingerprint,
            "seed": parameters.seed,
            "spacing_mm": parameters.pial_spacing_mm,
            "n_candidates": parameters.n_candidates,
            "perfusion": (parameters.grey_perfusion, parameters.white_perfusion),
        }
        shares = None if parameters.inlet_shares is None else dict(parameters.inlet_shares)

        def make(vessels: GreatVessels, stage: Stage, shares: dict[str, float] | None) -> Arrays:
            return scaffold(self.anatomy, self._nominal_flow, vessels, parameters, stage, shares)

        return (
            self.stages.run(
                "pial_arteries", {**settings, "shares": shares}, lambda: make(arteries, Stage.PIAL_ARTERIES, shares)
            ),
            self.stages.run("pial_veins", settings, lambda: make(veins, Stage.PIAL_VEINS, None)),
        )

    def _check_names(self, arteries: GreatVessels) -> None:
        """Refuse territories that there are none of before anything grows."""
        places = (*arteries.root_names, *dict.fromkeys(territories_of(arteries)))
        for field, known in (("territory_perfusion", (*SIDES, *places)), ("territory_delay", places)):
            for name in getattr(self.parameters, field):
                if name not in known:
                    raise InputError(f"phantom.{field}: found {name}; give some of {', '.join(dict.fromkeys(known))}")

    @property
    def pial_vessels(self) -> tuple[Arrays, Arrays]:
        """Scaffolds of arteries and veins; see `simulators.phantoms.pial.Scaffold`."""
        return self._pial[0].arrays, self._pial[1].arrays

    @cached_property
    def _trees(self) -> tuple[StageResult, StageResult]:
        """Arterial and venous trees, grown side by side."""

        def grow(name: str, stage: Stage, pial: StageResult) -> StageResult:
            return self.stages.run(
                name,
                {"pial": pial.fingerprint, "seed": self.parameters.seed, "n_candidates": self.parameters.n_candidates},
                lambda: grow_arterioles(self.anatomy, self._nominal_flow, pial.arrays, self.parameters, stage),
            )

        pial, _ = self._pial, self._nominal_flow
        with ThreadPoolExecutor(2) as pool:
            arteries = pool.submit(grow, "arterioles", Stage.ARTERIES, pial[0])
            veins = pool.submit(grow, "venules", Stage.VEINS, pial[1])
            return arteries.result(), veins.result()

    @cached_property
    def trees(self) -> tuple[BrainTree, BrainTree]:
        """Arteries and veins, for the nominal perfusion of grey and white matter."""
        arteries, veins = self.great_vessels
        return great_tree(self._trees[0].arrays, arteries), great_tree(self._trees[1].arrays, veins)

    @cached_property
    def _perfusion(self) -> StageResult:
        parameters = self.parameters
        settings = {
            "arteries": self._trees[0].fingerprint,
            "seed": parameters.seed,
            "fluctuation": parameters.perfusion_fluctuation,
            "territories": dict(parameters.territory_perfusion),
        }
        return self.stages.run("perfusion", settings, lambda: {"perfusion": self._draw_perfusion()})

    @property
    def perfusion(self) -> np.ndarray:
        """Perfusion, mL/100g/min, 0 outside of grey and white matter, (X, Y, Z)."""
        return self._perfusion.arrays["perfusion"]

    def _draw_perfusion(self) -> np.ndarray:
        parameters, anatomy = self.parameters, self.anatomy
        rng = generator(stage_seed(parameters.seed, Stage.PERFUSION))
        mean = np.where(anatomy.tissue == GREY, parameters.grey_perfusion, parameters.white_perfusion)
        for name, factor in parameters.territory_perfusion.items():
            mean = np.where(self._places(name), factor * mean, mean)
        drawn = mean * (1 + parameters.perfusion_fluctuation * rng.standard_normal(mean.shape))
        return np.where(anatomy.in_tissue, np.maximum(drawn, LEAST_PERFUSION), 0.0)

    def _places(self, name: str) -> np.ndarray:
        """Voxels of a territory, an inlet or a side, (X, Y, Z)."""
        arteries, affine = self.trees[0], self.anatomy.affine
        if name in SIDES:
            right = affine[0, 0] * np.arange(len(arteries.terminal)) + affine[0, 3]
            return np.broadcast_to((SIDES[name] * right > 0)[:, None, None], arteries.terminal.shape)
        of_node = nodes_of(arteries, name, "territory_perfusion", also=tuple(SIDES))
        return (arteries.terminal >= 0) & of_node[arteries.terminal]

    @cached_property
    def vessels(self) -> Vasculature:
        """All vessels, with the flows that the perfusion asks for."""
        parameters, anatomy = self.parameters, self.anatomy
        flow = flow_from_perfusion(self.perfusion, np.asarray(anatomy.voxel_size_mm))
        arteries, veins = (
            with_flow(tree, flow, anatomy.voxel_size_mm, murray_k)
            for tree, murray_k in zip(
                self.trees, (parameters.arterial_murray_k, parameters.venous_murray_k), strict=True
            )
        )
        fraction = np.where(anatomy.tissue == GREY, parameters.grey_capillary_volume, parameters.white_capillary_volume)
        inlet_delay, detour = delays(self.trees[0], parameters.territory_delay)
        return Vasculature(
            arteries=arteries,
            capillaries=CapillaryPlan(
                flow,
                fraction,
                stage_seed(parameters.seed, Stage.CAPILLARIES),
                float(np.prod(anatomy.voxel_size_mm)),
            ),
            veins=veins,
            inlet_delay=inlet_delay,
            detour=detour,
            bluntness=parameters.bluntness,
        )

    def label_settings(self, time: np.ndarray | tuple[float, ...], simulator: Simulator) -> dict[str, object]:
        """All that the step response at these times (s) depends on, as plain data."""
        how = {name: value for name, value in asdict(simulator).items() if name != "n_threads"}  # type: ignore[call-overload]
        return {
            "perfusion": self._perfusion.fingerprint,
            "veins": self._trees[1].fingerprint,
            **self.parameters.transport_settings,
            "time": np.asarray(time, float),
            "simulator": {"name": type(simulator).__name__, **how},
        }

    def response(self, time: np.ndarray | tuple[float, ...], simulator: Simulator | None = None) -> StepResponse:
        """Step response at the given times (s)."""
        simulator = simulator or NumbaSimulator()
        if isinstance(simulator, NumbaSimulator) and simulator.n_threads is None:
            simulator = replace(simulator, n_threads=n_cores())
        parameters, at = self.parameters, np.asarray(time, float)

        def make() -> Arrays:
            made = simulator.step_response(self.vessels, at, parameters.label)
            holds = np.flatnonzero((made.arterial[-1] > 0) | (made.bed[-1] > 0))  # S never falls
            rows = {name: getattr(made, name).reshape(len(at), -1)[:, holds] for name in ("arterial", "bed")}
            return {"voxel": holds, "left": np.zeros(0) if made.left is None else made.left, **rows}

        arrays = self.stages.run("label", self.label_settings(at, simulator), make).arrays
        return StepResponse(
            time=at,
            arterial=self._spread(arrays["voxel"], arrays["arterial"]),
            bed=self._spread(arrays["voxel"], arrays["bed"]),
            voxel_size_mm=self.anatomy.voxel_size_mm,
            left=arrays["left"] if len(arrays["left"]) else None,
        )

    def _spread(self, voxel: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Images, (T, X, Y, Z), of the values of some voxels, (T, V)."""
        images = np.zeros((len(rows), *self.anatomy.tissue.shape), np.float32)
        for image, row in zip(images, rows, strict=True):
            image.reshape(-1)[voxel] = row
        return images

    def brain(self, time: np.ndarray | tuple[float, ...] = DEFAULT_TIME, simulator: Simulator | None = None) -> Brain:
        """Run all stages."""
        vessels, response = self.vessels, self.response(time, simulator)
        arteries, veins = self.trees
        territory = np.where(arteries.terminal >= 0, arteries.territory[arteries.terminal], NO_TERRITORY)
        return Brain(
            anatomy=self.anatomy,
            perfusion=self.perfusion,
            vessels=vessels,
            label=self.parameters.label,
            response=response,
            territory=territory.astype(np.uint8),
            territory_names=arteries.territory_names,
            great_vessel_distance=self._great_vessel_distance(),
            inlet_names=arteries.root_names,
            outlet_names=veins.root_names,
            arterial_level=arteries.level,
            venous_level=veins.level,
            records=tuple(self.stages.records),
        )

    def _great_vessel_distance(self) -> np.ndarray:
        great = self.great_vessels[0]
        points, _ = points_along(great.position - self.anatomy.corner_mm, great.parent)
        free = np.ones(self.anatomy.tissue.shape, bool)
        free[tuple((points / self.anatomy.voxel_size_mm).astype(int).T)] = False
        return distance_transform_edt(free, sampling=self.anatomy.voxel_size_mm).astype(np.float32)
