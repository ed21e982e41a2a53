"""What a brain is made from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated

import numpy as np
from annotated_types import Len
from pydantic import BeforeValidator

from simulators.constants import T1_BLOOD, T1_TISSUE
from simulators.errors import InputError
from simulators.settings.checking import check_fields
from simulators.settings.limits import (
    T1,
    Bluntness,
    Candidates,
    MurrayConstant,
    PathText,
    SeedNumber,
    Within,
    none_as_empty,
)
from simulators.tissue.anatomy import TissueMaps
from simulators.tissue.exchange.base import Exchange
from simulators.tissue.exchange.flat import flat
from simulators.tissue.exchange.two_compartment import TwoCompartmentExchange
from simulators.tissue.label import LabelKinetics
from simulators.vessels.forest import ARTERIAL_MURRAY_K
from simulators.vessels.great_vessels import GreatVessels, read_great_vessels, template_arteries, template_veins
from simulators.vessels.vasculature import LAMINAR

Millimetre = Annotated[float, Within(-1000, 1000, "mm")]

BrainEdge = Annotated[float, Within(0.5, 10, "mm", why="1 mm makes 1.7 million terminals; a lobe has a few cm")]

Spacing = Annotated[float, Within(1, 50, "mm")]

BrainPerfusion = Annotated[float, Within(1e-3, 1000, "mL/100g/min", why="the kidney's cortex has 400")]

BrainFluctuation = Annotated[float, Within(0, 0.3, why="beyond it voxels would be left without blood")]

BrainCapillaryVolume = Annotated[float, Within(1e-4, 0.2, "mL/mL", why="published are 0.01 to 0.06")]

InletShare = Annotated[float, Within(0, 1, above=True)]

PerfusionFactor = Annotated[float, Within(1e-3, 100)]

PerfusionFactors = Annotated[Mapping[str, PerfusionFactor], BeforeValidator(none_as_empty)]

TerritoryDelay = Annotated[float, Within(0, 20, "s", why="not ms")]

TerritoryDelays = Annotated[Mapping[str, TerritoryDelay], BeforeValidator(none_as_empty)]


@dataclass(frozen=True)
class Angiography:
    """Where the great vessels come from: those of the template in MNI152, unless files say otherwise.

    Attributes:
        swc: arteries as SWC, mm of the anatomy.
        tof: arteries as a time-of-flight angiogram, NIfTI.
        transform: text file of a 4×4 matrix that takes the file's mm to those of the anatomy.
        inlets: mm, of the angiogram, (n, 3): where its arteries begin; found by themselves if None.
        veins_swc: veins as SWC, mm of the anatomy.

    Raises:
        InputError: if arteries are given twice.
    """

    swc: PathText | None = None
    tof: PathText | None = None
    transform: PathText | None = None
    inlets: Annotated[tuple[tuple[Millimetre, Millimetre, Millimetre], ...], Len(1, 100)] | None = None
    veins_swc: PathText | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if self.swc is not None and self.tof is not None:
            raise InputError("swc: found beside tof; give one of them")
        if self.transform is not None and self.swc is None and self.tof is None:
            raise InputError("transform: found a file but no swc or tof; give what it moves")

    @property
    def files(self) -> dict[str, str]:
        """The files to read, by field."""
        names = ("swc", "tof", "transform", "veins_swc")
        return {name: str(getattr(self, name)) for name in names if getattr(self, name) is not None}

    def arteries(self) -> GreatVessels:
        """The great arteries, mm of the anatomy."""
        if self.swc is not None:
            return read_great_vessels(self.swc, self.transform)
        if self.tof is not None:
            from simulators.angiography.tracing import trace_tof

            inlets = None if self.inlets is None else np.asarray(self.inlets, float)
            return trace_tof(self.tof, inlets=inlets, transform=self.transform)
        return template_arteries()

    def veins(self) -> GreatVessels:
        """The great veins, mm of the anatomy."""
        return template_veins() if self.veins_swc is None else read_great_vessels(self.veins_swc)


INLET_SHARES = {"ICA_L": 0.36, "ICA_R": 0.36, "BA": 0.28}
"""Of the flow to the brain: carotids to vertebral arteries 72 : 28 (Zarrinkoob 2015, J Cereb Blood Flow Metab 35). The
template has no vertebral arteries: what they give off before they join leaves its basilar artery."""

BRAIN_VENOUS_MURRAY_K = 0.18
"""mm (mm³/s)^(−1/3): more than a cube's, for the sinuses; veins hold 2.4 times as much as arteries, of 3 (Nowinski)."""


