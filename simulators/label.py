"""How labeled water fares on its way: decay, and exchange between capillary and tissue."""

from dataclasses import dataclass

import numpy as np

from simulators.errors import InputError
from simulators.perfusion import TISSUE_DENSITY

EXCHANGES = ("two_compartment", "none")


@dataclass(frozen=True)
class LabelKinetics:
    """Rates that label follows in blood and tissue.

    Attributes:
        t1_blood: s, 1.65 at 3 T; infinity for label that does not decay.
        t1_tissue: s.
        exchange: `two_compartment` lets label cross the capillary wall, `none` keeps it in the blood.
        permeability_surface_ml_100g_min: water's PS product, 100–200 mL/100g/min in brain.
        extravascular_volume: mL of extravascular water per mL of tissue.

    Raises:
        InputError: for values that no tissue has.
    """

    t1_blood: float = 1.65
    t1_tissue: float = 1.2
    exchange: str = "two_compartment"
    permeability_surface_ml_100g_min: float = 150.0
    extravascular_volume: float = 0.9

    def __post_init__(self) -> None:
        if self.exchange not in EXCHANGES:
            raise InputError(f"exchange: found {self.exchange!r}; give one of {', '.join(EXCHANGES)}")
        for name in ("t1_blood", "t1_tissue", "extravascular_volume"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}: found {getattr(self, name)}; give a number above 0")
        for name in ("t1_blood", "t1_tissue"):
            if 20 < getattr(self, name) < np.inf:
                raise InputError(f"{name}: found {getattr(self, name)}; give s, not ms, or .inf for no decay")
        if self.extravascular_volume > 1:
            raise InputError(f"extravascular_volume: found {self.extravascular_volume}; give mL/mL, at most 1")
        if not self.permeability_surface_ml_100g_min >= 0:
            raise InputError(
                f"permeability_surface_ml_100g_min: found {self.permeability_surface_ml_100g_min}; give 0 or more"
            )

    def exchange_rates(self, capillary_volume_fraction: float) -> tuple[float, float]:
        """Rates (1/s) at which label leaves capillary blood and tissue: PS / V_c and PS / V_t."""
        if self.exchange == "none":
            return 0.0, 0.0
        per_ml = self.permeability_surface_ml_100g_min * TISSUE_DENSITY / 6000.0
        return per_ml / capillary_volume_fraction, per_ml / self.extravascular_volume

    @property
    def decay_rates(self) -> tuple[float, float]:
        """1/T1 of blood and of tissue, 1/s."""
        return 1.0 / self.t1_blood, 1.0 / self.t1_tissue
