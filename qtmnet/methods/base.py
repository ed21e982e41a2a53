"""What a method is: from the frames of a scan to maps, and what a report says of how.

A method is a file here and one in `conf/method`, which names it; evaluation, prediction, tables and reports take it
from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from simulators.imaging.acquisition import Acquisition
from simulators.tissue.label import LabelKinetics


@dataclass(frozen=True, eq=False)
class Frames:
    """What a method reads, of a real scan or a simulated one.

    Attributes:
        concentration: mL of fully labeled blood per mL of tissue, (K, X, Y, Z), float32.
        acquisition: how they were made.
        mask: voxels that count, (X, Y, Z) bool; None for all.
        tissue: what label does in the tissue, if it is known, as in a simulation.
    """

    concentration: np.ndarray
    acquisition: Acquisition
    mask: np.ndarray | None = None
    tissue: LabelKinetics | None = None

    @property
    def inside(self) -> np.ndarray:
        """Voxels that count, (X, Y, Z) bool."""
        shape = self.concentration.shape[1:]
        return np.ones(shape, bool) if self.mask is None else self.mask


Maps = Mapping[str, np.ndarray]
"""Quantity's key → map (X, Y, Z), 0 outside of the mask."""


@dataclass(frozen=True)
class About:
    """What there is to say of a method, or of a step before it.

    Attributes:
        title: of the method.
        equation: name of an equation in `report/equations.html`; empty for none.
        text: how it works and what it assumes.
        constants: names and values that went into it.
        references: where it comes from.
    """

    title: str
    equation: str
    text: str
    constants: tuple[tuple[str, str], ...]
    references: tuple[str, ...]


class Method(Protocol):
    """What makes maps of a scan; `conf/method` chooses one, or several to compare."""

    @property
    def title(self) -> str:
        """What tables and figures call it; its name in settings and files is that of its option."""
        ...

    @property
    def quantities(self) -> tuple[str, ...]:
        """Keys of the maps that it makes, see `qtmnet.quantities`; the first is what it is compared by."""
        ...

    def check(self, acquisition: Acquisition) -> None:
        """Whether it can read such a scan, before any long work.

        Raises:
            InputError: if not, with what it needs.
        """
        ...

    def maps(self, frames: Frames) -> Maps:
        """Maps of all its quantities.

        Raises:
            InputError: as `check`, or for frames that cannot be read.
        """
        ...

    def about(self, frames: Frames) -> About:
        """What a report says of the maps of these frames: equation, constants, sources."""
        ...

    def sidecar(self, frames: Frames) -> dict[str, object]:
        """Fields of its own for the JSON beside its maps."""
        ...
