"""Which M0 scan is a scan's: the one that says so, else the one of its name, else the only one beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qtmnet.scans.bids.finding import NIFTI_ENDINGS, files_below, names_in, nifti_stem, scan_prefix, subject_folder
from qtmnet.scans.bids.sidecar import read_sidecar
from simulators.errors import InputError


@dataclass(frozen=True)
class M0File:
    """The M0 scan of a scan.

    Attributes:
        path: of its image.
        note: why it was taken, where it is not the only one of the scan's name; empty otherwise.
        doubt: why it may be another scan's; empty otherwise.
    """

    path: Path
    note: str = ""
    doubt: str = ""


def find_m0_file(scan: Path) -> M0File | None:
    """The M0 scan of a scan, or None if there is none of which that can be said.

    One whose `IntendedFor` names the scan goes first, in any `perf` folder of the subject; then one of the scan's name;
    then the only one beside it that is meant for no other scan, or of several the one whose entities and phase encoding
    are the scan's.

    Args:
        scan: the NIfTI file.

    Raises:
        InputError: if several could be meant.
    """
    everywhere = _m0_files(scan)
    intended = [path for path in everywhere if _names(path, scan)]
    if intended:
        return _intended(scan, intended)
    beside = [path for path in everywhere if path.parent == scan.parent]
    own = [path for path in beside if _core(scan_prefix_of_m0(path)) == _core(scan_prefix(scan))]
    if len(own) == 1:
        return M0File(own[0], doubt=_of_another(own[0], scan))
    free = own or [path for path in beside if not _of_another(path, scan)]
    left = _narrowed(scan, free)
    if len(left) > 1:
        raise InputError(
            f"{scan}: M0Type: found {', '.join(path.name for path in left)}, and no IntendedFor that names the scan; "
            "name it in that of one, or give m0"
        )
    if not left:
        return None
    others = f", of {len(free)} beside the scan" if len(free) > 1 else ""
    return M0File(left[0], note=f"M0: {left[0].name} taken, the only one that can be meant{others}")


def elsewhere(scan: Path) -> str:
    """What to say of M0 scans of the subject that were not taken; empty if there are none."""
    found = _m0_files(scan)
    return f"; found {', '.join(path.name for path in found)}, meant for other scans or of other sessions" * bool(found)


def scan_prefix_of_m0(path: Path) -> str:
    """What an M0 scan's name begins with, such as `sub-01_run-1`."""
    return nifti_stem(path).removesuffix("_m0scan")


def _m0_files(scan: Path) -> list[Path]:
    """Those of a scan's subject, of all its sessions; without a folder of the subject's those beside the scan.

    Of `fmap` none: they are read against the scan's phase encoding, to tell its distortion.
    """
    return [path for path in _of_subject(scan, "m0scan") if path.parent.name != "fmap"]


def _of_subject(scan: Path, suffix: str) -> list[Path]:
    folder, endings = subject_folder(scan), tuple(f"_{suffix}{ending}" for ending in NIFTI_ENDINGS)
    found = (scan.parent / name for name in names_in(scan.parent)) if folder is None else files_below(folder)
    return sorted(path for path in found if path.name.endswith(endings) and not path.name.startswith("."))


def _intended(scan: Path, intended: Sequence[Path]) -> M0File:
    """Of those that say they are the scan's, the nearest."""
    tests: list[Callable[[Path], bool]] = [
        lambda path: path.parent == scan.parent,
        lambda path: _core(scan_prefix_of_m0(path)) == _core(scan_prefix(scan)),
    ]
    left = list(intended)
    for test in tests:
        left = [path for path in left if test(path)] or left
    taken = _narrowed(scan, left)[0]
    note = f"M0: {taken.name} taken, as its IntendedFor names the scan"
    if len(intended) > 1:
        note += f", the first of {len(intended)} that do: {', '.join(path.name for path in intended)}"
    return M0File(taken, note)


def _narrowed(scan: Path, paths: Sequence[Path]) -> list[Path]:
    """Of several those whose names have no entity that the scan lacks, then those of its phase encoding."""
    left, entities = list(paths), set(scan_prefix(scan).split("_"))
    direction = _phase_encoding(scan)
    tests: list[Callable[[Path], bool]] = [
        lambda path: set(scan_prefix_of_m0(path).split("_")) <= entities,
        lambda path: direction is not None and _phase_encoding(path) == direction,
    ]
    for test in tests:
        if len(left) > 1:
            left = [path for path in left if test(path)] or left
    return left


def _phase_encoding(path: Path) -> object:
    return read_sidecar(path, required=False).fields.get("PhaseEncodingDirection")


def _core(prefix: str) -> str:
    """A name without the part of a complex image that it is of: M0 belongs to its magnitude."""
    return "_".join(part for part in prefix.split("_") if not part.startswith("part-"))


def _of_another(m0: Path, scan: Path) -> str:
    """Why an M0 scan seems to be another's: it names scans that are there, and not this one. Else empty."""
    for given in _intended_for(m0):
        if any(_is_named(given, path) for path in _of_subject(scan, "asl")) and not _is_named(given, scan):
            return f"{m0}: IntendedFor: found {given}, and not {scan.name}, whose name M0 has; check which M0 it is"
    return ""


def _names(m0: Path, scan: Path) -> bool:
    """Whether an M0 scan says that it is for a scan."""
    return any(_is_named(given, scan) for given in _intended_for(m0))


def _is_named(given: str, scan: Path) -> bool:
    """Whether a path, from the dataset's root or the subject's folder, or a BIDS URI, is that of a scan."""
    whole = [part for part in given.rpartition(":")[2].replace("\\", "/").split("/") if part not in ("", ".")]
    if not whole:
        return False
    *folders, name = whole
    stem = name.removesuffix(".gz").removesuffix(".nii")
    parents = scan.absolute().parent.parts
    return stem == nifti_stem(scan) and parents[len(parents) - len(folders) :] == tuple(folders)


def _intended_for(path: Path) -> list[str]:
    """What an M0 scan says it is for: paths, or BIDS URIs (`bids::sub-01/perf/…`)."""
    sidecar = read_sidecar(path, required=False)
    value = sidecar.fields.get("IntendedFor", [])
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) for name in names):
        raise sidecar.error("IntendedFor", "give the path of a scan, or a list of paths")
    return [str(name) for name in names]
