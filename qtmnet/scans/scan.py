"""An ASL scan, ready to be fitted: one difference image per delay, M0, efficiency and times.

`read_scan` takes any BIDS 1.10 scan with continuous, pseudo-continuous or pulsed labeling. What it had to assume goes
into its notes and premises.
"""

import os
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np

from qtmnet.scans.bids.finding import scan_prefix
from qtmnet.scans.bids.series import Series, read_series
from qtmnet.scans.brain_mask import read_brain_mask
from qtmnet.scans.calibration.concentration import calibrate
from qtmnet.scans.calibration.gains import of_one_gain
from qtmnet.scans.calibration.m0 import read_m0
from qtmnet.scans.calibration.m0_premise import m0_premise
from qtmnet.scans.calibration.readouts import echo_file, of_one_readout
from qtmnet.scans.calibration.signal_scale import SignalScale, level_of, on_one_scale
from qtmnet.scans.motion.correction import Corrected, correct_motion
from qtmnet.scans.motion.estimate import Estimate
from qtmnet.scans.motion.m0_place import put_m0
from qtmnet.scans.noise.estimate import NoiseEstimate, estimate_noise
from qtmnet.scans.protocol.acquisition import read_acquisition
from qtmnet.scans.protocol.efficiency import read_efficiency
from qtmnet.scans.protocol.field_strength import read_relaxation_times
from qtmnet.scans.protocol.labeling import check_labeling
from qtmnet.scans.protocol.premise import Premise
from qtmnet.scans.protocol.time_encoding import decoded
from qtmnet.scans.volumes.averaging import average, mean_control
from qtmnet.scans.volumes.inspection import inspect, look_at_volumes
from qtmnet.scans.volumes.quality import PairQuality
from simulators.constants import T1_BLOOD, T1_GREY_MATTER
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition


