"""Label crosses the capillary wall both ways, and mixes with the water of the tissue about it."""

from dataclasses import dataclass
from typing import Annotated

from simulators.constants import DENSITY_G_ML, EXTRAVASCULAR_VOLUME, ML_100G_MIN
from simulators.settings.limits import Drawn, Permeability, Within
from simulators.tissue.exchange.base import Exchange

ExtravascularVolume = Annotated[float, Within(0.01, 1, "mL/mL", why="water in a mL of tissue")]


@dataclass(frozen=True)
class TwoCompartmentExchange(Exchange):
    """Exchange in proportion to the difference of concentration: PS (c_blood − c_tissue).

    Attributes:
        permeability_surface_ml_100g_min: PS of water across the capillary wall, 100–200 mL/100g/min in brain.
        extravascular_volume: mL of water outside vessels per mL of tissue.
    """

    permeability_surface_ml_100g_min: Drawn[Permeability] = 150.0
    extravascular_volume: ExtravascularVolume = EXTRAVASCULAR_VOLUME

    def rates(self, capillary_volume_fraction: float) -> tuple[float, float]:
        """PS / V_c and PS / V_t, 1/s."""
        per_ml = self.permeability_surface_ml_100g_min * DENSITY_G_ML / ML_100G_MIN  # type: ignore[operator]
        return per_ml / capillary_volume_fraction, per_ml / self.extravascular_volume

    @property
    def water_volume(self) -> float:
        """All of the water outside vessels."""
        return self.extravascular_volume
