"""Which parameters a table of robustness has, and the values of each; `conf/robustness` has them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Len
from pydantic import BeforeValidator

from qtmnet.evaluation.protocols.settings import ArterialLabel, NoiseLevels, word_as_list
from simulators.errors import InputError
from simulators.phantoms.brain_parameters import BrainEdge
from simulators.settings.checking import check_fields, shown
from simulators.settings.limits import PathText, Permeability, VoxelSize, Which, Within, edges_of, one_as_list
from simulators.vessels.other_trees import OTHER_TREES


@dataclass(frozen=True)
class Parameter:
    """What is said of a parameter.

    Attributes:
        title: with its unit, as an axis has it.
        of_world: whether label must be followed anew for each value; else one simulated brain serves all.
        ordered: whether its values are numbers, between which a line may be drawn to scale.
    """

    title: str
    of_world: bool
    ordered: bool = True


PARAMETERS: Mapping[str, Parameter] = {
    "snr": Parameter("signal-to-noise ratio", of_world=False, ordered=False),
    "voxel_size_mm": Parameter("acquired voxel (mm)", of_world=False, ordered=False),
    "added_delay": Parameter("delay added at the inlets (s)", of_world=False),
    "efficiency": Parameter("labeling efficiency over the assumed one", of_world=False),
    "motion": Parameter("movement of each frame (voxels)", of_world=False),
    "t1_blood": Parameter("T1 of blood (s)", of_world=True),
    "t1_tissue": Parameter("T1 of tissue (s)", of_world=True),
    "radius": Parameter("radii of arteries and veins over the phantom’s", of_world=True),
    "blood_volume": Parameter("capillary blood volume over the phantom’s", of_world=True),
    "permeability": Parameter("permeability of capillaries (mL/100g/min)", of_world=True),
    "trees": Parameter("great arteries", of_world=True, ordered=False),
}
"""By the setting that has its values, in the order of the table."""


def _several(number: Any, wanted: str) -> Any:
    """One or more different values of a kind."""
    return Annotated[
        tuple[number, ...],
        BeforeValidator(one_as_list),
        Which(wanted, lambda values: 0 < len(set(values)) == len(values) <= 32),
    ]


def _sizes(value: Any) -> Any:
    """Lone numbers among sizes as the edges of cubes."""
    return [edges_of(size) for size in value] if isinstance(value, list | tuple) else value


AddedDelays = _several(Annotated[float, Within(0, 5, "s", why="not ms")], "delays from 0 to 5 s, each once")
Efficiencies = _several(Annotated[float, Within(0.1, 2)], "ratios from 0.1 to 2, each once")
Movements = _several(Annotated[float, Within(0, 0.9, "voxels")], "shares of a voxel from 0 to 0.9, each once")
T1s = _several(Annotated[float, Within(0.05, 20, "s", why="not ms")], "T1s from 0.05 to 20 s, each once")
Factors = _several(Annotated[float, Within(0.1, 10)], "factors from 0.1 to 10, each once")
Permeabilities = _several(Permeability, "permeabilities in mL/100g/min, each once")
Sizes = Annotated[
    tuple[VoxelSize, ...],
    BeforeValidator(_sizes),
    Which("sizes of three edges, each once", lambda sizes: 0 < len(set(sizes)) == len(sizes) <= 32),
]
Trees = Annotated[
    tuple[PathText, ...],
    BeforeValidator(word_as_list),
    Which(f"some of {', '.join(OTHER_TREES)} and paths of SWC files, each once", lambda trees: _are_trees(trees)),
]


def _are_trees(trees: tuple[str | Path, ...]) -> bool:
    known = all(str(tree) in OTHER_TREES or str(tree).lower().endswith(".swc") for tree in trees)
    return known and 0 < len(set(trees)) == len(trees) <= 32


@dataclass(frozen=True)
class RobustnessTable:
    """One parameter after the other off what methods assume, all others as they are in the phantom and its protocol.

    Attributes:
        snr: signal-to-noise ratios, None for no noise.
        voxel_size_mm: edges of the acquired voxel.
        added_delay: s that label comes later to all inlets.
        efficiency: labeling efficiency over the one that frames were calibrated with.
        motion: voxels by which the head lies elsewhere in each frame but the first, in a direction drawn for each.
        t1_blood, t1_tissue: s; methods are told those of the phantom, unless `told`.
        radius: of all arteries and veins, over the phantom's.
        blood_volume: of capillaries, over the phantom's.
        permeability: mL/100g/min, of capillaries for water.
        trees: great arteries in place of the phantom's: mirrored, bent, fetal, or an SWC file in mm of the anatomy.
        share: of the brain's voxels that are scored, as in a `ProtocolTable`.
        arterial_label: whether all label is seen, or that in arteries is crushed, or each in turn.
        world_voxel_size_mm: simulated voxels of the worlds for which label is followed anew, their undisturbed one
            included; None for the phantom's.
        told: whether methods are told T1s that differ.
        only: parameters to vary; None for all.

    Raises:
        InputError: for values that are out of range, or a parameter that there is not.
    """

    snr: NoiseLevels = (None, 50.0, 20.0, 10.0, 5.0, 3.0)
    voxel_size_mm: Sizes = (  # type: ignore[valid-type]
        *((1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (2.0, 2.0, 4.0), (3.0, 3.0, 3.0)),
        *((3.0, 3.0, 5.0), (4.0, 4.0, 4.0), (4.0, 4.0, 6.0)),
    )
    added_delay: AddedDelays = (0.0, 0.5, 1.0, 1.5)  # type: ignore[valid-type]
    efficiency: Efficiencies = (0.9, 1.0, 1.1)  # type: ignore[valid-type]
    motion: Movements = (0.0, 0.25, 0.5)  # type: ignore[valid-type]
    t1_blood: T1s = (1.5, 1.65, 1.9)  # type: ignore[valid-type]
    t1_tissue: T1s = (1.0, 1.2, 1.4, 1.6)  # type: ignore[valid-type]
    radius: Factors = (0.6, 0.8, 1.0, 1.3, 1.6)  # type: ignore[valid-type]
    blood_volume: Factors = (0.4, 1.0, 2.0)  # type: ignore[valid-type]
    permeability: Permeabilities = (40.0, 150.0, 400.0)  # type: ignore[valid-type]
    trees: Trees = ("mirrored", "bent", "fetal")
    share: Annotated[float, Within(0, 1, above=True)] = 1.0
    arterial_label: ArterialLabel = ("all label",)
    world_voxel_size_mm: Annotated[tuple[BrainEdge, BrainEdge, BrainEdge], BeforeValidator(edges_of)] | None = None
    told: bool = False
    only: Annotated[tuple[str, ...], Len(1, 32), BeforeValidator(word_as_list)] | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        for name in self.only or ():
            if name not in PARAMETERS:
                raise InputError(f"only: found {shown(name)}; give some of {', '.join(PARAMETERS)}")

    @property
    def varied(self) -> dict[str, tuple[Any, ...]]:
        """Values by parameter, of those that are varied."""
        names = [field.name for field in fields(self) if field.name in PARAMETERS]
        return {name: getattr(self, name) for name in names if self.only is None or name in self.only}
