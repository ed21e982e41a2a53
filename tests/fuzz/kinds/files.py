"""What is no ordinary file, or not the one that is wanted, in the place of each file that is read or written."""

import gzip
import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.fuzz.inputs import Input, small

READ: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("predict", ("input={}", "output_dir=out", "method=multi_delay")),
    ("predict", ("input=scan", "output_dir=out", "ckpt={}")),
    ("predict", ("input=scan", "output_dir=out", "method=multi_delay", "m0={}")),
    ("predict", ("input=scan", "output_dir=out", "method=multi_delay", "mask={}")),
    ("predict", ("input=scan", "output_dir=out", "method=multi_delay", "t1_tissue={}")),
    ("evaluate", ("ckpt={}", "n_cubes=1", "dir=cubes")),
    ("evaluate", ("phantom=brain_small", "ckpt={}")),
    ("evaluate", ("phantom=brain_small", "acquisition.from_bids={}")),
    ("train", (*small("train"), "resume={}")),
    ("train", (*small("train", but="acquisition"), "acquisition.from_bids={}")),
    (
        "simulate",
        ("phantom=brain_small", "dir=brain", "until=anatomy", "anatomy.grey={}", "anatomy.white={}", "anatomy.csf={}"),
    ),
    ("simulate", ("phantom=brain_small", "dir=brain", "until=great_vessels", "angiography.swc={}")),
    ("simulate", ("phantom=brain_small", "dir=brain", "until=great_vessels", "angiography.tof={}")),
    (
        "simulate",
        (
            "phantom=brain_small",
            "dir=brain",
            "until=great_vessels",
            "angiography.swc=good.swc",
            "angiography.transform={}",
        ),
    ),
    ("simulate", ("phantom=brain_small", "dir=brain", "until=great_vessels", "angiography.veins_swc={}")),
)
IN_PLACE_OF = ("scan/sub-01_asl.json", "scan/sub-01_aslcontext.tsv", "scan/sub-01_asl.nii.gz", "cubes/dataset.json")
WRITTEN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("predict", ("input=scan", "output_dir={}", "method=single_delay")),
    ("simulate", (*small("simulate", but="data.dir"), "data.dir={}")),
    ("simulate", ("phantom=brain_small", "until=great_vessels", "dir={}")),
    ("evaluate", ("ckpt=best.ckpt", "n_cubes=1", "dir={}")),
    ("train", (*small("train"), "hydra.run.dir={}")),
    ("train", (*small("train", but="data.dir"), "data.dir={}")),
    ("train", (*small("train"), "data=cco_stream", "data.pool={}")),
)


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # names of sockets are short
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


