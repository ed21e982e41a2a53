"""Scans of every labeling that BIDS describes, made by the integral of the model, give back their perfusion."""

import warnings

import numpy as np
import pytest

from qtmnet.methods.base import Frames, Method
from qtmnet.methods.multi_delay import MultiDelay
from qtmnet.methods.multi_delay_arteries import MultiDelayArteries
from qtmnet.methods.single_delay import SingleDelay
from qtmnet.scans.scan import AslScan, read_scan
from simulators import CASL, PASL, PCASL, QUIPSS, InputError, PASLUnknownBolus
from tests.qtmnet.scans.protocol.integrals import (
    ATT,
    CBF,
    INSIDE,
    SLICES,
    Tissue,
    continuous,
    cut_off,
    frames,
    saturated,
    write,
)

RTOL = 3e-4
"""Volumes hold 1000 in single precision, to 6e-5, and differences are 1 at least."""

IN_BLOOD = Tissue(in_blood=True)


def pasl(technique: str = "Q2TIPS", times: object = (0.7, 1.2), **more: object) -> dict[str, object]:
    given = {"BolusCutOffFlag": True, "BolusCutOffTechnique": technique, "BolusCutOffDelayTime": times}
    return {"ArterialSpinLabelingType": "PASL", **given, **more}


PCASL_FIELDS = {"ArterialSpinLabelingType": "PCASL", "LabelingDuration": 1.8}
CASL_FIELDS = {"ArterialSpinLabelingType": "CASL", "LabelingDuration": 2.0}
TI, TIS = (1.8,), (0.5, 0.9, 1.3, 1.7, 2.1, 2.5)
PLDS = (0.4, 0.9, 1.4, 1.9, 2.4)

SCANS = {
    "PCASL": (PCASL_FIELDS, [continuous(1.8, d) for d in PLDS], PLDS, 0.85, PCASL(1.8)),
    "CASL": (CASL_FIELDS, [continuous(2.0, d) for d in PLDS], PLDS, 0.68, CASL(2.0)),
    "PASL, Q2TIPS": (pasl(), [cut_off(0.7, t) for t in TIS], TIS, 0.98, PASL(0.7)),
    "PASL, Q2TIPS, first alone": (pasl(times=0.8), [cut_off(0.8, t) for t in TIS], TIS, 0.98, PASL(0.8)),
    "PASL, QUIPSSII": (pasl("QUIPSSII", 0.7), [cut_off(0.7, t) for t in TIS], TIS, 0.98, PASL(0.7)),
    "PASL, a list of one": (pasl("QUIPSSII", [0.7]), [cut_off(0.7, t) for t in TIS], TIS, 0.98, PASL(0.7)),
    "PASL, QUIPSS II": (pasl("QUIPSS II", 0.6), [cut_off(0.6, t) for t in TIS], TIS, 0.98, PASL(0.6)),
    "PASL, quipss-ii": (pasl("quipss-ii", 0.6), [cut_off(0.6, t) for t in TIS], TIS, 0.98, PASL(0.6)),
    "PASL, no flag": (pasl(BolusCutOffFlag=None), [cut_off(0.7, t) for t in TIS], TIS, 0.98, PASL(0.7)),
    "PASL, labeling duration beside": (
        pasl(LabelingDuration=1.8),
        [cut_off(0.7, t) for t in TIS],
        TIS,
        0.98,
        PASL(0.7),
    ),
    "PASL, readouts before the cut-off": (pasl(times=1.5), [cut_off(1.5, t) for t in TIS], TIS, 0.98, PASL(1.5)),
}
"""Fields, boluses, delays, usual efficiency and labeling."""


def maps(method: Method, scan: AslScan) -> dict[str, np.ndarray]:
    return dict(method.maps(Frames.of_scan(scan)))


@pytest.mark.parametrize("case", SCANS)
def test_multi_delay_reads_the_scan_back(case, tmp_path):
    fields, boluses, delays, efficiency, labeling = SCANS[case]
    scan = read_scan(write(tmp_path / "sub-01_asl.nii.gz", frames(boluses, efficiency, Tissue()), delays, **fields))
    assert scan.acquisition.labeling == labeling
    assert scan.labeling_efficiency == efficiency
    for method in (MultiDelay(), MultiDelayArteries()):
        found = maps(method, scan)
        # The priors of the second hold a noiseless fit by less than a thousandth.
        np.testing.assert_allclose(found["cbf"][INSIDE], CBF, rtol=RTOL if method == MultiDelay() else 5e-3)
        np.testing.assert_allclose(found["att"][INSIDE], ATT, atol=0.01)


ONE = {
    "PCASL": (PCASL_FIELDS, continuous(1.8, 1.8), 1.8, 0.85),
    "CASL": (CASL_FIELDS, continuous(2.0, 1.6), 1.6, 0.68),
    "PASL, Q2TIPS": (pasl(), cut_off(0.7, 1.8), 1.8, 0.98),
    "PASL, QUIPSSII": (pasl("QUIPSSII", 0.8), cut_off(0.8, 2.0), 2.0, 0.98),
    "PASL, QUIPSS": (pasl("QUIPSS", 0.9), saturated(0.9, 1.8), 1.8, 0.98),
}


