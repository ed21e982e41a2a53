"""Numbers of regions that are known voxel by voxel."""

import numpy as np
import pytest

from qtmnet.evaluation.scan_numbers.regions import region_dictionary, region_rows
from qtmnet.scans.regions.atlas import Atlas

SHAPE = (4, 5, 2)
LABELS = np.zeros(SHAPE, np.int32)
LABELS[0], LABELS[1] = 3, 8
INSIDE = np.ones(SHAPE, bool)
INSIDE[1, 0] = False
ATLAS = Atlas("two", LABELS, {3: "one", 8: "other", 9: "absent"}, "")
CBF = np.full(SHAPE, 20.0)
CBF[0] = np.arange(10).reshape(5, 2)
CBF[1, 0] = np.nan  # outside of the brain
MAPS = {"cbf": CBF, "cbf_sd": CBF, "cbf_low": CBF - 5, "cbf_high": CBF + 8, "att": np.full(SHAPE, 1.5)}


def test_each_region_has_its_size_and_numbers() -> None:
    one, other, absent = region_rows(MAPS, INSIDE, ATLAS, (2.0, 5.0, 10.0))
    assert (one["index"], one["name"], one["n_voxels"], one["volume"], one["coverage"]) == ("3", "one", 10, 1.0, 1.0)
    assert (one["cbf_mean"], one["cbf_median"]) == (4.5, 4.5)
    assert one["cbf_sd"] == pytest.approx(np.sqrt(82.5 / 9))  # of 0 to 9, by n − 1
    assert (one["cbf_low"], one["cbf_high"]) == (-0.5, 12.5)
    assert (one["att_mean"], one["att_sd"]) == (1.5, 0)
    assert (other["n_voxels"], other["coverage"], other["cbf_mean"]) == (8, 0.8, 20)
    assert (absent["n_voxels"], absent["volume"]) == (0, 0)
    assert all(np.isnan(absent[key]) for key in ("coverage", "cbf_mean", "cbf_sd", "cbf_low", "att_median"))


def test_each_column_is_in_the_dictionary() -> None:
    assert list(region_dictionary(MAPS)) == list(region_rows(MAPS, INSIDE, ATLAS, (1.0, 1.0, 1.0))[0])
