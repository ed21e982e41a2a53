"""What a method is: from the frames of a scan to maps, and what a report says of how.

A method is a class and a file in `conf/method`, which names it; evaluation, prediction, tables and reports take it from
there. Those that come from a checkpoint are compared with the others, see `Methods`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from qtmnet.scans.scan import AslScan
from simulators.imaging.acquisition import Acquisition
from simulators.tissue.exchange.base import Exchange


class Tissue(Protocol):
    """What says how label fares: `LabelKinetics`, or the parameters of a phantom."""

    @property
    def exchange(self) -> Exchange: ...
    @property
    def t1_blood(self) -> float: ...
    @property
    def t1_tissue(self) -> float: ...


@dataclass(frozen=True, eq=False)
class Frames:
    """What a method reads, of a real scan or a simulated one.

    Attributes:
        concentration: mL of fully labeled blood per mL of tissue, (K, X, Y, Z), float32.
        acquisition: how they were made.
        mask: voxels that count, (X, Y, Z) bool; None for all.
        tissue: what label does in the tissue, if it is known, as in a simulation.
        affine: voxel index to mm, (4, 4); None where there is no left or right.
        path: of the image that they come from, if there is one.
        t1_blood, t1_tissue: s, of a scan at its field strength, where `tissue` is not known; None for those at 3 T.
        noise: standard deviation of the noise of `concentration`, mL/mL, (K, X, Y, Z) or of a shape that is broadcast
            to it; 0 where there is none, as off the mask, None where it is not known.
    """

    concentration: np.ndarray
    acquisition: Acquisition
    mask: np.ndarray | None = None
    tissue: Tissue | None = None
    affine: np.ndarray | None = None
    path: Path | None = None
    noise: np.ndarray | None = None
    t1_blood: float | None = None
    t1_tissue: float | None = None

    @classmethod
    def of_scan(cls, scan: AslScan) -> "Frames":
        """Those of a real scan.

        Raises:
            InputError: as `AslScan.concentration`.
        """
        return cls(
            scan.concentration(),
            scan.acquisition,
            scan.mask,
            affine=scan.affine,
            path=scan.path,
            noise=scan.noise(),
            t1_blood=scan.t1_blood,
            t1_tissue=scan.t1_tissue,
        )

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
        text: how it works and what it assumes.
        equation: name of an equation in `report/equations.html`, or the equation itself, as text; empty for none.
        constants: names and values that went into it.
        references: where it comes from.
        chosen: what it chose of the scan, in lines for the console.
    """

    title: str
    text: str
    equation: str = ""
    constants: tuple[tuple[str, str], ...] = ()
    references: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()


class Method(Protocol):
    """What makes maps of a scan; `conf/method` chooses one, or several to compare.

    A class that names it as its base has what is said here of `learned`, `check`, `outside`, `sidecar` and `origin`.
    """

    @property
    def title(self) -> str:
        """What pages call it; its name in settings and files is that of its option."""
        ...

    @property
    def quantities(self) -> tuple[str, ...]:
        """Keys of the maps that it makes, see `qtmnet.quantities`."""
        ...

    @property
    def learned(self) -> bool:
        """Whether it comes from a checkpoint: its faults are mended by training, and others are compared with it."""
        return False

    def check(self, acquisition: Acquisition) -> None:
        """Whether it can read such a scan, before any long work.

        Raises:
            InputError: if not, with what it needs.
        """
        return

    def maps(self, frames: Frames) -> Maps:
        """Maps of all its quantities, in their units.

        Raises:
            InputError: as `check`, or for frames that cannot be read.
        """
        ...

    def outside(self, frames: Frames) -> Iterable[str]:
        """What of such a scan it was not trained for, a phrase for each; single voxels are marked by a map `outside`.

        Such as `bolus durations: 4 s, trained 0.8 to 2.5 s`.
        """
        return ()

    def about(self, frames: Frames) -> About:
        """What a report says of maps of such frames, by their protocol and tissue: equation, constants, sources."""
        ...

    def sidecar(self, frames: Frames) -> Mapping[str, object]:
        """Fields of its own for the JSON beside its maps."""
        return {}

    def origin(self) -> Mapping[str, object]:
        """What tells it from others of its kind, such as the file of its weights and their hash."""
        return {}


@dataclass(frozen=True)
class Methods:
    """Methods by name, those from checkpoints apart from those that they are compared with.

    Attributes:
        learned: from checkpoints.
        compared: all others.
    """

    learned: Mapping[str, Method] = field(default_factory=dict)
    compared: Mapping[str, Method] = field(default_factory=dict)

    @property
    def all(self) -> dict[str, Method]:
        """By name, those from checkpoints first."""
        return {**self.learned, **self.compared}

    @property
    def origins(self) -> dict[str, dict[str, object]]:
        """What tells each from others of its kind, by name: see `Method.origin`."""
        return {name: dict(method.origin()) for name, method in self.all.items()}

    @property
    def titles(self) -> dict[str, str]:
        """What pages call them, by name."""
        return {name: method.title for name, method in self.all.items()}

    @classmethod
    def of(cls, named: Mapping[str, Method]) -> "Methods":
        """Methods by what they are."""
        return cls(
            {name: method for name, method in named.items() if method.learned},
            {name: method for name, method in named.items() if not method.learned},
        )