@dataclass(frozen=True, eq=False)
class AslScan:
    """A scan averaged over its repetitions.

    Attributes:
        path: the NIfTI file it was read from.
        prefix: what its derivatives are called by, such as `sub-01_run-1`.
        delta_m: control − label per distinct (delay, duration), by rising delay, (K, X, Y, Z) float32.
        m0: signal of fully relaxed tissue on the same scale, (X, Y, Z) float32; see `qtmnet.scans.calibration.m0`.
        labeling_efficiency: α in total, loss to background suppression included.
        acquisition: delays, durations, voxel size, slice timing and vascular crushing.
        mask: the brain, where M0 is above 0, (X, Y, Z) bool.
        affine: voxel indices to mm, (4, 4).
        header: of the NIfTI file.
        notes: a line for each thing that was chosen or assumed.
        control: mean control signal, (X, Y, Z) float32; None if the scan holds differences.
        background_suppression: as the sidecar says; None if it does not.
        n_without_m0: voxels that the mask left out because M0 is not above 0 there.
        deviation: standard deviation of the noise of `delta_m`, (K, X, Y, Z) float32, 0 off the mask; None where
            nothing tells it, see `qtmnet.scans.noise.estimate`.
        pairs: that each frame is the mean of, (K,); one of lower weight counts as that.
        quality: what was found of each pair; None where none were looked at.
        t1_blood, t1_tissue: s, by the field strength unless given.
        premises: what perfusion rests on besides the images, known or assumed.
        m0_path: of the image that M0 was read from; None if that is the scan, or there is none.
        mask_path: of the image that the mask was read from; None if there is none.
        level: median perfusion by the consensus equation, mL/100g/min, whatever a method makes of the frames.
        said_by_checks: those of the warnings that its report says by a check as well.
        motion: of the head, which was corrected; None where that was not asked for, or cannot be told.
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
    deviation: np.ndarray | None = None
    pairs: tuple[float, ...] = ()
    quality: PairQuality | None = None
    t1_blood: float = T1_BLOOD
    t1_tissue: float = T1_GREY_MATTER
    premises: tuple[Premise, ...] = ()
    m0_path: Path | None = None
    mask_path: Path | None = None
    level: float | None = None
    said_by_checks: tuple[str, ...] = ()
    motion: Estimate | None = None

    def concentration(self) -> np.ndarray:
        """C = ρ λ ΔM / (2 α M0), mL of fully labeled blood per mL of tissue, (K, X, Y, Z) float32; 0 off the mask.

        Raises:
            InputError: where M0 is so small that this is no number.
        """
        return self._calibrated(self.delta_m)

    def noise(self) -> np.ndarray | None:
        """Standard deviation of the noise of `concentration`, mL/mL, (K, X, Y, Z) float32; 0 off the mask.

        None where nothing tells it.

        Raises:
            InputError: as `concentration`.
        """
        return None if self.deviation is None else self._calibrated(self.deviation)

    def _calibrated(self, values: np.ndarray) -> np.ndarray:
        calibrated = calibrate(values, self.m0, labeling_efficiency=self.labeling_efficiency)
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
    t1_blood: float | None = None,
    scale: SignalScale | None = None,
    m0_scale: float | None = None,
    motion_correction: bool = False,
) -> AslScan:
    """Read a scan, average its repetitions and find what calibrates it.

    Args:
        path: a 3D or 4D `*_asl.nii[.gz]` with its JSON sidecar (own or inherited) and aslcontext table.
        m0: image or number to use in place of what `M0Type` says; see `qtmnet.scans.calibration.m0.read_m0`.
        mask: brain mask, see `qtmnet.scans.brain_mask.read_brain_mask`. By default
            `<prefix>_desc-brain_mask.nii[.gz]` beside the scan, else the largest bright part of M0.
        labeling_efficiency: α in total. By default `LabelingEfficiency`, taken as the total as ASLPrep does,
            else that of the labeling times 0.95 for each background suppression pulse; see `read_efficiency`.
        t1_blood: s; by default that of the field strength, see `read_relaxation_times`.
        scale: what differences are to be divided by; by default what the scan itself tells.
        m0_scale: factor of M0, for one on another scale than the scan (ASLPrep's `--m0_scale`); None for none.
        motion_correction: put volumes that have moved, and M0, where most volumes have the head; see
            `qtmnet.scans.motion.correction`.

    Returns:
        The scan. It warns, in one line each, of what looks wrong, or is assumed though perfusion rests on it.

    Raises:
        InputError: in one line, for any file or field that is missing, malformed or of a kind that is not modeled.
    """
    return scan_of(
        read_series(Path(path)),
        m0=m0,
        mask=mask,
        labeling_efficiency=labeling_efficiency,
        t1_blood=t1_blood,
        scale=scale,
        m0_scale=m0_scale,
        motion_correction=motion_correction,
    )


def scan_of(
    series: Series,
    *,
    m0: str | os.PathLike | float | None = None,
    mask: str | os.PathLike | None = None,
    labeling_efficiency: float | None = None,
    t1_blood: float | None = None,
    scale: SignalScale | None = None,
    m0_scale: float | None = None,
    motion_correction: bool = False,
) -> AslScan:
    """The scan that a series makes: `read_scan` of what has been read.

    Args:
        series: all of a scan's volumes, or some of them, see `qtmnet.scans.volumes.parts`.
        m0: as in `read_scan`, like all that follow.

    Raises:
        InputError: as `read_scan`.
    """
    check_labeling(series.sidecar)
    echo_notes, echo_doubts = echo_file(series)
    series, readout_notes = of_one_readout(series)
    series, gain_notes, gain_doubts = of_one_gain(series)
    still = correct_motion(series) if motion_correction else Corrected(series, None)
    series, encoding_notes = decoded(still.series)
    looked = look_at_volumes(series)
    found_m0 = read_m0(looked.sound, m0)
    if still.estimate is not None:
        found_m0 = put_m0(found_m0, looked.sound, still.estimate)
    brain = read_brain_mask(looked.sound, mask, found_m0.image)
    inspection = inspect(looked, brain.inside)
    averages = average(inspection)
    delta_m = averages.delta_m
    efficiency = read_efficiency(series.sidecar, labeling_efficiency)
    relaxation = read_relaxation_times(series.sidecar, t1_blood)
    protocol = read_acquisition(series, averages.delays, averages.durations)
    acquisition = protocol.acquisition
    level_of_m0 = partial(level_of, delta_m, acquisition, brain.inside, efficiency.total, relaxation.t1_blood)
    found_m0 = on_one_scale(found_m0, series, scale or SignalScale(), m0_scale, level_of_m0(found_m0.image))
    noise = estimate_noise(averages, brain.inside, acquisition.voxel_size_mm)
    premises = (m0_premise(found_m0.stand_in), efficiency.premise, relaxation.premise, *protocol.premises)
    said_by_checks = (
        *_order_doubts(series, delta_m[:, brain.inside].mean()),
        *(doubt for premise in premises for doubt in premise.doubts),
    )
    doubts = [
        *echo_doubts,
        *still.doubts,
        *gain_doubts,
        *found_m0.doubts,
        *protocol.doubts,
        *efficiency.doubts,
        *said_by_checks,
    ]
    for doubt in doubts:
        warnings.warn(doubt, stacklevel=3)  # of the caller of `read_scan`
    return AslScan(
        path=series.path,
        prefix=scan_prefix(series.path),
        delta_m=delta_m,
        m0=found_m0.image,
        labeling_efficiency=efficiency.total,
        acquisition=acquisition,
        mask=brain.inside,
        affine=series.image.affine,
        header=series.image.header,
        notes=(
            *series.notes,
            *echo_notes,
            *readout_notes,
            *gain_notes,
            *still.notes,
            *encoding_notes,
            *averages.notes,
            *found_m0.notes,
            efficiency.note,
            relaxation.note,
            *protocol.notes,
            brain.note,
            _noise_note(noise, delta_m, brain.inside),
            *doubts,
        ),
        control=mean_control(looked.sound),
        background_suppression=series.sidecar.flag("BackgroundSuppression"),
        n_without_m0=brain.n_without_m0,
        t1_blood=relaxation.t1_blood,
        t1_tissue=relaxation.t1_tissue,
        premises=premises,
        deviation=None if noise is None else noise.deviation,
        pairs=tuple(averages.pairs.tolist()),
        m0_path=found_m0.path,
        mask_path=brain.path,
        quality=PairQuality.of(inspection, brain.inside, *_motion_of(still.estimate, series)),
        level=level_of_m0(found_m0.image),
        said_by_checks=said_by_checks,
        motion=still.estimate,
    )


def _motion_of(motion: Estimate | None, series: Series) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Framewise displacement of each volume, and whether it was put back; of volumes that were decoded nothing."""
    if motion is None or len(motion.motion) != len(series.types):
        return None, None
    return motion.framewise, motion.has_moved


def _noise_note(noise: NoiseEstimate | None, delta_m: np.ndarray, brain: np.ndarray) -> str:
    if noise is None:
        return "noise: not known: no delay was repeated, and the mask is too small to tell noise by its roughness"
    deviation, signal = np.median(noise.deviation[:, brain], axis=1), delta_m[:, brain].mean(axis=1, dtype=float)
    if not deviation.all():
        return f"noise: none found in the median voxel, {noise.source}"
    return (
        f"noise: {noise.source}; signal-to-noise ratio of frames (mean over median) {(signal / deviation).min():.2g} "
        f"to {(signal / deviation).max():.2g}"
    )


def _order_doubts(series: Series, mean_difference: float) -> list[str]:
    """Whether control and label may be swapped."""
    if mean_difference >= 0:
        return []
    return [
        f"{series.context_path}: volume_type: found a mean difference of {mean_difference:.4g} in the brain; "
        "control and label may be swapped: check their order (nothing was changed)"
    ]
