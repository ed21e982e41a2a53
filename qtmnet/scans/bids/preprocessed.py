"""Series that ASLPrep has preprocessed: what of a scan lies with them, and what still lies in the raw dataset.

ASLPrep writes `sub-01_desc-preproc_asl.nii.gz` on the grid of the scan, its head in one place in all volumes, without
volumes that it does not use. Beside it lie the brain mask, transforms and displacements; delays, labeling durations and
the types of volumes it leaves in the raw dataset.
"""

from pathlib import Path
from urllib.parse import unquote, urlparse

import numpy as np

from qtmnet.scans.bids.finding import PREPROCESSED, dataset_root, nifti_stem
from qtmnet.scans.bids.sidecar import Sidecar, read_sidecar
from simulators.files.json_files import read_json
from simulators.files.reading import kind_there

PER_VOLUME = (
    "PostLabelingDelay",
    "LabelingDuration",
    "RepetitionTimePreparation",
    "EchoTime",
    "FlipAngle",
    "VascularCrushingVENC",
)
"""Fields that BIDS lets have a value for each volume."""

TARGETS = (("control", "label"), ("deltam",), ("cbf",))
"""What ASLPrep makes perfusion of: the first of these that a scan has. Other volumes it leaves out, but for M0."""


def is_preprocessed(path: Path) -> bool:
    """Whether an image is named as a preprocessed series."""
    return nifti_stem(path).endswith(f"{PREPROCESSED}_asl")


def raw_scan(path: Path) -> Path | None:
    """The scan that a series was preprocessed from, by `RawSources` beside it or by its name; None if it is not there.

    The raw dataset is where the derivatives' description says (`DatasetLinks`, `SourceDatasets`), or the folder whose
    `derivatives` they lie in.
    """
    root = dataset_root(path) if is_preprocessed(path) else None
    if root is None:
        return None
    sidecar = read_sidecar(path, required=False)
    listed = [*_texts(sidecar.fields.get("RawSources")), *_texts(sidecar.fields.get("Sources"))]
    named = [_within(text) for text in listed if "_asl.nii" in text and PREPROCESSED not in text]
    own = path.absolute().relative_to(root).as_posix().replace(PREPROCESSED, "")
    candidates = [folder / name for folder in _raw_datasets(root) for name in (*named, own, _other_ending(own))]
    return next((scan for scan in candidates if kind_there(scan) == "a file"), None)


def with_raw_fields(sidecar: Sidecar, raw: Path) -> Sidecar:
    """A sidecar with what only that of the raw scan says."""
    other = read_sidecar(raw)
    return Sidecar(other.path, other.fields | sidecar.fields, other.origins | sidecar.origins)


def kept_volumes(types: np.ndarray) -> np.ndarray:
    """Which volumes of a scan ASLPrep keeps, (N,) bool.

    Args:
        types: of the raw scan's volumes, (N,) str.
    """
    target = next((kinds for kinds in TARGETS if set(kinds) <= set(types)), ())
    return np.isin(types, (*target, "m0scan"))


def of_kept_volumes(sidecar: Sidecar, kept: np.ndarray) -> Sidecar:
    """A sidecar whose lists of a value for each volume have those of the kept ones alone.

    Args:
        sidecar: of the raw scan.
        kept: (N,) bool.
    """
    fields = dict(sidecar.fields)
    for name in PER_VOLUME:
        value = fields.get(name)
        if isinstance(value, list) and len(value) == len(kept):
            fields[name] = [item for item, keep in zip(value, kept, strict=True) if keep]
    return Sidecar(sidecar.path, fields, sidecar.origins)


def _raw_datasets(root: Path) -> list[Path]:
    """Where the raw dataset of derivatives may be."""
    description = read_json(root / "dataset_description.json", only_finite=False)
    links = description.get("DatasetLinks")
    sources = description.get("SourceDatasets")
    told = [
        *(links.values() if isinstance(links, dict) else []),
        *(source.get("URL") for source in (sources if isinstance(sources, list) else []) if isinstance(source, dict)),
    ]
    folders = [_folder(root, text) for text in told if isinstance(text, str)]
    if root.parent.name == "derivatives":
        folders.append(root.parent.parent)
    return list(dict.fromkeys(folder for folder in folders if folder is not None))


def _folder(root: Path, text: str) -> Path | None:
    """A folder of this machine's, as a URI or as a path from the dataset; None for what lies elsewhere."""
    parsed = urlparse(text)
    if parsed.scheme == "file":
        return Path(unquote(parsed.path))
    return None if len(parsed.scheme) > 1 else root / text  # of one letter: a drive


def _within(text: str) -> str:
    """Path of a file from its dataset's root, of a BIDS URI or as it is."""
    return text.rpartition(":")[2] if text.startswith("bids:") else text


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [item for item in values if isinstance(item, str)]


def _other_ending(name: str) -> str:
    return name.removesuffix(".gz") if name.endswith(".gz") else f"{name}.gz"
