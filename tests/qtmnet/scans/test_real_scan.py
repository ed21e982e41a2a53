"""A healthy volunteer's 2D-EPI scan with six delays: what is known of it beside its protocol."""

from dataclasses import replace

import numpy as np
import pytest

from qtmnet.methods import kinetic_fit
from qtmnet.scans.scan import AslScan, read_scan
from tests.outside import SCANS

SCAN = SCANS / "sub-ep2d" / "perf" / "sub-ep2d_asl.nii.gz"


@pytest.fixture(scope="module")
def scan() -> AslScan:
    return read_scan(SCAN)


@pytest.fixture(scope="module")
def signal(scan: AslScan) -> np.ndarray:
    return np.where(scan.mask, scan.concentration().mean(axis=0), -np.inf)


def test_grey_matter_perfusion_is_plausible(scan: AslScan, signal: np.ndarray) -> None:
    maps = kinetic_fit.fit(scan.concentration(), scan.acquisition, method="multi_delay", mask=scan.mask)
    # The brighter half of the brain stands for grey matter, which has two to three times the signal of white.
    grey = signal > np.median(signal[scan.mask])
    assert 40 < np.median(maps.cbf[grey]) < 70


def test_transit_time_uses_slice_timing(scan: AslScan, signal: np.ndarray) -> None:
    best = signal > np.percentile(signal[scan.mask], 80)
    att = {}
    for name, acquisition in (("timed", scan.acquisition), ("untimed", replace(scan.acquisition, slice_timing=()))):
        maps = kinetic_fit.fit(scan.concentration(), acquisition, method="multi_delay", mask=scan.mask)
        att[name] = maps.att[best].mean()
    assert att["timed"] == pytest.approx(0.77, abs=0.08)
    assert att["untimed"] == pytest.approx(0.35, abs=0.08)
