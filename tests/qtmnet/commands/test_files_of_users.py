"""Whatever opens a file of a user's tells in one line, at once, that it is none."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from qtmnet.commands.sweeps.outcomes import OutcomeLog
from qtmnet.datasets.cube_recipe import CubeRecipe
from qtmnet.datasets.cube_store import CubeStore
from qtmnet.methods.network.checkpoint import load_estimator
from qtmnet.scans.nifti import read_image
from qtmnet.scans.scan import read_scan
from simulators import CubeParameters, NumbaSimulator
from simulators.angiography.tracing import trace_tof
from simulators.errors import InputError
from simulators.phantoms.stages import StageFolder, file_fingerprint
from simulators.tissue.anatomy import TissueMaps
from simulators.vessels.great_vessels import read_great_vessels, read_transform
from simulators.vessels.swc import read_swc

SECONDS = 10


@contextmanager
def in_time() -> Iterator[None]:
    """Fail what takes longer than `SECONDS`, such as waiting for a writer of a pipe; nothing is timed on Windows."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def too_long(*_: object) -> None:
        raise TimeoutError(f"no answer after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _pipe(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes on this system")
    os.mkfifo(path)


def _device(path: Path) -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("no devices on this system")
    path.symlink_to("/dev/zero")


def _socket(path: Path) -> None:
    if not hasattr(socket, "AF_UNIX"):
        pytest.skip("no sockets in the file system here")
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket is limited to a hundred bytes
    try:
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(path.name)
    finally:
        os.chdir(here)


def _closed(path: Path) -> None:
    path.write_bytes(b"x")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")


def _enormous(path: Path) -> None:
    try:
        with path.open("wb") as stream:
            stream.truncate(2**41)  # sparse: takes no room
    except OSError:
        pytest.skip("no files of 2 TiB on this file system")


NO_FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (_pipe, "found a named pipe"),
    "device": (_device, "found a device"),
    "socket": (_socket, "found a socket"),
    "folder": (Path.mkdir, "found a folder"),
    "broken link": (lambda path: path.symlink_to("nowhere"), "link to a file that is not there"),
    "circle": (lambda path: path.symlink_to(path.name), "links that lead in a circle"),
    "closed": (_closed, "Permission denied"),
    "enormous": (_enormous, "has at most"),
}
"""How to make each, and what is to be said of it."""

RECIPE = CubeRecipe(CubeParameters(shape=(8, 8, 8)), NumbaSimulator(), 1, "train", tuple(np.arange(0.0, 3, 0.5)), None)


@dataclass(frozen=True)
class Place:
    """A file that something reads, and how to have it read."""

    file: Path
    read: Callable[[], object]


def maps(folder: Path) -> TissueMaps:
    """Tissue maps of which one is to be spoilt."""
    files = {name: folder / f"{name}.nii" for name in ("grey", "white", "csf")}
    for file in files.values():
        nib.Nifti1Image(np.full((3, 3, 3), 0.3, np.float32), np.eye(4)).to_filename(file)
    return TissueMaps(**{name: str(file) for name, file in files.items()})


def stage(folder: Path) -> Place:
    """A stage that was kept."""
    made = StageFolder(folder).run("anatomy", {}, lambda: {"a": np.ones(3)})
    return Place(folder / f"anatomy-{made.fingerprint}.npz", lambda: StageFolder(folder).run("anatomy", {}, lambda: {}))


