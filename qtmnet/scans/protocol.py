"""How a scan was labeled and read: from the fields of its sidecar to an `Acquisition` and a labeling efficiency."""

import nibabel as nib
import numpy as np

from qtmnet.scans.bids import Series, Sidecar
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.labeling.continuous import CASL, PCASL

DEFAULT_EFFICIENCY = 0.85  # PCASL: Alsop 2015 (10.1002/mrm.25197)
PULSE_EFFICIENCY = 0.95  # for each background suppression pulse, as ASLPrep; measured by Garcia 2005, MRM 54:366
LEAST_EFFICIENCY = (
    0.2  # half of what measured scans have at worst, with suppression; below, label cannot be told from noise
)
MOST_PULSES = 20  # of background suppression; two to five are usual
SHORTEST_LABELING_S = 0.01  # shorter is another unit: blood moves some mm in it
CRUSHING_CM_S = (0.1, 500.0)  # of published 0.5 to 40, in cm/s
_TIME_DIGITS = 4  # delays within 0.1 ms are the same delay


def refuse_other_labeling(sidecar: Sidecar) -> None:
    """Refuse what is not read from scans yet. `BolusDuration` and `InversionTime` are no sign of PASL."""
    if sidecar.text("ArterialSpinLabelingType") not in ("PCASL", "CASL"):
        raise sidecar.error("ArterialSpinLabelingType", "give PCASL or CASL: other labeling is not read from scans")
    if sidecar.flag("BolusCutOffFlag") is not False:
        for name in ("BolusCutOffFlag", "BolusCutOffTechnique", "BolusCutOffDelayTime"):
            if name in sidecar.fields:
                raise sidecar.error(name, "a bolus cut-off makes it PASL, and only PCASL and CASL are read from scans")
    if sidecar.flag("LookLocker"):
        raise sidecar.error("LookLocker", "only one readout for each labeling is modeled: give such a scan")
    for name, value in sidecar.fields.items():
        if value and ("hadamard" in name.lower() or "timeencod" in name.lower()):
            raise sidecar.error(name, "time-encoded scans are not read: give decoded control and label, or deltam")


def timing(series: Series, rows: np.ndarray) -> np.ndarray:
    """Delay and labeling duration of each volume in s, (N, 2), to 0.1 ms; of use in `rows` (N,) bool only."""
    sidecar, n_volumes = series.sidecar, rows.size
    delays = sidecar.seconds_per_volume("PostLabelingDelay", n_volumes)
    if delays is None:
        raise sidecar.error("PostLabelingDelay", "give the delay in s, one number or one for each volume")
    durations = sidecar.seconds_per_volume("LabelingDuration", n_volumes)
    if durations is None or (durations[rows] < SHORTEST_LABELING_S).any():
        advice = (
            f"give seconds, at least {SHORTEST_LABELING_S:g} for all but M0 volumes, one number or one for each volume"
        )
        raise sidecar.error("LabelingDuration", advice)
    return np.stack([delays, durations], axis=-1).round(_TIME_DIGITS)


def read_efficiency(sidecar: Sidecar, given: float | None) -> tuple[float, str, bool]:
    """Labeling efficiency in total, a line on where it came from, and whether background suppression is in it."""
    if given is not None:
        if isinstance(given, bool) or not isinstance(given, int | float) or not LEAST_EFFICIENCY <= given <= 1:
            raise InputError(f"labeling_efficiency: found {given!r}; give a fraction from {LEAST_EFFICIENCY} to 1")
        return float(given), f"labeling efficiency: {given:g} in total, as given", True
    efficiency = sidecar.number("LabelingEfficiency")
    if efficiency is not None:
        if not LEAST_EFFICIENCY <= efficiency <= 1:
            raise sidecar.error("LabelingEfficiency", f"give a fraction from {LEAST_EFFICIENCY} to 1")
        return efficiency, f"labeling efficiency: {efficiency:g} from LabelingEfficiency, taken as the total", True
    pulses = sidecar.number("BackgroundSuppressionNumberPulses")
    if pulses is not None and not (0 <= pulses <= MOST_PULSES and pulses.is_integer()):
        raise sidecar.error("BackgroundSuppressionNumberPulses", f"give a whole number from 0 to {MOST_PULSES}")
    suppressed = sidecar.flag("BackgroundSuppression")
    if pulses is None or suppressed is False:
        note = f"labeling efficiency: {DEFAULT_EFFICIENCY} assumed"
        if suppressed:
            note += ", with no loss to background suppression: BackgroundSuppressionNumberPulses not found"
        return DEFAULT_EFFICIENCY, note, not suppressed
    total = DEFAULT_EFFICIENCY * PULSE_EFFICIENCY**pulses
    note = (
        f"labeling efficiency: {total:.4g} assumed, {DEFAULT_EFFICIENCY} times {PULSE_EFFICIENCY} for each of "
        f"{pulses:g} background suppression pulses"
    )
    return total, note, True


