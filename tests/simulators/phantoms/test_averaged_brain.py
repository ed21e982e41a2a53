"""A brain on acquired voxels: what is read from it is what is read from the brain itself."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simulators import PASL, PCASL, Acquisition, BrainParameters, HadamardPCASL
from simulators.phantoms.averaged_brain import AveragedBrains
from simulators.phantoms.brain import BrainStages
from simulators.phantoms.brain_scan import scan_brain
from simulators.phantoms.simulated_brain import Brain

PARAMETERS = BrainParameters(voxel_size_mm=(8.0, 8.0, 8.0))
TIMES = tuple(0.125 * k for k in range(1, 49))
SIZE = (8.0, 8.0, 16.0)
ODD = ((9.5, 7.0, 11.0), (3.44, 3.44, 4.95))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("brain")


@pytest.fixture(scope="module")
def brain(folder: Path) -> Brain:
    return BrainStages(PARAMETERS, folder=folder).brain(TIMES)


@pytest.fixture(scope="module")
def brains(folder: Path) -> AveragedBrains:
    """In parts of which the last is shorter."""
    return AveragedBrains(BrainStages(PARAMETERS, folder=folder), TIMES, [SIZE, *ODD], at_once=20)


@pytest.mark.parametrize(
    "protocol",
    [
        Acquisition(),
        Acquisition(vascular_crushing=0.0),
        Acquisition(PASL(), (0.9, 1.8)),
        Acquisition(HadamardPCASL(), (0.3,)),
        Acquisition(post_labeling_delays=(0.3, 2.0), slice_timing=tuple(0.1 * k for k in range(13))),
    ],
)
def test_frames_are_those_of_the_brain(brains: AveragedBrains, brain: Brain, protocol: Acquisition) -> None:
    averaged = brains.on(SIZE)
    if protocol.slice_timing:
        protocol = replace(protocol, slice_timing=protocol.slice_timing[: averaged.seen.perfusion.shape[-1]])
    protocol = replace(protocol, voxel_size_mm=SIZE)
    found, expected = averaged.scan(protocol), scan_brain(brain, protocol)
    # float32 sums in another order, of boluses that are differences of S
    np.testing.assert_allclose(found.concentration, expected.concentration, atol=3e-6 * expected.concentration.max())
    for name in ("perfusion", "grey", "white", "att", "arterial_blood", "affine"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_label_is_conserved_in_voxels_that_do_not_nest(brains: AveragedBrains, brain: Brain) -> None:
    """Concentration times volume, over all voxels, is the label that the brain holds."""
    response = brain.response
    for size in ODD:
        averaged = brains.on(size)
        for found, whole in ((averaged.response.arterial, response.arterial), (averaged.response.bed, response.bed)):
            held = whole.sum(axis=(1, 2, 3), dtype=float) * 8.0**3
            # float32 shares of voxels
            np.testing.assert_allclose(found.sum(axis=(1, 2, 3), dtype=float) * np.prod(size), held, rtol=1e-5)


def test_what_is_kept_is_read_again(brains: AveragedBrains, folder: Path) -> None:
    made = brains.on(SIZE)
    again = AveragedBrains(BrainStages(PARAMETERS, folder=folder), TIMES, [SIZE])
    found = again.on(SIZE)
    assert "_made" not in vars(again)  # nothing was simulated
    np.testing.assert_array_equal(found.response.bed, made.response.bed)
    np.testing.assert_array_equal(found.seen.att, made.seen.att)


def test_steps_are_fine_enough_for_boluses_read_while_label_arrives(folder: Path) -> None:
    """Against a response kept so often that S is all but known; delays are between the kept times."""
    early = tuple(0.05 * k for k in range(1, 21))
    kept = AveragedBrains(BrainStages(PARAMETERS, folder=folder), (*early, *TIMES[8:]), [SIZE])
    fine = AveragedBrains(
        BrainStages(PARAMETERS, folder=folder), tuple(0.125 / 8 * k for k in range(1, 8 * 20 + 1)), [SIZE]
    )
    for labeling, delays in ((PCASL(), (0.28, 0.42, 0.83)), (PASL(), (0.93,))):
        protocol = Acquisition(labeling, delays, voxel_size_mm=SIZE)
        found, truth = (each.on(SIZE).scan(protocol).concentration for each in (kept, fine))
        for frame, true in zip(found, truth, strict=True):
            assert np.linalg.norm(frame - true) < 0.01 * np.linalg.norm(true)
