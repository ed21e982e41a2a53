"""Times that cannot be are warned of, and those that can are not."""

import warnings

import pytest

from qtmnet.scans.scan import read_scan
from simulators.errors import InputError

TOO_LONG = r"PostLabelingDelay: found 3\.8 s for labeling and delay together, longer than the RepetitionTimePreparation"
NO_DELAY = "PostLabelingDelay: found 0 for all volumes with label"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"RepetitionTimePreparation": 3.5}, TOO_LONG),
        ({"RepetitionTimePreparation": [6.0, *[3.0] * 12]}, TOO_LONG),
        ({"PostLabelingDelay": 0}, NO_DELAY),
    ],
)
def test_times_that_cannot_be_are_warned_of(example, fields: dict[str, object], told: str) -> None:
    example.set(**fields)
    with pytest.warns(UserWarning, match=told):
        read_scan(example.path)


@pytest.mark.parametrize(
    "fields",
    [
        {"RepetitionTimePreparation": 3.8},
        {"RepetitionTimePreparation": [3.0, *[4.0] * 12]},
        {"PostLabelingDelay": [0, *[0.1, 0.1, 1, 1, 2, 2] * 2]},
    ],
)
def test_times_that_can_be_are_not(example, fields: dict[str, object]) -> None:
    example.set(**fields)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_scan(example.path)


def test_voxels_of_another_unit_are_refused_before_all_else(example) -> None:
    example.affine = example.affine / 1000  # in metres
    example.spoil(lambda data: data)
    with pytest.raises(InputError, match=r"asl\.nii\.gz: affine: found voxels of \[0\.003, 0\.0035, 0\.004\] mm"):
        read_scan(example.path)
