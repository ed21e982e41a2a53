"""Names of every sort, for every path and place."""

import os
import shutil
from pathlib import Path
from random import Random

from tests.fuzz.inputs import Input, small

NAMES = (
    *(
        "Müller",
        "e\u0301",
        "漢字",
        "スキャン",
        "🧠",
        "a b",
        " a",
        "a ",
        "a,b",
        "a[b]",
        "[a]",
        "(a)",
        "{a}",
        "a=b",
        "a=",
    ),
    "=a",
    *("#a", "a#b", "a&b", "&a", "a'b", "'a'", 'a"b', '"a"', "~a", "a~", "~", "!a", "$a", "${seed}", "${oc.env:HOME}"),
    *("$(",),
    *("123", "1e3", "true", "null", "None", "nan", "inf", "off", "-a", "--", "-m", "--help", "+a", "@a", "a@b", "a:b"),
    *(":a",),
    *("a|b", "a;b", "a*b", "*", "a?b", "a\\b", "\\", "a\\", "%41", "%s", "{0}", "a\tb", "a\nb", "\x01", "\x7f"),
    *("\u202eab",),
    *("\udcff", "M\udcfcller", "x" * 100, "漢" * 80, "...", "a..b", ".hidden", "input=x", "mask=1", "ckpt=a", "seed=1"),
    *("a/b", "./a", "a//b", "a/./b", "a/../b", "file:a", "s3:a", "http:a", "a::b", "C:", "C:\\a", "CON", "nul.txt"),
)


def place(rng: Random) -> Input:
    """`predict INPUT OUTPUT` with a scan and a folder of odd names: taken as they are."""
    source, target = rng.choice(NAMES), rng.choice(NAMES)
    if Path(source) == Path(target):
        target = f"{target}-out"
    words = [source, target]
    if any(word.startswith("-") for word in words) or rng.random() < 0.1:
        words = ["--", *words]
        words = ["method=single_delay", *words]
    else:
        words.append("method=single_delay")
    must = "take" if all(_may_be_path(word) for word in (source, target)) else ""
    return Input("predict", tuple(words), _moved(source), f"scan moved to {source!r}", must=must)  # type: ignore[arg-type]


def named(rng: Random) -> Input:
    """A path given by the name of its setting."""
    name = rng.choice(NAMES)
    command, words, moved = rng.choice(
        (
            ("predict", (f"input={name}", "output_dir=out", "method=single_delay"), "scan"),
            ("predict", ("input=scan", f"output_dir={name}", "method=single_delay"), ""),
            ("predict", ("input=scan", "output_dir=out", f"ckpt={name}"), "best.ckpt"),
            ("predict", ("input=scan", "output_dir=out", "method=single_delay", f"m0={name}"), ""),
            ("predict", ("input=scan", "output_dir=out", "method=single_delay", f"mask={name}"), ""),
            ("predict", ("input=scan", "output_dir=out", "method=multi_delay", f"t1_tissue={name}"), ""),
            ("evaluate", (f"ckpt={name}", "n_cubes=1", "dir=cubes"), "best.ckpt"),
            ("evaluate", ("ckpt=best.ckpt", "n_cubes=1", f"dir={name}"), "cubes"),
            ("train", (*small("train"), f"resume={name}"), "best.ckpt"),
            ("train", (*small("train", but="acquisition"), f"acquisition.from_bids={name}"), "scan"),
            ("train", (*small("train"), f"name={name}"), ""),
            ("train", (*small("train"), f"hydra.run.dir={name}"), ""),
            ("train", (*small("train", but="data.dir"), f"data.dir={name}"), "cubes"),
            ("simulate", (*small("simulate", but="data.dir"), f"data.dir={name}"), "cubes"),
            ("simulate", ("phantom=brain_small", f"dir={name}", "until=great_vessels"), ""),
        )
    )
    encoding = rng.choice(("utf-8", "ascii", "cp1252"))
    return Input(command, words, _moved(name, moved), f"{moved or 'nothing'} moved to {name!r}", encoding=encoding)


def empty_folder(rng: Random) -> Input:
    """Folders and files with names that are no UTF-8 beside and within those that are read."""
    name = rng.choice((b"\xff", b"M\xfcller", b"sub-\xe4_asl.nii.gz", b"\xed\xa0\x80", b"a\nb_asl.nii.gz"))
    within = rng.choice((b".", b"scan", b"cubes"))

    def prepare(folder: Path) -> None:
        path = os.path.join(os.fsencode(folder), within, name)
        if rng.random() < 0.5:
            os.mkdir(path)
        else:
            shutil.copy(folder / "scan/sub-01_asl.nii.gz", path)

    command = rng.choice(("predict", "train", "evaluate", "simulate"))
    return Input(command, small(command), prepare, f"{name!r} in {within.decode()}", work=command != "train")


def _may_be_path(name: str) -> bool:
    """Whether a name can only mean a path that can be made: none that is a setting or a flag too."""
    return not name.startswith(("~", "input=", "mask=", "ckpt=")) and name not in ("", "--")


def _moved(name: str, what: str = "scan"):  # type: ignore[no-untyped-def]
    def prepare(folder: Path) -> None:
        path = folder / name
        if what and (folder / what).exists() and not os.path.lexists(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.rename(folder / what, path)

    return prepare
