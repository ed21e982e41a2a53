"""A network with all that it takes to read a scan: scaling in, scaling out, and what it was trained for."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from qtmnet.models.unet_cbam import UNetCBAM
from simulators.acquisition import Acquisition
from simulators.cube import CubeParameters
from simulators.errors import InputError

CONCENTRATION_SCALE = 100.0
"""Calibrated concentrations, about 0.01 in grey matter, are multiplied by this."""

PERFUSION_SCALE = 60.0
"""mL/100g/min; the network's output is in units of it."""

NORMALIZATIONS = ("calibrated", "global_max")

NETWORKS = {"qtmnet.models.unet_cbam.UNetCBAM": UNetCBAM}
"""What a checkpoint may build; a target that is not listed here is refused."""


@dataclass(frozen=True)
class Recipe:
    """What a network is and what it was trained for; plain data inside a checkpoint.

    Attributes:
        network: arguments of the network, `_target_` naming its class.
        normalization: `calibrated` keeps the absolute scale of the concentration, `global_max` divides each image by
            its maximum, as the paper does.
        acquisition: protocol of its input.
        phantom: what its training cubes were drawn from.
        simulator: name of the simulator of these cubes.
        seed: of the training.
        snr: signal-to-noise ratio of the training frames.
    """

    network: dict[str, object]
    normalization: str
    acquisition: Acquisition
    phantom: CubeParameters
    simulator: dict[str, object]
    seed: int
    snr: float | tuple[float, float] | None

    def __post_init__(self) -> None:
        if self.normalization not in NORMALIZATIONS:
            raise InputError(f"normalization: found {self.normalization!r}; give one of {', '.join(NORMALIZATIONS)}")
        if self.network.get("_target_") not in NETWORKS:
            raise InputError(
                f"model._target_: found {self.network.get('_target_')!r}; give one of {', '.join(NETWORKS)}"
            )

    def plain(self) -> dict[str, object]:
        """Containers and numbers only."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: dict[str, object]) -> "Recipe":
        """The recipe that `plain` was made from."""
        fields = dict(plain)
        fields["acquisition"] = Acquisition(**fields["acquisition"])  # type: ignore[arg-type]
        fields["phantom"] = CubeParameters(**fields["phantom"])  # type: ignore[arg-type]
        return cls(**fields)  # type: ignore[arg-type]


class Estimator(nn.Module):
    """Perfusion from the frames of one protocol.

    Args:
        recipe: the network and its protocol.

    The network sees the frames as channels and, for a 2D readout, the slice time as one more.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        arguments: dict[str, Any] = {name: value for name, value in recipe.network.items() if name != "_target_"}
        in_channels = recipe.acquisition.n_delays + bool(recipe.acquisition.slice_timing)
        try:
            self.network = NETWORKS[str(recipe.network["_target_"])](in_channels=in_channels, **arguments)
        except TypeError as error:
            raise InputError(f"model: {error}") from None

    def forward(self, concentration: torch.Tensor, slice_time: torch.Tensor) -> torch.Tensor:
        """Perfusion in units of `PERFUSION_SCALE`.

        Args:
            concentration: mL of labeled blood per mL of tissue, (N, K, X, Y, Z).
            slice_time: s after the first slice, (N, 1, X, Y, Z).

        Returns:
            (N, 1, X, Y, Z).
        """
        if self.recipe.normalization == "calibrated":
            scaled = concentration * CONCENTRATION_SCALE
        else:
            scaled = concentration / concentration.amax((1, 2, 3, 4), keepdim=True).clamp(min=1e-12)
        if self.recipe.acquisition.slice_timing:
            scaled = torch.cat([scaled, slice_time], 1)
        return self.network(scaled)

    @torch.inference_mode()
    def perfusion(self, concentration: np.ndarray, slice_time: np.ndarray | None = None) -> np.ndarray:
        """Perfusion map of one scan.

        Args:
            concentration: (K, X, Y, Z).
            slice_time: s after the first slice, (Z,); zeros by default.

        Returns:
            mL/100g/min, (X, Y, Z), float32.
        """
        device = next(self.parameters()).device
        frames = torch.as_tensor(np.ascontiguousarray(concentration, np.float32), device=device)[None]
        times = np.zeros(concentration.shape[-1]) if slice_time is None else slice_time
        times = np.ascontiguousarray(np.broadcast_to(times, (1, 1, *concentration.shape[1:])), np.float32)
        was_training = self.training
        self.eval()
        estimate = self(frames, torch.as_tensor(times, device=device))
        self.train(was_training)
        return PERFUSION_SCALE * estimate[0, 0].float().cpu().numpy()
