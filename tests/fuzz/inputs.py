"""What an input is: words behind a command, and files beside it."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal


@dataclass(frozen=True)
class Input:
    """One run of a command.

    Attributes:
        command: train, simulate, evaluate or predict.
        words: typed behind it.
        prepare: changes the folder that it runs in, a copy of the scenery.
        about: what was done to files, for whoever looks into a fault.
        names: what a refusal has to name one of, a setting or a file; empty if that cannot be told.
        must: how it has to end, where that is known.
        work: whether the work is done too; by default only all that goes before it.
        encoding: of the console.
    """

    command: str
    words: tuple[str, ...]
    prepare: Callable[[Path], object] | None = None
    about: str = ""
    names: tuple[str, ...] = ()
    must: Literal["refuse", "take", ""] = ""
    work: bool = False
    encoding: str = "utf-8"

    def line(self) -> str:
        """As it can be typed, and what was done to files."""
        typed = " ".join(["qtmnet", self.command, *map(shlex.quote, self.words)])
        return f"{typed}   # {self.about}" if self.about else typed


Kind = Callable[[Random], Input]
"""Draws an input."""

SMALL = {
    "train": (
        *("phantom.shape=[8,8,8]", "data.n_cubes=3", "data.n_test=1", "data.dir=cubes", "cluster.n_workers=1"),
        *("data.batch_size=2", "model.base_channels=2", "trainer.max_epochs=2", "trainer.accelerator=cpu"),
        *("acquisition.from_bids=scan", "evaluate=false", "callbacks.validation_maps.every=0"),
    ),
    "simulate": ("phantom.shape=[8,8,8]", "data.n_cubes=3", "data.dir=cubes", "cluster.n_workers=1"),
    "evaluate": ("ckpt=best.ckpt", "n_cubes=1", "dir=cubes", "cluster.n_workers=1"),
    "predict": ("input=scan", "output_dir=out", "method=single_delay"),
}
"""What makes each command a matter of a second in the scenery."""


def small(command: str, *, but: str = "") -> tuple[str, ...]:
    """`SMALL` without the word that gives a setting, or settings within it."""
    return tuple(word for word in SMALL[command] if not but or not _is_of(word, but))


def _is_of(word: str, name: str) -> bool:
    given = word.partition("=")[0]
    return given == name or given.startswith(f"{name}.") or name.startswith(f"{given}.")
