"""Protocols that are drawn are ones that a scanner plays out, and as many of each kind as the settings say."""

from dataclasses import replace

import numpy as np
import pytest

from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.labeling.pulsed import PASL
from simulators.imaging.protocol_ranges import ProtocolRanges

N, SLICES = 1500, 8
RANGES = ProtocolRanges()
SIGMA = 4.5
"""Standard deviations of a share of N draws that a test lets pass: one test in 100,000 fails by chance."""


@pytest.fixture(scope="module")
def drawn() -> list[Acquisition]:
    """Many protocols."""
    rng = np.random.default_rng(0)
    return [RANGES.draw(rng, RANGES.draw_voxel(rng), SLICES, RANGES.last_readout) for _ in range(N)]


def _is_share(found: list[bool], wanted: float) -> bool:
    return abs(np.mean(found) - wanted) < SIGMA * np.sqrt(wanted * (1 - wanted) / len(found))


def test_shares_are_those_of_the_settings(drawn: list[Acquisition]) -> None:
    """Single frames, pulsed labeling, 2D readouts and hidden arteries."""
    assert _is_share([one.n_frames == 1 for one in drawn], RANGES.single_share)
    assert _is_share([isinstance(one.labeling, PASL) for one in drawn], RANGES.pulsed_share)
    assert _is_share([bool(one.slice_timing) for one in drawn], RANGES.slices_share)
    assert _is_share([one.vascular_crushing == 0 for one in drawn], RANGES.crushed_share)


def test_values_lie_in_their_ranges(drawn: list[Acquisition]) -> None:
    """And reach near both ends of them."""
    delays = np.concatenate([one.post_labeling_delays for one in drawn])
    low, high = RANGES.delay
    assert low <= delays.min() < low + 0.1
    assert high - 0.1 < delays.max() <= max(high, RANGES.most_frames * RANGES.block_duration[1] + high)
    assert {one.n_frames for one in drawn} == set(range(1, RANGES.most_frames + 1))
    assert all(RANGES.slice_mm[0] <= one.voxel_size_mm[2] <= RANGES.slice_mm[1] for one in drawn)
    timed = [one for one in drawn if one.slice_timing]
    assert all(len(one.slice_timing) == SLICES for one in timed)
    orders = {tuple(np.argsort(one.slice_timing).tolist()) for one in timed}
    assert orders == {tuple(range(8)), tuple(range(7, -1, -1)), (0, 2, 4, 6, 1, 3, 5, 7)}


@pytest.mark.parametrize("latest", [3.0, 5.0, 7.5])
def test_nothing_is_read_after_the_last_readout(latest: float) -> None:
    """Whatever is drawn, if there is time for the longest labeling and the latest slice at all."""
    rng = np.random.default_rng(1)
    ranges = replace(RANGES, labeling_duration=(0.8, 1.5), first_slice=(0.0, 0.2))
    found = [ranges.draw(rng, (2.0, 2.0, 4.0), SLICES, latest).last_readout for _ in range(N)]
    assert max(found) <= latest + 1e-9


def test_shares_of_more_than_all_are_refused() -> None:
    """Pulsed and time-encoded labeling exclude each other."""
    with pytest.raises(InputError, match="pulsed_share, hadamard_share"):
        replace(RANGES, pulsed_share=0.7, hadamard_share=0.5)
