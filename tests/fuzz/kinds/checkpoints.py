"""Checkpoints of strangers: every field of the description, every tensor, the container, and what is no checkpoint."""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import torch

from tests.fuzz.inputs import Input, small
from tests.fuzz.values import PLAIN, at, nodes, other_leaf, with_value, without


def fields(rng: Random) -> Input:
    """Description with one to three fields changed."""

    def change(path: Path) -> str:
        content, said = _read(path), []
        key = next(name for name, value in content.items() if isinstance(value, Mapping) and "network" in value)
        description = {name: value for name, value in content[key].items() if name != "config"}
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            description, about = other_leaf(rng, description)
            said.append(f"description: {about}")
            if not isinstance(description, Mapping):
                break
        _write(path, with_value(content, (key,), description))
        return "; ".join(said)

    return _with(rng, change)


def weights(rng: Random) -> Input:
    """One tensor of the weights changed."""

    def change(path: Path) -> str:
        content = _read(path)
        name = rng.choice(list(content["state_dict"]))
        old = content["state_dict"][name]
        make = rng.choice(_TENSORS)
        if rng.random() < 0.15:
            state = without(content["state_dict"], (name,))
        elif rng.random() < 0.15:
            state = {**content["state_dict"], rng.choice(("x", "estimator.x", "", name.upper())): old}
        else:
            state = {**content["state_dict"], name: make(old)}
        _write(path, {**content, "state_dict": state})
        return f"{name}: {_TENSORS.index(make)}"

    return _with(rng, change)


_TENSORS: tuple[Callable[[torch.Tensor], Any], ...] = (
    lambda old: old * torch.nan,
    lambda old: torch.full_like(old, torch.inf),
    lambda old: torch.full_like(old, 1e20),
    lambda old: torch.full_like(old, 1e38),
    lambda old: old.to(torch.complex64),
    lambda old: old.to(torch.int8),
    lambda old: old > 0,
    lambda old: old.double() * 1e300,
    lambda old: old.half(),
    lambda old: old[None],
    lambda old: old.flatten(),
    lambda old: torch.zeros(1).expand(10**12),
    lambda old: torch.zeros(1).expand(10**6, 10**6),
    lambda old: torch.zeros(()).expand(old.shape),
    lambda old: torch.zeros(0),
    lambda old: torch.zeros(()),
    lambda old: old.to_sparse(),
    lambda old: torch.empty(old.shape, device="meta"),
    lambda old: torch.nn.Parameter(old.float()),
    lambda old: old.tolist(),
    lambda old: None,
    lambda old: 1.0,
    lambda old: "weights",
    lambda old: {"a": old},
)


def state(rng: Random) -> Input:
    """Anything else in the checkpoint of a training to go on with."""

    def change(path: Path) -> str:
        content = _read(path)
        places = [place for place in nodes(content) if place and place[0] != "state_dict"]
        place = rng.choice(places)
        if rng.random() < 0.3:
            _write(path, without(content, place))
            return f"{'.'.join(map(str, place))} left out"
        value = rng.choice(PLAIN)
        if isinstance(at(content, place), torch.Tensor) and rng.random() < 0.7:
            value = rng.choice(_TENSORS)(at(content, place))
        _write(path, with_value(content, place, value))
        return f"{'.'.join(map(str, place))} = {str(value)[:60]}"

    words = (*small("train"), "resume=last.ckpt")
    return Input("train", words, _once(change, "last.ckpt"), "changed last.ckpt", work=True)


def container(rng: Random) -> Input:
    """Bytes of a checkpoint changed, or another file in its place."""

    def change(path: Path) -> str:
        whole = path.read_bytes()
        how = rng.randrange(9)
        if how == 0:
            path.write_bytes(whole[: rng.randrange(len(whole))])
        elif how in (1, 2, 3):
            content = bytearray(whole)
            for _ in range(rng.choice((1, 10, 200))):
                content[rng.randrange(len(content))] = rng.randrange(256)
            path.write_bytes(content)
        elif how == 4:
            path.write_bytes(rng.choice((b"", b"PK\x03\x04", b"\x80\x04.", b"text\n", b"\0" * 10_000, whole + whole)))
        elif how == 5:
            _write(path, rng.choice((*PLAIN, _read(path)["state_dict"], [_read(path)])))
        elif how == 6:
            path.write_bytes(_zip_bomb(whole, rng.choice((4, 4, 130))))
        elif how == 7:
            content = _read(path)
            _write(path, without(content, (rng.choice(list(content)),)))
        else:
            torch.save(_read(path), path, _use_new_zipfile_serialization=False)
        return str(how)

    return _with(rng, change)


def _zip_bomb(whole: bytes, n: int) -> bytes:
    """The same archive, with a deflated record that unpacks to n times 16 MB."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(whole)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        for entry in old.infolist():
            if entry.filename.endswith("data/0"):
                with new.open(entry.filename, "w", force_zip64=True) as stream:
                    for _ in range(n):
                        stream.write(bytes(2**24))
            else:
                new.writestr(entry.filename, old.read(entry), zipfile.ZIP_STORED)
    return out.getvalue()


def _with(rng: Random, change: Callable[[Path], str]) -> Input:
    """A command that reads a checkpoint, changed."""
    words = {
        "evaluate": small("evaluate"),
        "predict": ("input=scan", "output_dir=out", "ckpt=best.ckpt"),
        "train": (*small("train"), "resume=best.ckpt"),
    }
    command = rng.choice(("evaluate", "predict", "predict", "train"))
    return Input(command, words[command], _once(change, "best.ckpt"), "changed best.ckpt", ("ckpt", "resume", "sub-01"))


def _once(change: Callable[[Path], str], name: str) -> Callable[[Path], object]:
    return lambda folder: change(folder / name)


def _read(path: Path) -> dict[str, Any]:
    return torch.load(path, map_location="cpu", weights_only=True)


def _write(path: Path, content: object) -> None:
    torch.save(content, path)
