"""Scans as they are found: through links, and none of what is only named like one."""

from pathlib import Path

import pytest

from qtmnet.scans.bids.finding import find_scans, look_for_scans
from simulators.errors import InputError


def touch(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return [folder / name for name in names]


def test_subjects_behind_links_are_found(tmp_path: Path) -> None:
    """As DataLad and study folders lay datasets together: subjects, sessions, perf folders, single files."""
    store = tmp_path / "store"
    touch(store / "a", "perf/sub-01_asl.nii.gz")
    touch(store / "b", "perf/sub-02_ses-1_asl.nii.gz")
    (file,) = touch(store, "key")
    dataset = tmp_path / "ds"
    (dataset / "sub-02").mkdir(parents=True)
    (dataset / "sub-01").symlink_to(store / "a")
    (dataset / "sub-02" / "ses-1").symlink_to(store / "b")
    (dataset / "sub-03" / "perf").mkdir(parents=True)
    (dataset / "sub-03" / "perf" / "sub-03_asl.nii.gz").symlink_to(file)
    assert [path.relative_to(dataset).as_posix() for path in find_scans(dataset)] == [
        "sub-01/perf/sub-01_asl.nii.gz",
        "sub-02/ses-1/perf/sub-02_ses-1_asl.nii.gz",
        "sub-03/perf/sub-03_asl.nii.gz",
    ]


def test_a_link_to_a_folder_above_ends(tmp_path: Path) -> None:
    scans = touch(tmp_path, "sub-01/perf/sub-01_asl.nii.gz")
    (tmp_path / "sub-01" / "again").symlink_to(tmp_path)
    assert find_scans(tmp_path) == scans


def test_a_second_way_to_a_scan_is_left_out_and_told(tmp_path: Path) -> None:
    scans = touch(tmp_path, "sub-01/perf/sub-01_asl.nii.gz")
    (tmp_path / "latest").symlink_to(tmp_path / "sub-01")
    found = look_for_scans(tmp_path)
    assert found.scans == scans
    assert found.left_out == [f"{tmp_path / 'latest/perf/sub-01_asl.nii.gz'}: by a link the same file as {scans[0]}"]


def test_a_link_to_nothing_is_a_scan_that_cannot_be_read(tmp_path: Path) -> None:
    """With DataLad, a file whose content is not there."""
    (tmp_path / "sub-01_asl.nii.gz").symlink_to("nowhere")
    assert find_scans(tmp_path) == [tmp_path / "sub-01_asl.nii.gz"]


@pytest.mark.parametrize("part", ["phase", "real", "imag"])
def test_of_complex_images_the_magnitude_is_mapped(tmp_path: Path, part: str) -> None:
    magnitude, other = touch(tmp_path, "sub-01_part-mag_asl.nii.gz", f"sub-01_part-{part}_asl.nii.gz")
    found = look_for_scans(tmp_path)
    assert found.scans == [magnitude]
    assert found.left_out == [f"{other}: part-{part}: of a complex image only the magnitude (part-mag) is mapped"]
    with pytest.raises(InputError, match=rf"part-{part}_asl\.nii\.gz: part-{part}: of a complex image only"):
        find_scans(other)
    magnitude.unlink()
    with pytest.raises(InputError, match=rf"no \*_asl\.nii .*left out: .*part-{part}"):
        find_scans(tmp_path)


def test_what_macos_and_git_keep_is_no_scan(tmp_path: Path) -> None:
    scans = touch(tmp_path, "sub-01/perf/sub-01_asl.nii.gz")
    (noted,) = touch(tmp_path, "sub-01/perf/._sub-01_asl.nii.gz")
    touch(tmp_path, ".git/annex/sub-09_asl.nii.gz", ".Trash/sub-09_asl.nii.gz", "sub-01/perf/.sub-09_asl.nii.gz")
    found = look_for_scans(tmp_path)
    assert found.scans == scans
    assert [line.partition(": ")[0] for line in found.left_out] == [str(noted)]
    with pytest.raises(InputError, match="AppleDouble"):
        find_scans(noted)


def test_processed_and_unconverted_images_are_passed_over(tmp_path: Path) -> None:
    scans = touch(tmp_path, "sub-01/perf/sub-01_asl.nii.gz")
    touch(tmp_path, "derivatives/x/sub-01/perf/sub-01_asl.nii.gz", "sourcedata/sub-01_asl.nii.gz")
    assert find_scans(tmp_path) == scans
