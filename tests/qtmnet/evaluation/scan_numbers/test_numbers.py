"""The numbers of maps that are known voxel by voxel."""

import numpy as np
import pytest

from qtmnet.evaluation.scan_numbers.columns import COLUMNS
from qtmnet.evaluation.scan_numbers.numbers import Measured, scan_numbers
from qtmnet.evaluation.scan_numbers.tables import number_dictionary, number_row, read_numbers, write_table
from qtmnet.scans.tissue.shares import TissueShares
from simulators.errors import InputError
from simulators.files.writing import writing_together

SHAPE, VOXEL_MM = (10, 10, 10), (2.0, 2.0, 5.0)
INSIDE = np.ones(SHAPE, bool)
INSIDE[:, :, 0] = False  # 900 voxels of 20 mm³: 18 mL, 18.9 g


def halves() -> TissueShares:
    """Grey on one side and white on the other; the middle is half of each and counts as neither."""
    place = np.broadcast_to(np.arange(10)[:, None, None], SHAPE)
    grey = np.select([place < 4, place < 6], [1.0, 0.5], 0.0).astype(np.float32)
    return TissueShares(grey, 1 - grey, np.zeros(SHAPE, np.float32))


def test_perfusion_of_two_tissues() -> None:
    tissue = halves()
    cbf = np.where(tissue.is_grey, 60.0, 20.0)
    cbf[9, :, 1:] = -10.0  # a tenth, within white matter
    cbf[0, :5, 1:] = 160.0  # a twentieth, within grey matter
    cbf[:, :, 0] = 1e6  # outside
    found = scan_numbers(Measured({"cbf": cbf}, INSIDE, VOXEL_MM, tissue))
    assert found["cbf_median"] == 20
    assert found["cbf_mean"] == pytest.approx(0.35 * 60 + 0.05 * 160 + 0.5 * 20 + 0.1 * -10)
    assert (found["cbf_median_grey"], found["cbf_median_white"], found["grey_white_ratio"]) == (60, 20, 3)
    assert found["negative_share"] == pytest.approx(10)
    assert found["high_share"] == pytest.approx(5)
    grey = np.array([160] * 5 + [60] * 35)
    assert found["spatial_cov_grey"] == pytest.approx(100 * grey.std() / grey.mean())
    assert np.isnan(found["att_median"])
    assert np.isnan(found["tsnr"])


def test_total_flow_is_perfusion_times_mass() -> None:
    found = scan_numbers(Measured({"cbf": np.full(SHAPE, 50.0)}, INSIDE, VOXEL_MM, phase_contrast_ml_min=10.0))
    assert found["brain_volume"] == pytest.approx(18)
    assert found["brain_mass"] == pytest.approx(18.9)
    assert found["flow_total"] == pytest.approx(50 * 18.9 / 100)
    assert found["flow_ratio"] == pytest.approx(0.945)
    assert found["cbf_phase_contrast"] == pytest.approx(10 / 18.9 * 100)
    assert found["spatial_cov"] == 0


def test_flow_is_divided_by_the_mass_of_tissue_where_that_is_known() -> None:
    tissue = halves()
    fluid = TissueShares(tissue.grey / 2, tissue.white / 2, np.full(SHAPE, 0.5, np.float32))
    found = scan_numbers(Measured({"cbf": np.full(SHAPE, 50.0)}, INSIDE, VOXEL_MM, fluid, phase_contrast_ml_min=10.0))
    assert found["brain_mass"] == pytest.approx(18.9 / 2)
    assert found["flow_total"] == pytest.approx(50 * 18.9 / 100)  # of the mask, whatever is in it
    assert np.isnan(found["cbf_median_grey"])  # no voxel is mostly grey


def test_transit_time_noise_interval_and_motion() -> None:
    maps = {
        "cbf": np.full(SHAPE, 50.0),
        "att": np.full(SHAPE, 1.2),
        "cbf_low": np.full(SHAPE, 40.0),
        "cbf_high": np.full(SHAPE, 65.0),
    }
    moved = np.array([np.nan, 0.1, 0.5, 0.0])
    found = scan_numbers(Measured(maps, INSIDE, VOXEL_MM, halves(), tsnr=np.full(SHAPE, 1.5), displacement_mm=moved))
    assert (found["att_median"], found["att_median_grey"]) == (1.2, 1.2)
    assert found["interval_width"] == 25
    assert found["tsnr"] == 1.5
    assert (found["fd_mean"], found["fd_max"]) == (pytest.approx(0.2), 0.5)


def test_variation_of_a_map_around_nothing_is_not_told() -> None:
    found = scan_numbers(Measured({"cbf": np.full(SHAPE, -5.0)}, INSIDE, VOXEL_MM))
    assert np.isnan(found["spatial_cov"])


def test_a_table_is_read_back_with_its_dictionary(tmp_path) -> None:
    numbers = scan_numbers(Measured({"cbf": np.full(SHAPE, 50.0)}, INSIDE, VOXEL_MM))
    path = tmp_path / "sub-01_desc-qc.tsv"
    with writing_together() as drafts:
        write_table(path, [number_row("sub-01", "multi_delay", numbers)], number_dictionary(), drafts)
    heading, row = path.read_text(encoding="utf-8").splitlines()
    assert heading.split("\t") == ["scan", "method", *(column.key for column in COLUMNS)]
    assert row.split("\t")[:3] == ["sub-01", "multi_delay", "50"]
    assert "n/a" in row.split("\t")  # of what is not known
    (found,) = read_numbers(path)
    for key, value in numbers.items():
        assert found[key] == pytest.approx(value, rel=1e-5, nan_ok=True)  # six digits


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scan\tcbf_median\nsub-01\tmuch\n", "cbf_median: found 'much'"),
        ("scan\tcbf_median\nsub-01\n", "more or fewer columns"),
        ("scan\tcbf_median\nsub-01\t5\t6\n", "more or fewer columns"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path, text: str, said: str) -> None:
    path = tmp_path / "sub-01_desc-qc.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_numbers(path)
