"""The points of a table of robustness: which parameter has which value, and what brain shows it."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from qtmnet.evaluation.robustness.settings import PARAMETERS, RobustnessTable
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.brain_parameters import Angiography, BrainParameters
from simulators.vessels.other_trees import OTHER_TREES, other_tree, shares_for, write_great_vessels

UNDISTURBED = "undisturbed"
"""In place of a parameter: the scan in which none is off."""

PERMEABILITY = "permeability_surface_ml_100g_min"


@dataclass(frozen=True)
class Point:
    """A value of a parameter.

    Attributes:
        parameter: of `PARAMETERS`, or `UNDISTURBED`.
        value: as in the settings.
        of_world: whether it is read from a world for which label is followed anew, see `RobustnessTable`.
    """

    parameter: str
    value: Any = None
    of_world: bool = False

    @property
    def text(self) -> str:
        """The value as tables have it."""
        return value_text(self.parameter, self.value)

    @property
    def key(self) -> str:
        """What tells it from all others of a table."""
        return f"{self.parameter}={self.text}{', world' if self.of_world else ''}"


def value_text(parameter: str, value: Any) -> str:
    """A value as tables and axes have it."""
    if parameter == "snr":
        return "∞" if value is None else f"{value:g}"
    if parameter == "voxel_size_mm":
        return "×".join(f"{edge:g}" for edge in value)
    if isinstance(value, int | float):
        return f"{value:g}"
    return "" if value is None else Path(str(value)).name


def usual(parameter: str, phantom: BrainParameters, acquisition: Acquisition, snr: float | None) -> Any:
    """The value that a parameter has where it is not off.

    Args:
        parameter: of `PARAMETERS`.
        phantom: that is read.
        acquisition: protocol.
        snr: signal-to-noise ratio of the undisturbed scan.

    Raises:
        InputError: for permeability, if the phantom's exchange has none.
    """
    if parameter == "permeability":
        return _permeability(phantom)
    own = {
        "snr": snr,
        "voxel_size_mm": acquisition.voxel_size_mm,
        "added_delay": 0.0,
        "motion": 0.0,
        "t1_blood": phantom.t1_blood,
        "t1_tissue": phantom.t1_tissue,
        "trees": "phantom’s",
    }
    return own.get(parameter, 1.0)


def points_of(
    table: RobustnessTable, phantom: BrainParameters, acquisition: Acquisition, snr: float | None
) -> Iterator[Point]:
    """All points: the undisturbed ones first, those of each world where some parameter is off behind it.

    Values that a parameter has anyway are the undisturbed scan's.
    """
    varied = table.varied
    yield Point(UNDISTURBED)
    if any(PARAMETERS[name].of_world for name in varied):
        yield Point(UNDISTURBED, of_world=True)
    for name, values in varied.items():
        own = usual(name, phantom, acquisition, snr)
        for value in values:
            if value != own:
                yield Point(name, value, PARAMETERS[name].of_world)


def changed(phantom: BrainParameters, point: Point, folder: Path) -> BrainParameters:
    """The phantom with a parameter's value in place of its own.

    Args:
        phantom: to change.
        point: of a parameter of the world, or undisturbed.
        folder: in which great arteries that are made are written.

    Raises:
        InputError: for a value that no brain has, or a file that cannot be written.
    """
    value = point.value
    if point.parameter in ("t1_blood", "t1_tissue"):
        return replace(phantom, **{point.parameter: value})
    if point.parameter == "radius":
        radii = {name: value * getattr(phantom, name) for name in ("arterial_murray_k", "venous_murray_k")}
        return replace(phantom, **radii)
    if point.parameter == "blood_volume":
        volumes = {name: value * getattr(phantom, name) for name in ("grey_capillary_volume", "white_capillary_volume")}
        return replace(phantom, **volumes)
    if point.parameter == "permeability":
        _permeability(phantom)
        return replace(phantom, exchange=replace(phantom.exchange, **{PERMEABILITY: value}))
    if point.parameter == "trees":
        return _with_tree(phantom, str(value), folder)
    return phantom


def _permeability(phantom: BrainParameters) -> float:
    if PERMEABILITY not in {field.name for field in fields(phantom.exchange)}:
        raise InputError(
            f"robustness.permeability: the phantom's exchange, {type(phantom.exchange).__name__}, has none; give "
            "robustness.only without it"
        )
    return float(getattr(phantom.exchange.typical(), PERMEABILITY))


def _with_tree(phantom: BrainParameters, tree: str, folder: Path) -> BrainParameters:
    """The phantom with other great arteries; those of a file get shares of the flow if they have the same inlets."""
    kind = next((name for name in OTHER_TREES if name == tree), None)
    if kind is None:
        return replace(phantom, angiography=Angiography(swc=tree, veins_swc=phantom.angiography.veins_swc))
    path = folder / f"{kind}.swc"
    folder.mkdir(parents=True, exist_ok=True)
    write_great_vessels(path, other_tree(kind), f"great arteries of the template in MNI152, {kind}; mm")
    shares = None if phantom.inlet_shares is None else shares_for(kind, phantom.inlet_shares)
    return replace(
        phantom,
        angiography=Angiography(swc=str(path), veins_swc=phantom.angiography.veins_swc),
        inlet_shares=shares,
    )
