"""Correction of motion in a head that is a formula: what moved is known, and what a scanner shows of it as well."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from qtmnet.scans.bids.series import read_series
from qtmnet.scans.motion.correction import correct_motion
from qtmnet.scans.motion.estimate import Estimate
from qtmnet.scans.scan import AslScan, read_scan
from tests.qtmnet.scans.motion.heads import CONTROL, DIFFERENCE, SHAPE, STILL, shown
from tests.qtmnet.scans.motion.made import Volume, pairs, write, write_data

FEW = [STILL] * 10


def way(seed: int, mm: float, degrees: float) -> np.ndarray:
    """A motion of that size in some direction about some axis."""
    directions = np.random.default_rng(seed).standard_normal((2, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return np.concatenate([mm * directions[0], degrees * directions[1]])


def with_some(motions: dict[int, np.ndarray]) -> list[np.ndarray]:
    return [motions.get(k, STILL) for k in range(len(FEW))]


MOTIONS = {
    "two volumes": with_some({3: way(1, 6, 5), 6: way(2, 0.5, 0.5)}),
    "one pair": with_some({4: way(3, 3, 2), 5: way(3, 3, 2)}),
    "a step": [STILL] * 6 + [way(4, 4, 3)] * 4,
    "every label a little": [way(5, 0.5, 0.5) if k % 2 else STILL for k in range(10)],
    "all volumes": [way(10 + k, 0.5 + k / 2, 0.5 + k / 2) for k in range(10)],
    "a drift": [k * np.array([0.3, 0.2, -0.2, 0.2, 0.0, 0.1]) for k in range(10)],
}
"""Of controls and labels in turn; 0.5 to 6 mm and 0.5 to 5 degrees."""

WITHIN_PAIRS = ("every label a little", "all volumes")
"""Of these, what moved within pairs; few such pairs are left out without correction, and whole pairs blur the mean."""


def matrix(motion: np.ndarray) -> np.ndarray:
    found = np.eye(4)
    found[:3, :3] = Rotation.from_rotvec(motion[3:], degrees=True).as_matrix()
    found[:3, 3] = motion[:3]
    return found


def errors(found: Estimate, volumes: list[Volume]) -> tuple[np.ndarray, np.ndarray, int]:
    """Of the motion between each volume and one of those that were left: mm at the head's middle, degrees; that one."""
    rows = [row for row, volume in enumerate(volumes) if volume.kind in ("control", "label")]
    left = next(row for row in rows if not found.has_moved[row])
    wrong = []
    for row in rows:
        true = matrix(volumes[row].motion) @ np.linalg.inv(matrix(volumes[left].motion))
        # A volume's motion takes its points to the common place: what was found is the way back from there.
        told = np.linalg.inv(found.head.matrix(found.motion[row])) @ found.head.matrix(found.motion[left])
        wrong.append(np.linalg.inv(true) @ told)
    middle = np.append(found.head.centre, 1)
    degrees = [Rotation.from_matrix(each[:3, :3]).magnitude() for each in wrong]
    return np.linalg.norm([(each @ middle - middle)[:3] for each in wrong], axis=1), np.degrees(degrees), left


def error_of(scan: AslScan, motion: np.ndarray = STILL) -> float:
    """Root mean square error of ΔM over M0 in the head, over its mean: perfusion of one delay is a multiple of that.

    Args:
        scan: what was read.
        motion: of the head, where the scan has it.
    """
    truth, m0 = shown(DIFFERENCE, motion), 1.25 * shown(CONTROL, motion)
    inside = shown(CONTROL, motion) > 600
    found = np.divide(scan.delta_m[0], scan.m0, out=np.zeros(SHAPE), where=scan.m0 > 0)[inside]
    true = (truth / m0)[inside]
    return float(np.sqrt(((found - true) ** 2).mean()) / true.mean())


@pytest.mark.parametrize("name", MOTIONS)
def test_known_motion_is_found_and_undone(tmp_path: Path, name: str) -> None:
    """Within 0.3 mm and 0.3 degrees; of the error a quarter is left at most, noise that is in both included."""
    volumes = pairs(MOTIONS[name])
    path = write(tmp_path, volumes, noise=0.5)
    scan, without = read_scan(path, motion_correction=True), read_scan(path)
    assert scan.motion is not None
    mm, degrees, left = errors(scan.motion, volumes)
    assert mm.max() < 0.3
    assert degrees.max() < 0.3
    # M0 lies where the head began, and is put where the scan has it.
    place = volumes[left].motion
    least = min(error_of(without, place), error_of(without))
    assert error_of(scan, place) <= (0.25 if name in WITHIN_PAIRS else 1.0) * least


@pytest.mark.parametrize("noise", [0.0, 2.0, 20.0, 80.0])
def test_a_scan_without_motion_is_not_changed(tmp_path: Path, noise: float) -> None:
    """To the last bit: nothing is looked up between voxels. 80 is 8 % of the signal, eight times that of label."""
    path = write(tmp_path, pairs(FEW), noise)
    with_it, without = read_scan(path, motion_correction=True), read_scan(path)
    np.testing.assert_array_equal(with_it.delta_m, without.delta_m)
    np.testing.assert_array_equal(with_it.m0, without.m0)
    np.testing.assert_array_equal(with_it.mask, without.mask)
    assert any("all left as they are" in note for note in with_it.notes)


def suppressed(delay: float) -> dict[str, float]:
    """Signals of a suppressed background, which recovers after the last inversion, by T1 of 1.3, 0.8 and 4 s."""
    return {
        name: CONTROL[name] * (1 - np.exp(-delay / t1)) * 0.5
        for name, t1 in (("grey", 1.3), ("white", 0.8), ("fluid", 4.0))
    }


