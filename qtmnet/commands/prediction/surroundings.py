"""What is known of a scan beside itself: tissue, regions, a template, how the head moved, a flow to compare."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
from omegaconf import DictConfig

from qtmnet.evaluation.scan_numbers.phase_contrast import phase_contrast_flow
from qtmnet.evaluation.scan_numbers.tables import NOT_KNOWN, read_rows
from qtmnet.scans.bids.derivatives import Place, entity
from qtmnet.scans.grids.onto import ByAffine, Onto
from qtmnet.scans.regions.atlas import TERRITORIES, TERRITORIES_SPACE, Atlas, read_atlas
from qtmnet.scans.scan import AslScan
from qtmnet.scans.tissue.reading import LABELS, maps_beside, read_tissue
from qtmnet.scans.tissue.shares import TissueShares
from qtmnet.scans.transforms.finding import Links, displacements, find_links
from qtmnet.scans.transforms.through import ToTemplate, from_anatomy, from_template, to_template
from simulators.errors import InputError
from simulators.files.reading import kind_there

DISPLACEMENT = "framewise_displacement"
"""Column of the table of confounds, mm."""

OWN_ATLAS = "territories"
"""Asks for the arterial territories that come with the package; a file of that name is `./territories`."""

_SPACE = re.compile(r"(?:^|_)(?:space|tpl)-([A-Za-z0-9]+)")


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What is known of a scan beside it.

    Attributes:
        tissue: shares of grey matter, white matter and fluid; None where they are not known.
        atlas: regions, None if none are asked for.
        template: the way to a template, None where none leads there.
        displacement_mm: framewise displacement, (N,); None where it is not known.
        phase_contrast_ml_min: flow into the brain; None where it is not known.
        notes: a line for each of these that is there.
    """

    tissue: TissueShares | None = None
    atlas: Atlas | None = None
    template: ToTemplate | None = None
    displacement_mm: np.ndarray | None = None
    phase_contrast_ml_min: float | None = None
    notes: tuple[str, ...] = ()


def given_files(cfg: DictConfig) -> list[Path]:
    """Files that settings name."""
    values = (cfg.grey_matter, cfg.white_matter, cfg.csf, cfg.atlas, cfg.atlas_labels, cfg.phase_contrast)
    return [Path(value) for value in values if isinstance(value, str) and value != OWN_ATLAS]


def check_given(cfg: DictConfig, places: Sequence[Place]) -> None:
    """Make sure that what is given of one head is not taken for that of several.

    Raises:
        InputError: for tissue maps of several scans, or of several participants one flow, or an image that only one of
            them can have.
    """
    for setting, label in LABELS.items():
        if cfg[setting] is not None and len(places) > 1:
            raise InputError(
                f"{setting}: found one image for {len(places)} scans; put that of each beside it, "
                f"{places[0].prefix}_label-{label}_probseg.nii.gz"
            )
    subjects = {(place.dataset, place.subject) for place in places}
    for setting in ("m0", "mask", "t1_tissue"):
        if isinstance(cfg[setting], str) and len(subjects) > 1:
            raise InputError(
                f"{setting}: found one image for {len(subjects)} participants; map them one by one, each with its own "
                "(participant_label)"
            )
    if isinstance(cfg.phase_contrast, int | float) and len(subjects) > 1:
        raise InputError(
            f"phase_contrast: found one flow for {len(subjects)} participants; give a table of participant_id and "
            "flow_ml_min"
        )


def surroundings_of(cfg: DictConfig, place: Place, scan: AslScan) -> Surroundings:
    """Read what settings name and what lies beside a scan.

    Raises:
        InputError: for a file that cannot be read, or does not belong to the scan.
    """
    links = find_links(scan.path)
    like = nib.Nifti1Image(np.broadcast_to(np.float32(0), scan.mask.shape), scan.affine, scan.header)
    by_affine = ByAffine(scan.path, like)
    tissue = _tissue(cfg, scan, links, by_affine)
    atlas = _atlas(cfg, scan, links, by_affine)
    template = None if cfg.template is None else to_template(links, cfg.template, scan.path)
    moved = _displacement(displacements(scan.path))
    flow = phase_contrast_flow(cfg.phase_contrast, place.subject, entity(place.prefix, "ses"))
    notes = [found.note for found in (tissue, atlas) if found is not None]
    if template is not None:
        files = ", ".join(path.name for path in template.transforms)
        notes.append(f"template: maps are also brought to {template.template} ({files})")
    if cfg.phase_contrast is not None and flow is None:
        notes.append(f"phase contrast: no flow of this scan in {Path(cfg.phase_contrast).name}")
    return Surroundings(tissue, atlas, template, moved, flow, tuple(notes))


def _tissue(cfg: DictConfig, scan: AslScan, links: Links, by_affine: Onto) -> TissueShares | None:
    """By the maps that are given, else those beside the scan, else those of the anatomy it is registered with."""
    given = {setting: Path(cfg[setting]) for setting in LABELS if cfg[setting] is not None}
    if paths := given or maps_beside(scan.path):
        return read_tissue(paths, by_affine, scan.mask, cfg.tissue_threshold)
    anatomy = from_anatomy(links, scan.mask.shape, scan.affine) if {"GM", "WM"} <= set(links.tissue) else None
    if anatomy is None:
        return None
    paths = {setting: links.tissue[label] for setting, label in LABELS.items() if label in links.tissue}
    return read_tissue(paths, anatomy, scan.mask, cfg.tissue_threshold)


def _atlas(cfg: DictConfig, scan: AslScan, links: Links, by_affine: Onto) -> Atlas | None:
    """By its affine if its name tells of no other space, as BIDS has it in `space-` or `tpl-`, else by transforms."""
    if cfg.atlas is None:
        if cfg.atlas_labels is not None:
            raise InputError(f"atlas_labels: found {cfg.atlas_labels}, but no atlas; give atlas, an image of labels")
        return None
    own = cfg.atlas == OWN_ATLAS
    path, table = TERRITORIES if own else Path(cfg.atlas), None if cfg.atlas_labels is None else Path(cfg.atlas_labels)
    named = _SPACE.search(path.name)
    space = TERRITORIES_SPACE if own else named[1] if named else ""
    onto: Onto | None = by_affine
    if space and space == links.anatomy:
        onto = from_anatomy(links, scan.mask.shape, scan.affine)
    elif space.startswith("MNI"):
        onto = from_template(links, space, scan.mask.shape, scan.affine)
    if onto is None:
        raise InputError(
            f"{cfg.atlas}: atlas: found an atlas in {space}, but no transforms beside {scan.path} that lead there; "
            "give one on the scan's grid, or map what ASLPrep has written"
        )
    atlas = read_atlas(path, table, onto)
    return replace(atlas, note=f"{atlas.note}; typical territories, not the subject's own") if own else atlas


def _displacement(path: Path | None) -> np.ndarray | None:
    """Framewise displacement of a table of confounds, NaN where it is not known."""
    if path is None or not kind_there(path):
        return None
    rows = read_rows(path)
    if not rows or DISPLACEMENT not in rows[0]:
        return None
    try:
        return np.array([float("nan") if row[DISPLACEMENT] == NOT_KNOWN else float(row[DISPLACEMENT]) for row in rows])
    except ValueError:
        raise InputError(f"{path}: {DISPLACEMENT}: found what is no number; mend the table") from None
