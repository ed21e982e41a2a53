"""The table of pairs against a scan of which it is known what was spoiled."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from qtmnet.scans.bids.derivatives import place_of
from qtmnet.scans.scan import read_scan
from qtmnet.scans.volumes.quality import COLUMNS, table_path, write_pairs
from simulators.files.writing import writing_together
from tests.qtmnet.scans.volumes.test_inspection import DIFFERENCE, differences_alone, made, spoil


def rows_of(folder: Path, path: Path) -> list[dict[str, str]]:
    """The table of a scan as written, a dictionary for each pair."""
    place = place_of(path, path, folder / "out")
    quality = read_scan(path).quality
    assert quality is not None
    with writing_together() as drafts:
        written = write_pairs(place, quality, drafts)
    assert written == table_path(place)
    assert set(json.loads(written.with_suffix(".json").read_text(encoding="utf-8"))) == set(COLUMNS)
    return list(csv.DictReader(written.read_text(encoding="utf-8").splitlines(), delimiter="\t"))


def test_each_pair_has_a_row(tmp_path: Path) -> None:
    path = spoil(made(tmp_path, (1.0, 1.8), 4), 4, lambda volume: 0 * volume)
    rows = rows_of(tmp_path, path)
    assert [row["pair"] for row in rows] == [str(pair) for pair in range(8)]
    assert [(row["control"], row["label"]) for row in rows] == [(str(1 + 2 * p), str(2 + 2 * p)) for p in range(8)]
    assert [row["post_labeling_delay"] for row in rows] == ["1", "1.8"] * 4
    assert [float(row["weight"]) for row in rows] == [1, 0, *[1] * 6]
    assert rows[1]["reason"] == "label empty"
    assert {row["reason"] for place, row in enumerate(rows) if place != 1} == {"n/a"}
    means = np.array([float(row["mean_difference"]) for row in rows])
    np.testing.assert_allclose(np.delete(means, 1), DIFFERENCE, rtol=0.05)  # noise of 2.8 in 2600 voxels is 1 %
    assert means[1] > 50 * DIFFERENCE


def test_what_is_not_known_is_not_applicable(tmp_path: Path) -> None:
    """Differences have no label, and of a single one nothing tells how rough it is."""
    (row,) = rows_of(tmp_path, differences_alone(made(tmp_path, (1.8,), 1)))
    assert (row["control"], row["label"], row["roughness"]) == ("1", "n/a", "n/a")


@pytest.mark.parametrize("pairs", [3, 8])
def test_the_slices_are_those_of_the_differences(tmp_path: Path, pairs: int) -> None:
    quality = read_scan(made(tmp_path, (1.8,), pairs, 0.0)).quality
    assert quality is not None
    assert quality.slices.shape == (pairs, 24, 22)
    assert np.ptp(quality.slices, axis=0).max() == 0
    assert quality.slices.max() == pytest.approx(DIFFERENCE, abs=1e-3)  # single precision, of 1000