@dataclass(frozen=True)
class BrainParameters:
    """What a brain is made from.

    Attributes:
        anatomy: maps of tissue.
        angiography: great vessels.
        seed: of all random draws.
        voxel_size_mm: edge lengths of a voxel; each in grey or white matter gets an arterial and a venous terminal.
        pial_spacing_mm: between the ends of pial vessels.
        n_candidates: segments compared for a new terminal.
        inlet_shares: of the whole flow that the territory of each inlet asks for, by name; None for the nearest.
        grey_perfusion, white_perfusion: mL/100g/min.
        perfusion_fluctuation: relative standard deviation of a voxel's perfusion.
        territory_perfusion: factors on perfusion, by territory ("MCA_L"), inlet ("ICA_L") or side ("left"). "BA", which
            is both, means the inlet and all that it feeds.
        territory_delay: s that blood is late in the vessels of a territory alone, or at an inlet, as behind a stenosis.
        arterial_murray_k, venous_murray_k: of r = k F^(1/3), mm (mm³/s)^(−1/3).
        grey_capillary_volume, white_capillary_volume: mL of capillary blood per mL of tissue.
        exchange: of label between capillary blood and tissue; a range in it stands for its middle.
        t1_blood, t1_tissue: see `LabelKinetics`.
        bluntness: of the velocity profile in arteries and veins, 0 for laminar flow, towards 1 for plug flow, see
            `Vasculature`.
    """

    anatomy: TissueMaps = field(default_factory=TissueMaps)
    angiography: Angiography = field(default_factory=Angiography)
    seed: SeedNumber = 0
    voxel_size_mm: tuple[BrainEdge, BrainEdge, BrainEdge] = (1.0, 1.0, 1.0)
    pial_spacing_mm: Spacing = 4.0
    n_candidates: Candidates = 3
    inlet_shares: Mapping[str, InletShare] | None = field(default_factory=lambda: dict(INLET_SHARES))
    grey_perfusion: BrainPerfusion = 60.0
    white_perfusion: BrainPerfusion = 20.0
    perfusion_fluctuation: BrainFluctuation = 0.1
    territory_perfusion: Annotated[Mapping[str, PerfusionFactor], BeforeValidator(none_as_empty)] = field(
        default_factory=dict
    )
    territory_delay: Annotated[Mapping[str, TerritoryDelay], BeforeValidator(none_as_empty)] = field(
        default_factory=dict
    )
    arterial_murray_k: MurrayConstant = ARTERIAL_MURRAY_K
    venous_murray_k: MurrayConstant = BRAIN_VENOUS_MURRAY_K
    grey_capillary_volume: BrainCapillaryVolume = 0.022
    white_capillary_volume: BrainCapillaryVolume = 0.016
    exchange: Exchange = field(default_factory=TwoCompartmentExchange)
    t1_blood: T1 = T1_BLOOD
    t1_tissue: T1 = T1_TISSUE
    bluntness: Bluntness = LAMINAR

    def __post_init__(self) -> None:
        check_fields(self)
        shares = self.inlet_shares
        if shares is not None and not abs(sum(shares.values()) - 1) < 1e-6:
            told = ", ".join(f"{name} {share:g}" for name, share in shares.items())
            raise InputError(f"inlet_shares: found {told or 'none'}; give shares above 0 that add up to 1, or null")

    @property
    def label(self) -> LabelKinetics:
        """Kinetics of the label."""
        return LabelKinetics(self.t1_blood, self.t1_tissue, self.exchange.typical())

    @property
    def transport_settings(self) -> dict[str, object]:
        """What the step response depends on beside perfusion and trees, as plain data.

        Bluntness is not among it in laminar flow, so that what was kept before there was one is found.
        """
        return {
            "murray_k": (self.arterial_murray_k, self.venous_murray_k),
            "capillaries": (self.grey_capillary_volume, self.white_capillary_volume),
            "delays": dict(self.territory_delay),
            "label": flat(asdict(self.label), permeability=150.0),
            **({} if self.bluntness == LAMINAR else {"bluntness": self.bluntness}),
        }
