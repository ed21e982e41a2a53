"""An ASL scan, ready to be fitted: one difference image per delay, M0, efficiency and times.

`read_scan` takes any BIDS 1.10 scan with (pseudo-)continuous labeling. What it had to assume goes into its notes.
"""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from qtmnet.scans.averaging import average, mean_control
from qtmnet.scans.bids import NIFTI_ENDINGS, Series, read_series, scan_prefix
from qtmnet.scans.calibration import calibrate
from qtmnet.scans.m0 import read_m0
from qtmnet.scans.nifti import check_same_grid, read_image
from qtmnet.scans.protocol import read_acquisition, read_efficiency, refuse_other_labeling
from simulators.errors import InputError
from simulators.files.reading import kind_there
from simulators.imaging.acquisition import Acquisition

MASK_THRESHOLD = 0.35  # of the 98th percentile; 0.93 Dice with a brain mask on a 2D-EPI M0 scan


@dataclass(frozen=True, eq=False)
class AslScan:
    """A scan averaged over its repetitions.

    Attributes:
        path: the NIfTI file it was read from.
        prefix: what its derivatives are called by, such as `sub-01_run-1`.
        delta_m: control − label per distinct (delay, duration), by rising delay, (K, X, Y, Z) float32.
        m0: signal of fully relaxed tissue on the same scale, (X, Y, Z) float32; see `qtmnet.scans.m0`.
        labeling_efficiency: α in total, loss to background suppression included.
        acquisition: delays, durations, voxel size, slice timing and vascular crushing.
        mask: the brain, where M0 is above 0, (X, Y, Z) bool.
        affine: voxel indices to mm, (4, 4).
        header: of the NIfTI file.
        notes: a line for each thing that was chosen or assumed.
        control: mean control signal, (X, Y, Z) float32; None if the scan holds differences.
        background_suppression: as the sidecar says; None if it does not.
        n_without_m0: voxels that the mask left out because M0 is not above 0 there.
        suppression_accounted: whether the labeling efficiency holds what background suppression took of the label.
    """

    path: Path
    prefix: str
    delta_m: np.ndarray
    m0: np.ndarray
    labeling_efficiency: float
    acquisition: Acquisition
    mask: np.ndarray
    affine: np.ndarray
    header: nib.Nifti1Header
    notes: tuple[str, ...]
    control: np.ndarray | None = None
    background_suppression: bool | None = None
    n_without_m0: int = 0
    suppression_accounted: bool = True

    def concentration(self) -> np.ndarray:
        """C = ρ λ ΔM / (2 α M0), mL of fully labeled blood per mL of tissue, (K, X, Y, Z) float32; 0 off the mask.

        Raises:
            InputError: where M0 is so small that this is no number.
        """
        calibrated = calibrate(self.delta_m, self.m0, labeling_efficiency=self.labeling_efficiency)
        with np.errstate(over="ignore"):
            frames = np.where(self.mask, calibrated, 0).astype(np.float32)
        if n_bad := int((~np.isfinite(frames)).any(axis=0).sum()):
            raise InputError(
                f"{self.path}: M0 is so near to 0 in {n_bad} voxels of the mask that the frames divided by it are no "
                "numbers; give m0, or a mask without them"
            )
        return frames


