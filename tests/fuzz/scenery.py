"""What all inputs have beside them: a scan, a checkpoint for its protocol, and cubes."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from qtmnet.methods.network.checkpoint import described as kept
from qtmnet.methods.network.estimator import Estimator
from qtmnet.scans.scan import read_scan
from simulators import CubeParameters
from tests.fuzz.inputs import Input, small
from tests.fuzz.processes import run
from tests.qtmnet.conftest import PAIRS, ExampleScan
from tests.qtmnet.networks import described


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
    return _aged(folder)


def make_quickly(folder: Path) -> Path:
    """The same with a network that has learnt nothing, and without cubes."""
    folder.mkdir(parents=True)
    ExampleScan(folder / "scan").write([("m0scan", 0.0), *PAIRS])
    torch.manual_seed(0)
    acquisition = read_scan(folder / "scan" / "sub-01_asl.nii.gz").acquisition
    network = described(acquisition, replace(CubeParameters(), shape=(9, 8, 8)), snr=(2.0, 20.0))
    weights = {f"estimator.{name}": value for name, value in Estimator(network).state_dict().items()}
    content = {"qtmnet": kept(network, {}), "state_dict": weights, "epoch": 0}
    for name in ("best.ckpt", "last.ckpt"):
        torch.save(content, folder / name)
    return _aged(folder)


def _aged(folder: Path) -> Path:
    """A folder all of which was written long ago, so that writing shows."""
    for path in folder.rglob("*"):
        os.utime(path, (1e9, 1e9))
    return folder
