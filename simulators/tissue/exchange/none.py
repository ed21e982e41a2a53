"""Label stays in the blood."""

from dataclasses import dataclass

from simulators.tissue.exchange.base import Exchange


@dataclass(frozen=True)
class NoExchange(Exchange):
    """Capillary walls that label does not cross."""

    def rates(self, capillary_volume_fraction: float) -> tuple[float, float]:
        """0 and 0."""
        return 0.0, 0.0

    @property
    def water_volume(self) -> float:
        """0."""
        return 0.0