def read_acquisition(series: Series, delays: np.ndarray, durations: np.ndarray) -> tuple[Acquisition, list[str]]:
    """The protocol with frames of these delays and durations (K,) in s, and lines on what was assumed."""
    size = nib.affines.voxel_sizes(series.image.affine).round(4)
    if not ((size > 0.1) & (size < 50)).all():
        raise InputError(f"{series.path}: affine: found voxels of {size.tolist()} mm; mend the header's sform or qform")
    slice_timing, timing_notes = _slice_timing(series)
    crushing, crushing_note = _vascular_crushing(series)
    same = np.unique(durations).size == 1
    kind = CASL if series.sidecar.text("ArterialSpinLabelingType") == "CASL" else PCASL
    acquisition = Acquisition(
        kind(float(durations[0]) if same else tuple(durations.tolist())),
        post_labeling_delays=tuple(delays.tolist()),
        voxel_size_mm=tuple(size.tolist()),
        vascular_crushing=crushing,
        slice_timing=slice_timing,
    )
    return acquisition, [*timing_notes, crushing_note]


def _slice_timing(series: Series) -> tuple[tuple[float, ...], list[str]]:
    """When each slice along the third axis is read after the first one, () if all at once; and notes."""
    sidecar, n_slices = series.sidecar, series.volumes.shape[2]
    times = sidecar.seconds("SliceTiming")
    if times is None:
        return (), []
    if sidecar.text("MRAcquisitionType") == "3D":
        return (), ["slice timing: SliceTiming left out, as a 3D readout takes all slices at once"]
    direction = sidecar.text("SliceEncodingDirection") or "k"
    if direction not in ("k", "k-"):
        advice = "only slices along the third axis (k, k-) are read: reorient the image and its sidecar"
        raise sidecar.error("SliceEncodingDirection", advice)
    if len(times) != n_slices:
        raise sidecar.error("SliceTiming", f"{len(times)} times for {n_slices} slices: give one for each")
    # PostLabelingDelay goes to the first slice that is read, wherever SliceTiming has its zero.
    after_first = (times - times.min()).round(6)
    ordered = after_first[::-1] if direction == "k-" else after_first
    return tuple(ordered.tolist()), [f"slice timing: up to {after_first.max():g} s after the first slice"]


def _vascular_crushing(series: Series) -> tuple[float | None, str]:
    """Velocity (mm/s) above which arterial label is crushed, None without crushing; and a note."""
    sidecar = series.sidecar
    crushed, velocities = sidecar.flag("VascularCrushing"), sidecar.numbers("VascularCrushingVENC")
    if crushed is False:
        return None, "vascular crushing: none"
    if crushed is None and velocities is None:
        return None, "vascular crushing: none assumed"
    if velocities is None:
        return 0.0, "vascular crushing: of unknown velocity (no VascularCrushingVENC), taken to hide all arterial label"
    used = np.isin(series.types, ("control", "label", "deltam"))
    distinct = np.unique(sidecar.per_volume("VascularCrushingVENC", velocities, used.size)[used])
    slowest, fastest = CRUSHING_CM_S
    if distinct.size > 1 or not (distinct[0] == 0 or slowest <= distinct[0] <= fastest):
        advice = f"give one velocity for all volumes, 0 or from {slowest:g} to {fastest:g} cm/s"
        raise sidecar.error("VascularCrushingVENC", advice)
    if distinct[0] == 0:  # BIDS: zero marks volumes without crushing
        return None, "vascular crushing: none, as VascularCrushingVENC is 0"
    return 10 * float(distinct[0]), f"vascular crushing: above {10 * distinct[0]:g} mm/s"
