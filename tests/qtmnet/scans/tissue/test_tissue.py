"""Tissue maps on the grid of a scan, of spheres whose shares are known."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from qtmnet.scans.grids.onto import ByAffine
from qtmnet.scans.tissue.reading import maps_beside, read_tissue
from simulators.errors import InputError

SHAPE = (12, 12, 8)
AFFINE = np.diag([4.0, 4.0, 5.0, 1.0])
INSIDE = np.zeros(SHAPE, bool)
INSIDE[2:10, 2:10, 1:7] = True
SCAN = Path("sub-01_asl.nii.gz")


def image(data: np.ndarray, affine: np.ndarray = AFFINE) -> nib.Nifti1Image:
    made = nib.Nifti1Image(np.asarray(data, np.float32), affine)
    made.set_sform(affine, 1)
    made.set_qform(affine, 1)
    return made


ONTO = ByAffine(SCAN, image(np.zeros(SHAPE)))


def halves(border: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Grey matter on one side of a voxel's edge, white on the other, within the brain."""
    left = np.indices(SHAPE)[0] < border
    return (INSIDE & left).astype(np.float32), (INSIDE & ~left).astype(np.float32)


def written(folder: Path, affine: np.ndarray = AFFINE, **maps: np.ndarray) -> dict[str, Path]:
    paths = {name: folder / f"{name}.nii.gz" for name in maps}
    for name, data in maps.items():
        image(data, affine).to_filename(paths[name])
    return paths


def test_maps_on_the_scan_are_taken_as_they_are(tmp_path: Path) -> None:
    grey, white = halves()
    found = read_tissue(written(tmp_path, grey_matter=grey, white_matter=0.8 * white), ONTO, INSIDE)
    assert found is not None
    np.testing.assert_array_equal(found.is_grey, grey > 0)
    np.testing.assert_array_equal(found.is_white, white > 0)
    np.testing.assert_allclose(found.fluid[white > 0], 0.2, rtol=1e-5)  # what is left
    assert not found.fluid[~INSIDE].any()
    assert "grey_matter.nii.gz" in found.note


def test_finer_maps_are_averaged_over_each_voxel(tmp_path: Path) -> None:
    """The border lies a quarter into voxels of the scan, which four finer ones tell."""
    fine = np.diag([1.0, 4.0, 5.0, 1.0])
    fine[0, 3] = -1.5  # the middle of the first fine voxel, whose edge is that of the scan's
    grey, white = (np.repeat(values, 4, axis=0) for values in (INSIDE * 1.0, INSIDE * 0.0))
    grey[25:], white[25:] = 0, np.repeat(INSIDE, 4, axis=0)[25:]
    found = read_tissue(written(tmp_path, fine, grey_matter=grey, white_matter=white), ONTO, INSIDE)
    assert found is not None
    np.testing.assert_allclose(found.grey[6][INSIDE[6]], 0.25, atol=1e-5)
    np.testing.assert_allclose(found.white[6][INSIDE[6]], 0.75, atol=1e-5)


def test_a_map_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"white_matter: found none, but .*grey_matter"):
        read_tissue(written(tmp_path, grey_matter=halves()[0]), ONTO, INSIDE)


@pytest.mark.parametrize(("factor", "said"), [(100, "from 0 to 100"), (-1, "from -1 to 0"), (0, "from 0 to 0")])
def test_what_is_no_share_is_refused(tmp_path: Path, factor: float, said: str) -> None:
    grey, white = halves()
    with pytest.raises(InputError, match=f"grey_matter: found values {said}; give shares"):
        read_tissue(written(tmp_path, grey_matter=factor * grey, white_matter=white), ONTO, INSIDE)


def test_one_tissue_twice_is_refused(tmp_path: Path) -> None:
    whole = INSIDE * 1.0
    with pytest.raises(InputError, match=r"found more than 1 together with grey_matter\.nii\.gz in 100%"):
        read_tissue(written(tmp_path, grey_matter=whole, white_matter=whole), ONTO, INSIDE)


def test_maps_beside_the_brain_are_refused(tmp_path: Path) -> None:
    elsewhere = AFFINE.copy()
    elsewhere[0, 3] = 20.0
    grey, white = halves()
    with pytest.raises(InputError, match="found grey and white matter in 38% of the brain mask"):  # 3 of 8 columns
        read_tissue(written(tmp_path, elsewhere, grey_matter=grey, white_matter=white), ONTO, INSIDE)


def test_maps_beside_the_scan_are_found_by_their_names(tmp_path: Path) -> None:
    for name in ("sub-01_label-GM_probseg.nii.gz", "sub-01_label-WM_probseg.nii", "sub-02_label-CSF_probseg.nii.gz"):
        (tmp_path / name).touch()
    found = maps_beside(tmp_path / "sub-01_asl.nii.gz")
    assert {setting: path.name for setting, path in found.items()} == {
        "grey_matter": "sub-01_label-GM_probseg.nii.gz",
        "white_matter": "sub-01_label-WM_probseg.nii",
    }


def test_no_maps_are_no_tissue() -> None:
    assert read_tissue({}, ONTO, INSIDE) is None
