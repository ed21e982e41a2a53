"""Transforms and images of the subject's anatomy that ASLPrep or fMRIPrep have written for a scan."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from qtmnet.scans.bids.finding import NIFTI_ENDINGS, SCAN_SPACES, scan_prefix

ANATOMIES = ("T1w", "T2w", "anat")

_TRANSFORM = re.compile(
    r"_from-([A-Za-z0-9]+)_to-([A-Za-z0-9]+)(?:_mode-image)?(?:_desc-[A-Za-z0-9]+)?_xfm\.(?:txt|h5|mat)$"
)
_TISSUE = re.compile(r"_label-(GM|WM|CSF)_probseg\.nii(?:\.gz)?$")


@dataclass(frozen=True)
class Links:
    """What leads from a scan to other spaces.

    Attributes:
        anatomy: of the subject, `T1w`, that the scan is registered with; empty if it is with none.
        to_anatomy: the transform that brings the scan's images there.
        to_template: transforms that bring images of the anatomy to a template, by its name.
        from_template: those that bring a template's images to the anatomy.
        tissue: tissue maps on the anatomy, by what BIDS calls them: `GM`, `WM`, `CSF`.
    """

    anatomy: str = ""
    to_anatomy: Path | None = None
    to_template: dict[str, Path] = field(default_factory=dict)
    from_template: dict[str, Path] = field(default_factory=dict)
    tissue: dict[str, Path] = field(default_factory=dict)


def find_links(scan: Path) -> Links:
    """Transforms beside a scan, and those of its subject's anatomy in `anat`.

    Of a subject with sessions, the anatomy is the session's own, else the subject's.

    Args:
        scan: an image in a folder `perf`.
    """
    prefix = scan_prefix(scan)
    for name in _names_in(scan.parent):
        match = _TRANSFORM.search(name)
        if match and name[: match.start()] == prefix and match[1] in SCAN_SPACES and match[2] in ANATOMIES:
            return _anatomy(scan, match[2], scan.with_name(name))
    return Links()


def m0_transform(scan: Path) -> Path | None:
    """The transform beside a scan that brings its M0 scan onto it."""
    prefix = scan_prefix(scan)
    for name in _names_in(scan.parent):
        match = _TRANSFORM.search(name)
        if match and name[: match.start()] == prefix and match[1] == "m0scan" and match[2] in SCAN_SPACES:
            return scan.with_name(name)
    return None


def _anatomy(scan: Path, anatomy: str, to_anatomy: Path) -> Links:
    subject = re.match(r"sub-[A-Za-z0-9]+", scan.name)
    if subject is None:
        return Links(anatomy, to_anatomy)
    to_template, from_template, tissue = {}, {}, {}
    for folder in (scan.parent.parent.parent / "anat", scan.parent.parent / "anat"):  # the session's own goes first
        for name in _names_in(folder):
            if not name.startswith(f"{subject[0]}_"):
                continue
            transform, share = _TRANSFORM.search(name), _TISSUE.search(name)
            if transform and transform[1] == anatomy and transform[2].startswith("MNI"):
                to_template[transform[2]] = folder / name
            if transform and transform[2] == anatomy and transform[1].startswith("MNI"):
                from_template[transform[1]] = folder / name
            if share and "_space-" not in name:
                tissue[share[1]] = folder / name
    return Links(anatomy, to_anatomy, to_template, from_template, tissue)


def displacements(scan: Path) -> Path | None:
    """The table of confounds that ASLPrep has written beside a scan, if it is there."""
    prefix = scan_prefix(scan)
    names = (f"{prefix}_desc-confounds_{kind}.tsv" for kind in ("timeseries", "regressors"))  # of new and old releases
    return next((path for path in map(scan.with_name, names) if path.is_file()), None)


def template_image(scan: Path, template: str) -> Path | None:
    """An image of the subject's on a template's grid, if there is one: of the scan, else of the anatomy."""
    subject = scan.name.partition("_")[0]
    for folder in (scan.parent, scan.parent.parent / "anat", scan.parent.parent.parent / "anat"):
        for name in _names_in(folder):
            ours = name.startswith(f"{subject}_") and f"_space-{template}_" in name
            if ours and name.endswith(tuple(f"_mask{ending}" for ending in NIFTI_ENDINGS)):
                return folder / name
    return None


def _names_in(folder: Path) -> list[str]:
    """Names of files, sorted; none of a folder that is not there."""
    return sorted(os.listdir(folder)) if folder.is_dir() else []
