"""Protocols of a table: slices over a brain in every order, and the times that all of them need."""

from typing import Any

import numpy as np
import pytest

from qtmnet.evaluation.protocols.settings import EARLY, Protocol, ProtocolTable
from simulators import PASL, PCASL, Acquisition, InputError

HELD = np.array([False, False, True, True, True, False, True, False])
"""Slices that hold brain, two to six."""


@pytest.mark.parametrize(
    ("order", "turns"),
    [
        ("ascending", [0, 0, 0, 1, 2, 3, 4, 4]),
        ("descending", [4, 4, 4, 3, 2, 1, 0, 0]),
        ("interleaved", [0, 0, 0, 3, 1, 4, 2, 2]),
    ],
)
def test_slices_are_read_in_order_from_the_first_that_holds_brain(order: Any, turns: list[int]) -> None:
    protocol = Protocol(slice_duration=0.045, slice_order=order)
    np.testing.assert_allclose(protocol.acquisition(HELD).slice_timing, 0.045 * np.array(turns))


def test_a_protocol_without_slices_is_the_acquisition_of_its_fields() -> None:
    made = Protocol(PASL(), (0.9, 1.8), (3.0, 3.0, 5.0)).acquisition(HELD)
    assert made == Acquisition(PASL(), (0.9, 1.8), (3.0, 3.0, 5.0))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("slice_order", {"slice_order": "ascending"}),
        ("slice_order", {"slice_duration": 0.1}),
        ("slice_duration", {"slice_duration": 45, "slice_order": "ascending"}),
        ("post_labeling_delays", {"post_labeling_delays": (1525.0,)}),
        ("labeling_duration", {"labeling": PCASL((1.0, 2.0))}),
    ],
)
def test_protocols_of_no_scanner(name: str, settings: dict) -> None:
    with pytest.raises(InputError, match=rf"^{name}: found .*; give"):
        Protocol(**settings)


def test_times_reach_the_last_readout_of_all_and_are_dense_at_first() -> None:
    late = Protocol(post_labeling_delays=(3.0,), slice_duration=0.1, slice_order="descending")
    table = ProtocolTable({"early": Protocol(), "late": late}, until=2.0)
    times = np.array(table.times(extent_mm=100.0))
    assert 1.45 + 3.0 + 0.1 * 25 <= times[-1] < 1.45 + 3.0 + 0.1 * 26 + 0.125
    steps = np.diff([0.0, *times])
    np.testing.assert_allclose(steps[times <= EARLY + 1e-9], 0.05)
    np.testing.assert_allclose(steps[times > EARLY + 1e-9], 0.125)
    assert ProtocolTable({"early": Protocol()}, until=6.0).times(100.0)[-1] == pytest.approx(6.0)


def test_only_some_are_read() -> None:
    protocols = {"one": Protocol(), "two": Protocol(), "three": Protocol()}
    assert list(ProtocolTable(protocols, only=("three", "one")).read) == ["one", "three"]
    with pytest.raises(InputError, match=r"^only: found 'four'; give some of one, two, three"):
        ProtocolTable(protocols, only=("four",))
