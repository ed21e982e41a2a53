"""What the network for any scan sees: coefficients of the step response and how sure they are, whatever the protocol.

See `qtmnet.coefficients.front_end.images` for the images that these are made from.
"""

from dataclasses import dataclass

import torch

from qtmnet.coefficients.front_end import ESTIMATED
from qtmnet.limits import FunctionCount
from qtmnet.methods.network.inputs import Images
from qtmnet.quantities import QUANTITIES
from simulators.imaging.acquisition import Acquisition
from simulators.settings.checking import check_fields

TYPICAL_VOXEL_MM = 3.0

T1_BLOOD_RANGE = (1.75, 0.15)
"""s, middle of what T1 of blood is in training and its spread."""

LARGEST = 8.0
"""Of a channel that is an estimate in units of its scale."""

TYPICAL_COEFFICIENT = 3.0
"""Standard deviations; arteries have up to a hundred, which their logarithms tell."""


@dataclass(frozen=True)
class CoefficientsInput:
    """Posterior means of the coefficients, as they are and with their sizes as logarithms, and their spreads.

    Attributes:
        n_functions: R, coefficients of the front end.
    """

    n_functions: FunctionCount = 12

    def __post_init__(self) -> None:
        check_fields(self)

    def n_channels(self, acquisition: Acquisition) -> int:
        """Three for each coefficient."""
        return 3 * self.n_functions

    def channels(self, images: Images) -> torch.Tensor:
        """(N, 3 R, X, Y, Z)."""
        z = images.given["coefficients"]
        parts = [
            z.clamp(-TYPICAL_COEFFICIENT, TYPICAL_COEFFICIENT),
            z.sign() * z.abs().log1p(),
            images.given["coefficient_spread"].clamp(max=2.0),
        ]
        return torch.cat(parts, 1)


@dataclass(frozen=True)
class LinearEstimatesInput:
    """Linear estimates of perfusion, transit time and arterial blood volume, and the spread of the first."""

    def n_channels(self, acquisition: Acquisition) -> int:
        """One for each estimate, and the spread."""
        return len(ESTIMATED) + 1

    def channels(self, images: Images) -> torch.Tensor:
        """(N, 4, X, Y, Z)."""
        scales = [QUANTITIES[key].scale for key in ESTIMATED]
        linear = images.given["linear"]
        scaled = linear / linear.new_tensor(scales)[:, None, None, None]
        spread = images.given["linear_spread"][:, :1] / scales[0]
        return torch.cat([scaled, spread], 1).clamp(-LARGEST, LARGEST)


@dataclass(frozen=True)
class CircumstancesInput:
    """How well the frames fit all that is known, the voxel's size, T1 of blood, and whether arteries are hidden."""

    def n_channels(self, acquisition: Acquisition) -> int:
        """One, three, one and one."""
        return 6

    def channels(self, images: Images) -> torch.Tensor:
        """(N, 6, X, Y, Z)."""
        given = images.given
        middle, spread = T1_BLOOD_RANGE
        parts = [
            given["chi_squared"].clamp(min=0).log1p(),
            (given["voxel_size"] / TYPICAL_VOXEL_MM).log(),
            (given["t1_blood"] - middle) / spread,
            given["crushed"],
        ]
        return torch.cat(parts, 1)
