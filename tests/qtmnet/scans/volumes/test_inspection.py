"""Scans of which some volumes are spoiled: found, named, and without effect on what is left."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from qtmnet.scans.scan import AslScan, read_scan
from simulators.errors import InputError
from tests.qtmnet.made_scans import ball, write_scan

SHAPE = (24, 22, 12)
WHERE = np.indices(SHAPE)
INSIDE = ball(SHAPE) > 0
TEXTURE = 1 + 0.1 * np.sin(0.9 * WHERE[0]) * np.cos(0.7 * WHERE[1])
M0 = 1000 * ndimage.gaussian_filter(INSIDE.astype(float), 0.7) * TEXTURE
DIFFERENCE = 6.0
NOISE = 2.0

Spoil = Callable[[np.ndarray], np.ndarray]


def stripes(volume: np.ndarray) -> np.ndarray:
    """What one spike in the k-space of a slice leaves."""
    striped = volume.copy()
    striped[:, :, 6] += 80 * np.cos(2 * np.pi * (0.31 * WHERE[0] + 0.22 * WHERE[1]))[:, :, 6]
    return striped


FAULTS: dict[str, tuple[Spoil, str]] = {
    "empty": (lambda volume: 0 * volume, "{kind} empty"),
    "constant": (lambda volume: 0 * volume + 77, "{kind} empty"),
    "noise alone": (lambda volume: np.random.default_rng(3).normal(0, 4, SHAPE), "{kind} empty"),
    "slices gone": (lambda volume: np.where((WHERE[2] > 4) & (WHERE[2] < 8), 0, volume), "{kind} .* in slices 5–7"),
    "one slice gone": (lambda volume: np.where(WHERE[2] == 6, 0, volume), "{kind} without signal in slice 6"),
    "half gone": (lambda volume: np.where(WHERE[0] < 12, 0, volume), "differs from other pairs"),
    "spike in a voxel": (lambda volume: np.where((WHERE == 6).all(axis=0), 50_000, volume), "differs"),
    "spike in k-space": (stripes, "differs from other pairs"),
    "brightened by 2 %": (lambda volume: 1.02 * volume, "{kind} 2% brighter"),
    "brightened by 10 %": (lambda volume: 1.1 * volume, "{kind} 10% brighter"),
    "darkened": (lambda volume: volume / 3, "{kind} 67% darker"),
    "moved by 3 voxels": (lambda volume: np.roll(volume, 3, axis=0), r"{kind} moved by about [23]\.. voxels"),
    "moved by a slice": (lambda volume: np.roll(volume, 1, axis=2), r"{kind} moved by about [01]\.. voxels"),
    "turned": (lambda volume: ndimage.rotate(volume, 6, reshape=False), "differs from other pairs"),
}
"""What becomes of a volume, and what is said of it."""

PROTOCOLS = {"one delay": ((1.8,), 10), "three pairs": ((1.8,), 3), "several delays": ((1.0, 1.8, 2.6), 4)}


def made(folder: Path, delays: tuple[float, ...], pairs: int, noise: float = NOISE) -> Path:
    """A scan of a known difference, which is the same at each delay."""
    differences = np.stack([np.where(INSIDE, DIFFERENCE, 0)] * len(delays))
    fields = {"noise": noise, "mask": INSIDE, "LabelingDuration": 1.8, "LabelingEfficiency": 0.85}
    return write_scan(folder / "sub-1_asl.nii.gz", differences, M0, delays, pairs=pairs, **fields)


def change(path: Path, change: Callable[[np.ndarray], None]) -> Path:
    """Change the volumes of a scan (X, Y, Z, N) in place."""
    image = nib.load(path)
    volumes = image.get_fdata()
    change(volumes)
    nib.Nifti1Image(volumes.astype(np.float32), image.affine).to_filename(path)
    return path


def spoil(path: Path, row: int, spoiled: Spoil) -> Path:
    """Change one volume of a scan."""

    def one(volumes: np.ndarray) -> None:
        volumes[..., row] = spoiled(volumes[..., row])

    return change(path, one)


def error_of(scan: AslScan) -> float:
    """Of the mean difference of all delays in the brain, over the truth."""
    return float(scan.delta_m[:, scan.mask].mean() / DIFFERENCE - 1)


def told(scan: AslScan) -> str:
    return " ".join(note for note in scan.notes if re.search(r"pairs (left out|of less weight)", note))


@pytest.mark.parametrize("kind", ["control", "label"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_spoiled_volume_has_no_effect_and_is_named(tmp_path: Path, fault: str, protocol: str, kind: str) -> None:
    delays, pairs = PROTOCOLS[protocol]
    row = 1 + 2 * len(delays) * (pairs // 2) + (kind == "label")
    spoiled, words = FAULTS[fault]
    scan = read_scan(spoil(made(tmp_path, delays, pairs), row, spoiled))
    # The mean of 2600 voxels of ten pairs, each with √2 · 2 / √10 of noise, is off by 0.3 % of the difference. The
    # limits are for what a pair of small fault may keep of its weight.
    assert abs(error_of(scan)) < (0.02 if pairs > 3 else 0.1)
    assert re.search(words.format(kind=kind), told(scan)), told(scan)
    assert f"volumes {row} and" in told(scan) or f"and {row}" in told(scan)


@pytest.mark.parametrize("protocol", [*PROTOCOLS.values(), ((1.8,), 1), ((1.8,), 2), ((1.0, 1.8, 2.6), 1)])
@pytest.mark.parametrize("noise", [0.0, 2.0, 20.0])
def test_a_clean_scan_is_left_as_it_is(tmp_path: Path, protocol: tuple[tuple[float, ...], int], noise: float) -> None:
    delays, pairs = protocol
    scan = read_scan(made(tmp_path, delays, pairs, noise))
    assert told(scan) == ""
    assert scan.pairs == (pairs,) * len(delays)
    volumes = nib.load(scan.path).get_fdata()[..., 1:]
    plain = volumes[..., ::2] - volumes[..., 1::2]
    expected = [plain[..., k :: len(delays)].mean(axis=-1) for k in range(len(delays))]
    np.testing.assert_allclose(scan.delta_m, expected, atol=1e-3)  # of single precision, of values of 1000


def test_noise_follows_what_is_averaged(tmp_path: Path) -> None:
    """Of ten pairs one is empty: the noise is that of nine, and not of the tissue that its difference holds."""
    scan = read_scan(spoil(made(tmp_path, (1.8,), 10), 4, lambda volume: 0 * volume))
    assert scan.pairs == (9,)
    assert scan.deviation is not None
    expected = NOISE * np.sqrt(2 / 9)
    # As in test_noise.py, with 8 degrees of freedom: a percent for the median.
    assert np.median(scan.deviation[:, scan.mask]) == pytest.approx(expected, rel=0.03)


def test_a_noisy_pair_counts_by_its_noise(tmp_path: Path) -> None:
    """The mean, and the noise that is told of it, are those of weights by inverse variance."""
    rng = np.random.default_rng(5)
    scan = read_scan(spoil(made(tmp_path, (1.8,), 8), 6, lambda volume: volume + 5 * rng.standard_normal(SHAPE)))
    ratio = np.sqrt((2 * NOISE**2 + 25) / (2 * NOISE**2))  # 2.03 of the others, 1.35 of where less weight begins
    assert 7 + (1.5 / ratio) ** 2 == pytest.approx(scan.pairs[0], rel=0.02)
    assert "weight 0.5" in told(scan)


def test_a_tenth_of_the_volumes_may_be_spoiled(tmp_path: Path) -> None:
    path, rng = made(tmp_path, (1.0, 1.8, 2.6), 8), np.random.default_rng(2)
    rows = rng.choice(np.arange(1, 49), 5, replace=False)
    for row, fault in zip(
        rows, ("empty", "moved by 3 voxels", "brightened by 10 %", "empty", "slices gone"), strict=True
    ):
        spoil(path, row, FAULTS[fault][0])
    scan = read_scan(path)
    assert abs(error_of(scan)) < 0.02
    assert len(re.findall(r"pair \d+ ", told(scan))) == len({(row - 1) // 2 for row in rows})


def test_copies_are_left_out(tmp_path: Path) -> None:
    """A label that is its control once more has no difference; one that is the label before counts twice."""

    def copied(volumes: np.ndarray) -> None:
        volumes[..., 4] = volumes[..., 3]
        volumes[..., 12] = volumes[..., 10]

    scan = read_scan(change(made(tmp_path, (1.8,), 10), copied))
    assert scan.pairs == (8,)
    assert abs(error_of(scan)) < 0.02
    assert "control the same as volume 4, label the same as volume 3" in told(scan)
    assert "label the same as volume 10" in told(scan)


def test_of_two_pairs_the_odd_one_is_left_out(tmp_path: Path) -> None:
    for number, fault in enumerate(("empty", "brightened by 10 %", "moved by 3 voxels", "one slice gone")):
        scan = read_scan(spoil(made(tmp_path / str(number), (1.8,), 2), 4, FAULTS[fault][0]))
        assert scan.pairs == (1,)
        assert abs(error_of(scan)) < 0.02


def test_a_delay_without_a_pair_is_left_out_and_told(tmp_path: Path) -> None:
    scan = read_scan(spoil(made(tmp_path, (1.0, 1.8, 2.6), 1), 4, FAULTS["empty"][0]))
    assert scan.acquisition.post_labeling_delays == (1.0, 2.6)
    assert "volumes: no pair is left at PostLabelingDelay 1.8 s, which is left out" in scan.notes
    assert abs(error_of(scan)) < 0.02


def test_nothing_is_made_of_nothing(tmp_path: Path) -> None:
    path = spoil(made(tmp_path, (1.8,), 1), 2, FAULTS["empty"][0])
    with pytest.raises(InputError, match=r"sub-1_asl\.nii\.gz: found no pair .* used: .*label empty"):
        read_scan(path)


def differences_alone(path: Path) -> Path:
    """The same scan, which holds M0 and differences."""
    image = nib.load(path)
    volumes = image.get_fdata()
    kept = np.concatenate([volumes[..., :1], volumes[..., 1::2] - volumes[..., 2::2]], axis=-1)
    nib.Nifti1Image(kept.astype(np.float32), image.affine).to_filename(path)
    n = kept.shape[-1] - 1
    path.with_name("sub-1_aslcontext.tsv").write_text("volume_type\nm0scan\n" + "deltam\n" * n, encoding="utf-8")
    sidecar = path.with_name("sub-1_asl.json")
    fields = json.loads(sidecar.read_text(encoding="utf-8"))
    fields["PostLabelingDelay"] = fields["PostLabelingDelay"][::2]
    sidecar.write_text(json.dumps(fields), encoding="utf-8")
    return path


@pytest.mark.parametrize("fault", ["empty", "slices gone", "spike in a voxel", "spike in k-space"])
def test_spoiled_differences_are_found(tmp_path: Path, fault: str) -> None:
    scan = read_scan(spoil(differences_alone(made(tmp_path, (1.8,), 10)), 7, FAULTS[fault][0]))
    assert scan.pairs == (9,)
    assert "pair 6 (volume 7)" in told(scan)
    assert abs(error_of(scan)) < 0.02


@pytest.mark.parametrize(
    ("n", "fault", "said"),
    [
        (2, "empty", "volume 1 is empty, left out"),
        (2, "noise alone", "volume 1 is empty, left out"),
        (2, "slices gone", "volume 1 is without signal in slices 5–7, left out"),
        (3, "brightened by 10 %", "volume 1 is unlike the others, left out"),
        (3, "moved by 3 voxels", "volume 1 is unlike the others, left out"),
        (5, "spike in a voxel", "volume 1 is unlike the others, left out"),
        (10, "empty", "volume 1 is empty, left out"),
    ],
)
@pytest.mark.parametrize("own", [False, True])
def test_spoiled_volumes_of_m0_are_left_out(tmp_path: Path, n: int, fault: str, said: str, own: bool) -> None:
    """In a file of their own, with and without a sidecar."""
    rng = np.random.default_rng(4)
    volumes = M0[..., None] + NOISE * rng.standard_normal((*SHAPE, n))
    volumes[..., 1] = FAULTS[fault][0](volumes[..., 1])
    path = made(tmp_path, (1.8,), 4)
    given = tmp_path / "calibration.nii.gz"
    nib.Nifti1Image(volumes.astype(np.float32), nib.load(path).affine).to_filename(given)
    if own:
        given.with_name("calibration.json").write_text('{"RepetitionTimePreparation": 10.0}', encoding="utf-8")
    scan = read_scan(path, m0=given)
    assert np.median(scan.m0[INSIDE] / M0[INSIDE]) == pytest.approx(1, abs=0.001)  # noise of 2 in 1000
    assert f"M0: {said}" in scan.notes


def test_two_volumes_of_m0_that_disagree_are_told(tmp_path: Path) -> None:
    path = made(tmp_path, (1.8,), 4)
    given = tmp_path / "calibration.nii.gz"
    nib.Nifti1Image(np.stack([M0, 1.2 * M0], axis=-1).astype(np.float32), nib.load(path).affine).to_filename(given)
    assert "M0: its volumes differ in brightness by 18%" in read_scan(path, m0=given).notes
