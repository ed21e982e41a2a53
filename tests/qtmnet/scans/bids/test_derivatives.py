"""Where the maps of a scan go, by where the scan lies: never two to one place unseen."""

from pathlib import Path

import pytest

from qtmnet.scans.bids.derivatives import place_of


@pytest.mark.parametrize(
    ("given", "scan", "file", "name"),
    [
        ("ds", "ds/sub-01/perf/sub-01_asl.nii.gz", "sub-01/perf/sub-01", "sub-01"),
        ("ds/sub-01/perf", "ds/sub-01/perf/sub-01_asl.nii.gz", "sub-01/perf/sub-01", "sub-01"),
        ("ds/sub-01/perf/sub-01_asl.nii", "ds/sub-01/perf/sub-01_asl.nii", "sub-01/perf/sub-01", "sub-01"),
        ("ds", "ds/sub-01/ses-a/perf/sub-01_ses-a_run-2_asl.nii.gz", "sub-01/ses-a/perf/sub-01_ses-a_run-2", None),
        ("ds/sub-01", "ds/sub-01/ses-a/perf/sub-01_ses-a_asl.nii.gz", "sub-01/ses-a/perf/sub-01_ses-a", None),
        # Sessions that only folders tell.
        ("ds", "ds/sub-01/ses-a/perf/sub-01_asl.nii.gz", "sub-01/ses-a/perf/sub-01_ses-a", "sub-01_ses-a"),
        (
            "ds",
            "ds/sub-01/visit_2/perf/sub-01_run-1_asl.nii.gz",
            "sub-01/ses-visit2/perf/sub-01_ses-visit2_run-1",
            None,
        ),
        ("ds", "ds/sub-01/2024-01-05/sub-01_asl.nii.gz", "sub-01/ses-20240105/perf/sub-01_ses-20240105", None),
        ("ds", "ds/sub-01/asl/sub-01_asl.nii.gz", "sub-01/perf/sub-01", "sub-01"),
        # Several datasets in one folder.
        ("all", "all/siteA/sub-01/perf/sub-01_asl.nii.gz", "siteA/sub-01/perf/sub-01", "siteA/sub-01"),
        ("all", "all/eu/siteB/sub-01/perf/sub-01_asl.nii.gz", "eu/siteB/sub-01/perf/sub-01", "eu/siteB/sub-01"),
        # In no folder of a subject.
        ("x", "x/sub-01_asl.nii.gz", "sub-01/perf/sub-01", "sub-01"),
        ("x", "x/a/sub-01_asl.nii.gz", "a/sub-01/perf/sub-01", "a/sub-01"),
        ("x", "x/a/scan_asl.nii.gz", "a/scan", "a/scan"),
        ("x/brain.nii", "x/brain.nii", "brain", "brain"),
        ("x/asl.nii.gz", "x/asl.nii.gz", "asl", "asl"),
        ("x/_asl.nii.gz", "x/_asl.nii.gz", "scan", "scan"),
    ],
)
def test_maps_lie_in_the_output_as_scans_in_the_input(
    tmp_path: Path, given: str, scan: str, file: str, name: str | None
) -> None:
    place = place_of(tmp_path / scan, tmp_path / given, tmp_path / "out")
    assert place.folder / place.prefix == tmp_path / "out" / file
    assert not name or place.name == name
    assert place.is_bids == ("sub-" in file)


def test_a_path_from_within_the_dataset_leads_to_the_same_place(tmp_path: Path, monkeypatch) -> None:
    perf = tmp_path / "sub-01" / "perf"
    perf.mkdir(parents=True)
    monkeypatch.chdir(perf)
    place = place_of(Path("sub-01_asl.nii.gz"), Path("."), Path("out"))
    assert place.folder == Path("out/sub-01/perf")
    assert place.source == tmp_path
