"""The weights that come with the package, on reference objects of the kinetic models' world and on what may not matter.

Objects are made by integrating the general kinetic model, as in `test_kinetic_dro`: a ball of grey about white matter
about fluid, plug flow, well-mixed tissue, one arrival time in each tissue.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from _pytest.mark import ParameterSet

from qtmnet.methods.any_scan.method import AnyScan
from qtmnet.methods.base import Frames
from qtmnet.methods.shipped.files import shipped_weights
from qtmnet.scans.calibration.concentration import calibrate
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from tests.qtmnet.made_scans import ASLDRO, EFFICIENCY, ball, coarsened, difference_signal

DURATION, DELAYS = 1.45, (1.025, 1.525, 2.025, 2.525)
ACQUISITION = Acquisition(labeling_duration=DURATION, post_labeling_delays=DELAYS, voxel_size_mm=(3.0, 3.0, 3.0))
NOISE = (5e-5, 3e-4, 1e-3)
"""mL/mL: next to none, ten pairs at 3 T, one."""

MISSED = ((1.2, 42.0, 1e-3), (1.5, 60.0, 3e-4))
"""ATT, CBF and noise of objects that the weights read farther off than they should."""


@pytest.fixture(scope="module")
def method() -> AnyScan:
    """With the weights of the package."""
    return AnyScan()


def _object(cbf: float, att: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Concentration (K, X, Y, Z), voxels of grey matter alone, and all voxels with tissue."""
    kinds = ball((96, 96, 72))
    grey, white = replace(ASLDRO[1], cbf=cbf, att=att), replace(ASLDRO[2], cbf=cbf / 3, att=att + 0.3)
    signal, m0 = np.zeros((*kinds.shape, len(DELAYS))), np.zeros(kinds.shape)
    for kind, tissue in {**ASLDRO, 1: grey, 2: white}.items():
        signal[kinds == kind] = difference_signal(tissue, DURATION, DURATION + np.array(DELAYS))
        m0[kinds == kind] = tissue.m0
    delta_m, m0 = np.moveaxis(coarsened(signal, 3), -1, 0), coarsened(m0, 3)
    inside = m0 > 0
    frames = calibrate(delta_m, np.where(inside, m0, 1), labeling_efficiency=EFFICIENCY)
    return np.where(inside, frames, 0), coarsened((kinds == 1).astype(float), 3) == 1, inside


def _read(method: AnyScan, cbf: float, att: float, noise: float) -> dict[str, float]:
    """Means over pure grey matter of all maps."""
    frames, grey, inside = _object(cbf, att)
    noisy = frames + noise * np.random.default_rng(0).standard_normal(frames.shape)
    told = np.full((len(DELAYS), 1, 1, 1), noise)
    maps = method.maps(Frames(noisy.astype(np.float32), ACQUISITION, inside, noise=told))
    return {key: float(image[grey].mean()) for key, image in maps.items()}


def _objects() -> Iterator[ParameterSet]:
    """ATT, CBF and noise, those marked that the weights of today do not reach."""
    for att, cbf, noise in product((1.2, 1.5), (42.0, 60.0), NOISE):
        missed = (att, cbf, noise) in MISSED
        reason = "9 % too low and 12 % too high: what is trained is no closer, see docs/any_scan.md"
        yield pytest.param(att, cbf, noise, marks=[pytest.mark.xfail(strict=True, reason=reason)] if missed else [])


@pytest.mark.parametrize(("att", "cbf", "noise"), [*_objects()])
def test_the_kinetic_models_world_is_read_as_it_is(method: AnyScan, att: float, cbf: float, noise: float) -> None:
    """Label that arrives after the first delay: CBF and ATT to what the training has come to, see docs/any_scan.md."""
    found = _read(method, cbf, att, noise)
    assert found["cbf"] == pytest.approx(cbf, rel=0.08)
    assert found["cbf_low"] < cbf < found["cbf_high"]
    assert found["att"] == pytest.approx(att, abs=0.5)
    assert found["att_low"] < att < found["att_high"]


def test_an_interval_is_wide_where_the_arrival_is_not_told(method: AnyScan) -> None:
    """At 0.8 s all label has come before the first delay, and less CBF that came late looks the same."""
    early, late = _read(method, 60.0, 0.8, 1e-3), _read(method, 60.0, 0.8, 5e-5)
    for found in (early, late):
        assert found["cbf_low"] < 60 < found["cbf_high"]
    assert late["cbf_high"] - late["cbf_low"] > 0.2 * 60
    assert early["cbf_sd"] > late["cbf_sd"]


def test_intervals_widen_with_noise_and_with_fewer_delays(method: AnyScan) -> None:
    """Of one object."""
    frames, grey, inside = _object(60.0, 1.2)

    def width(kept: list[int], noise: float) -> float:
        acquisition = replace(ACQUISITION, post_labeling_delays=tuple(DELAYS[k] for k in kept))
        noisy = frames[kept] + noise * np.random.default_rng(0).standard_normal(frames[kept].shape)
        maps = method.maps(Frames(noisy.astype(np.float32), acquisition, inside, noise=np.array(noise)))
        return float((maps["cbf_high"] - maps["cbf_low"])[grey].mean())

    assert width([0, 1, 2, 3], 3e-4) < width([0, 1, 2, 3], 1e-3) < width([0, 1, 2, 3], 3e-3)
    assert width([0, 1, 2, 3], 1e-3) < width([1, 3], 1e-3) < width([3], 1e-3)


def test_other_names_are_refused_with_those_that_there_are() -> None:
    """Weights by name."""
    with pytest.raises(InputError, match=r"weights: found 'any_scans', but with the package come: any_scan, paper4;"):
        shipped_weights("any_scans")
    with pytest.raises(InputError, match="any_scans"):
        AnyScan("any_scans")


def test_the_weights_are_small() -> None:
    """At most 12 MB, so that the package stays one to install in passing."""
    path = shipped_weights("any_scan")
    assert path.stat().st_size + path.with_suffix(".safetensors").stat().st_size < 12e6
