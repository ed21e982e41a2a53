"""The numbers of a scan, from its maps."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qtmnet.evaluation.scan_numbers.columns import COLUMNS, HIGH_CBF
from qtmnet.evaluation.scan_numbers.quality_index import UNKNOWN, quality_index
from qtmnet.quantities import ATT, BOUNDS, CBF, bound_of
from qtmnet.scans.tissue.shares import TissueShares
from simulators.constants import DENSITY_G_ML


@dataclass(frozen=True, eq=False)
class Measured:
    """What the numbers of a scan are computed of.

    Attributes:
        maps: by quantity, (X, Y, Z).
        inside: the brain, (X, Y, Z) bool.
        voxel_mm: edges of a voxel.
        tissue: shares of tissues, None where they are not known.
        tsnr: temporal signal-to-noise ratio of a pair, (X, Y, Z); None where the noise is not known.
        displacement_mm: framewise displacement, mm, (N,); None where motion was not looked at. NaN for the first.
        phase_contrast_ml_min: flow into the brain; None where it is not known.
    """

    maps: Mapping[str, np.ndarray]
    inside: np.ndarray
    voxel_mm: tuple[float, float, float]
    tissue: TissueShares | None = None
    tsnr: np.ndarray | None = None
    displacement_mm: np.ndarray | None = None
    phase_contrast_ml_min: float | None = None


def scan_numbers(measured: Measured) -> dict[str, float]:
    """A number for each of `COLUMNS`, NaN where it is not known.

    Args:
        measured: maps that hold perfusion, and what is known beside.
    """
    found = {
        **_perfusion(measured),
        **_transit_time(measured),
        **_quality_index(measured),
        **_flow(measured),
        **_of_volumes(measured),
    }
    return {column.key: found.get(column.key, float("nan")) for column in COLUMNS}


def _perfusion(measured: Measured) -> dict[str, float]:
    cbf = _finite(measured.maps[CBF.key][measured.inside])
    grey, white = _of_tissues(measured, CBF.key)
    low, high = (measured.maps.get(bound_of(CBF, end).key) for end in BOUNDS)
    medians = _median(grey), _median(white)
    return {
        "cbf_median": _median(cbf),
        "cbf_mean": _mean(cbf),
        "cbf_median_grey": medians[0],
        "cbf_median_white": medians[1],
        "grey_white_ratio": _ratio(*medians),
        "spatial_cov": variation(cbf),
        "spatial_cov_grey": variation(grey),
        "negative_share": 100 * _mean(cbf < 0),
        "high_share": 100 * _mean(cbf > HIGH_CBF),
        "interval_width": float("nan") if low is None or high is None else _median((high - low)[measured.inside]),
    }


def _transit_time(measured: Measured) -> dict[str, float]:
    if ATT.key not in measured.maps:
        return {}
    grey, _ = _of_tissues(measured, ATT.key)
    return {"att_median": _median(measured.maps[ATT.key][measured.inside]), "att_median_grey": _median(grey)}


def _quality_index(measured: Measured) -> dict[str, float]:
    index = UNKNOWN
    if measured.tissue is not None:
        index = quality_index(measured.maps[CBF.key], measured.inside, measured.tissue, measured.voxel_mm)
    return {
        "qei": index.value,
        "qei_similarity": index.similarity,
        "qei_dispersion": index.dispersion,
        "qei_negative_grey": 100 * index.negative_grey,
    }


def _flow(measured: Measured) -> dict[str, float]:
    """Flow in mL/min is the sum over voxels of perfusion (mL/100g/min) × mass (g) / 100."""
    voxel_ml = float(np.prod(measured.voxel_mm)) / 1000
    inside = measured.inside
    volume = float(inside.sum()) * voxel_ml
    parenchyma = volume
    if measured.tissue is not None:
        share = np.clip(measured.tissue.grey + measured.tissue.white, 0, 1)[inside]
        parenchyma = float(share.sum(dtype=float)) * voxel_ml
    flow = float(np.nansum(measured.maps[CBF.key][inside], dtype=float)) / 100 * DENSITY_G_ML * voxel_ml
    known = measured.phase_contrast_ml_min
    reference = float("nan") if known is None else known
    mass = DENSITY_G_ML * parenchyma
    return {
        "brain_volume": volume,
        "brain_mass": mass,
        "flow_total": flow,
        "flow_phase_contrast": reference,
        "flow_ratio": _ratio(flow, reference),
        "cbf_phase_contrast": 100 * _ratio(reference, mass),
    }


def _of_volumes(measured: Measured) -> dict[str, float]:
    found = {}
    if measured.tsnr is not None:
        found["tsnr"] = _median(measured.tsnr[measured.inside])
    if measured.displacement_mm is not None:
        moved = _finite(measured.displacement_mm)
        found |= {"fd_mean": _mean(moved), "fd_max": float(moved.max()) if moved.size else float("nan")}
    return found


def variation(values: np.ndarray) -> float:
    """Coefficient of variation, %: standard deviation over mean of values (V,); NaN for a mean that is not above 0."""
    values = _finite(values)
    mean = _mean(values)
    return 100 * float(values.std(dtype=float)) / mean if mean > 0 else float("nan")


def _of_tissues(measured: Measured, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Values in grey and in white matter; none where tissue is not known."""
    if measured.tissue is None:
        return np.empty(0), np.empty(0)
    values = measured.maps[key]
    grey, white = measured.inside & measured.tissue.is_grey, measured.inside & measured.tissue.is_white
    return values[grey], values[white]


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]


def _median(values: np.ndarray) -> float:
    values = _finite(values)
    return float(np.median(values)) if values.size else float("nan")


def _mean(values: np.ndarray) -> float:
    return float(values.mean(dtype=float)) if values.size else float("nan")


def _ratio(one: float, other: float) -> float:
    return one / other if other > 0 else float("nan")
