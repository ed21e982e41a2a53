"""Atlases on the grid of a scan: of the same grid, finer, elsewhere, and with tables that are wrong."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from qtmnet.scans.grids.onto import ByAffine
from qtmnet.scans.regions.atlas import atlas_name, read_atlas
from simulators.errors import InputError

SHAPE = (8, 6, 5)
AFFINE = np.diag([4.0, 4.0, 5.0, 1.0])
LABELS = np.zeros(SHAPE)
LABELS[1:4], LABELS[4:7] = 7, 2001


def image(data: np.ndarray, affine: np.ndarray = AFFINE, code: int = 1) -> nib.Nifti1Image:
    made = nib.Nifti1Image(np.asarray(data, np.float32), affine)
    made.set_sform(affine, code)
    made.set_qform(affine, code)
    return made


ONTO = ByAffine(Path("sub-01_asl.nii.gz"), image(np.zeros(SHAPE)))


@pytest.fixture
def atlas(tmp_path: Path):
    """Write an atlas, and a table beside it if lines are given."""

    def write(data=LABELS, affine=AFFINE, *, lines=("index name", "7 left", "2001 right"), code=1) -> Path:
        path = tmp_path / "my_atlas.nii.gz"
        image(data, affine, code).to_filename(path)
        if lines:
            text = "\n".join(line.replace(" ", "\t") for line in lines)
            (tmp_path / "my_atlas.tsv").write_text(text, encoding="utf-8")
        return path

    return write


def test_an_atlas_on_the_scan_is_taken_as_it_is(atlas) -> None:
    found = read_atlas(atlas(), None, ONTO)
    np.testing.assert_array_equal(found.labels, LABELS)
    assert found.names == {7: "left", 2001: "right"}
    assert (found.name, found.note) == ("myatlas", "atlas: my_atlas.nii.gz")


@pytest.mark.parametrize("factor", [2, 4])
def test_a_finer_atlas_is_looked_up_at_the_middle_of_each_voxel(atlas, factor: int) -> None:
    fine = AFFINE @ np.diag([1 / factor] * 3 + [1.0])
    fine[:3, 3] = AFFINE[:3, :3] @ np.full(3, -0.5 + 0.5 / factor)
    data = LABELS.repeat(factor, 0).repeat(factor, 1).repeat(factor, 2)
    found = read_atlas(atlas(data, fine), None, ONTO)
    np.testing.assert_array_equal(found.labels, LABELS)  # and no label between two others
    assert "resampled by its affine" in found.note


def test_a_flipped_atlas_is_turned(atlas) -> None:
    flipped = AFFINE.copy()
    flipped[0, 0], flipped[0, 3] = -4.0, 4.0 * (SHAPE[0] - 1)
    np.testing.assert_array_equal(read_atlas(atlas(LABELS[::-1], flipped), None, ONTO).labels, LABELS)


def test_what_the_atlas_does_not_reach_is_in_no_region(atlas) -> None:
    found = read_atlas(atlas(LABELS[:, :3]), None, ONTO)
    np.testing.assert_array_equal(found.labels[:, :3], LABELS[:, :3])
    assert not found.labels[:, 3:].any()


def test_without_a_table_regions_are_called_by_their_labels(atlas) -> None:
    found = read_atlas(atlas(lines=()), None, ONTO)
    assert found.names == {7: "7", 2001: "2001"}
    assert "called by their labels" in found.note


def test_a_table_may_call_names_labels_and_know_more_regions(atlas) -> None:
    found = read_atlas(
        atlas(lines=("index label network", "0 none x", "1 extra x", "7 left x", "2001 right y")), None, ONTO
    )
    assert found.names == {1: "extra", 7: "left", 2001: "right"}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("index name", "7 left"), "index: found no name of 2001, which my_atlas.nii.gz holds"),
        (("index name", "8 left"), "found no name of 7 and 1 more"),
        (("region name", "7 left"), "found the columns region, name; give index and name"),
        (("index name",), "found the columns index, name"),
        (("index name", "7 left", "7 right"), "found 7 twice"),
        (("index name", "x left"), "index: found 'x'"),
        (("index name", "7"), "a row of 1 columns, not 2"),
    ],
)
def test_a_wrong_table_is_refused(atlas, lines, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_atlas(atlas(lines=lines), None, ONTO)


@pytest.mark.parametrize(
    ("data", "said"),
    [(LABELS / 2, "give whole numbers"), (-LABELS, "give whole numbers"), (0 * LABELS, "found 0 in every voxel")],
)
def test_what_is_no_atlas_is_refused(atlas, data: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_atlas(atlas(data, lines=()), None, ONTO)


def test_an_atlas_elsewhere_is_refused(atlas) -> None:
    away = AFFINE.copy()
    away[0, 3] = 500.0
    with pytest.raises(InputError, match="reaches 0% of the field of view"):
        read_atlas(atlas(affine=away), None, ONTO)


def test_an_atlas_of_a_template_is_refused_without_a_transform(atlas) -> None:
    moved = AFFINE.copy()
    moved[0, 3] = 8.0
    with pytest.raises(InputError, match=r"found mm of a template, but .* has those of a scanner"):
        read_atlas(atlas(affine=moved, code=4), None, ONTO)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("atlas-Tian_dseg.nii.gz", "Tian"),
        ("tpl-MNI152NLin6Asym_atlas-4S156Parcels_res-01_dseg.nii.gz", "4S156Parcels"),
        ("aparc+aseg.nii", "aparcaseg"),
        ("_.nii", "atlas"),
    ],
)
def test_names_in_files_are_letters_and_digits(file: str, name: str) -> None:
    assert atlas_name(Path(file)) == name