PLACES: dict[str, Callable[..., Place]] = {
    "scan": lambda scan, _: Place(scan.path, lambda: read_scan(scan.path)),
    "sidecar": lambda scan, _: Place(scan.sidecar, lambda: read_scan(scan.path)),
    "inherited sidecar": lambda scan, _: Place(scan.folder.parent / "asl.json", lambda: read_scan(scan.path)),
    "table": lambda scan, _: Place(scan.context, lambda: read_scan(scan.path)),
    "m0": lambda scan, folder: Place(folder / "x.nii", lambda: read_scan(scan.path, m0=folder / "x.nii")),
    "mask": lambda scan, folder: Place(folder / "x.nii", lambda: read_scan(scan.path, mask=folder / "x.nii")),
    "mask beside": lambda scan, _: Place(scan.folder / "sub-01_desc-brain_mask.nii", lambda: read_scan(scan.path)),
    "image": lambda _, folder: Place(folder / "x.nii.gz", lambda: read_image(folder / "x.nii.gz")),
    "SWC": lambda _, folder: Place(folder / "x.swc", lambda: read_swc(folder / "x.swc")),
    "great vessels": lambda _, folder: Place(folder / "x.swc", lambda: read_great_vessels(folder / "x.swc")),
    "transform": lambda _, folder: Place(folder / "x.txt", lambda: read_transform(folder / "x.txt")),
    "tissue map": lambda _, folder: Place(folder / "white.nii", maps(folder).read),
    "angiogram": lambda _, folder: Place(folder / "x.nii", lambda: trace_tof(folder / "x.nii")),
    "checkpoint": lambda _, folder: Place(folder / "x.ckpt", lambda: load_estimator(folder / "x.ckpt")),
    "fingerprint": lambda _, folder: Place(folder / "x", lambda: file_fingerprint(folder / "x", "setting")),
    "stage": lambda _, folder: stage(folder),
    "manifest": lambda _, folder: Place(folder / "dataset.json", lambda: CubeStore(folder, RECIPE)),
    "shard": lambda _, folder: Place(
        folder / "shard-00000.npy", lambda: CubeStore(folder, RECIPE, n_cubes=1).missing(1)
    ),
    "outcomes": lambda _, folder: Place(folder / "x.jsonl", lambda: OutcomeLog(folder / "x.jsonl").read()),
}


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("name", PLACES)
def test_what_is_no_file_is_said_in_one_line_at_once(example, tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "own").mkdir()
    place = PLACES[name](example, tmp_path / "own")
    make, told = NO_FILES[kind]
    if (name, kind) in {("shard", "closed"), ("shard", "enormous")}:
        pytest.skip("a file, and of a size that is looked at as such")
    place.file.unlink(missing_ok=True)
    make(place.file)
    before = sorted(path for path in tmp_path.rglob("*") if path.name != "dataset.json")
    with in_time(), pytest.raises(InputError) as error:
        place.read()
    line = str(error.value)
    assert line.startswith(str(place.file))
    assert told in line or (name == "shard" and "link to nothing" in line)
    assert "\n" not in line
    assert sorted(path for path in tmp_path.rglob("*") if path.name != "dataset.json") == before


READERS = {
    "scan": read_scan,
    "image": read_image,
    "SWC": read_swc,
    "transform": read_transform,
    "angiogram": trace_tof,
    "checkpoint": load_estimator,
    "fingerprint": lambda path: file_fingerprint(path, "setting"),
}


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (f"{'n' * 300}.nii", "too long"),
        ("a\0b.nii", "a name that no file can have"),
        ("caf\udce9.nii", "caf\\xe9.nii: "),
        ("\ud800.nii", "a name that no file can have"),
        ("a\nb\x1b[31m.nii", "a b\\x1b[31m.nii"),
        ("file/x.nii", "no such file"),
    ],
    ids=["long", "zero", "latin-1", "half a letter", "control", "in a file"],
)
@pytest.mark.parametrize("name", READERS)
def test_names_that_no_file_has_are_said_in_one_printable_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with in_time(), pytest.raises(InputError) as error:
        READERS[name](file)
    assert told in str(error.value)
    assert str(error.value).isprintable()


def test_a_name_that_is_no_utf8_is_read_like_any_other(example, tmp_path: Path) -> None:
    try:
        folder = tmp_path / "caf\udce9"
        folder.mkdir()
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system takes UTF-8 alone")
    for file in example.folder.iterdir():
        file.rename(folder / file.name)
    scan = read_scan(folder / example.path.name)
    assert scan.acquisition.n_frames == 3
