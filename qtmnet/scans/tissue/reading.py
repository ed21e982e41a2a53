"""Tissue maps of a scan: given, or beside it as BIDS names them; brought onto its grid."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from qtmnet.scans.bids.finding import NIFTI_ENDINGS, scan_prefix
from qtmnet.scans.grids.onto import Onto
from qtmnet.scans.nifti import read_image
from qtmnet.scans.tissue.shares import TISSUE_THRESHOLD, TissueShares
from simulators.errors import InputError
from simulators.files.reading import kind_there

LABELS = {"grey_matter": "GM", "white_matter": "WM", "csf": "CSF"}
"""Settings that name maps, and what BIDS calls each in `label-GM_probseg`."""

OVERSHOOT = 0.05
"""Beyond 0 and 1, by which interpolation passes the ends; more are no shares."""

LEAST_TISSUE = 0.5
"""Of the brain mask that grey and white matter make up: about 0.8 of a head's; less, and the maps lie elsewhere."""


def maps_beside(scan_path: Path) -> dict[str, Path]:
    """Tissue maps that lie beside a scan, `<prefix>_label-GM_probseg.nii[.gz]`, by setting."""
    prefix, found = scan_prefix(scan_path), {}
    for setting, label in LABELS.items():
        names = [scan_path.with_name(f"{prefix}_label-{label}_probseg{ending}") for ending in NIFTI_ENDINGS]
        if path := next((name for name in names if kind_there(name)), None):
            found[setting] = path
    return found


def read_tissue(
    paths: Mapping[str, Path], onto: Onto, inside: np.ndarray, threshold: float = TISSUE_THRESHOLD
) -> TissueShares | None:
    """Shares of grey matter, white matter and fluid in a scan's voxels.

    Args:
        paths: of maps, by setting; without one of fluid it is what the others leave of the brain.
        onto: how images get onto the scan.
        inside: the brain, (X, Y, Z) bool.
        threshold: share above which a voxel counts as of one tissue.

    Returns:
        The shares, None if there are no maps.

    Raises:
        InputError: for a map that cannot be read or placed, holds no shares, is alone, or lies beside the brain.
    """
    if not paths:
        return None
    for setting in ("grey_matter", "white_matter"):
        if setting not in paths:
            other = next(iter(paths.values()))
            raise InputError(f"{setting}: found none, but {other}; give maps of both grey and white matter")
    shares, notes = {}, []
    for setting, path in paths.items():
        image, data = read_image(path, n_dimensions=(3,))
        on_grid = onto.shares(path, image, _shares(path, setting, data))
        shares[setting] = np.clip(on_grid.volumes[..., 0], 0, 1)
        notes.append(f"{path.name}{f' {on_grid.note}' if on_grid.note else ''}")
    grey, white = shares["grey_matter"], shares["white_matter"]
    _check(paths, grey, white, inside)
    fluid = shares.get("csf", np.where(inside, np.clip(1 - grey - white, 0, 1), 0))
    note = f"tissue: {'; '.join(notes)}; a voxel counts as one tissue above {threshold:g}"
    return TissueShares(grey, white, fluid.astype(np.float32), threshold, note)


def _shares(path: Path, setting: str, data: np.ndarray) -> np.ndarray:
    low, high = float(data.min()), float(data.max())
    if low < -OVERSHOOT or high > 1 + OVERSHOOT or (high <= 0 and setting != "csf"):
        raise InputError(
            f"{path}: {setting}: found values from {low + 0:.4g} to {high + 0:.4g}; give shares from 0 to 1"
        )
    return data


def _check(paths: Mapping[str, Path], grey: np.ndarray, white: np.ndarray, inside: np.ndarray) -> None:
    tissue = (grey + white)[inside]
    if (double := float((tissue > 1 + 2 * OVERSHOOT).mean())) > 0.01:
        raise InputError(
            f"{paths['white_matter']}: white_matter: found more than 1 together with {paths['grey_matter'].name} in "
            f"{double:.0%} of the brain mask; give shares of two tissues"
        )
    if (share := float(tissue.mean(dtype=float))) < LEAST_TISSUE:
        raise InputError(
            f"{paths['grey_matter']}: grey_matter: found grey and white matter in {share:.0%} of the brain mask; give "
            "maps that lie on the scan"
        )
