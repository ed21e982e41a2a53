"""Maps of the same voxels: the truth, and what each method makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qtmnet.methods.base import Maps
from qtmnet.quantities import QUANTITIES, in_order


@dataclass(frozen=True, eq=False)
class Estimates:
    """Maps of one brain, (X, Y, Z), or of several cubes, (n, X, Y, Z).

    Attributes:
        truth: by quantity, 0 where it is not defined.
        by_method: by method and quantity.
        undefined: by quantity, voxels without a truth, bool; quantities that have one everywhere are not there.
    """

    truth: Maps
    by_method: Mapping[str, Maps]
    undefined: Mapping[str, np.ndarray]

    @property
    def quantities(self) -> tuple[str, ...]:
        """All that some method makes, in the order of the table."""
        return in_order(key for maps in self.by_method.values() for key in maps)

    @property
    def scored(self) -> tuple[str, ...]:
        """Those of them that there is a truth of."""
        return tuple(key for key in self.quantities if key in self.truth)

    def of(self, quantity: str) -> dict[str, np.ndarray]:
        """Maps of a quantity, by method."""
        return {name: maps[quantity] for name, maps in self.by_method.items() if quantity in maps}

    def defined(self, quantity: str) -> np.ndarray:
        """Voxels that have a truth of a quantity, bool."""
        truth = self.truth[quantity]
        return ~self.undefined[quantity] if quantity in self.undefined else np.ones(truth.shape, bool)


def told(truths: Mapping[str, np.ndarray], counts: np.ndarray | None = None) -> tuple[Maps, dict[str, np.ndarray]]:
    """Truths as `Estimates` has them: 0 where they are not defined or do not count; and where they are not defined."""
    undefined = {key: ~np.isfinite(values) for key, values in truths.items() if not QUANTITIES[key].everywhere}
    undefined = {key: where for key, where in undefined.items() if where.any()}
    kept = {key: np.where(undefined[key], 0, values) if key in undefined else values for key, values in truths.items()}
    return {key: values if counts is None else np.where(counts, values, 0) for key, values in kept.items()}, undefined
