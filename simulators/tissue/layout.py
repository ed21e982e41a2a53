"""How perfusion lies in a cube: regions or folded sheets, with lesions and places without any."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from simulators.seeding import Seed, Stage, generator, stage_seed
from simulators.settings.checking import check_fields
from simulators.settings.limits import Within
from simulators.tissue.folded_sheets import FoldedSheets, folded_sheets
from simulators.tissue.lesions import Lesions, Voids, draw_lesion, draw_voids

SheetsShare = Annotated[float, Within(0, 1, why="of the cubes")]


@dataclass(frozen=True)
class PerfusionLayout:
    """How perfusion lies in cubes: in regions of equal mean perfusion, but for what is set here.

    Attributes:
        sheets_share: of the cubes, those of folded sheets of grey matter; the others have regions.
        sheets: what these are drawn from.
        lesions: places with more or less perfusion, which blood reaches late, in cubes of either kind.
        voids: places without perfusion, likewise.

    Raises:
        InputError: for values that no tissue has.
    """

    sheets_share: SheetsShare = 0.0
    sheets: FoldedSheets = field(default_factory=FoldedSheets)
    lesions: Lesions = field(default_factory=lambda: Lesions(probability=0.0))
    voids: Voids = field(default_factory=lambda: Voids(probability=0.0))

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def is_regions_alone(self) -> bool:
        """Whether all cubes have regions and nothing else, as before there were other layouts."""
        return self.sheets_share == self.lesions.probability == self.voids.probability == 0

    def perfusion(
        self,
        shape: tuple[int, int, int],
        voxel_size_mm: tuple[float, float, float],
        regions: Callable[[], np.ndarray],
        *,
        seed: Seed,
    ) -> np.ndarray:
        """Perfusion of a cube, mL/100g/min, (X, Y, Z): 0 in fluid and voids, positive elsewhere, and somewhere.

        Args:
            shape: voxels along each axis.
            voxel_size_mm: edge lengths of a voxel.
            regions: makes the perfusion of a cube that has regions, positive everywhere, (X, Y, Z).
            seed: of the cube.
        """
        if generator(stage_seed(seed, Stage.LAYOUT)).random() < self.sheets_share:
            perfusion = folded_sheets(shape, voxel_size_mm, self.sheets, seed=stage_seed(seed, Stage.PERFUSION))
        else:
            perfusion = regions()
        if self.lesions.probability > 0:
            perfusion = perfusion * self._lesion(shape, voxel_size_mm, seed)[0]
        if self.voids.probability > 0:
            void = draw_voids(shape, voxel_size_mm, self.voids, seed=stage_seed(seed, Stage.VOIDS))
            perfusion = np.where(void, 0.0, perfusion) if (perfusion[~void] > 0).any() else perfusion
        return perfusion

    def extra_delay(
        self, shape: tuple[int, int, int], voxel_size_mm: tuple[float, float, float], *, seed: Seed
    ) -> np.ndarray | None:
        """s that blood comes later to each voxel of the cube of a seed, (X, Y, Z); None if it nowhere does."""
        delay = self._lesion(shape, voxel_size_mm, seed)[1] if self.lesions.probability > 0 else np.zeros(shape)
        return delay if delay.any() else None

    def _lesion(
        self, shape: tuple[int, int, int], voxel_size_mm: tuple[float, float, float], seed: Seed
    ) -> tuple[np.ndarray, np.ndarray]:
        return draw_lesion(shape, voxel_size_mm, self.lesions, seed=stage_seed(seed, Stage.LESION))