def _huge(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(50 * 10**9)


def _deep(path: Path) -> None:
    path.write_text('{"a":' * 100_000 + "1" + "}" * 100_000, encoding="utf-8")


MADE: dict[str, Callable[[Path], object]] = {
    "a pipe": _fifo,
    "a socket": _socket,
    "a folder": Path.mkdir,
    "a folder with files": lambda path: (path.mkdir(), (path / "other.txt").write_text("x", encoding="utf-8")),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "a link to /dev/full": lambda path: path.symlink_to("/dev/full"),
    "a link to the scan": lambda path: path.symlink_to(path.parent / "scan/sub-01_asl.nii.gz"),
    "a link to /proc": lambda path: path.symlink_to("/proc/self/mem"),
    "nothing": lambda path: None,
    "an empty file": Path.touch,
    "text": lambda path: path.write_text("not what was expected\n" * 20, encoding="utf-8"),
    "numbers": lambda path: path.write_text("1 2 3 4\n" * 4, encoding="utf-8"),
    "NULs": lambda path: path.write_bytes(bytes(100_000)),
    "50 GB of nothing": _huge,
    "nested JSON": _deep,
    "latin-1": lambda path: path.write_bytes("Müller ü\n".encode("latin-1") * 50),
    "a cut gzip": lambda path: path.write_bytes(gzip.compress(bytes(1000))[:30]),
    "a gzip of 2 GB": lambda path: path.write_bytes(gzip.compress(bytes(2**31), 1)),
    "a zip": lambda path: zipfile.ZipFile(path, "w").close(),
    "one point": lambda path: path.write_text("1 0 0 0 0 1 -1\n", encoding="utf-8"),
    "a loop": lambda path: path.write_text("1 0 0 0 0 1 2\n2 0 1 0 0 1 1\n", encoding="utf-8"),
    "points of nan": lambda path: path.write_text("1 0 nan 0 0 1 -1\n2 0 inf 1e300 0 1 1\n", encoding="utf-8"),
    "huge ids": lambda path: path.write_text("1 0 0 0 0 1 -1\n99999999999999999999 0 1 0 0 1 1\n", encoding="utf-8"),
    "a wide vessel": lambda path: path.write_text("1 0 0 0 0 1e9 -1\n2 0 1 0 0 1e9 1\n", encoding="utf-8"),
}
ELSEWHERE = ("/dev/null", "/dev/zero", "/dev/full", "/dev/stdin", "/proc/self/mem", "/proc", "/", ".", "..")


def read(rng: Random) -> Input:
    """A file that is read."""
    command, words = rng.choice(READ)
    how, ending = rng.choice(list(MADE)), rng.choice(("", "", ".nii", ".nii.gz", ".ckpt", ".swc", ".json", ".txt"))
    name = f"odd{ending}"
    place = name if rng.random() < 0.85 else rng.choice(ELSEWHERE)
    words = tuple(word.format(place) if word.endswith("={}") else word for word in words)

    def prepare(folder: Path) -> None:
        (folder / "good.swc").write_text("1 0 0 0 0 1 -1\n2 0 0 0 5 1 1\n", encoding="utf-8")
        MADE[how](folder / name)

    return Input(command, words, prepare, f"{name} is {how}", (place, "odd"), work=command == "simulate")


def in_place(rng: Random) -> Input:
    """A file beside the one that is named."""
    name, how = rng.choice(IN_PLACE_OF), rng.choice(list(MADE))
    words = {
        "predict": ("scan", "out", "method=single_delay"),
        "train": small("train"),
        "evaluate": (*small("evaluate"), "cluster.n_workers=1"),
        "simulate": (*small("simulate"), rng.choice(("verify=true", "verify=false"))),
    }
    command = rng.choice(("train", "evaluate", "simulate") if "cubes" in name else ("predict", "predict", "train"))

    def prepare(folder: Path) -> None:
        path = folder / name
        path.unlink()
        MADE[how](path)

    names = ("sub-01", "scan", "cubes", "data.dir")
    return Input(command, words[command], prepare, f"{name} is {how}", names, work="cubes" in name)


def written(rng: Random) -> Input:
    """Something in the place of a folder that is to be written into."""
    command, words = rng.choice(WRITTEN)
    how = rng.choice([name for name in MADE if "GB" not in name])
    below = rng.choice(("", "", "/below", "/a/b/c"))
    place = f"odd{below}" if rng.random() < 0.8 else rng.choice(("/proc/x", "/dev/null", "/dev/null/x", "/sys/x", ""))
    words = tuple(word.format(place) if word.endswith("={}") else word for word in words)
    names, work = (place, "odd", "dir"), rng.random() < 0.5
    return Input(command, words, lambda folder: MADE[how](folder / "odd"), f"odd is {how}", names, work=work)


def taken_names(rng: Random) -> Input:
    """Folders and pipes that have the names of outputs."""
    kept = ("cbf.nii.gz", "att.nii.gz", "cbf.json", "att.json", "report.html", "asl.nii.gz")
    name, how = rng.choice(kept), rng.choice(list(MADE)[:9])
    method = rng.choice(("method=single_delay", "method=multi_delay", "ckpt=best.ckpt"))

    def prepare(folder: Path) -> None:
        (folder / "out").mkdir()
        for beginning in ("sub-01_", "sub-01_desc-"):
            MADE[how](folder / "out" / f"{beginning}{name}")

    return Input("predict", ("scan", "out", method), prepare, f"out/sub-01_{name} is {how}", (name, "out"))
