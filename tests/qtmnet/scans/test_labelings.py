"""Labelings at the border of the commands: what is asked for, what a network refuses, what a sidecar says."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest

from qtmnet.methods.base import Frames
from qtmnet.methods.multi_delay import MultiDelay
from qtmnet.methods.multi_delay_arteries import MultiDelayArteries
from qtmnet.methods.network.accepts import labeling_difference
from qtmnet.methods.single_delay import SingleDelay
from qtmnet.report.settings import protocol
from qtmnet.scans.acquisitions import ProtocolChanges, build_acquisition, change_acquisition
from qtmnet.scans.labeling_fields import labeling_fields
from qtmnet.scans.scan import read_scan
from simulators import (
    CASL,
    PASL,
    PCASL,
    Acquisition,
    Block,
    HadamardPCASL,
    InputError,
    Labeling,
    PASLUnknownBolus,
)
from simulators.imaging.labeling.base import Frame

TOLERANCE = 5e-3


@dataclass(frozen=True)
class InTwoParts(Labeling):
    """What PCASL does, said as two boluses, one right after the other."""

    duration: float = 1.45

    def frames(self, delays: tuple[float, ...]) -> tuple[Frame, ...]:
        half = self.duration / 2
        return tuple((Block(half, delay + half), Block(half, delay)) for delay in delays)


@pytest.mark.parametrize(
    ("trained", "found", "same"),
    [
        (PCASL(1.45), PCASL(1.451), True),
        (PCASL(1.45), CASL(1.45), True),  # another efficiency, which is divided out
        (PCASL(1.45), PCASL((1.45, 1.45, 1.45, 1.45)), True),
        (PCASL(1.45), PCASL(1.8), False),
        (PCASL(0.7), PASL(0.7), False),
        (PASL(0.7), PASL(0.8), False),
        (PASL(0.8), PASLUnknownBolus(100.0, 125.0), True),
        (HadamardPCASL(4, 2.1), HadamardPCASL(4, 2.1, decoded=False), False),
        (HadamardPCASL(4, 2.1), HadamardPCASL(4, (0.8, 0.7, 0.6)), False),
        (PCASL(1.45), InTwoParts(), False),
    ],
)
def test_networks_refuse_another_labeling(trained, found, same):
    difference = labeling_difference(Acquisition(trained), Acquisition(found), TOLERANCE)
    assert (difference is None) is same
    assert same or difference.startswith("labeling: trained ")


def test_of_other_delays_only_the_delays_are_told():
    assert labeling_difference(Acquisition(), Acquisition(post_labeling_delays=(1.8,)), TOLERANCE) is None
    late = Acquisition(post_labeling_delays=(2.0, 2.5, 3.0, 3.5))
    assert labeling_difference(Acquisition(), late, TOLERANCE) is None
    assert labeling_difference(Acquisition(PASL()), late, TOLERANCE) is not None


def test_the_old_setting_changes_the_duration():
    assert build_acquisition(labeling_duration=1.8) == Acquisition(PCASL(1.8))
    assert build_acquisition(labeling=CASL(1.0), labeling_duration=1.8).labeling == CASL(1.8)
    with pytest.raises(InputError, match=r"^labeling_duration: found 1.8, but PASL has no such setting"):
        build_acquisition(labeling=PASL(), labeling_duration=1.8)


def test_changes_to_a_checkpoints_protocol():
    kept = Acquisition(PASL(0.8), (1.0, 2.0))
    nothing = change_acquisition(labeling=None, labeling_duration="checkpoint", post_labeling_delays="checkpoint")
    assert nothing == ProtocolChanges({})
    assert nothing.of(kept) == kept
    assert change_acquisition(labeling=PCASL(1.8)).of(kept) == Acquisition(PCASL(1.8), (1.0, 2.0))
    assert change_acquisition(labeling_duration=1.8).of(Acquisition()) == Acquisition(PCASL(1.8))
    with pytest.raises(InputError, match=r"^acquisition.labeling_duration: found 1.8, but PASL"):
        change_acquisition(labeling_duration=1.8).of(kept)


def test_delays_that_show_the_same_twice():
    with pytest.raises(InputError, match=r"post_labeling_delays: found 1.5 s twice"):
        build_acquisition(labeling=PASL(), post_labeling_delays=(1.0, 1.5, 1.5))
    twice = build_acquisition(labeling=PCASL((1.0, 1.8)), post_labeling_delays=(1.5, 1.5))
    assert twice.n_frames == 2


def test_a_scan_is_of_the_kind_that_it_says(example):
    assert type(read_scan(example.path).acquisition.labeling) is PCASL
    example.set(ArterialSpinLabelingType="CASL")
    assert type(read_scan(example.path).acquisition.labeling) is CASL


@pytest.mark.parametrize(
    ("labeling", "fields"),
    [
        (PCASL(1.8), {"ArterialSpinLabelingType": "PCASL", "LabelingDuration": 1.8, "PostLabelingDelay": (1.0, 2.0)}),
        (CASL(1.8), {"ArterialSpinLabelingType": "CASL"}),
        (PASL(0.7), {"ArterialSpinLabelingType": "PASL", "BolusCutOffFlag": True, "BolusCutOffDelayTime": 0.7}),
        (PASLUnknownBolus(), {"BolusCutOffFlag": False, "LabelingSlabThickness": 100.0}),
        (
            HadamardPCASL(4, (0.6, 0.5, 0.4)),
            {"LabelingDuration": (0.6, 0.5, 0.4) * 2, "PostLabelingDelay": pytest.approx((1.9, 1.4, 1, 2.9, 2.4, 2))},
        ),
        (InTwoParts(), {"PostLabelingDelay": (1.0, 2.0)}),
    ],
)
def test_sidecars_say_the_labeling_in_bids_terms(labeling, fields: Mapping[str, object]):
    found = labeling_fields(Acquisition(labeling, (1.0, 2.0)))
    assert {name: found[name] for name in fields} == fields


@pytest.mark.parametrize(
    ("labeling", "said"),
    [
        (PCASL((1.0, 1.8)), {"Labeling duration": "1, 1.8 s", "Post-labeling delays": "1, 2 s"}),
        (PASL(0.7), {"Bolus duration": "0.7 s", "Inversion times": "1, 2 s"}),
        (PASLUnknownBolus(), {"Bolus duration": "unknown; 0.8 s assumed, 100 mm at 125 mm/s"}),
        (HadamardPCASL(4, 1.5), {"Durations of the sub-boluses": "0.5, 0.5, 0.5 s"}),
        (InTwoParts(), {"Labeling": "InTwoParts", "Duration": "1.45"}),
    ],
)
def test_reports_say_the_labeling_in_words(labeling, said: Mapping[str, str]):
    words = dict(protocol(Acquisition(labeling, (1.0, 2.0))))
    assert {name: words[name] for name in said} == said
    assert words["Acquired voxel"] == "2 × 2 × 4 mm"


def test_reports_show_the_equation_that_was_used():
    methods = {
        "single_delay": SingleDelay(),
        "multi_delay": MultiDelay(),
        "multi_delay_arteries": MultiDelayArteries(),
    }
    for name, method in methods.items():
        for acquisition, equation in ((Acquisition(), name), (Acquisition(PASL()), f"{name}_pulsed")):
            frames = Frames(np.zeros((acquisition.n_frames, 1, 1, 1), np.float32), acquisition)
            assert method.about(frames).equation == equation
