"""How labeled water fares on its way: decay, and exchange between capillary and tissue."""

from dataclasses import dataclass
from typing import Annotated, Literal

from simulators.constants import DENSITY_G_ML, EXTRAVASCULAR_VOLUME, ML_100G_MIN, T1_BLOOD, T1_TISSUE
from simulators.settings.checking import check_fields
from simulators.settings.limits import T1, Permeability, Within

Exchange = Literal["two_compartment", "none"]

ExtravascularVolume = Annotated[float, Within(0.01, 1, "mL/mL", why="water in a mL of tissue")]


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

    t1_blood: T1 = T1_BLOOD
    t1_tissue: T1 = T1_TISSUE
    exchange: Exchange = "two_compartment"
    permeability_surface_ml_100g_min: Permeability = 150.0
    extravascular_volume: ExtravascularVolume = EXTRAVASCULAR_VOLUME

    def __post_init__(self) -> None:
        check_fields(self)

    def exchange_rates(self, capillary_volume_fraction: float) -> tuple[float, float]:
        """Rates (1/s) at which label leaves capillary blood and tissue: PS / V_c and PS / V_t."""
        if self.exchange == "none":
            return 0.0, 0.0
        per_ml = self.permeability_surface_ml_100g_min * DENSITY_G_ML / ML_100G_MIN
        return per_ml / capillary_volume_fraction, per_ml / self.extravascular_volume

    @property
    def decay_rates(self) -> tuple[float, float]:
        """1/T1 of blood and of tissue, 1/s."""
        return 1.0 / self.t1_blood, 1.0 / self.t1_tissue