@pytest.mark.parametrize("slices", [None, SLICES])
@pytest.mark.parametrize("case", ONE)
def test_single_delay_reads_the_scan_back(case, slices, tmp_path):
    """Where all label has arrived and is in its blood, as the equation has it, and in each slice at its own time."""
    fields, bolus, delay, efficiency = ONE[case]
    times = {} if slices is None else {"MRAcquisitionType": "2D", "SliceTiming": slices}
    delta_m = frames([bolus], efficiency, IN_BLOOD, slices)
    scan = read_scan(write(tmp_path / "sub-01_asl.nii.gz", delta_m, (delay,), **fields, **times))
    np.testing.assert_allclose(maps(SingleDelay(), scan)["cbf"][INSIDE], CBF, rtol=RTOL)


def test_quipss_is_read_by_what_takes_all_label_to_have_arrived_alone(tmp_path):
    tis = (1.4, 1.8, 2.2)
    delta_m = frames([saturated(0.9, ti) for ti in tis], 0.98, IN_BLOOD)
    scan = read_scan(write(tmp_path / "sub-01_asl.nii.gz", delta_m, tis, **pasl("QUIPSS", 0.9)))
    assert scan.acquisition.labeling == QUIPSS(0.9)
    assert maps(SingleDelay(post_labeling_delay=0.9), scan)["cbf"][INSIDE] == pytest.approx(CBF, rel=RTOL)
    for method in (MultiDelay(), MultiDelayArteries()):
        with pytest.raises(InputError, match=r"labeling: found QUIPSS, whose frames do not show when blood arrives"):
            method.check(scan.acquisition)


def test_a_bolus_that_nothing_cuts_off_is_assumed_and_said(tmp_path):
    fields = {"ArterialSpinLabelingType": "PASL", "BolusCutOffFlag": False, "LabelingSlabThickness": 100}
    delta_m = frames([cut_off(0.8, 1.8)], 0.98, IN_BLOOD)
    path = write(tmp_path / "sub-01_asl.nii.gz", delta_m, TI, **fields)
    with pytest.warns(UserWarning, match="found no cut-off of the bolus"):
        scan = read_scan(path)
    assert scan.acquisition.labeling == PASLUnknownBolus(100.0)
    assert {each.name: each.standing for each in scan.premises}["Duration of the bolus"] == "unknown"
    assert maps(SingleDelay(), scan)["cbf"][INSIDE] == pytest.approx(CBF, rel=RTOL)


def test_a_delay_counted_from_the_cut_off_is_warned_of(tmp_path):
    fields = pasl(InversionTime=1.8)
    path = write(tmp_path / "sub-01_asl.nii.gz", frames([cut_off(0.7, 1.1)], 0.98, IN_BLOOD), (1.1,), **fields)
    with pytest.warns(UserWarning, match=r"PostLabelingDelay: found 1\.1, which with the cut-off at 0\.7 s"):
        read_scan(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_scan(write(path, frames([cut_off(0.7, 1.8)], 0.98, IN_BLOOD), TI, **fields))


REFUSED = {
    "no flag": (pasl(BolusCutOffFlag=None, BolusCutOffTechnique=None), "BolusCutOffFlag: not found; PASL needs it"),
    "no technique": (pasl(BolusCutOffTechnique=None), "BolusCutOffTechnique: not found; give QUIPSS, QUIPSSII or"),
    "unknown technique": (pasl("EPISTAR"), "BolusCutOffTechnique: found 'EPISTAR'"),
    "no time": (pasl(times=None), "BolusCutOffDelayTime: not found; give s from the labeling pulse"),
    "time in ms": (pasl(times=700), "BolusCutOffDelayTime: found 700; give seconds"),
    "time of 0": (pasl(times=0), "BolusCutOffDelayTime: found 0; give s"),
    "falling times": (pasl(times=[1.2, 0.7]), r"BolusCutOffDelayTime: found \[1.2, 0.7\]"),
    "cut off after the readout": (pasl(times=2.0), "PostLabelingDelay: found .*; PASL counts it from the labeling"),
    "QUIPSS before its saturation": (pasl("QUIPSS", 1.9), "PostLabelingDelay: found .*; PASL counts it"),
    "no cut-off, no slab": (pasl(BolusCutOffFlag=False), "LabelingSlabThickness: not found; without a cut-off"),
    "no cut-off, whole body": (
        pasl(BolusCutOffFlag=False, LabelingSlabThickness=0),
        "LabelingSlabThickness: found 0; without a cut-off",
    ),
    "cut-off of PCASL": (
        PCASL_FIELDS | {"BolusCutOffFlag": True},
        "BolusCutOffFlag: found True; a bolus cut-off is of",
    ),
    "velocity-selective": (
        {"ArterialSpinLabelingType": "VSASL"},
        "ArterialSpinLabelingType: found 'VSASL'; give",
    ),
    "Look-Locker": (PCASL_FIELDS | {"LookLocker": True}, "LookLocker: found True; each of its readouts takes away"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_known_is_refused(case, tmp_path):
    fields, message = REFUSED[case]
    path = write(tmp_path / "sub-01_asl.nii.gz", frames([cut_off(0.7, 1.8)], 0.98, IN_BLOOD), TI, **fields)
    with pytest.raises(InputError, match=message) as error:
        read_scan(path)
    assert str(error.value).startswith(str(path).replace(".nii.gz", ".json"))
