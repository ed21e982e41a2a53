"""How much of each voxel of a scan is grey matter, white matter and fluid."""

from dataclasses import dataclass

import numpy as np

TISSUE_THRESHOLD = 0.7
"""Share above which a voxel counts as of one tissue, as ASLPrep has it."""


@dataclass(frozen=True, eq=False)
class TissueShares:
    """Shares of tissues on a scan's grid, 0 to 1.

    Attributes:
        grey, white, fluid: (X, Y, Z) float32.
        threshold: share above which a voxel counts as of one tissue.
        note: where they came from.
    """

    grey: np.ndarray
    white: np.ndarray
    fluid: np.ndarray
    threshold: float = TISSUE_THRESHOLD
    note: str = ""

    @property
    def is_grey(self) -> np.ndarray:
        """Voxels that count as grey matter, (X, Y, Z) bool."""
        return self.grey > self.threshold

    @property
    def is_white(self) -> np.ndarray:
        """Voxels that count as white matter."""
        return self.white > self.threshold

    @property
    def is_fluid(self) -> np.ndarray:
        """Voxels that count as fluid."""
        return self.fluid > self.threshold
