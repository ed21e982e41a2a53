"""What all inputs have beside them: a scan, a checkpoint for its protocol, and cubes."""

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

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
        outcome = run(Input("train", small("train"), work=True), folder, Path(scratch))
        here = Path(scratch) / "here"
        if outcome.status != 0:
            raise RuntimeError(f"the scenery cannot be made: {outcome.err}")
        (checkpoints,) = here.glob("runs/*/*/checkpoints")
        for name in ("best.ckpt", "last.ckpt"):
            shutil.copy(checkpoints / name, folder / name)
        shutil.copytree(here / "cubes", folder / "cubes")
    for path in folder.rglob("*"):  # so that writing shows
        os.utime(path, (1e9, 1e9))
    return folder