def of_delays(motions: list[np.ndarray]) -> list[Volume]:
    """Pairs of three delays in turn, whose background is suppressed, each by another share."""
    delays = (0.4, 0.9, 1.6)
    found = [Volume("m0scan", delay=0.0)]
    for k, motion in enumerate(motions):
        delay = delays[k // 2 % 3]
        found.append(Volume(("control", "label")[k % 2], motion, delay, suppressed(delay)))
    return found


def darkened(path: Path, volumes: list[Volume], noise: float = 1.0) -> Path:
    """A scan whose slices recover one after the other, as those of a 2D readout do."""
    rng = np.random.default_rng(1)
    images = []
    for volume in volumes:
        ramp = 1 if volume.kind == "m0scan" else np.linspace(1, 1 + 0.6 / (1 + volume.delay), SHAPE[2])
        images.append(volume.image() * ramp + noise * rng.standard_normal(SHAPE))
    times = np.linspace(0, 0.6, SHAPE[2]).tolist()
    fields = {"MRAcquisitionType": "2D", "SliceTiming": times, "BackgroundSuppression": True}
    return write_data(path, np.stack(images, axis=-1), volumes, **fields)


def test_contrast_of_delays_does_not_pass_for_motion(tmp_path: Path) -> None:
    path = darkened(tmp_path, of_delays([STILL] * 18))
    with_it, without = read_scan(path, motion_correction=True), read_scan(path)
    np.testing.assert_array_equal(with_it.delta_m, without.delta_m)
    np.testing.assert_array_equal(with_it.m0, without.m0)


def test_motion_is_told_from_the_contrast_of_delays(tmp_path: Path) -> None:
    """Slice times stay with the slices: the protocol is what it was."""
    moving = [STILL] * 18
    moving[4] = way(6, 2, 2)
    moving[9] = moving[10] = way(7, 4, 3)
    volumes = of_delays(moving)
    path = darkened(tmp_path, volumes)
    scan = read_scan(path, motion_correction=True)
    assert scan.motion is not None
    mm, degrees, _ = errors(scan.motion, volumes)
    assert mm.max() < 0.3
    assert degrees.max() < 0.3
    assert np.flatnonzero(scan.motion.has_moved).tolist() == [5, 10, 11]
    assert scan.acquisition == read_scan(path).acquisition


def test_what_was_put_back_counts(tmp_path: Path) -> None:
    """Without correction its pair is left out, as before. Noise is 1.5 % of the signal, as in a 2D scan."""
    path = write(tmp_path, pairs(with_some({3: way(8, 3, 2)})), noise=15.0)
    with_it, without = read_scan(path, motion_correction=True), read_scan(path)
    assert with_it.quality is not None
    assert without.quality is not None
    assert without.quality.weight[1] == 0
    assert with_it.quality.weight[1] == 1
    assert with_it.quality.moved_back.tolist() == [0, 1, 0, 0, 0]
    assert np.isnan(without.quality.moved_back).all()


def test_what_a_moved_volume_does_not_show_comes_from_the_others(tmp_path: Path) -> None:
    """A label that has slid out of the field of view by a slice takes nothing away from the brain."""
    path = write(tmp_path, pairs(with_some({3: np.array([0.0, 0, 7, 0, 0, 0])})), noise=0.5)
    with_it, without = read_scan(path, motion_correction=True), read_scan(path)
    np.testing.assert_array_equal(with_it.mask, without.mask)
    last = with_it.mask[:, :, -1]
    truth = shown(DIFFERENCE)[:, :, -1]
    assert np.abs(with_it.delta_m[0][:, :, -1] - truth)[last].max(initial=0) < 5 * 0.5 * np.sqrt(2 / 4)


def test_m0_is_put_where_the_scan_has_the_head(tmp_path: Path) -> None:
    volumes = pairs(FEW)
    volumes[0] = Volume("m0scan", way(9, 3, 3), 0.0)
    path = write(tmp_path, volumes, noise=0.5)
    with_it, without = read_scan(path, motion_correction=True), read_scan(path)
    assert error_of(with_it) < 0.25 * error_of(without)
    assert any(note.startswith("M0: put where the scan has the head, by") for note in with_it.notes)


@pytest.mark.parametrize("depth", [1, 2])
def test_few_slices_are_left(tmp_path: Path, depth: int) -> None:
    volumes = pairs(with_some({3: way(8, 3, 2)}))
    data = np.stack([volume.image() for volume in volumes], axis=-1)[:, :, 6 : 6 + depth]
    found = correct_motion(read_series(write_data(tmp_path, data, volumes)))
    assert found.estimate is None
    assert f"{depth} slice{'s do' if depth > 1 else ' does'} not tell a rigid motion" in found.doubts[0]


def test_what_has_no_structure_is_left(tmp_path: Path) -> None:
    volumes, rng = pairs(FEW), np.random.default_rng(4)
    series = read_series(write_data(tmp_path, 100 + rng.standard_normal((*SHAPE, 11)), volumes))
    found = correct_motion(series)
    assert found.estimate is None or not found.estimate.has_moved.any()
    np.testing.assert_array_equal(found.series.volumes, series.volumes)


def test_a_preprocessed_series_is_left(tmp_path: Path) -> None:
    volumes = pairs(with_some({3: way(8, 3, 2)}))
    series = replace(read_series(write(tmp_path, volumes)), path=tmp_path / "sub-1_desc-preproc_asl.nii.gz")
    found = correct_motion(series)
    assert found.series is series
    assert "preprocessed" in found.notes[0]