def read_scan(
    path: str | Path,
    *,
    m0: str | os.PathLike | float | None = None,
    mask: str | os.PathLike | None = None,
    labeling_efficiency: float | None = None,
) -> AslScan:
    """Read a scan, average its repetitions and find what calibrates it.

    Args:
        path: a 3D or 4D `*_asl.nii[.gz]` with its JSON sidecar (own or inherited) and aslcontext table.
        m0: image or number to use in place of what `M0Type` says; see `qtmnet.scans.m0.read_m0`.
        mask: brain mask, voxels other than 0. By default `<prefix>_desc-brain_mask.nii[.gz]` beside the scan,
            else the largest bright part of M0.
        labeling_efficiency: α in total. By default `LabelingEfficiency`, taken as the total as ASLPrep does,
            else 0.85 times 0.95 for each of `BackgroundSuppressionNumberPulses`.

    Returns:
        The scan. It warns, in one line, if control and label look swapped or slice times are missing.

    Raises:
        InputError: in one line, for any file or field that is missing, malformed or of a kind that is not modeled.
    """
    path = Path(path)
    series = read_series(path)
    refuse_other_labeling(series.sidecar)
    delta_m, delays, durations, notes = average(series)
    m0_image, m0_note = read_m0(series, m0)
    efficiency, efficiency_note, suppression_accounted = read_efficiency(series.sidecar, labeling_efficiency)
    acquisition, acquisition_notes = read_acquisition(series, delays, durations)
    brain, n_without_m0, mask_note = _mask(series, mask, m0_image)
    doubts = _doubts(series, delta_m[:, brain].mean(), acquisition)
    for doubt in doubts:
        warnings.warn(doubt, stacklevel=2)
    return AslScan(
        path=path,
        prefix=scan_prefix(path),
        delta_m=delta_m,
        m0=m0_image,
        labeling_efficiency=efficiency,
        acquisition=acquisition,
        mask=brain,
        affine=series.image.affine,
        header=series.image.header,
        notes=(*notes, m0_note, efficiency_note, *acquisition_notes, mask_note, *doubts),
        control=mean_control(series),
        background_suppression=series.sidecar.flag("BackgroundSuppression"),
        n_without_m0=n_without_m0,
        suppression_accounted=suppression_accounted,
    )


def _mask(series: Series, given: str | os.PathLike | None, m0: np.ndarray) -> tuple[np.ndarray, int, str]:
    """The brain where M0 is above 0, (X, Y, Z) bool, how many voxels that left out, and where it came from."""
    names = [series.path.with_name(f"{scan_prefix(series.path)}_desc-brain_mask{ending}") for ending in NIFTI_ENDINGS]
    path = next((name for name in names if kind_there(name)), None) if given is None else Path(given)
    if path is not None:
        image, volumes = read_image(path, n_dimensions=(3,))
        check_same_grid(path, image, series.path, series.image)
        mask, note = volumes[..., 0] != 0, f"mask: {path.name}"
    else:
        source, name = _anatomy(series, m0)
        path, mask, note = series.path, _bright_part(source), f"mask: largest bright part of {name}"
    with_m0 = mask & (m0 > 0)
    if not with_m0.any():
        raise InputError(f"{path}: mask: found no voxel in which M0 is above 0; give another mask or m0")
    return with_m0, int(mask.sum() - with_m0.sum()), note


def _anatomy(series: Series, m0: np.ndarray) -> tuple[np.ndarray, str]:
    """An image (X, Y, Z) that shows where the head is."""
    if m0.min() < m0.max():
        return m0, "M0"
    rows = np.flatnonzero(np.isin(series.types, ("control", "label", "deltam")))
    total = sum(np.abs(series.volumes[..., row], dtype=float) for row in rows)
    return np.asarray(total / len(rows)), "the mean volume, as M0 is one number"


def _bright_part(image: np.ndarray) -> np.ndarray:
    """Largest connected part above a fraction of the image's brightness, its holes filled."""
    labels, n_parts = ndimage.label(image > MASK_THRESHOLD * np.percentile(image[image > 0], 98))
    sizes = np.bincount(labels.ravel(), minlength=n_parts + 1)[1:]
    return ndimage.binary_fill_holes(labels == 1 + sizes.argmax())


def _doubts(series: Series, mean_difference: float, acquisition: Acquisition) -> list[str]:
    """What may be wrong with the scan, though it can be used."""
    sidecar, doubts = series.sidecar, []
    if mean_difference < 0:
        doubts.append(
            f"{series.context_path}: volume_type: found a mean difference of {mean_difference:.4g} in the brain; "
            "control and label may be swapped: check their order (nothing was changed)"
        )
    if sidecar.text("MRAcquisitionType") == "2D" and not acquisition.slice_timing:
        doubts.append(
            f"{sidecar.path}: SliceTiming: not found for a 2D readout; all slices are taken to be read at the "
            "delay of the first: give one time for each slice"
        )
    field_strength = sidecar.number("MagneticFieldStrength")
    if field_strength is not None and abs(field_strength - 3) > 0.3:
        doubts.append(
            f"{sidecar.path}: MagneticFieldStrength: found {field_strength:g}; T1 of blood and tissue are those of 3 T "
            "unless you give others"
        )
    return doubts
