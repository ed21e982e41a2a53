"""What a scan on disk makes its report warn of."""

import numpy as np
import pytest

from qtmnet.methods.base import Frames
from qtmnet.methods.multi_delay import MultiDelay
from qtmnet.report.scan import scan_report
from qtmnet.scans.scan import read_scan

PAIRS = [("m0scan", 0.0), *((kind, delay) for delay in (0.5, 1.0) for kind in ("control", "label"))]


def warnings_of(path, **options: object) -> set[str]:
    scan = read_scan(path, **options)
    cbf = np.where(scan.mask, 50.0, 0)
    about = MultiDelay().about(Frames(scan.concentration(), scan.acquisition))
    report = scan_report(scan, MultiDelay(), about, {"cbf": cbf}, ())
    return {flag.name for flag in report.flags if flag.level == "warning"}


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
        assert warnings_of(scan.path) == {"Order of control and label"}
    scan = new_scan().write(PAIRS)
    assert warnings_of(scan.path, m0=5.0) == {"Scale of M0"}
    scan.spoil(lambda data: np.where(np.indices(data.shape)[1] == 3, 0, data))
    mask = scan.write_image(scan.folder / "mask.nii.gz", scan.brain)
    assert warnings_of(scan.path, mask=mask) == {"Voxels without M0"}
    assert read_scan(scan.path, mask=mask).n_without_m0 == scan.brain[:, 3].sum()


def test_differences_have_no_control(new_scan) -> None:
    scan = new_scan().write([("m0scan", 0.0), ("deltam", 0.5), ("deltam", 1.0)])
    assert read_scan(scan.path).control is None
    assert warnings_of(scan.path) == set()
