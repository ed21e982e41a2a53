"""Stores of cubes: URLs that lead nowhere, settings of a dataset changed, files of others and damaged ones."""

import json
from pathlib import Path
from random import Random

from tests.fuzz.inputs import Input, small
from tests.fuzz.values import other_leaf

URLS = (
    *("ftp://localhost/x", "ftp://", "github://", "github://a:b@c", "zip://", "zip://x", "zip://scan/sub-01_asl.json"),
    *("s3://", "s3://bucket", "gs://x", "http://127.0.0.1:9/x", "https://127.0.0.1:9/", "sftp://127.0.0.1:9/x"),
    *("x://y",),
    *("memory://x", "file://", "file:///", "file:///nowhere/x", "file://cubes", "file:cubes", "local://", "data:,x"),
    *("://",),
    *("simplecache::s3://x", "filecache::file://cubes", "tar://x", "hdfs://x", "dask://x", "jupyter://x", "[cubes]"),
    *("{a:1}",),
    *("reference://", "reference://::x", "cached://x", "dir://", "dirfs://x", "git://.", "libarchive://x", "smb://x"),
    *("1",),
    *("cubes\\n", "cubes/", "cubes//", "./cubes", "cubes/.", "cubes/../cubes", "x" * 300, "x" * 5000, "~", "~nobody/x"),
    *("",),
)


def url(rng: Random) -> Input:
    """Where cubes are kept."""
    where = rng.choice(URLS)
    command, words = rng.choice(
        (
            ("simulate", (*small("simulate", but="data.dir"), f"data.dir={where}")),
            ("simulate", (*small("simulate", but="data.dir"), f"data.dir={where}", "verify=true")),
            ("train", (*small("train", but="data.dir"), f"data.dir={where}")),
            ("train", (*small("train"), "data=cco_stream", f"data.pool={where}")),
            ("evaluate", (*small("evaluate", but="dir"), f"dir={where}")),
        )
    )
    return Input(command, words, names=("dir", "pool", where[:30] or "dir"), work=rng.random() < 0.5)


def settings_of_dataset(rng: Random) -> Input:
    """What a dataset says of itself."""

    def prepare(folder: Path) -> None:
        path = folder / rng.choice(("cubes/dataset.json", "cubes/dataset.json", "cubes/test/dataset.json"))
        if not path.exists():
            path = folder / "cubes/dataset.json"
        content, _ = other_leaf(rng, json.loads(path.read_text(encoding="utf-8")))
        try:
            path.write_text(json.dumps(content), encoding="utf-8")
        except (TypeError, ValueError, UnicodeError):
            path.write_text(str(content).encode("ascii", "replace").decode(), encoding="utf-8")

    return _command(rng, prepare, "dataset.json changed")


def records(rng: Random) -> Input:
    """Files of cubes that are cut, spoilt, swapped or someone else's."""

    def prepare(folder: Path) -> None:
        shards = sorted(folder.glob("cubes/**/*.npy"))
        path = rng.choice(shards)
        content = bytearray(path.read_bytes())
        how = rng.randrange(6)
        if how == 0:
            path.write_bytes(content[: rng.randrange(len(content))])
        elif how in (1, 2):
            end = 200 if how == 1 else len(content)
            for _ in range(rng.choice((1, 10))):
                content[rng.randrange(end)] = rng.randrange(256)
            path.write_bytes(content)
        elif how == 3:
            path.write_bytes(rng.choice(shards).read_bytes())
        elif how == 4:
            path.write_bytes(content + content)
        else:
            path.unlink()
            (path.parent / rng.choice(("shard-x.npy", "shard-99999.npy", "other.txt", "shard-00000.npy.tmp"))).touch()

    return _command(rng, prepare, "shards changed")


def _command(rng: Random, prepare, about: str) -> Input:  # type: ignore[no-untyped-def]
    command, words = rng.choice(
        (
            ("simulate", (*small("simulate"), "verify=true")),
            ("simulate", small("simulate")),
            ("train", small("train")),
            ("evaluate", small("evaluate")),
        )
    )
    return Input(command, words, prepare, about, ("cubes", "dataset.json", "shard", "data.dir"), work=True)
