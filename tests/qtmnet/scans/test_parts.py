"""Parts of a scan are what is left if its other volumes had never been acquired."""

from pathlib import Path

import numpy as np
import pytest

from qtmnet.scans.bids.series import Series, read_series
from qtmnet.scans.scan import scan_of
from qtmnet.scans.volumes.parts import some_delays, some_pairs
from tests.qtmnet.made_scans import write_scan

DELAYS = (0.5, 1.0, 1.5)
M0 = 1000.0
SIZE = (6, 6, 4)


@pytest.fixture
def series(tmp_path: Path) -> Series:
    """Four noisy pairs of three delays, in turn, whose frames are 10, 20 and 30 but for noise."""
    delta_m = np.stack([np.full(SIZE, 10.0 * (k + 1)) for k in range(3)])
    path = write_scan(
        tmp_path / "sub-01" / "perf" / "sub-01_asl.nii.gz",
        delta_m,
        np.full(SIZE, M0),
        DELAYS,
        pairs=4,
        noise=1.0,
        mask=np.ones(SIZE, bool),
        LabelingDuration=1.8,
    )
    return read_series(path)


def differences(series: Series) -> np.ndarray:
    """Control less label of each pair and delay as the file has them, (pairs, K, X, Y, Z)."""
    volumes = np.moveaxis(series.volumes[..., 1:], -1, 0).reshape(4, 3, 2, *SIZE)
    return volumes[:, :, 0] - volumes[:, :, 1]


@pytest.mark.parametrize(("first", "step", "kept"), [(0, 2, [0, 2]), (1, 2, [1, 3]), (2, 4, [2])])
def test_some_pairs_are_those_pairs_alone(series: Series, first: int, step: int, kept: list[int]) -> None:
    scan = scan_of(some_pairs(series, first, step))
    assert scan.pairs == (len(kept),) * 3
    # Two pairs that scatter as these do are weighed alike: what is left is rounding of float32 at M0.
    np.testing.assert_allclose(scan.delta_m, differences(series)[kept].mean(axis=0), atol=M0 * 1e-6)
    assert (scan.m0 == M0).all()


@pytest.mark.parametrize("places", [[0, 2], [1], [0, 1, 2]])
def test_some_delays_are_those_frames_alone(series: Series, places: list[int]) -> None:
    whole, part = scan_of(series), scan_of(some_delays(series, places))
    assert part.acquisition.post_labeling_delays == tuple(DELAYS[place] for place in places)
    np.testing.assert_array_equal(part.delta_m, whole.delta_m[places])
    assert part.pairs == (4,) * len(places)
