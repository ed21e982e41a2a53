"""What a scan on disk makes its report warn of."""

from pathlib import Path

import numpy as np
import pytest

from qtmnet.methods.base import Frames
from qtmnet.methods.multi_delay import MultiDelay
from qtmnet.report.page import Report
from qtmnet.report.scan import scan_report
from qtmnet.scans.scan import read_scan
from tests.qtmnet.made_scans import ball, write_scan

PAIRS = [("m0scan", 0.0), *((kind, delay) for delay in (0.5, 1.0) for kind in ("control", "label"))]


def report_of(path, **options: object) -> Report:
    scan = read_scan(path, **options)
    cbf = np.where(scan.mask, 50.0, 0)
    about = MultiDelay().about(Frames(scan.concentration(), scan.acquisition))
    return scan_report(scan, MultiDelay(), about, {"cbf": cbf}, ())


def warnings_of(path, **options: object) -> set[str]:
    return {flag.name for flag in report_of(path, **options).flags if flag.level == "warning"}


def test_a_scan_in_order(new_scan) -> None:
    scan = new_scan().write(PAIRS)
    assert warnings_of(scan.path) == set()
    read = read_scan(scan.path)
    np.testing.assert_allclose(read.control, scan.m0_scan(), rtol=1e-5)
    assert (read.background_suppression, read.n_without_m0) == (False, 0)


def test_defects_of_files_are_found(new_scan) -> None:
    scan = new_scan().write([("m0scan", 0.0), ("label", 0.5), ("control", 0.5), ("label", 1.0), ("control", 1.0)])
    scan.write_context(["m0scan", "control", "label", "control", "label"])
    with pytest.warns(UserWarning, match="swapped"):
        assert warnings_of(scan.path) == {"Order of control and label", "Level of perfusion"}
    scan = new_scan().write(PAIRS)
    assert warnings_of(scan.path, m0=5.0) == {"Scale of M0", "Level of perfusion"}
    scan.spoil(lambda data: np.where(np.indices(data.shape)[1] == 3, 0, data))
    mask = scan.write_image(scan.folder / "mask.nii.gz", scan.brain)
    assert warnings_of(scan.path, mask=mask) == {"Voxels without M0"}
    assert read_scan(scan.path, mask=mask).n_without_m0 == scan.brain[:, 3].sum()


def test_differences_have_no_control(new_scan) -> None:
    scan = new_scan().write([("m0scan", 0.0), ("deltam", 0.5), ("deltam", 1.0)])
    assert read_scan(scan.path).control is None
    assert warnings_of(scan.path) == set()


@pytest.mark.parametrize(("noise", "level"), [(3.0, "ok"), (30.0, "warning")])
def test_noise_is_shown_beside_the_maps(tmp_path: Path, noise: float, level: str) -> None:
    """Label of 5 on M0 of 1000, in eight pairs of which each has √2 of a volume's noise."""
    kinds = ball((16, 16, 10))
    m0 = np.where(kinds > 0, 1000.0, 0.0)
    path = write_scan(
        tmp_path / "sub-1_asl.nii.gz",
        5.0 * np.stack([m0 > 0] * 2),
        m0,
        (1.0, 2.0),
        pairs=4,
        noise=noise,
        mask=kinds > 0,
        LabelingDuration=1.8,
    )
    report = report_of(path)
    groups = {group.scale.key: group for group in report.viewer.groups}
    maps, inside = report.viewer.subjects[0].maps, kinds > 0
    in_pairs = np.sqrt(2) * noise
    # 1200 voxels of two frames with three degrees of freedom each: below 1 % of σ, 2 % of a mean over voxels.
    assert np.median(maps["noise"][inside]) == pytest.approx(1.05 * 0.9 / (2 * 0.85) * in_pairs / np.sqrt(4), rel=0.03)
    assert maps["tsnr"][inside].mean() == pytest.approx(5 / in_pairs, rel=0.03, abs=3 / np.sqrt(8 * inside.sum()))
    for key in ("noise", "tsnr"):
        assert "4 pairs" in groups[key].rows[0].note
    (flag,) = [flag for flag in report.flags if flag.name == "Noise"]
    assert flag.level == level
    assert bool(flag.advice) == (level == "warning")


def test_where_noise_is_not_known_none_is_shown(new_scan) -> None:
    report = report_of(new_scan().write(PAIRS).path)
    assert {group.scale.key for group in report.viewer.groups} == {"cbf"}
    assert "Noise" not in {flag.name for flag in report.flags}
    assert any(note.startswith("noise: not known") for note in report.notes)
