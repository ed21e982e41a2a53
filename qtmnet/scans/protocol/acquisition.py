"""The protocol of a scan, from the fields of its sidecar."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np

from qtmnet.scans.bids.series import Series
from qtmnet.scans.protocol.crushing import read_crushing
from qtmnet.scans.protocol.labeling import build_labeling, labeling_note
from qtmnet.scans.protocol.plausible import time_doubts
from qtmnet.scans.protocol.premise import Premise
from qtmnet.scans.protocol.pulsed import bolus_premise, check_inversion_times
from qtmnet.scans.protocol.readout import read_readout
from simulators.imaging.acquisition import Acquisition


@dataclass(frozen=True)
class ReadAcquisition:
    """A protocol as it was read.

    Attributes:
        acquisition: the protocol.
        notes: lines on what was found and assumed.
        premises: of the report's checks.
        doubts: lines to warn with.
    """

    acquisition: Acquisition
    notes: tuple[str, ...]
    premises: tuple[Premise, ...]
    doubts: tuple[str, ...]


def read_acquisition(series: Series, delays: np.ndarray, durations: np.ndarray) -> ReadAcquisition:
    """The protocol with frames of these delays and durations (K,) in s; see `timing`.

    Raises:
        InputError: for fields that are missing or malformed, contradict each other or are not modeled.
    """
    size = nib.affines.voxel_sizes(series.image.affine).round(4)
    labeling = build_labeling(series.sidecar, durations)
    pulsed = series.sidecar.text("ArterialSpinLabelingType") == "PASL"
    doubts = (
        *(check_inversion_times(series.sidecar, delays) if pulsed else ()),
        *time_doubts(series, delays, durations, pulsed=pulsed),
    )
    readout = read_readout(series)
    crushing, crushing_note = read_crushing(series)
    acquisition = Acquisition(
        labeling,
        post_labeling_delays=tuple(delays.tolist()),
        voxel_size_mm=tuple(size.tolist()),
        vascular_crushing=crushing,
        slice_timing=readout.slice_timing,
    )
    of_bolus = bolus_premise(series.sidecar, labeling)
    return ReadAcquisition(
        acquisition,
        (labeling_note(labeling, acquisition.post_labeling_delays), *readout.notes, crushing_note),
        (readout.premise, *([of_bolus] if of_bolus else [])),
        doubts,
    )
