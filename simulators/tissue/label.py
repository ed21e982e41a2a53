"""How labeled water fares on its way: decay, and exchange between capillary and tissue."""

from dataclasses import dataclass, field

from simulators.constants import T1_BLOOD, T1_TISSUE
from simulators.errors import InputError
from simulators.settings.checking import check_fields, shown
from simulators.settings.limits import T1
from simulators.tissue.exchange.base import Exchange
from simulators.tissue.exchange.two_compartment import TwoCompartmentExchange


@dataclass(frozen=True)
class LabelKinetics:
    """Rates that label follows in blood and tissue.

    Attributes:
        t1_blood: s, 1.65 at 3 T; infinity for label that does not decay.
        t1_tissue: s.
        exchange: between capillary blood and tissue, all of it numbers.

    Raises:
        InputError: for values that no tissue has, or a range.
    """

    t1_blood: T1 = T1_BLOOD
    t1_tissue: T1 = T1_TISSUE
    exchange: Exchange = field(default_factory=TwoCompartmentExchange)

    def __post_init__(self) -> None:
        check_fields(self)
        for name, value in self.exchange.ranges.items():
            if isinstance(value, tuple):
                raise InputError(f"exchange.{name}: found {shown(value)}; give a number, drawn from it")

    @property
    def decay_rates(self) -> tuple[float, float]:
        """1/T1 of blood and of tissue, 1/s."""
        return 1.0 / self.t1_blood, 1.0 / self.t1_tissue
