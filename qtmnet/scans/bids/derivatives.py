"""Where the maps of a scan go: a BIDS derivative dataset that lies in the output as the scan's dataset in the input.

The dataset of a scan is the folder that holds its subject's, `sub-<label>`. A scan in no such folder makes one of the
folder that it is in.
"""

from dataclasses import dataclass
from pathlib import Path

from qtmnet.scans.bids.finding import scan_prefix, subject_folder

DATATYPE = "perf"
NOT_SESSIONS = (DATATYPE, "asl")
"""Folders within a subject's that say what kind of images they hold, and not when these were made."""


@dataclass(frozen=True)
class Place:
    """Where the files of a scan go.

    Attributes:
        scan: the NIfTI file.
        source: root of the dataset that the scan is of.
        dataset: root of the dataset that its maps are of.
        folder: in which they lie.
        prefix: that their names begin with, such as `sub-01_ses-1_run-2`.
        name: what the console calls the scan: `sub-01_ses-1_run-2`, behind its dataset's place in the output if that
            is not the output itself, `siteA/sub-01`.
    """

    scan: Path
    source: Path
    dataset: Path
    folder: Path
    prefix: str
    name: str

    @property
    def is_bids(self) -> bool:
        """Whether the scan's name begins as BIDS has it; the maps of others lie in no dataset."""
        return self.subject is not None

    @property
    def subject(self) -> str | None:
        """Label of the subject, without `sub-`; None if the name has none."""
        return entity(self.prefix, "sub")


def entity(prefix: str, key: str) -> str | None:
    """Label of an entity of a file's name, as `01` of `sub-01_asl`; None if it is not there."""
    labels = (part.removeprefix(f"{key}-") for part in prefix.split("_") if part.startswith(f"{key}-"))
    return next(filter(None, labels), None)


def place_of(scan: Path, given: Path, output: Path) -> Place:
    """Where the files of a scan go, whatever other scans there are.

    `given/siteA/sub-01/ses-1/perf/sub-01_ses-1_asl.nii.gz` goes to `output/siteA/sub-01/ses-1/perf/sub-01_ses-1_*`. A
    folder within the subject's that is called otherwise than `ses-…` makes a session of its name. An image whose name
    begins with no `sub-` keeps its name and goes to the place of its folder: `given/siteA/scan.nii.gz` to
    `output/siteA/scan_*`.

    Args:
        scan: NIfTI file, at or below `given`.
        given: folder or file that maps are asked of.
        output: folder of all maps.
    """
    source, within = _dataset_of(scan)
    top = given.absolute()
    below = source.relative_to(top) if source.is_relative_to(top) else Path()
    dataset, prefix = output / below, scan_prefix(scan) or "scan"
    folder, subject = dataset, entity(prefix, "sub")
    if subject is not None:
        session = entity(prefix, "ses") or _session_of(within)
        folder = dataset / f"sub-{subject}" / (f"ses-{session}" if session else "") / DATATYPE
        if session and entity(prefix, "ses") is None:
            prefix = prefix.replace(f"sub-{subject}", f"sub-{subject}_ses-{session}", 1)
    return Place(scan, source, dataset, folder, prefix, (below / prefix).as_posix())


def _dataset_of(scan: Path) -> tuple[Path, tuple[str, ...]]:
    """Root of a scan's dataset, and the folders between that of its subject and the scan."""
    folder, subject = scan.absolute().parent, subject_folder(scan)
    return (folder, ()) if subject is None else (subject.parent, folder.relative_to(subject).parts)


def _session_of(folders: tuple[str, ...]) -> str:
    """Label of the session that folders within a subject's stand for, empty for none."""
    named = next((folder.removeprefix("ses-") for folder in folders if folder.startswith("ses-")), None)
    label = named or "".join(folder for folder in folders if folder.lower() not in NOT_SESSIONS)
    return "".join(letter for letter in label if letter.isalnum())
