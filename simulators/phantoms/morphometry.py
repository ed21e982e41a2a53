"""Numbers of vessels and of a brain, beside what has been measured in people.

A range is two standard deviations of the source about its mean, or a quarter of the value where the source gives no
spread. It says what to be near, not what to fit.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.phantoms.tree_measures import (
    conservation,
    depth,
    distance_to_watershed,
    territory_of_nodes,
    vessel_volume,
)
from simulators.tissue.anatomy import GREY, WHITE
from simulators.tissue.perfusion import flow_from_perfusion
from simulators.transport.pieces import blood_volume, cut_at_voxel_faces
from simulators.vessels.forest import Forest

if TYPE_CHECKING:
    from simulators.phantoms.simulated_brain import Brain

PIAL_LEVEL = 1
ML_MIN = 0.06
"""mL/min of one mm³/s."""

REFERENCES = {
    "total flow": ("717 ± 123", "Zarrinkoob", 471, 963),
    "carotid share of flow": ("72", "Zarrinkoob", 54, 90),
    "left share of carotid flow": ("50", "symmetry", 40, 60),
    "flow through ICA": ("36 % of 717 ± 123: 258", "Zarrinkoob", 170, 347),
    # The template has no vertebral arteries: what they give off before they join leaves its basilar artery.
    "flow through BA": ("28 % of 717 ± 123: 201 (vertebral arteries)", "Zarrinkoob", 132, 270),
    "radius of ICA": ("2.0", "Alastruey 2007", 1.5, 2.5),
    "radius of BA": ("1.62", "Alastruey 2007", 1.21, 2.03),
    "share of flow to MCA": ("21", "Zarrinkoob", 15.75, 26.25),
    "share of flow to ACA": ("12", "Zarrinkoob", 9, 15),
    "share of flow to PCA": ("8", "Zarrinkoob", 6, 10),
    "grey-matter CBF": ("56 ± 10 (cortex)", "Meltzer", 36, 76),
    "white-matter CBF": ("22", "textbook; Leenders 1990", 16.5, 27.5),
    "grey : white CBF": ("54 : 22", "textbook; Leenders 1990", 1.84, 3.07),
    "grey-matter CBV": ("3.4 ± 0.3 (cortex), about 5", "PET, Akita; textbook", 2.8, 6.25),
    "arterial part of grey-matter CBV": ("1.5 ± 0.3", "PET, Akita", 0.9, 2.1),
    "white-matter CBV": ("2.7", "textbook", 2.0, 3.4),
    "veins : arteries by volume": ("3", "Nowinski 2013", 2.25, 3.75),
    "vessels in the brain": ("2.5", "Nowinski 2013", 1.9, 3.1),
    "ATT": ("0.6–1.6", "MacIntosh; Dai 2017", 0.6, 1.6),
    "white matter later": ("later", "Dai 2017", 0, None),
    "watershed later": ("later", "where two arteries' territories meet", 0, None),
    "flow lost": ("0", "conservation", None, 1e-9),
    "length ACA : PCA": ("1.75", "BraVa, 59 trees", 1.31, 2.19),
    "length MCA : PCA": ("3.7", "BraVa, 59 trees", 2.78, 4.62),
}
"""Text, source, lowest and highest, in the unit of the measure of that name."""


WATERSHED_MM, FAR_FROM_WATERSHED_MM = 5.0, 20.0
"""mm from where territories meet."""


@dataclass(frozen=True)
class Measure:
    """One number of a phantom and what it should be near.

    Attributes:
        name: what was measured.
        value: in `unit`; NaN if the phantom has nothing to measure it on.
        reference: value in healthy adults, with its spread.
        source: of the reference.
        low, high: range of `value` that the reference allows, None where it sets no limit.
    """

    name: str
    value: float
    unit: str
    reference: str = ""
    source: str = ""
    low: float | None = None
    high: float | None = None

    @property
    def within(self) -> bool | None:
        """Whether the value lies in its range; None if either is missing."""
        if np.isnan(self.value) or (self.low is None and self.high is None):
            return None
        return (self.low is None or self.value >= self.low) and (self.high is None or self.value <= self.high)


def morphometry(brain: "Brain") -> list[Measure]:
    """Flow, perfusion, blood volume, transit time and trees of a brain, beside the reference values."""
    vessels, tissue = brain.vessels, brain.anatomy.tissue
    flow = flow_from_perfusion(brain.perfusion, np.asarray(brain.anatomy.voxel_size_mm))
    return [
        *_at_inlets(vessels.arteries, brain.inlet_names, vessels.veins, brain.outlet_names),
        *_of_territories(brain, flow),
        *_of_perfusion(brain.perfusion, tissue),
        *_of_volume(brain),
        *_of_time(brain, flow),
        *_of_trees("arterial", vessels.arteries, flow),
        *_of_trees("venous", vessels.veins, flow),
        *_of_length(brain),
    ]


def _measure(name: str, value: float, unit: str, like: str | None = None) -> Measure:
    text, source, low, high = REFERENCES.get(like or name, ("", "", None, None))
    return Measure(name, float(value), unit, text, source, low, high)


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator else np.nan


def _at_inlets(
    arteries: Forest, inlet_names: tuple[str, ...], veins: Forest, outlet_names: tuple[str, ...]
) -> list[Measure]:
    flow, radius = arteries.flow[arteries.inlets] * ML_MIN, arteries.radius[arteries.inlets]
    carotid, left = (np.array([letter in name for name in inlet_names]) for letter in ("ICA", "_L"))
    return [
        _measure("total flow", flow.sum(), "mL/min"),
        _measure("carotid share of flow", 100 * _ratio(flow[carotid].sum(), flow.sum()), "%"),
        _measure("left share of carotid flow", 100 * _ratio(flow[carotid & left].sum(), flow[carotid].sum()), "%"),
        *(_like("flow through", name, value, "mL/min") for name, value in zip(inlet_names, flow, strict=True)),
        *(_like("radius of", name, value, "mm") for name, value in zip(inlet_names, radius, strict=True)),
        *(
            _measure(f"flow through {name}", value, "mL/min")
            for name, value in zip(outlet_names, veins.flow[veins.inlets] * ML_MIN, strict=True)
        ),
    ]


def _like(what: str, name: str, value: float, unit: str) -> Measure:
    """A measure of something on one side, such as MCA_L, whose reference goes for both sides."""
    return _measure(f"{what} {name}", value, unit, f"{what} {name.split('_')[0]}")


def _of_territories(brain: "Brain", flow: np.ndarray) -> list[Measure]:
    return [
        _like("share of flow to", name, 100 * _ratio(flow[brain.territory == index].sum(), flow.sum()), "%")
        for index, name in enumerate(brain.territory_names)
    ]


def _of_perfusion(perfusion: np.ndarray, tissue: np.ndarray) -> list[Measure]:
    grey, white = (_mean(perfusion[tissue == kind]) for kind in (GREY, WHITE))
    return [
        _measure("grey-matter CBF", grey, "mL/100g/min"),
        _measure("white-matter CBF", white, "mL/100g/min"),
        _measure("grey : white CBF", _ratio(grey, white), ""),
    ]


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else np.nan


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else np.nan


def _of_volume(brain: "Brain") -> list[Measure]:
    vessels, tissue = brain.vessels, brain.anatomy.tissue
    to_percent = 100 / vessels.voxel_volume
    arteries, veins = (
        blood_volume(forest, cut_at_voxel_faces(forest)) * to_percent for forest in (vessels.arteries, vessels.veins)
    )
    blood = arteries + veins + 100 * vessels.capillaries.volume_fraction
    arterial, venous = vessel_volume(vessels.arteries), vessel_volume(vessels.veins)
    parenchyma = np.isin(tissue, (GREY, WHITE)).sum() * vessels.voxel_volume
    return [
        _measure("grey-matter CBV", _mean(blood[tissue == GREY]), "mL/100mL"),
        _measure("arterial part of grey-matter CBV", _mean(arteries[tissue == GREY]), "mL/100mL"),
        _measure("white-matter CBV", _mean(blood[tissue == WHITE]), "mL/100mL"),
        _measure("arterial part of white-matter CBV", _mean(arteries[tissue == WHITE]), "mL/100mL"),
        _measure("volume of arteries", arterial / 1000, "mL"),
        _measure("volume of veins", venous / 1000, "mL"),
        _measure("veins : arteries by volume", _ratio(venous, arterial), ""),
        _measure("vessels in the brain", 100 * _ratio(arterial + venous, parenchyma), "%"),
    ]


def _of_time(brain: "Brain", flow: np.ndarray) -> list[Measure]:
    att, tissue = brain.att, brain.anatomy.tissue
    grey, white = tissue == GREY, tissue == WHITE
    border = distance_to_watershed(brain.territory, brain.territory_names, brain.anatomy.voxel_size_mm)
    volume = brain.vessels.capillaries.volume_fraction * brain.vessels.voxel_volume
    capillary = np.divide(volume, flow, out=np.full(flow.shape, np.nan), where=flow > 0)
    return [
        _measure("ATT of grey matter", _median(att[grey]), "s", "ATT"),
        *(
            _measure(f"ATT of grey matter, {name}", _median(att[grey & (brain.territory == index)]), "s", "ATT")
            for index, name in enumerate(brain.territory_names)
        ),
        _measure("white matter later than grey", _median(att[white]) - _median(att[grey]), "s", "white matter later"),
        _measure(
            "grey matter at the watershed later than far from it",
            _median(att[grey & (border <= WATERSHED_MM)]) - _median(att[grey & (border > FAR_FROM_WATERSHED_MM)]),
            "s",
            "watershed later",
        ),
        _measure("capillary transit time of grey matter", _median(capillary[grey]), "s"),
        _measure("capillary transit time of white matter", _median(capillary[white]), "s"),
    ]


def _of_trees(kind: str, forest: Forest, flow: np.ndarray) -> list[Measure]:
    terminal_depth = depth(forest)[forest.terminal[forest.terminal >= 0]]
    kept = conservation(forest, flow)
    return [
        _measure(f"{kind} terminals", terminal_depth.size, ""),
        _measure(f"median depth of {kind} terminals", np.median(terminal_depth), "segments"),
        _measure(f"greatest depth of {kind} terminals", terminal_depth.max(), "segments"),
        _measure(f"flow lost at {kind} nodes", kept.at_nodes, "of the flow", "flow lost"),
        _measure(f"flow lost at {kind} inlets", kept.at_inlets, "of the flow", "flow lost"),
    ]


def _of_length(brain: "Brain") -> list[Measure]:
    """Length of the arteries outside the tissue; BraVa's trees end after about 105 leaves, so their sum says little."""
    arteries = brain.vessels.arteries
    length = np.where(brain.arterial_level <= PIAL_LEVEL, arteries.length, 0) / 1000
    territory = territory_of_nodes(arteries, brain.territory, len(brain.territory_names))
    by_name = {
        artery: sum(
            length[territory == index].sum()
            for index, name in enumerate(brain.territory_names)
            if name.startswith(artery)
        )
        for artery in ("ACA", "MCA", "PCA")
    }
    return [
        _measure("length of arteries outside the tissue", length.sum(), "m"),
        _measure("length ACA : PCA", _ratio(by_name["ACA"], by_name["PCA"]), ""),
        _measure("length MCA : PCA", _ratio(by_name["MCA"], by_name["PCA"]), ""),
    ]
