"""What all inputs have beside them: a scan, a checkpoint for its protocol, and cubes."""

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from tests.fuzz.inputs import Input, small
from tests.fuzz.processes import run
from tests.qtmnet.conftest import PAIRS, ExampleScan


def make(folder: Path) -> Path:
    """Scan, checkpoints and cubes, made by the commands themselves.

    Returns:
        The folder: `scan`, a perf folder; `best.ckpt`; `last.ckpt`; `cubes`.
    """
    folder.mkdir(parents=True)
    ExampleScan(folder / "scan").write([("m0scan", 0.0), *PAIRS])
    with TemporaryDirectory() as scratch:
        words = (*small("train", but="trainer.max_epochs"), "trainer.max_epochs=1")
        outcome = run(Input("train", words, work=True), folder, Path(scratch))
        here = Path(scratch) / "here"
        if outcome.status != 0:
            raise RuntimeError(f"the scenery cannot be made: {outcome.err}")
        (checkpoints,) = here.glob("runs/*/*/checkpoints")
        for name in ("best.ckpt", "last.ckpt"):
            content = torch.load(checkpoints / name, weights_only=True)
            content["qtmnet"]["config"]["trainer"]["max_epochs"] = 2  # as if it had been interrupted
            torch.save(content, folder / name)
        shutil.copytree(here / "cubes", folder / "cubes")
    for path in folder.rglob("*"):  # so that writing shows
        os.utime(path, (1e9, 1e9))
    return folder
