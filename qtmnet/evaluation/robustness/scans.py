"""What methods make of the scan at each point of a table of robustness."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qtmnet.evaluation.brain_estimates import with_noise
from qtmnet.evaluation.brain_regions import BRAIN_SHARE, brain_voxels
from qtmnet.evaluation.protocols.scans import ProtocolScan, score_scan
from qtmnet.evaluation.protocols.scores import Truth
from qtmnet.evaluation.protocols.settings import ARTERIAL_LABEL
from qtmnet.evaluation.robustness.points import Point
from qtmnet.evaluation.robustness.settings import RobustnessTable
from qtmnet.evaluation.robustness.worlds import Edges, World, later
from qtmnet.methods.base import Frames, Methods
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.brain_scan import BrainScan
from simulators.seeding import Stage, generator, stage_seed
from simulators.tissue.label import LabelKinetics

Row = dict[str, Any]
"""Parameter and value, arterial label, method, and its measures by name, or in `reason` why there are none."""


@dataclass(frozen=True, eq=False)
class Reader:
    """How all points are read.

    Attributes:
        acquisition: protocol.
        table: that says how many voxels are scored, and under which arterial label.
        methods: that read.
        assumed: kinetics of label that methods are told.
        snr: signal-to-noise ratio where it is not the parameter; None for no noise.
        seed: of noise, voxels and movements.
    """

    acquisition: Acquisition
    table: RobustnessTable
    methods: Methods
    assumed: LabelKinetics
    snr: float | None
    seed: int

    def sizes(self, points: list[Point]) -> tuple[Edges, ...]:
        """Of the voxels that points are read on."""
        own = self.acquisition.voxel_size_mm
        return tuple(dict.fromkeys([own, *(point.value for point in points if point.parameter == "voxel_size_mm")]))

    def rows(self, world: World, point: Point) -> Iterator[Row]:
        """A row for each arterial label and method."""
        said = {"parameter": point.parameter, "value": point.text, "of_world": point.of_world}
        for scan in self.scans(world, point):
            for row in score_scan(scan, self.methods):
                yield {**said, **row}

    def scans(self, world: World, point: Point) -> Iterator[ProtocolScan]:
        """The scan of a point, under each arterial label.

        Raises:
            InputError: if no voxel counts as brain, or none is left to be scored.
        """
        size = point.value if point.parameter == "voxel_size_mm" else self.acquisition.voxel_size_mm
        snr = point.value if point.parameter == "snr" else self.snr
        brain = world.by_size[size]
        if point.parameter == "added_delay":
            brain = later(brain, point.value)
        inside = brain_voxels(brain.seen)
        truth = Truth.of(brain.seen, self._counts(inside, size))
        assumed = brain.label if self.table.told else self.assumed
        for name in self.table.arterial_label:
            acquisition = replace(world.protocol[size], vascular_crushing=ARTERIAL_LABEL[name])
            scan = brain.scan(acquisition)
            if point.parameter == "motion":
                scan = replace(scan, concentration=world.moved[name, point.value])
            seen = with_noise(scan, snr, self.seed)
            if point.parameter == "efficiency":
                seen = misjudged(seen, scan, point.value)
            frames = Frames(
                seen.concentration, acquisition, inside, tissue=assumed, affine=scan.affine, noise=seen.noise
            )
            yield ProtocolScan(name, snr, frames, truth)

    def _counts(self, inside: np.ndarray, size: Edges) -> np.ndarray:
        if not inside.any():
            raise InputError(
                f"voxel_size_mm: found {list(size)}, of which no voxel is brain by {BRAIN_SHARE:.0%} or more; give "
                "smaller ones"
            )
        counts = inside & (generator(stage_seed(self.seed, Stage.GRID)).random(inside.shape) < self.table.share)
        if not counts.any():
            raise InputError(
                f"robustness.share: found {self.table.share:g}, which leaves no voxel to score; give a larger one"
            )
        return counts


def misjudged(seen: BrainScan, noiseless: BrainScan, efficiency: float) -> BrainScan:
    """A scan whose labeling efficiency was not what its frames were calibrated with: label is less, noise is not.

    Args:
        seen: with noise.
        noiseless: the same without.
        efficiency: the true one over that of the calibration.
    """
    missing = np.float32(efficiency - 1) * noiseless.concentration
    return replace(seen, concentration=seen.concentration + missing)
